"""What a scenario expects of the service: the `expect` list of its file → values the judge works with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ingest.model import ID_PATTERN, Device, DeviceRef
from simulators.cuts import CutExpectation, read_cut
from simulators.yaml_reader import Part

DELIVERED_WITHIN_S = 10.0
"""The first call is due ten seconds after an alarm (DOMAIN: the window from the first wisp is about three minutes)."""

SEVERITIES = ("critical", "high", "medium", "low")
ALERT_KINDS = frozenset(
    [
        "smoke",
        "flame",
        "smoke_sensor",
        "heat_sensor",
        "water",
        "corridor_blocked",
        "over_temperature",
        "temperature_rise",
        "over_current",
        "over_power",
        "over_voltage",
        "under_voltage",
        "leakage",
        "contact_ageing",
        "no_taper",
        "session_overlong",
        "relay_welded",
        "cut_failed",
        "charger_fault",
        "charger_offline",
        "shed_offline",
        "telemetry_stale",
        "clock_skew",
        "camera_offline",
        "camera_frozen",
        "camera_covered",
        "camera_blurred",
        "camera_moved",
        "camera_dark",
        "extinguisher_missing",
        "extinguisher_due",
        "service_degraded",
    ]
)


@dataclass(frozen=True, slots=True)
class Place:
    """What an alert is about. `port` and `zone` None: any."""

    kind: str
    device: DeviceRef
    port: int | None = None
    zone: str | None = None

    def __str__(self) -> str:
        port = f"#{self.port}" if self.port else ""
        zone = f" {self.zone}" if self.zone else ""
        return f"{self.kind} {self.device}{port}{zone}"


@dataclass(frozen=True, slots=True)
class Expectation:
    """One alarm that is due.

    Attributes:
        after_s: when the hazard begins; an alarm before it is a false one.
        within_s: the alarm is due that long after `after_s`.
        severity: None: any.
        evidence: True: a picture must be there and readable; False: none; None: either.
        ends_s: when the hazard ends (default `after_s`); `cleared_within_s` counts from it.
        cleared_within_s: the alarm must have cleared by then; None: not asked.
        delivered_to: webhook channels by which people must have been told within `delivered_within_s` of the alarm.
        also_allowed: related alarms that may, but need not, come from `after_s` on.
    """

    place: Place
    after_s: float
    within_s: float
    severity: str | None = None
    evidence: bool | None = None
    ends_s: float | None = None
    cleared_within_s: float | None = None
    delivered_to: tuple[str, ...] = ()
    delivered_within_s: float = DELIVERED_WITHIN_S
    also_allowed: tuple[Place, ...] = field(default=())


def read_expectations(
    root: Part, devices: Mapping[DeviceRef, Device], zones: Mapping[DeviceRef, tuple[str, ...]], duration_s: float
) -> tuple[Expectation, ...]:
    """The alarms of the scenario's `expect` list. Raises ScenarioError, also for what is due only after the scenario's end."""
    alarms = (part for part in root.parts("expect") if not part.has("cut"))
    return tuple(_expectation(part, devices, zones, duration_s) for part in alarms)


def read_cuts(root: Part, devices: Mapping[DeviceRef, Device], duration_s: float) -> tuple[CutExpectation, ...]:
    """The cuts of the scenario's `expect` list. Raises ScenarioError."""
    return tuple(read_cut(part, devices, duration_s) for part in root.parts("expect") if part.has("cut"))


