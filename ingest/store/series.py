"""Which number a device, or a port of it, has in the embedded store, and the newest values of each."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TypeVar

import msgspec

from ingest.model import DeviceKind, DeviceRef, Reading, Value
from ingest.store.port import LatestValue
from ingest.store.rows import ALL_COLUMNS, COLUMNS, MAX_SHAPES, Row, Shape, values_of
from ingest.store.schema import transaction

T = TypeVar("T")

SeriesKey = tuple[DeviceRef, int]
"""Device and port number; 0 stands for the device itself."""
Newest = dict[str, tuple[Value, int, int]]
"""Field to value, time it is kept at, time it was received."""
Heard = dict[object, tuple[int, int, int, dict[str, Value]]]
"""The newest reading of each series and combination of fields: its series, its time, when it was received, its values."""

# How far the file may lag behind what was committed; other processes read it.
WRITE_EVERY_S = 1.0
# Rows so much older than the newest that the file knows of a series are still looked at after a crash.
_LOOK_BACK_MS = 120_000
_SINCE = f"SELECT ts, received_ms, {', '.join(COLUMNS)} FROM raw WHERE series = ? AND ts > ? ORDER BY ts"  # noqa: S608 - columns of the registry

# Series a statement, because every statement and every row read hands the interpreter's lock to others.
_TOGETHER = 100

_decode = msgspec.json.Decoder(Newest).decode
_decode_many = msgspec.json.Decoder(list[tuple[int, Newest]]).decode


class Series:
    """A series as the writer knows it.

    Attributes:
        marked: the minute of it that was last noted to be summarised.
        prefix: how its lines for a remote store begin, once one was made.
    """

    __slots__ = ("marked", "number", "prefix")

    def __init__(self, number: int) -> None:
        self.number = number
        self.marked = -1
        self.prefix: str | None = None


class SeriesBook:
    """The series as the writer knows them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        rows = connection.execute("SELECT id, site, shed, device, port FROM series")
        self._known: dict[SeriesKey, Series] = {
            (DeviceRef(site, shed, device), port): Series(number) for number, site, shed, device, port in rows
        }

    def find(self, device: DeviceRef, port: int | None) -> Series | None:
        """The series of a device or port, or None where it was never entered."""
        return self._known.get((device, port or 0))

    def enter(self, readings: Iterable[Reading]) -> None:
        """Give the series of readings that have none yet a number, in a transaction of their own."""
        with transaction(self._connection):
            for reading in readings:
                key = (reading.device, reading.port or 0)
                if key not in self._known:
                    self._known[key] = Series(self._insert(reading.device, reading.kind, key[1]))

    def _insert(self, device: DeviceRef, kind: DeviceKind, port: int) -> int:
        cursor = self._connection.execute(
            "INSERT INTO series (site, shed, device, kind, port) VALUES (?, ?, ?, ?, ?)", (*device, str(kind), port)
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid


def find_series(connection: sqlite3.Connection, device: DeviceRef, port: int | None) -> int | None:
    """The series' number, or None where nothing was ever stored of it."""
    row = connection.execute(
        "SELECT id FROM series WHERE site = ? AND shed = ? AND device = ? AND port = ?", (*device, port or 0)
    ).fetchone()
    return None if row is None else int(row[0])


class LatestBook:
    """The newest value of each field of each series: entered in the file about once a second, in memory until then.

    What a crash left unwritten is found again among the raw rows.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._committed: Heard = {}
        self._recover()

    def note(self, rows: Iterable[tuple[Shape, Row, dict[str, Value]]]) -> None:
        """Take what is durable: of each row its shape, itself, and its values."""
        committed = self._committed
        for shape, row, values in rows:
            series, ts_ms, received_ms = row[0], row[1], row[2]
            # Numbers are found sooner than words.
            key: object = series * MAX_SHAPES + shape.number if shape.number < MAX_SHAPES else (series, *values)
            known = committed.get(key)
            if known is None or ts_ms >= known[1]:
                committed[key] = (series, ts_ms, received_ms, values)

    def unwritten(self) -> Heard:
        """What is durable and not in the file's table of newest values yet; to be called from any thread."""
        return self._committed.copy()

    def write(self) -> None:
        """Enter in the running transaction what was committed."""
        bodies = self._read({heard[0] for heard in self._committed.values()})
        for heard in self._committed.values():
            _update(bodies[heard[0]], heard)
        rows = [(series, msgspec.json.encode(newest)) for series, newest in bodies.items()]
        for some in _batches(rows):
            self._connection.execute(
                f"INSERT INTO latest VALUES {', '.join(['(?, ?)'] * len(some))}"  # noqa: S608 - placeholders
                " ON CONFLICT DO UPDATE SET body = excluded.body",
                tuple(chain.from_iterable(some)),
            )

    def written(self) -> None:
        """What `write` entered is durable."""
        self._committed = {}

    def _read(self, wanted: Collection[int]) -> dict[int, Newest]:
        """What the file has of these series; another process may have written it."""
        bodies: dict[int, Newest] = {series: {} for series in wanted}
        for some in _batches(list(wanted)):
            found = self._connection.execute(
                "SELECT '[' || group_concat('[' || series || ',' || body || ']') || ']' FROM latest"  # noqa: S608 - placeholders
                f" WHERE series IN ({', '.join('?' * len(some))})",
                some,
            ).fetchone()[0]
            bodies.update(_decode_many(found or b"[]"))
        return bodies

    def _recover(self) -> None:
        known = {
            series: max(ts_ms for _, ts_ms, _ in newest.values())
            for series, body in self._connection.execute("SELECT series, body FROM latest")
            if (newest := _decode(body))
        }
        for (series,) in self._connection.execute("SELECT id FROM series").fetchall():
            since_ms = known[series] - _LOOK_BACK_MS if series in known else -1
            found = self._connection.execute(_SINCE, (series, since_ms))
            self.note(
                (ALL_COLUMNS, (series, ts_ms, received_ms, 0, None), values_of(columns))
                for ts_ms, received_ms, *columns in found
            )


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[place : place + _TOGETHER] for place in range(0, len(items), _TOGETHER))


def _update(newest: Newest, heard: tuple[int, int, int, Mapping[str, Value]]) -> None:
    """Take values; an older one never replaces a newer one."""
    _, ts_ms, received_ms, values = heard
    for name, value in values.items():
        known = newest.get(name)
        if known is None or ts_ms >= known[1]:
            newest[name] = (value, ts_ms, received_ms)


def read_latest(
    connection: sqlite3.Connection, unwritten: Heard
) -> dict[tuple[DeviceRef, int | None], dict[str, LatestValue]]:
    """All newest values, as last committed by whichever process; `unwritten` of this one, taken before."""
    bodies: dict[int, Newest] = {
        series: _decode(body) for series, body in connection.execute("SELECT series, body FROM latest")
    }
    for heard in unwritten.values():
        _update(bodies.setdefault(heard[0], {}), heard)
    return {
        (DeviceRef(site, shed, device), port or None): {
            name: LatestValue(*newest) for name, newest in bodies[series].items()
        }
        for series, site, shed, device, port in connection.execute("SELECT id, site, shed, device, port FROM series")
        if series in bodies
    }
