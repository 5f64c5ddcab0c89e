"""Which number a device, or a port of it, has in the embedded store, and the newest values of each."""

from __future__ import annotations

import sqlite3

import msgspec

from ingest.model import DeviceKind, DeviceRef, Value
from ingest.store.port import LatestValue

SeriesKey = tuple[DeviceRef, int]
"""Device and port number; 0 stands for the device itself."""

_decode = msgspec.json.Decoder(dict[str, tuple[Value, int, int]]).decode


class SeriesBook:
    """The series as the writer knows them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        rows = connection.execute("SELECT id, site, shed, device, port FROM series")
        self._ids: dict[SeriesKey, int] = {
            (DeviceRef(site, shed, device), port): number for number, site, shed, device, port in rows
        }

    def number(self, device: DeviceRef, kind: DeviceKind, port: int | None) -> int:
        """The series' number; a new one is entered in the running transaction."""
        known = self._ids.get((device, port or 0))
        if known is not None:
            return known
        cursor = self._connection.execute(
            "INSERT INTO series (site, shed, device, kind, port) VALUES (?, ?, ?, ?, ?)",
            (*device, str(kind), port or 0),
        )
        number = cursor.lastrowid
        assert number is not None
        self._ids[device, port or 0] = number
        return number


def find_series(connection: sqlite3.Connection, device: DeviceRef, port: int | None) -> int | None:
    """The series' number, or None where nothing was ever stored of it."""
    row = connection.execute(
        "SELECT id FROM series WHERE site = ? AND shed = ? AND device = ? AND port = ?", (*device, port or 0)
    ).fetchone()
    return None if row is None else int(row[0])


class LatestBook:
    """The newest value of each field of each series: in memory for the writer, in the file for everybody else."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._now = {series: _decode(body) for series, body in connection.execute("SELECT series, body FROM latest")}
        self._changed: dict[int, dict[str, tuple[Value, int, int]]] = {}

    def note(self, series: int, values: dict[str, Value], ts_ms: int, received_ms: int) -> None:
        """Take values that were stored; an older one never replaces a newer one."""
        newest = self._changed.get(series)
        if newest is None:
            newest = self._changed[series] = dict(self._now.get(series, {}))
        for name, value in values.items():
            known = newest.get(name)
            if known is None or ts_ms >= known[1]:
                newest[name] = (value, ts_ms, received_ms)

    def write(self) -> None:
        """Enter the changes in the running transaction."""
        self._connection.executemany(
            "INSERT INTO latest VALUES (?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
            [(series, msgspec.json.encode(newest)) for series, newest in self._changed.items()],
        )

    def committed(self) -> None:
        """The changes are in the file."""
        self._now.update(self._changed)
        self._changed = {}


def read_latest(connection: sqlite3.Connection) -> dict[tuple[DeviceRef, int | None], dict[str, LatestValue]]:
    """All newest values, as last committed by whichever process."""
    rows = connection.execute(
        "SELECT site, shed, device, port, body FROM latest JOIN series ON series.id = latest.series"
    )
    return {
        (DeviceRef(site, shed, device), port or None): {
            name: LatestValue(*newest) for name, newest in _decode(body).items()
        }
        for site, shed, device, port, body in rows
    }
