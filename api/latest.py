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
        self._touched: dict[ShedKey, set[Place]] = {}

    def note(self, readings: Iterable[Reading]) -> None:
        """Take readings in; an older value never replaces a newer one."""
        for reading in readings:
            if reading.online is not None:
                self._said_online[reading.device] = reading.online
            elif not reading.late:
                self._said_online[reading.device] = True
            self._hear(reading.device, reading.received_ms)
            place = (reading.device, reading.port)
            for field, value in reading.values.items():
                self._put(place, field, LatestValue(value, reading.ts_ms, reading.received_ms))

    def prime(self, latest: Mapping[Place, Mapping[str, LatestValue]]) -> None:
        """Take in what the store knows; may be called again at any time."""
        for place, fields in latest.items():
            for field, value in fields.items():
                self._put(place, field, value)
            newest_ms = max((value.received_ms for value in fields.values()), default=0)
            if newest_ms > self._since_ms:
                self._hear(place[0], newest_ms)
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

    def _put(self, place: Place, field: str, value: LatestValue) -> None:
        fields = self._values.setdefault(place, {})
        known = fields.get(field)
        if known is not None and known.ts_ms > value.ts_ms:
            return
        fields[field] = value
        shed = (place[0].site, place[0].shed)
        self._updated_ms[shed] = max(value.received_ms, self._updated_ms.get(shed, 0))
        self._touched.setdefault(shed, set()).add(place)

    def _hear(self, device: DeviceRef, received_ms: int) -> None:
        shed = (device.site, device.shed)
        self._updated_ms[shed] = max(received_ms, self._updated_ms.get(shed, 0))
        self._touched.setdefault(shed, set())
