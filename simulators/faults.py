"""What can go wrong in a scenario, with its ground truth: fault → its effect on a device at a time, and the alarms due.

A fault begins at `at_s` and ends at `until_s` (None: never). `KINDS` says where each kind can stand, which figures it
takes, and which kinds of alert it is right to raise; whatever is not named there is a false alarm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ingest.model import DeviceRef


class Target(StrEnum):
    """What a fault stands at."""

    PORT = "port"
    CHARGER = "charger"
    SENSOR = "sensor"
    CAMERA = "camera"
    BAY = "bay"
    SHED = "shed"


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One kind: where, what it means, the alert kinds it makes true, its figures with their defaults."""

    target: Target
    what: str
    truth: tuple[str, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)


_SMOKE_TRUTH = ("smoke", "flame", "smoke_sensor")
KINDS: dict[str, FaultKind] = {
    "loose_contact": FaultKind(
        Target.PORT,
        "the contact's resistance rises to peak_ohm within ramp_s; what flows heats the socket",
        ("temperature_rise", "over_temperature", "contact_ageing"),
        # Some ten watts in a contact are what makes sockets char: 8 Ω at the 1.3 A of a 300 W charger.
        {"peak_ohm": 8.0, "ramp_s": 240.0},
    ),
    "relay_welded": FaultKind(
        Target.PORT, "the relay stays closed whatever is ordered", ("relay_welded", "cut_failed")
    ),
    "no_taper": FaultKind(Target.PORT, "chargers plugged in meanwhile never leave constant current", ("no_taper",)),
    "over_power": FaultKind(
        Target.PORT,
        "a second load hangs on the port while it charges, and heats the socket",
        ("over_power", "over_current", "over_temperature", "temperature_rise"),
        {"watts": 2200.0},
    ),
    "bad_contact": FaultKind(Target.PORT, "the charger reports the port's fault itself", ("charger_fault",)),
    "charger_silent": FaultKind(Target.CHARGER, "connected, but sends nothing", ("charger_offline", "telemetry_stale")),
    "charger_offline": FaultKind(
        Target.CHARGER, "its connection breaks; the broker sends its will", ("charger_offline", "telemetry_stale")
    ),
    "leakage": FaultKind(Target.CHARGER, "residual current rises by ma", ("leakage",), {"ma": 60.0}),
    "over_voltage": FaultKind(Target.CHARGER, "mains at volts", ("over_voltage",), {"volts": 275.0}),
    "under_voltage": FaultKind(Target.CHARGER, "mains at volts", ("under_voltage",), {"volts": 160.0}),
    "clock_skew": FaultKind(Target.CHARGER, "its clock is wrong by seconds", ("clock_skew",), {"seconds": -28_800.0}),
    "smoke_event": FaultKind(Target.CHARGER, "its own smoke detector pushes an event, once", ("smoke_sensor",)),
    "water_event": FaultKind(Target.CHARGER, "its water detector pushes an event, once", ("water",)),
    "sensor_alarm": FaultKind(Target.SENSOR, "its contact closes", ("smoke_sensor", "heat_sensor", "water")),
    "sensor_silent": FaultKind(Target.SENSOR, "connected, but sends nothing", ("telemetry_stale",)),
    "sensor_offline": FaultKind(Target.SENSOR, "its connection breaks", ("telemetry_stale",)),
    "power_cut": FaultKind(Target.SHED, "all devices of the shed lose power", ("charger_offline", "camera_offline")),
    "camera_offline": FaultKind(Target.CAMERA, "its connection breaks", ("camera_offline",)),
    "camera_silent": FaultKind(Target.CAMERA, "connected, but sends no pictures", ("camera_offline",)),
    "bike_parked": FaultKind(Target.CAMERA, "an e-bike stands in the corridor", ("corridor_blocked",)),
    "bicycle_parked": FaultKind(Target.CAMERA, "a bicycle stands in the corridor", ("corridor_blocked",)),
    "junk": FaultKind(Target.CAMERA, "boxes or furniture stand in the corridor", ("corridor_blocked",)),
    "person_walks": FaultKind(Target.CAMERA, "somebody walks through"),
    "person_pushes": FaultKind(Target.CAMERA, "somebody pushes a bike up the corridor and out again"),
    "person_stands": FaultKind(Target.CAMERA, "somebody stands for a while"),
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
LINK_KINDS = frozenset({"charger_offline", "sensor_offline", "camera_offline", "power_cut"})
SILENT_KINDS = frozenset({"charger_silent", "sensor_silent", "camera_silent"})
EVENT_WORDS = {"smoke_event": "smoke", "water_event": "water"}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a scenario. `device` is empty ("") where it stands at a whole shed."""

    kind: str
    device: DeviceRef
    at_s: float
    until_s: float | None = None
    port: int | None = None
    zone: str | None = None
    strength: float = 1.0
    figures: Mapping[str, float] = field(default_factory=dict)

    def active(self, t_s: float) -> bool:
        """Whether it is on at this time."""
        return self.at_s <= t_s and (self.until_s is None or t_s < self.until_s)

    def figure(self, name: str) -> float:
        """A figure of this fault, or its kind's default."""
        return self.figures.get(name, KINDS[self.kind].figures[name])

    def concerns(self, ref: DeviceRef) -> bool:
        """Whether it stands at this device or at the shed it is in."""
        return self.device == ref or (not self.device.device and self.device[:2] == ref[:2])

    @property
    def truth(self) -> tuple[str, ...]:
        """The kinds of alert that are right while, or after, it is on."""
        return KINDS[self.kind].truth


class FaultsOf:
    """The faults of one device (or one of its ports), asked by time."""

    def __init__(self, faults: Iterable[Fault], ref: DeviceRef, port: int | None = None) -> None:
        self._faults = tuple(it for it in faults if it.concerns(ref) and (port is None or it.port == port))

    def on(self, kind: str, t_s: float) -> Fault | None:
        """The first fault of this kind that is active, if any."""
        return next((fault for fault in self._faults if fault.kind == kind and fault.active(t_s)), None)

    def any_on(self, kinds: frozenset[str], t_s: float) -> bool:
        """Whether a fault of one of these kinds is active."""
        return any(fault.kind in kinds and fault.active(t_s) for fault in self._faults)

    def edges(self, kinds: Iterable[str]) -> list[tuple[float, Fault, bool]]:
        """Beginnings (True) and ends (False) of faults of these kinds, in time."""
        wanted = frozenset(kinds)
        chosen = [fault for fault in self._faults if fault.kind in wanted]
        begins = [(fault.at_s, fault, True) for fault in chosen]
        ends = [(fault.until_s, fault, False) for fault in chosen if fault.until_s is not None]
        return sorted(begins + ends, key=lambda edge: edge[0])

    def added_ohm(self, t_s: float) -> float:
        """What a loose contact adds to the port's resistance now."""
        fault = self.on("loose_contact", t_s)
        if fault is None:
            return 0.0
        return fault.figure("peak_ohm") * min(1.0, (t_s - fault.at_s) / fault.figure("ramp_s"))