def _expectation(
    part: Part, devices: Mapping[DeviceRef, Device], zones: Mapping[DeviceRef, tuple[str, ...]], duration_s: float
) -> Expectation:
    part.only(
        ("kind", "device", "shed", "service", "port", "zone", "severity", "after_s", "within_s", "evidence", "ends_s", "cleared_within_s",
         "also_allowed", "delivered_to", "delivered_within_s")
    )  # fmt: skip
    place = _place(part, devices, zones)
    after_s = part.number("after_s", low=0.0)
    within_s = part.number("within_s", low=0.0)
    if after_s + within_s > duration_s:
        raise part.fail("within_s", f"is due at {after_s + within_s:g} s, after the scenario's end at {duration_s:g} s")
    ends_s = part.optional_number("ends_s", low=after_s)
    cleared_within_s = part.optional_number("cleared_within_s", low=0.0)
    if cleared_within_s is not None and (ends_s or after_s) + cleared_within_s > duration_s:
        raise part.fail("cleared_within_s", f"is due after the scenario's end at {duration_s:g} s")
    return Expectation(
        place=place,
        after_s=after_s,
        within_s=within_s,
        severity=part.text("severity", of=SEVERITIES) if part.has("severity") else None,
        evidence=part.optional_bool("evidence"),
        ends_s=ends_s,
        cleared_within_s=cleared_within_s,
        delivered_to=tuple(_channels(part)),
        delivered_within_s=part.number("delivered_within_s", DELIVERED_WITHIN_S, low=0.0),
        also_allowed=tuple(_allowed(part, place, devices, zones)),
    )


def _channels(part: Part) -> Iterator[str]:
    for name in part.items("delivered_to"):
        if not isinstance(name, str) or not ID_PATTERN.fullmatch(name):
            raise part.fail("delivered_to", _no_channel(name))
        yield name


def channel_of(part: Part, key: str) -> str:
    """The name of a webhook channel. Raises ScenarioError."""
    name = part.text(key)
    if not ID_PATTERN.fullmatch(name):
        raise part.fail(key, _no_channel(name))
    return name


def _no_channel(name: object) -> str:
    return f"{name!r} is no channel's name of a-z, 0-9 and '-'"


def _place(
    part: Part,
    devices: Mapping[DeviceRef, Device],
    zones: Mapping[DeviceRef, tuple[str, ...]],
    default: Place | None = None,
) -> Place:
    kind = part.text("kind", of=ALERT_KINDS)
    if part.has("shed"):
        return Place(kind, _shed(part, devices))
    if part.has("service"):
        return Place(kind, DeviceRef("service", "service", _part_of_service(part)))
    device = _device(part, devices, default)
    ports, zone_ids = device.ports, zones.get(device.ref, ())
    same = default is not None and default.device == device.ref
    port, zone = (default.port, default.zone) if default is not None and same else (None, None)
    if part.has("port"):
        # A camera's alarm about a bay carries the number of the bay's port on a charger of the shed.
        port = part.whole("port", low=1, high=ports or 64)
    if part.has("zone"):
        zone = part.text("zone", of=zone_ids)
    return Place(kind, device.ref, port, zone)


def _part_of_service(part: Part) -> str:
    name = part.text("service")
    if not ID_PATTERN.fullmatch(name):
        raise part.fail(
            "service", f"{name!r} is no name of a part of a service, as in mqtt-main, ledger, notify-duty-room"
        )
    return name


def _shed(part: Part, devices: Mapping[DeviceRef, Device]) -> DeviceRef:
    """The address of what an alarm says of a whole shed."""
    site, _, shed = part.text("shed").partition("/")
    if not any((ref.site, ref.shed) == (site, shed) for ref in devices):
        raise part.fail("shed", f"there is no shed {site}/{shed} under sites; write site/shed")
    return DeviceRef(site, shed, "shed")


def _device(part: Part, devices: Mapping[DeviceRef, Device], default: Place | None) -> Device:
    text = part.text("device", str(default.device) if default else None)
    try:
        found = devices.get(DeviceRef.parse(text))
    except ValueError as error:
        raise part.fail("device", str(error)) from None
    if found is None:
        raise part.fail("device", f"there is no device {text} under sites")
    return found


def _allowed(
    part: Part, place: Place, devices: Mapping[DeviceRef, Device], zones: Mapping[DeviceRef, tuple[str, ...]]
) -> Iterator[Place]:
    for inner in part.parts("also_allowed"):
        inner.only(("kind", "device", "shed", "service", "port", "zone"))
        yield _place(inner, devices, zones, default=place)
