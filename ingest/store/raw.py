"""The table of raw rows: many at once, each at a free millisecond of its series, none twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain

import msgspec

from ingest.model import Reading
from ingest.store.rollup import MINUTE_MS
from ingest.store.rows import Row, Shape
from ingest.store.series import Series

# A repetition comes soon after the original in its own series; the broker's in-flight window bounds how soon.
RECENT_ROWS = 200
# A device whose clock stands still would otherwise make the search for a free millisecond ever longer.
MAX_SHIFT = 1000
# Rows a statement. The interpreter's lock changes hands at every statement, and a busy event loop is slow to give it
# back: with one row each, a writer beside one is four times as slow. A whole commit is one statement for each shape.
_TOGETHER = (1000, 200, 40, 8, 1)
# Only minutes as new as that are remembered as marked: no process can have summarised them yet.
_REMEMBERED_MINUTES = 2


class NewRow(msgspec.Struct, frozen=True, gc=False):
    """A row on its way into the table: the number of its message in the commit, and what it was made of."""

    message: int
    series: Series
    reading: Reading
    shape: Shape
    row: Row


class RawTable:
    """Inserts in the running transaction of an open connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def insert(self, rows: Sequence[NewRow], repeated: Sequence[bool], now_ms: int) -> Sequence[NewRow]:
        """Insert rows, at the next free millisecond where theirs is taken; those that were not there yet, as inserted.

        It comes first in its transaction, which it may begin anew. `repeated` says of each message whether the broker
        may have delivered it before.
        """
        if any(repeated) or not self._insert_together(rows):
            rows = list(self._insert_each(rows, repeated))
        self._mark(rows, now_ms // MINUTE_MS - _REMEMBERED_MINUTES + 1)
        return rows

    def _insert_together(self, rows: Sequence[NewRow]) -> bool:
        """Insert all of them, or none where one's millisecond is taken.

        A savepoint to go back to would have SQLite copy every page before it is changed; the transaction's beginning
        costs nothing.
        """
        by_shape: dict[Shape, list[Row]] = {}
        for new in rows:
            by_shape.setdefault(new.shape, []).append(new.row)
        before = self._connection.total_changes
        for shape, alike in by_shape.items():
            for statement, numbers in _statements(shape, alike):
                self._connection.execute(statement, numbers)
        if self._connection.total_changes - before == len(rows):
            return True
        self._connection.execute("ROLLBACK")
        self._connection.execute("BEGIN IMMEDIATE")
        return False

    def _insert_each(self, rows: Sequence[NewRow], repeated: Sequence[bool]) -> Iterator[NewRow]:
        for new in rows:
            row = new.row
            by_arrival = new.reading.ts_ms != new.reading.device_ms
            if repeated[new.message] and by_arrival and recently(self._connection, "raw", row[0], row[3]):
                continue
            free_ms = self._free_ms(row)
            if free_ms is not None:
                moved = NewRow(new.message, new.series, new.reading, new.shape, (row[0], free_ms, *row[2:]))
                self._connection.execute(new.shape.insert(1), moved.row)
                yield moved

    def _free_ms(self, row: Row) -> int | None:
        """The first free millisecond at or after the row's own; None where the same message is met on the way."""
        series, ts_ms, received_ms, digest, *_ = row
        free_ms = ts_ms
        taken = self._connection.execute("SELECT ts, digest FROM raw WHERE series = ? AND ts >= ?", (series, ts_ms))
        for taken_ms, taken_digest in taken:
            if taken_ms != free_ms:
                break
            if taken_digest == digest:
                return None
            free_ms += 1
            if free_ms - ts_ms >= MAX_SHIFT and received_ms > free_ms:
                return self._free_ms((series, received_ms, received_ms, digest, None))
        return free_ms

    def _mark(self, rows: Sequence[NewRow], newest_minute: int) -> None:
        """Note the minutes that have to be summarised."""
        unmarked: set[tuple[int, int]] = set()
        for new in rows:
            series, minute = new.series, new.row[1] // MINUTE_MS
            if minute != series.marked or minute < newest_minute:
                series.marked = minute
                unmarked.add((series.number, minute))
        if unmarked:
            self._connection.executemany("INSERT INTO dirty VALUES (?, ?) ON CONFLICT DO NOTHING", unmarked)


def recently(connection: sqlite3.Connection, table: str, series: int, digest: int) -> bool:
    """Whether a message with this digest is among the newest of its series in `raw` or `event`."""
    found = connection.execute(
        f"SELECT 1 FROM (SELECT digest FROM {table} WHERE series = ? ORDER BY ts DESC LIMIT ?) WHERE digest = ?",  # noqa: S608 - two literals
        (series, RECENT_ROWS, digest),
    )
    return found.fetchone() is not None


def _statements(shape: Shape, rows: Sequence[Row]) -> Iterator[tuple[str, tuple[float | None, ...]]]:
    """Rows of one shape in as few statements as are worth keeping prepared."""
    place = 0
    for size in _TOGETHER:
        statement = shape.insert(size)
        while len(rows) - place >= size:
            yield statement, tuple(chain.from_iterable(rows[place : place + size]))
            place += size
