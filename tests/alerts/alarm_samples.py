"""Sheds, readings and conditions that the alarm tests share."""

from __future__ import annotations

from datetime import date
from typing import Any

from alerts.model import AlertKey, AlertKind, Condition, Severity, Text
from alerts.rules.base import Surroundings
from alerts.rules.settings import RuleBook
from ingest.model import Device, DeviceKind, DeviceRef, Name, Reading, Shed, Site, Topology
from vision.model import Observation, ObservationKind

NOW_MS = 1_795_400_000_000
C1 = DeviceRef("cuiping", "shed-1", "c1")
C2 = DeviceRef("cuiping", "shed-1", "c2")
CAM = DeviceRef("cuiping", "shed-1", "cam-1")
SMOKE = DeviceRef("cuiping", "shed-1", "smoke-1")
WATER = DeviceRef("cuiping", "shed-1", "water-1")
EXT = DeviceRef("cuiping", "shed-1", "ext-1")


def _device(ref: DeviceRef, kind: DeviceKind, **more: Any) -> Device:
    return Device(ref, kind, Name(ref.device, ref.device.upper()), **more)


TOPOLOGY = Topology(
    (
        Site(
            "cuiping",
            Name("翠屏北里", "Cuiping Beili"),
            (
                Shed(
                    "cuiping",
                    "shed-1",
                    Name("1号车棚", "Shed 1"),
                    (
                        _device(C1, DeviceKind.CHARGER, ports=4),
                        _device(C2, DeviceKind.CHARGER, ports=2),
                        _device(CAM, DeviceKind.CAMERA),
                        _device(SMOKE, DeviceKind.SENSOR, sensor_kind="smoke"),
                        _device(WATER, DeviceKind.SENSOR, sensor_kind="water"),
                        _device(EXT, DeviceKind.EXTINGUISHER, inspected=date(2026, 10, 1)),
                    ),
                ),
            ),
        ),
    )
)


def around(**rules: dict[str, Any]) -> Surroundings:
    """The shed above with these rule settings."""
    return Surroundings(TOPOLOGY, RuleBook.parse({"rules": rules}))


def reading(ref: DeviceRef = C1, port: int | None = None, at_ms: int = NOW_MS, **more: Any) -> Reading:
    """A reading; keywords that are fields of `Reading` go there, the others are values."""
    own = {name: more.pop(name) for name in ("event", "online", "late", "device_ms", "seq") if name in more}
    device = TOPOLOGY.find(ref)
    return Reading(ref, device.kind if device else DeviceKind.CHARGER, at_ms, at_ms, port=port, values=more, **own)


def observation(kind: ObservationKind, active: bool = True, at_ms: int = NOW_MS, **more: Any) -> Observation:
    """What cam-1 sees."""
    return Observation(CAM, kind, active, more.pop("score", 0.8), at_ms, at_ms, **more)


def condition(
    active: bool = True, severity: Severity = Severity.HIGH, kind: AlertKind = AlertKind.OVER_TEMPERATURE, **more: Any
) -> Condition:
    """What a rule says of port 3 of c1."""
    key = AlertKey(kind, *C1, more.pop("port", 3))
    rule = more.pop("rule", str(kind))
    return Condition(key, active, severity, Text("热", "hot"), details={"rule": rule}, **more)
