"""The embedded store's writer: readings and refusals in, one durable transaction each."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from ingest.model import Reading
from ingest.store import dead_letters
from ingest.store.lines import LineMaker
from ingest.store.port import Appended, Message, Refusal
from ingest.store.raw import NewRow, RawTable, recently
from ingest.store.rows import shape_of
from ingest.store.schema import transaction
from ingest.store.series import WRITE_EVERY_S, Heard, LatestBook, SeriesBook
from ingest.store.spool import Spool


class Writer:
    """Appends to an open connection; with a `spool`, everything new waits there for a remote store too.

    Not thread-safe: one thread owns it.
    """

    def __init__(self, connection: sqlite3.Connection, spool: Spool | None = None) -> None:
        self._connection = connection
        self._spool = spool
        self._maker = LineMaker()
        self._lines: list[str] = []
        self._series = SeriesBook(connection)
        self._raw = RawTable(connection)
        self._latest = LatestBook(connection)
        self._latest_due_ms = 0
        self._online: dict[int, str] = dict(
            connection.execute(
                "SELECT series, word FROM (SELECT series, word, max(ts) FROM event WHERE kind = 'status' GROUP BY series)"
            )
        )

    def append(self, messages: Sequence[Message], refusals: Sequence[Refusal], now_ms: int) -> Appended:
        """Commit all or nothing. After an error nothing was committed, and a new writer must take over."""
        latest_due = now_ms >= self._latest_due_ms
        with transaction(self._connection):
            stored = self._add(messages, now_ms)
            if self._spool is not None:
                self._spool.add(self._lines, now_ms)
                self._lines = []
            if latest_due:
                self._latest.write()
            dead_letters.bury(self._connection, refusals)
        if latest_due:
            self._latest.written()
            self._latest_due_ms = now_ms + int(WRITE_EVERY_S * 1000)
        self._latest.committed()
        return Appended(stored, len(messages) - stored)

    def write_latest(self) -> None:
        """Bring the file's table of newest values up to date."""
        if self._latest.unwritten():
            with transaction(self._connection):
                self._latest.write()
            self._latest.written()

    def unwritten_latest(self) -> Heard:
        """What `latest` lacks in the file; to be called from any thread."""
        return self._latest.unwritten()

    def _add(self, messages: Sequence[Message], now_ms: int) -> int:
        """Add messages; how many of them were new."""
        rows: list[NewRow] = []
        new = [False] * len(messages)
        for index, message in enumerate(messages):
            told = False
            for reading in message.readings:
                if reading.values:
                    shape = shape_of(tuple(reading.values))
                    rows.append(
                        NewRow(index, reading, shape, shape.row(reading, self._number(reading), message.digest))
                    )
                    told = True
                if reading.event is not None or reading.online is not None:
                    told = told or reading.event is not None
                    new[index] |= self._add_events(reading, message)
            new[index] |= not told
        for inserted in self._raw.insert(rows, [message.redelivered for message in messages], now_ms):
            new[inserted.message] = True
            reading = inserted.reading
            self._latest.note(inserted.series, reading.values, inserted.ts_ms, reading.received_ms)
            if self._spool is not None:
                self._lines.append(
                    self._maker.row(reading.device, reading.kind, reading.port, inserted.shape, inserted.row)
                )
        return sum(new)

    def _number(self, reading: Reading) -> int:
        return self._series.number(reading.device, reading.kind, reading.port)

    def _add_events(self, reading: Reading, message: Message) -> bool:
        """Add an event push, a change of status; whether any was new."""
        new = False
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
        if message.redelivered and by_arrival and recently(self._connection, "event", series, message.digest):
            return False
        cursor = self._connection.execute(
            "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (series, reading.ts_ms, kind, word, message.digest, reading.received_ms),
        )
        if cursor.rowcount and self._spool is not None:
            self._lines.append(self._maker.event(reading.device, reading.port, kind, word, reading.ts_ms))
        return cursor.rowcount > 0
