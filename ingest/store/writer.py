"""The embedded store's writer: readings and refusals in, one durable transaction each."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from ingest.model import Reading
from ingest.store.port import Appended, Message, Refusal
from ingest.store.rows import COLUMNS, Row, row_of
from ingest.store.schema import transaction
from ingest.store.series import LatestBook, SeriesBook

MINUTE_MS = 60_000
DEAD_LETTER_BYTES = 4096
# A repetition comes soon after the original in its own series; the broker's in-flight window bounds how soon.
RECENT_ROWS = 100
# A device whose clock stands still would otherwise make the search for a free millisecond ever longer.
MAX_SHIFT = 1000

_NAMES = ("series", "ts", "received_ms", "digest", "device_ms", *COLUMNS)
_INSERT = f"INSERT INTO raw ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608 - columns of the registry
_INSERT_NEW = _INSERT + " ON CONFLICT DO NOTHING"


class Writer:
    """Appends to an open connection. Not thread-safe: one thread owns it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._series = SeriesBook(connection)
        self._latest = LatestBook(connection)
        self._online: dict[int, str] = dict(
            connection.execute(
                "SELECT series, word FROM (SELECT series, word, max(ts) FROM event WHERE kind = 'status' GROUP BY series)"
            )
        )

    def append(self, messages: Sequence[Message], refusals: Sequence[Refusal]) -> Appended:
        """Commit all or nothing. After an error nothing was committed, and a new writer must take over."""
        with transaction(self._connection):
            stored = self._add(messages)
            self._latest.write()
            self._bury(refusals)
        self._latest.committed()
        return Appended(stored, len(messages) - stored)

    def _add(self, messages: Sequence[Message]) -> int:
        """Add messages; how many of them were new."""
        rows: list[tuple[int, Reading, Row]] = []
        repeated = [False] * len(messages)
        new = [False] * len(messages)
        for index, message in enumerate(messages):
            kept = [reading for reading in message.readings if reading.values]
            rows += [(index, reading, row_of(reading, self._number(reading), message.digest)) for reading in kept]
            new[index] = self._add_events(message)
            repeated[index] = message.redelivered
            if not kept and not any(reading.event for reading in message.readings):
                new[index] = True
        for index, reading, row in self._insert(rows, repeated):
            new[index] = True
            self._latest.note(int(row[0] or 0), reading.values, int(row[1] or 0), reading.received_ms)
        return sum(new)

    def _number(self, reading: Reading) -> int:
        return self._series.number(reading.device, reading.kind, reading.port)

    def _insert(self, rows: list[tuple[int, Reading, Row]], repeated: list[bool]) -> Iterable[tuple[int, Reading, Row]]:
        """Insert rows, at the next free millisecond where theirs is taken; return those that were not there yet."""
        plain = not any(repeated)
        before = self._connection.total_changes
        if plain:
            self._connection.execute("SAVEPOINT plain")
            self._connection.executemany(_INSERT_NEW, [row for _, _, row in rows])
            plain = self._connection.total_changes - before == len(rows)
            if not plain:
                self._connection.execute("ROLLBACK TO plain")
            self._connection.execute("RELEASE plain")
        inserted = rows if plain else self._insert_each(rows, repeated)
        self._connection.executemany(
            "INSERT INTO dirty VALUES (?, ?) ON CONFLICT DO NOTHING",
            {(row[0], int(row[1] or 0) // MINUTE_MS) for _, _, row in inserted},
        )
        return inserted

    def _insert_each(
        self, rows: list[tuple[int, Reading, Row]], repeated: list[bool]
    ) -> list[tuple[int, Reading, Row]]:
        inserted = []
        for index, reading, row in rows:
            by_arrival = reading.ts_ms != reading.device_ms
            if repeated[index] and by_arrival and self._recently("raw", row[0], row[3]):
                continue
            free_ms = self._free_ms(row)
            if free_ms is None:
                continue
            moved = (row[0], free_ms, *row[2:])
            self._connection.execute(_INSERT, moved)
            inserted.append((index, reading, moved))
        return inserted

    def _free_ms(self, row: Row) -> int | None:
        """The first free millisecond at or after the row's own; None where the same message is met on the way."""
        series, ts_ms, received_ms, digest = int(row[0] or 0), int(row[1] or 0), int(row[2] or 0), row[3]
        free_ms = ts_ms
        taken = self._connection.execute("SELECT ts, digest FROM raw WHERE series = ? AND ts >= ?", (series, ts_ms))
        for taken_ms, taken_digest in taken:
            if taken_ms != free_ms:
                break
            if taken_digest == digest:
                return None
            free_ms += 1
            if free_ms - ts_ms >= MAX_SHIFT and received_ms > free_ms:
                return self._free_ms((series, received_ms, received_ms, digest))
        return free_ms

    def _recently(self, table: str, series: float | None, digest: float | None) -> bool:
        found = self._connection.execute(
            f"SELECT 1 FROM (SELECT digest FROM {table} WHERE series = ? ORDER BY ts DESC LIMIT ?) WHERE digest = ?",  # noqa: S608 - two literals
            (series, RECENT_ROWS, digest),
        )
        return found.fetchone() is not None

    def _add_events(self, message: Message) -> bool:
        """Add event pushes and changes of status; whether any was new."""
        new = False
        for reading in message.readings:
            if reading.event is not None:
                new |= self._add_event(reading, "event", reading.event, message)
            if reading.online is not None:
                word = "online" if reading.online else "offline"
                series = self._number(reading)
                # A retained status comes again at every reconnect; only its change is news.
                if self._online.get(series) != word:
                    self._online[series] = word
                    new |= self._add_event(reading, "status", word, message)
        return new

    def _add_event(self, reading: Reading, kind: str, word: str, message: Message) -> bool:
        series = self._number(reading)
        by_arrival = reading.ts_ms != reading.device_ms
        if message.redelivered and by_arrival and self._recently("event", series, message.digest):
            return False
        cursor = self._connection.execute(
            "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (series, reading.ts_ms, kind, word, message.digest, reading.received_ms),
        )
        return cursor.rowcount > 0

    def _bury(self, refusals: Sequence[Refusal]) -> None:
        self._connection.executemany(
            "INSERT INTO dead_letter (received_ms, topic, reason, payload, size) VALUES (?, ?, ?, ?, ?)",
            [
                (
                    refusal.received_ms,
                    refusal.topic[:512],
                    refusal.reason[:1024],
                    refusal.payload[:DEAD_LETTER_BYTES],
                    len(refusal.payload) if refusal.size is None else refusal.size,
                )
                for refusal in refusals
            ],
        )
