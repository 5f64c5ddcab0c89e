"""Devices that have something in common, and how such a group stands: there, down, or back since a moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from alerts.model import AlertKey, AlertKind
from alerts.rules.hazards_presence import ShedOffline
from ingest.model import DeviceKind, DeviceRef, Name, Shed

SHED = "shed"


@dataclass(frozen=True, slots=True)
class Group:
    """Devices that have something in common: a shed's supply, a gateway, a switch.

    Attributes:
        id: the device word of the group's alarm.
        members: all it explains.
        deciding: those that must all be silent; at least two.
    """

    id: str
    site: str
    shed: str
    what: Literal["shed", "power", "gateway", "switch"]
    name: Name
    members: frozenset[DeviceRef]
    deciding: frozenset[DeviceRef]

    @property
    def key(self) -> AlertKey:
        """The key of its alarm."""
        return AlertKey(AlertKind.SHED_OFFLINE, self.site, self.shed, self.id)


@dataclass(slots=True)
class Standing:
    """A group, and whether it explains silence now. Times are steady.

    Attributes:
        heard: one that was missed in a power cut has spoken.
        since_ms: when it went down.
        heard_ms: when any of those that decide was heard last before that; None where none was in this life.
        returned_ms: when it came back; None while it is gone, and before it ever was.
        settled_ms: until when its devices have time to report.
        cuts: when each charger reported that its power went.
    """

    group: Group
    settings: ShedOffline
    down: bool = False
    power_cut: bool = False
    heard: bool = False
    since_ms: int = 0
    heard_ms: int | None = None
    returned_ms: int | None = None
    settled_ms: int = 0
    cuts: dict[DeviceRef, int] = field(default_factory=dict)

    def go_down(self, now_ms: int, heard_ms: int | None = None) -> None:
        """From now on it explains whoever is silent."""
        self.down, self.since_ms, self.heard_ms, self.returned_ms, self.heard = True, now_ms, heard_ms, None, False

    def come_back(self, now_ms: int) -> None:
        """From now on it explains only those that have not been heard since, until they had time to report."""
        self.down = self.power_cut = False
        self.cuts.clear()
        self.settle(now_ms)

    def settle(self, now_ms: int) -> None:
        """Give its devices the time to report."""
        self.settled_ms = now_ms + int(self.settings.settle_s * 1000)
        if not self.down and self.returned_ms is None:
            self.returned_ms = now_ms

    def explains(self, heard_ms: int | None, now_ms: int) -> bool:
        """Whether it is why somebody is silent who was heard last at `heard_ms`."""
        if self.returned_ms is None:
            return self.down
        heard_since = heard_ms is not None and heard_ms > self.returned_ms
        return not heard_since and (self.down or now_ms < self.settled_ms)


def group_of(shed: Shed) -> Group | None:
    """A shed as the group that it is anyway; None where it has no two devices to decide by."""
    chargers = [device.ref for device in shed.devices if device.kind is DeviceKind.CHARGER]
    cameras = [device.ref for device in shed.devices if device.kind is DeviceKind.CAMERA]
    deciding = frozenset(chargers if len(chargers) > 1 else (*chargers, *cameras) if chargers else ())
    if len(deciding) < 2:
        return None
    members = frozenset(device.ref for device in shed.devices if device.kind is not DeviceKind.EXTINGUISHER)
    return Group(SHED, shed.site, shed.id, "shed", shed.name, members, deciding)
