"""The embedded store's raw history as the readings it was made of, in the order in which they arrived."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from ingest.model import DeviceKind, DeviceRef, Reading
from ingest.store.port import StoreError
from ingest.store.rows import COLUMNS, values_of
from ingest.store.schema import connect_reader
from ingest.timekeeping import TimePolicy

SLICE_MS = 900_000
"""So much is held in memory at a time."""
_BACKLOG_MS = 6 * 3_600_000
"""A row may be kept at a time so much before its arrival (a backlog), or a little after (a clock that is ahead)."""
_AHEAD_MS = 600_000

_WITHIN = "ts >= ? AND ts < ? AND received_ms >= ? AND received_ms < ?"
_RAW = f"SELECT ts, received_ms, device_ms, {', '.join(COLUMNS)} FROM raw WHERE series = ? AND {_WITHIN}"  # noqa: S608 - columns of the registry
_EVENTS = f"SELECT series, ts, kind, word, received_ms FROM event WHERE {_WITHIN}"  # noqa: S608 - a literal

_Series = dict[int, tuple[DeviceRef, DeviceKind, int | None]]


class Past:
    """A store's file, opened for reading only, also while the service runs. Close it, or use it as a context.

    Raises:
        StoreError: the file is not there, holds no store, or one of another version.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._connection = connect_reader(path)
        except sqlite3.Error as error:
            raise StoreError(f"{path}: {error}") from error
        rows = self._connection.execute("SELECT id, site, shed, device, kind, port FROM series")
        self._series: _Series = {
            number: (DeviceRef(site, shed, device), DeviceKind(kind), port or None)
            for number, site, shed, device, kind, port in rows
        }

    def __enter__(self) -> Past:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def begins_ms(self) -> int | None:
        """When the oldest raw row was kept; None where there is none."""
        oldest = [self._first(series) for series in self._series]
        return min((ts for ts in oldest if ts is not None), default=None)

    def slices(self, from_ms: int, to_ms: int) -> Iterator[list[Reading]]:
        """What arrived from `from_ms` on and before `to_ms`, a quarter of an hour at a time, each in order of arrival."""
        for begin_ms in range(from_ms, to_ms, SLICE_MS):
            yield self._slice(begin_ms, min(begin_ms + SLICE_MS, to_ms))

    def _slice(self, begin_ms: int, end_ms: int) -> list[Reading]:
        found: list[Reading] = []
        late_ms = TimePolicy().late_s * 1000
        window = (begin_ms - _BACKLOG_MS, end_ms + _AHEAD_MS, begin_ms, end_ms)
        for number, (ref, kind, port) in self._series.items():
            for ts_ms, received_ms, device_ms, *columns in self._connection.execute(_RAW, (number, *window)):
                late = device_ms == ts_ms and received_ms - ts_ms > late_ms
                found.append(
                    Reading(ref, kind, received_ms, ts_ms, port, device_ms, values_of(columns), None, None, late)
                )
        found += self._events(window)
        found.sort(key=lambda reading: reading.received_ms)
        return found

    def _events(self, window: tuple[int, int, int, int]) -> Iterator[Reading]:
        for number, ts_ms, what, word, received_ms in self._connection.execute(_EVENTS, window):
            ref, kind, port = self._series[number]
            event, online = (word, None) if what == "event" else (None, word == "online")
            yield Reading(ref, kind, received_ms, ts_ms, port, event=event, online=online)

    def _first(self, series: int) -> int | None:
        row = self._connection.execute("SELECT min(ts) FROM raw WHERE series = ?", (series,)).fetchone()
        return int(row[0]) if row[0] is not None else None
