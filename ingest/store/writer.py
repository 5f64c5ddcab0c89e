"""The embedded store's writer: readings and refusals in, one durable transaction each."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest.model import Reading
from ingest.store import dead_letters
from ingest.store.lines import event_line, lines_of
from ingest.store.port import Appended, Message, Refusal
from ingest.store.raw import NewRow, RawTable, recently
from ingest.store.rows import shape_of
from ingest.store.schema import transaction
from ingest.store.series import WRITE_EVERY_S, Heard, LatestBook, SeriesBook
from ingest.store.spool import Spool


@dataclass(slots=True)
class Prepared:
    """Messages taken apart: rows of values, events and statuses with their message's number, and messages that hold neither."""

    rows: list[NewRow] = field(default_factory=list)
    events: list[tuple[int, Reading]] = field(default_factory=list)
    new: set[int] = field(default_factory=set)


class Writer:
    """Appends to an open connection; with a `spool`, everything new waits there for a remote store too.

    Not thread-safe: one thread owns it.
    """

    def __init__(self, connection: sqlite3.Connection, spool: Spool | None = None) -> None:
        self._connection = connection
        self._spool = spool
        self._series = SeriesBook(connection)
        self._raw = RawTable(connection)
        self._latest = LatestBook(connection)
        self._latest_due_ms = 0
        self._online: dict[int, str] = dict(
            connection.execute(
                "SELECT series, word FROM (SELECT series, word, max(ts) FROM event WHERE kind = 'status' GROUP BY series)"
            )
        )

    def prepare(self, messages: Sequence[Message], begin: int, end: int, into: Prepared) -> bool:
        """Take some of these messages apart, in any thread; False where one is of a device or port without a series."""
        find = self._series.find
        for index in range(begin, min(end, len(messages))):
            message = messages[index]
            told = False
            for reading in message.readings:
                series = find(reading.device, reading.port)
                if series is None:
                    return False
                if reading.values:
                    told = True
                    shape = shape_of(tuple(reading.values))
                    row = shape.row(reading, series.number, message.digest)
                    into.rows.append(NewRow(index, series, reading, shape, row))
                if reading.event is not None or reading.online is not None:
                    told = told or reading.event is not None
                    into.events.append((index, reading))
            if not told:
                into.new.add(index)
        return True

    def append(
        self, messages: Sequence[Message], refusals: Sequence[Refusal], now_ms: int, prepared: Prepared | None = None
    ) -> Appended:
        """Commit all or nothing. After an error nothing was committed, and a new writer must take over.

        `prepared` is what this writer made of all these messages beforehand.
        """
        latest_due = now_ms >= self._latest_due_ms
        prepared = self._prepared(messages) if prepared is None else prepared
        new = prepared.new
        with transaction(self._connection):
            inserted = self._raw.insert(prepared.rows, [message.redelivered for message in messages], now_ms)
            lines = []
            for index, reading in prepared.events:
                if told := self._add_events(reading, messages[index]):
                    new.add(index)
                    lines += told
            if self._spool is not None:
                self._spool.add(lines + lines_of(inserted), now_ms)
            if latest_due:
                self._latest.write()
            dead_letters.bury(self._connection, refusals)
        if self._spool is not None:
            self._spool.committed()
        if latest_due:
            self._latest.written()
            self._latest_due_ms = now_ms + int(WRITE_EVERY_S * 1000)
        self._latest.note([(it.shape, it.row, it.reading.values) for it in inserted])
        new.update(it.message for it in inserted)
        return Appended(len(new), len(messages) - len(new))

    def write_latest(self) -> None:
        """Bring the file's table of newest values up to date."""
        if self._latest.unwritten():
            with transaction(self._connection):
                self._latest.write()
            self._latest.written()

    def unwritten_latest(self) -> Heard:
        """What `latest` lacks in the file; to be called from any thread."""
        return self._latest.unwritten()

    def _prepared(self, messages: Sequence[Message]) -> Prepared:
        """All of them. Devices and ports that were never heard before are given their series."""
        prepared = Prepared()
        if not self.prepare(messages, 0, len(messages), prepared):
            self._series.enter(reading for message in messages for reading in message.readings)
            prepared = Prepared()
            self.prepare(messages, 0, len(messages), prepared)
        return prepared

    def _number(self, reading: Reading) -> int:
        """The number of a series that was entered."""
        series = self._series.find(reading.device, reading.port)
        assert series is not None
        return series.number

    def _add_events(self, reading: Reading, message: Message) -> list[str]:
        """Add an event push, a change of status; the lines of those that are new."""
        lines = []
        if reading.event is not None:
            lines += self._add_event(reading, "event", reading.event, message)
        if reading.online is not None:
            word = "online" if reading.online else "offline"
            series = self._number(reading)
            # A retained status comes again at every reconnect; only its change is news.
            if self._online.get(series) != word:
                self._online[series] = word
                lines += self._add_event(reading, "status", word, message)
        return lines

    def _add_event(self, reading: Reading, kind: str, word: str, message: Message) -> list[str]:
        series = self._number(reading)
        by_arrival = reading.ts_ms != reading.device_ms
        if message.redelivered and by_arrival and recently(self._connection, "event", series, message.digest):
            return []
        cursor = self._connection.execute(
            "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (series, reading.ts_ms, kind, word, message.digest, reading.received_ms),
        )
        return [event_line(reading.device, reading.port, kind, word, reading.ts_ms)] if cursor.rowcount else []
