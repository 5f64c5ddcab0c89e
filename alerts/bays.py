"""Which port stands in which part of which camera's picture, and so which ports an alarm is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from alerts.model import Alert, AlertKind
from ingest.model import DeviceKind, DeviceRef, Topology
from vision.model import Zone, ZoneKind


class PortRef(NamedTuple):
    """A port of a charger, written `site/shed/charger#3`."""

    charger: DeviceRef
    port: int

    def __str__(self) -> str:
        return f"{self.charger}#{self.port}"

    @classmethod
    def parse(cls, text: str) -> PortRef | None:
        """Read `site/shed/charger#3`; None where it is not that."""
        address, _, port = text.partition("#")
        parts = address.split("/")
        return cls(DeviceRef(*parts), int(port)) if len(parts) == 3 and port.isdigit() else None


@dataclass(frozen=True, slots=True)
class CutTarget:
    """What to cut for an alarm.

    Attributes:
        ports: the ports, most certain first; empty where none is known.
        whole_shed: no port is known and the danger is anywhere in the shed: only its breaker is safe.
        certain: the ports are told by the alarm itself or by a second kind of evidence; else they are all in view.
    """

    ports: tuple[PortRef, ...] = ()
    whole_shed: bool = False
    certain: bool = True


_FIRE = frozenset({AlertKind.SMOKE, AlertKind.FLAME, AlertKind.SMOKE_SENSOR, AlertKind.HEAT_SENSOR})


class BayMap:
    """The bays of all cameras.

    Args:
        zones: the zones of each camera; those of kind `bay` with a port count.
    """

    def __init__(self, topology: Topology, zones: Mapping[DeviceRef, Iterable[Zone]]) -> None:
        self._topology = topology
        self._bays: dict[DeviceRef, dict[str, PortRef]] = {}
        for camera, drawn in zones.items():
            bays = {zone.id: _port_of(camera, zone) for zone in drawn if zone.kind is ZoneKind.BAY and zone.port}
            self._bays[camera] = {zone: port for zone, port in bays.items() if port is not None}

    def ports(self, device: DeviceRef, port: int | None, zone: str | None) -> tuple[PortRef, ...]:
        """The ports that an alarm of this device, port or zone is about.

        Of a camera: that of the zone, or all in view where the zone has none. Of a charger: its port, or none where it is
        about the charger as a whole. Of anything else: none.
        """
        found = self._topology.find(device)
        if found is not None and found.kind is DeviceKind.CHARGER:
            return (PortRef(device, port),) if port is not None else ()
        bays = self._bays.get(device, {})
        if zone is not None and zone in bays:
            return (bays[zone],)
        return tuple(dict.fromkeys(bays.values()))

    def cameras_of(self, charger: DeviceRef, port: int | None) -> tuple[DeviceRef, ...]:
        """The cameras that see the bay of a port, or any bay of a charger; all of its shed where no bay is drawn for it."""
        seen = [
            camera
            for camera, bays in self._bays.items()
            if any(ref.charger == charger and port in (None, ref.port) for ref in bays.values())
        ]
        here = (charger.site, charger.shed)
        return tuple(seen) or tuple(camera for camera in self._bays if (camera.site, camera.shed) == here)

    def to_cut(self, alert: Alert) -> CutTarget:
        """What to cut for this alert, most certain first: its own port, those a second kind of evidence names, those in view.

        A smoke head that nothing else confirms, or a camera without bays, names no port: the whole shed.
        """
        device = DeviceRef(alert.site, alert.shed, alert.device)
        own = self.ports(device, alert.port, alert.zone)
        named = tuple(ref for text in alert.related if (ref := PortRef.parse(text)) is not None)
        if alert.kind not in _FIRE:
            return CutTarget(own)
        if len(own) == 1 or named:
            return CutTarget(tuple(dict.fromkeys((*own, *named) if len(own) == 1 else named)))
        return CutTarget(own, whole_shed=not own, certain=False)


def _port_of(camera: DeviceRef, zone: Zone) -> PortRef | None:
    return PortRef.parse(f"{camera.site}/{camera.shed}/{zone.port}")
