"""The board of latest values: readings in, the state of every device and port out, from memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from ingest.model import DeviceRef, Reading
from ingest.store.port import LatestValue

Place = tuple[DeviceRef, int | None]
ShedKey = tuple[str, str]
_NOTHING: Mapping[str, LatestValue] = MappingProxyType({})


class LatestBoard:
    """The newest value of every field of every device and port, and who was heard since `since_ms`.

    What was primed from the store counts as heard only where it arrived after `since_ms`: a value of yesterday says
    nothing about whether its device is there today.
    """

    def __init__(self, since_ms: int) -> None:
        self._since_ms = since_ms
        self._values: dict[Place, dict[str, LatestValue]] = {}
        self._said_online: dict[DeviceRef, bool] = {}
        self._updated_ms: dict[ShedKey, int] = {}
        self._version: dict[ShedKey, int] = {}
        self._touched: dict[ShedKey, set[Place]] = {}

    def note(self, readings: Iterable[Reading]) -> None:
        """Take readings in; an older value never replaces a newer one."""
        for reading in readings:
            device = reading.device
            if reading.online is not None:
                self._said_online[device] = reading.online
            elif not reading.late:
                self._said_online[device] = True
            self._hear((device, reading.port), reading.received_ms, bool(reading.values))
            known = self._values.setdefault((device, reading.port), {})
            for field, value in reading.values.items():
                _put(known, field, LatestValue(value, reading.ts_ms, reading.received_ms))

    def prime(self, latest: Mapping[Place, Mapping[str, LatestValue]]) -> None:
        """Take in what the store knows; may be called again at any time."""
        for place, fields in latest.items():
            known = self._values.setdefault(place, {})
            for field, value in fields.items():
                _put(known, field, value)
            newest_ms = max((value.received_ms for value in fields.values()), default=0)
            self._hear(place, newest_ms, bool(fields))
            if newest_ms > self._since_ms:
                self._said_online.setdefault(place[0], True)

    def values(self, device: DeviceRef, port: int | None = None) -> Mapping[str, LatestValue]:
        """Latest values of a device, or of one port of it."""
        return self._values.get((device, port), _NOTHING)

    def online(self, device: DeviceRef) -> bool | None:
        """What the device's own messages say: there, gone by its status, or None where nothing came yet."""
        return self._said_online.get(device)

    def updated_ms(self, shed: ShedKey) -> int | None:
        """When anything of a shed last arrived, or None."""
        return self._updated_ms.get(shed)

    def take_touched(self) -> dict[ShedKey, set[Place]]:
        """Where something arrived since the last call, by shed."""
        touched, self._touched = self._touched, {}
        return touched

    def version(self, shed: ShedKey) -> int:
        """A number that changes whenever a value of a shed may have changed."""
        return self._version.get(shed, 0)

    def _hear(self, place: Place, received_ms: int, with_values: bool) -> None:
        shed = (place[0].site, place[0].shed)
        self._updated_ms[shed] = max(received_ms, self._updated_ms.get(shed, 0))
        self._version[shed] = self._version.get(shed, 0) + 1
        touched = self._touched.setdefault(shed, set())
        if with_values:
            touched.add(place)


def _put(known: dict[str, LatestValue], field: str, value: LatestValue) -> None:
    before = known.get(field)
    if before is None or before.ts_ms <= value.ts_ms:
        known[field] = value
