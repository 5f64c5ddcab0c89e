"""What can go wrong in a scenario, with its ground truth: fault → its effect on a device at a time, and the alarms due.

A fault begins at `at_s` and ends at `until_s` (None: never). `KINDS` says where each kind can stand, which figures it
takes, and which kinds of alert it is right to raise; whatever is not named there is a false alarm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ingest.model import PORT_FAULTS, DeviceRef


class Target(StrEnum):
    """What a fault stands at."""

    PORT = "port"
    CHARGER = "charger"
    SENSOR = "sensor"
    CAMERA = "camera"
    BAY = "bay"
    SHED = "shed"
    BROKER = "broker"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One kind: where, what it means, the alert kinds it makes true, its figures with their defaults.

    `words` are choices, the default first. A kind with `group` may name `devices` of its shed; without, it is all of them.
    """

    target: Target
    what: str
    truth: tuple[str, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    group: bool = False


_SMOKE_TRUTH = ("smoke", "flame", "smoke_sensor")
KINDS: dict[str, FaultKind] = {
    "loose_contact": FaultKind(
        Target.PORT,
        "the contact's resistance rises to peak_ohm within ramp_s; what flows heats the socket",
        ("temperature_rise", "over_temperature", "contact_ageing"),
        # Some ten watts in a contact are what makes sockets char: 8 Ω at the 1.3 A of a 300 W charger.
        {"peak_ohm": 8.0, "ramp_s": 240.0},
    ),
    "ageing_wire": FaultKind(
        Target.PORT,
        "the wire and terminals behind the socket oxidise: their resistance rises to peak_ohm over days, wandering",
        ("contact_ageing", "temperature_rise", "over_temperature"),
        {"peak_ohm": 1.5, "days": 14.0},
    ),
    "relay_welded": FaultKind(
        Target.PORT,
        "the relay stays closed whatever is ordered, and whatever is plugged in gets power",
        ("relay_welded", "cut_failed"),
    ),
    "no_taper": FaultKind(
        Target.PORT,
        "the bike's charger stays in constant current, or goes back to it, until the bike leaves",
        ("no_taper", "session_overlong"),
    ),
    "session_overlong": FaultKind(
        Target.PORT, "the charger ends no session by its own rules", ("session_overlong", "no_taper")
    ),
    "over_power": FaultKind(
        Target.PORT,
        "a second load hangs on the port while it charges, and heats the socket",
        ("over_power", "over_current", "over_temperature", "temperature_rise"),
        {"watts": 2200.0},
    ),
    "bad_contact": FaultKind(
        Target.PORT, "nothing flows, and the charger reports the port's fault itself", ("charger_fault",)
    ),
    "relay_open": FaultKind(Target.PORT, "the relay no longer closes, and the charger reports it", ("charger_fault",)),
    "load_short": FaultKind(
        Target.PORT, "what is plugged in is shorted: the charger gives no power, and reports it", ("charger_fault",)
    ),
    "port_fault": FaultKind(
        Target.PORT,
        "the charger reports code; nothing flows, except with a welded relay",
        ("charger_fault", "relay_welded"),
        words={"code": ("other", *(word for word in PORT_FAULTS if word != "other"))},
    ),
    "probe_stuck": FaultKind(Target.PORT, "the port's temperature is that of the fault's beginning, for ever"),
    "probe_noisy": FaultKind(Target.PORT, "the port's temperature scatters by sigma_k", figures={"sigma_k": 6.0}),
    "probe_missing": FaultKind(Target.PORT, "the port has no temperature"),
    "charger_silent": FaultKind(Target.CHARGER, "connected, but sends nothing", ("charger_offline", "telemetry_stale")),
    "charger_offline": FaultKind(
        Target.CHARGER, "its connection breaks; the broker sends its will", ("charger_offline", "telemetry_stale")
    ),
    "charger_missing": FaultKind(
        Target.CHARGER, "configured, but never connects at all", ("charger_offline", "telemetry_stale")
    ),
    "dead_zone": FaultKind(
        Target.CHARGER,
        "no radio: telemetry is kept, up to keeps messages, and comes in one burst afterwards; pushed events are lost",
        ("charger_offline", "telemetry_stale"),
        {"keeps": 500.0},
    ),
    "duplicates": FaultKind(
        Target.CHARGER, "each message comes again within seconds, with this share", figures={"share": 1.0}
    ),
    "out_of_order": FaultKind(
        Target.CHARGER,
        "each message is under way for up to spread_s, so that they overtake",
        figures={"spread_s": 25.0},
    ),
    "leakage": FaultKind(Target.CHARGER, "residual current rises by ma", ("leakage",), {"ma": 60.0}),
    "rain_leakage": FaultKind(
        Target.CHARGER,
        "rain gets in: residual current rises by ma with wet_s, wavering, and dries with dry_s after the rain",
        ("leakage",),
        {"ma": 60.0, "wet_s": 900.0, "dry_s": 3600.0},
    ),
    "ageing_feeder": FaultKind(
        Target.CHARGER,
        "the terminal of the incoming cable ages to peak_ohm over days: it heats the cable, and the voltage sags",
        ("under_voltage",),
        {"peak_ohm": 0.5, "days": 14.0},
    ),
    "breaker_stuck": FaultKind(
        Target.CHARGER, "the breaker stays closed: it accepts the order, and goes on reporting closed", ("cut_failed",)
    ),
    "over_voltage": FaultKind(Target.CHARGER, "mains at volts", ("over_voltage",), {"volts": 275.0}),
    "under_voltage": FaultKind(Target.CHARGER, "mains at volts", ("under_voltage",), {"volts": 160.0}),
    "clock_skew": FaultKind(Target.CHARGER, "its clock is wrong by seconds", ("clock_skew",), {"seconds": -28_800.0}),
    "clock_1970": FaultKind(
        Target.CHARGER, "its clock began at 1970-01-01 00:00 UTC with the fault, and nobody sets it", ("clock_skew",)
    ),
    "clock_drift": FaultKind(Target.CHARGER, "its clock runs away by ppm", ("clock_skew",), {"ppm": 5000.0}),
    "smoke_event": FaultKind(
        Target.CHARGER, "its own smoke detector: an event, pushed once, and `smoke` in telemetry", ("smoke_sensor",)
    ),
    "water_event": FaultKind(Target.CHARGER, "its water detector pushes an event, once", ("water",)),
    "heat_event": FaultKind(Target.CHARGER, "its heat detector pushes an event, once", ("heat_sensor",)),
    "fuse_event": FaultKind(Target.CHARGER, "its hot-melt fuse has melted: an event, once", ("heat_sensor",)),
    "door_event": FaultKind(Target.CHARGER, "its door is opened: an event, once"),
    "sensor_alarm": FaultKind(Target.SENSOR, "its contact closes", ("smoke_sensor", "heat_sensor", "water")),
    "sensor_silent": FaultKind(Target.SENSOR, "connected, but sends nothing", ("telemetry_stale",)),
    "sensor_offline": FaultKind(Target.SENSOR, "its connection breaks", ("telemetry_stale",)),
    "sensor_missing": FaultKind(Target.SENSOR, "configured, but never connects at all", ("telemetry_stale",)),
    "sensor_stuck": FaultKind(Target.SENSOR, "says what it said at the fault's beginning, for ever"),
    "sensor_noisy": FaultKind(
        Target.SENSOR,
        "a value scatters by sigma; a contact chatters, closed in this share of its reports",
        ("smoke_sensor", "heat_sensor", "water"),
        {"sigma": 5.0, "share": 0.1},
    ),
    "power_cut": FaultKind(
        Target.SHED,
        "all devices of the shed lose power; a share of the chargers still says so with their last gasp",
        ("shed_offline", "charger_offline", "camera_offline", "telemetry_stale"),
        {"last_gasp": 0.5},
    ),
    "gateway_down": FaultKind(
        Target.SHED,
        "the gateway of the shed's chargers and sensors, or of these devices, loses its connection",
        ("shed_offline", "charger_offline", "telemetry_stale"),
        group=True,
    ),
    "broker_restart": FaultKind(
        Target.BROKER,
        "the broker is stopped, until it is started again (a second later): every connection breaks at once",
        ("service_degraded",),
    ),
    "channel_down": FaultKind(
        Target.CHANNEL, "a webhook channel of the rehearsal answers every notice with an error", ("service_degraded",)
    ),
    "camera_offline": FaultKind(Target.CAMERA, "its connection breaks", ("camera_offline",)),
    "camera_silent": FaultKind(Target.CAMERA, "connected, but sends no pictures", ("camera_offline",)),
    "bike_parked": FaultKind(Target.CAMERA, "an e-bike stands in the corridor", ("corridor_blocked",)),
    "bicycle_parked": FaultKind(Target.CAMERA, "a bicycle stands in the corridor", ("corridor_blocked",)),
    "junk": FaultKind(Target.CAMERA, "boxes or furniture stand in the corridor", ("corridor_blocked",)),
    "person_walks": FaultKind(Target.CAMERA, "somebody walks through"),
    "person_pushes": FaultKind(Target.CAMERA, "somebody pushes a bike up the corridor and out again"),
    "person_stands": FaultKind(Target.CAMERA, "somebody stands for a while"),
    "thermal_runaway": FaultKind(
        Target.BAY,
        "a pack fails: smoke, flames, and the shed's smoke and heat heads, along the timeline of its variant",
        (*_SMOKE_TRUTH, "heat_sensor"),
        words={"variant": ("slow", "fast")},
    ),
    "smoke": FaultKind(
        Target.BAY, "smoke from a bay, white (darkness 0) to black (1)", _SMOKE_TRUTH, {"darkness": 0.4}
    ),
    "smoke_drift": FaultKind(Target.CAMERA, "smoke of a fire out of sight drifts in", _SMOKE_TRUTH, {"darkness": 0.4}),
    "flame": FaultKind(Target.BAY, "flames in a bay", _SMOKE_TRUTH),
    "covered": FaultKind(Target.CAMERA, "something hangs over the lens", ("camera_covered",)),
    "frozen": FaultKind(Target.CAMERA, "the same picture again and again", ("camera_frozen",)),
    "moved": FaultKind(Target.CAMERA, "turned away", ("camera_moved",)),
    "dark": FaultKind(Target.CAMERA, "neither lamps nor infrared light", ("camera_dark",)),
    "blurred": FaultKind(Target.CAMERA, "out of focus", ("camera_blurred",)),
    "dropped": FaultKind(Target.CAMERA, "pictures are lost on the way, at random"),
    "artefacts": FaultKind(Target.CAMERA, "pictures crushed by compression"),
    "shake": FaultKind(Target.CAMERA, "shakes a little in gusts"),
    "infrared": FaultKind(Target.CAMERA, "switches to night mode although there is light"),
    "lamp_off": FaultKind(Target.CAMERA, "the lamps go off"),
    "lamp_on": FaultKind(Target.CAMERA, "the lamps go on"),
    "headlight": FaultKind(Target.CAMERA, "headlights sweep through"),
    "rain": FaultKind(Target.CAMERA, "rain"),
    "insects": FaultKind(Target.CAMERA, "insects before the lens"),
    "web": FaultKind(Target.CAMERA, "a spider's web before the lens"),
    "cigarette": FaultKind(Target.CAMERA, "somebody smokes"),
    "steam": FaultKind(Target.CAMERA, "white steam that dissolves within seconds"),
    "dust": FaultKind(Target.CAMERA, "somebody sweeps: dust low over the floor and before the lens"),
    "welding": FaultKind(Target.CAMERA, "somebody welds at the far end"),
    "sun_patch": FaultKind(Target.CAMERA, "a moving patch of sun"),
    "fog": FaultKind(Target.CAMERA, "a thin even haze"),
}
LINK_KINDS = frozenset(
    {"charger_offline", "sensor_offline", "camera_offline", "power_cut", "gateway_down", "dead_zone"}
)
SILENT_KINDS = frozenset({"charger_silent", "sensor_silent", "camera_silent"})
MISSING_KINDS = frozenset({"charger_missing", "sensor_missing"})
# Without power nothing is measured; without a link it is measured and lost.
MUTE_KINDS = SILENT_KINDS | MISSING_KINDS | {"power_cut"}
EVENT_WORDS = {
    "smoke_event": "smoke",
    "water_event": "water",
    "heat_event": "heat",
    "fuse_event": "fuse",
    "door_event": "door",
}
REPORTED_KINDS = ("bad_contact", "relay_open", "load_short", "port_fault")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a scenario.

    `device` is empty ("") where it stands at a whole shed, all of it at the broker, all but the channel's name at a channel.
    `group` names the devices of the shed that it is about (empty: all); `cause` the fault that brought it about.
    """

    kind: str
    device: DeviceRef
    at_s: float
    until_s: float | None = None
    port: int | None = None
    zone: str | None = None
    strength: float = 1.0
    figures: Mapping[str, float] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    group: tuple[str, ...] = ()
    cause: str = ""

    def active(self, t_s: float) -> bool:
        """Whether it is on at this time."""
        return self.at_s <= t_s and (self.until_s is None or t_s < self.until_s)

    def figure(self, name: str) -> float:
        """A figure of this fault, or its kind's default."""
        return self.figures.get(name, KINDS[self.kind].figures[name])

    def word(self, name: str) -> str:
        """A choice of this fault, or its kind's default."""
        return self.words.get(name, KINDS[self.kind].words[name][0])

    def concerns(self, ref: DeviceRef) -> bool:
        """Whether it stands at this device or at the shed it is in."""
        if self.device == ref:
            return True
        return self.device == (ref.site, ref.shed, "") and (not self.group or ref.device in self.group)

    @property
    def truth(self) -> tuple[str, ...]:
        """The kinds of alert that are right while, or after, it is on."""
        return KINDS[self.kind].truth


class FaultsOf:
    """The faults of one device (or one of its ports), asked by time."""

    def __init__(self, faults: Iterable[Fault], ref: DeviceRef, port: int | None = None) -> None:
        self._by_kind: dict[str, list[Fault]] = {}
        for fault in faults:
            if fault.concerns(ref) and (port is None or fault.port == port):
                self._by_kind.setdefault(fault.kind, []).append(fault)

    def of(self, kind: str) -> list[Fault]:
        """All faults of this kind."""
        return self._by_kind.get(kind, [])

    def on(self, kind: str, t_s: float) -> Fault | None:
        """The first fault of this kind that is active, if any."""
        for fault in self._by_kind.get(kind, ()):
            if fault.active(t_s):
                return fault
        return None

    def any_on(self, kinds: Iterable[str], t_s: float) -> bool:
        """Whether a fault of one of these kinds is active."""
        return bool(self._by_kind) and any(self.on(kind, t_s) is not None for kind in kinds)

    def edges(self, kinds: Iterable[str]) -> list[tuple[float, Fault, bool]]:
        """Beginnings (True) and ends (False) of faults of these kinds, in time."""
        chosen = [fault for kind in dict.fromkeys(kinds) for fault in self.of(kind)]
        begins = [(fault.at_s, fault, True) for fault in chosen]
        ends = [(fault.until_s, fault, False) for fault in chosen if fault.until_s is not None]
        return sorted(begins + ends, key=lambda edge: edge[0])
