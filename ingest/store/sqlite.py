"""The embedded telemetry store: one SQLite file, one writing thread, readers that never wait for it.

A commit is on the disk before `append` returns (WAL, synchronous FULL). Several processes may read the file while one
writes it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

import structlog

from ingest.model import DeadLetter, DeviceRef
from ingest.store.dead_letters import LetterQuery
from ingest.store.history import Question, read_history
from ingest.store.letter_book import LetterBook
from ingest.store.outbox_book import OutboxBook
from ingest.store.port import Aggregate, Appended, LatestValue, Message, Refusal, StoreError
from ingest.store.retention import Retention, trim_step
from ingest.store.rollup import count_due, summarise_due
from ingest.store.rows import check_query
from ingest.store.schema import connect_reader, connect_writer
from ingest.store.series import find_series, read_latest
from ingest.store.spool import OutboxLimits
from ingest.store.writer import Prepared, Writer
from shedwatch.clock import Clock, SystemClock

T = TypeVar("T")

log = structlog.get_logger(__name__)

READERS = 2
ROLLUP_EVERY_S = 10.0
TRIM_EVERY_S = 600.0
# Messages that are prepared without giving way to others: a millisecond or two.
PREPARED_TOGETHER = 250


class StoredEvent(NamedTuple):
    """An event push or a change of status, as kept. `kind` is `event` or `status`."""

    device: DeviceRef
    port: int | None
    ts_ms: int
    received_ms: int
    kind: str
    word: str


class SqliteStore:
    """`TelemetryStore` on one file. `open` it, keep `maintain` running, `close` it.

    With limits of an `outbox` every new row also becomes a line there, in the same transaction.
    """

    def __init__(self, path: Path, clock: Clock, retention: Retention, outbox: OutboxLimits | None = None) -> None:
        self.path = path
        self._clock = clock
        self._retention = retention
        self._writing = ThreadPoolExecutor(1, "store-writer")
        self._reading = ThreadPoolExecutor(READERS, "store-reader")
        self._turn = asyncio.Lock()
        self._connection: sqlite3.Connection | None = None
        self._writer: Writer | None = None
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self.letters = LetterBook(self._read, self._write, clock)
        self.outbox = None if outbox is None else OutboxBook(self._read, self._write, outbox, clock.now_ms)

    @classmethod
    async def open(
        cls,
        path: Path,
        clock: Clock | None = None,
        retention: Retention | None = None,
        outbox: OutboxLimits | None = None,
    ) -> SqliteStore:
        """Open or create the file (and its folder).

        Raises:
            SchemaError: another program's file, or another version's.
            StoreError: it cannot be opened now.
        """
        store = cls(path, clock or SystemClock(), retention or Retention(), outbox)
        try:
            await store._write(lambda _connection: None)
        except BaseException:
            await store.close()
            raise
        return store

    async def append(self, messages: Sequence[Message], refusals: Sequence[Refusal] = ()) -> Appended:
        """See `TelemetryStore.append`. `Appended` counts messages."""

        def work(_connection: sqlite3.Connection) -> Appended:
            now = self._writer_now()
            return now.append(messages, refusals, self._clock.now_ms(), prepared if now is writer else None)

        # One after the other until they wait for the writing thread, which takes them in that order.
        async with self._turn:
            writer = self._writer
            prepared = await self._prepare(writer, messages) if writer is not None else None
            written = self._submit(work)
        appended = await written
        if self.outbox is not None:
            self.outbox.grew.set()
        return appended

    async def latest(self) -> dict[tuple[DeviceRef, int | None], dict[str, LatestValue]]:
        writer = self._writer
        unwritten = writer.unwritten_latest() if writer is not None else {}
        return await self._read(lambda connection: read_latest(connection, unwritten))

    async def history(
        self, device: DeviceRef, port: int | None, field: str, from_ms: int, to_ms: int, every_s: int, agg: Aggregate
    ) -> list[tuple[int, float]]:
        check_query(field, every_s, agg)

        def ask(connection: sqlite3.Connection) -> list[tuple[int, float]]:
            series = find_series(connection, device, port)
            if series is None or to_ms <= from_ms:
                return []
            return read_history(connection, Question(series, field, from_ms, to_ms, every_s * 1000, agg))

        return await self._read(ask)

    async def events(self, from_ms: int, to_ms: int, limit: int = 1000) -> list[StoredEvent]:
        """Event pushes and changes of status in `[from_ms, to_ms)`, oldest first."""
        query = (
            "SELECT site, shed, device, port, ts, received_ms, event.kind, word FROM event"
            " JOIN series ON series.id = event.series WHERE ts >= ? AND ts < ? ORDER BY ts LIMIT ?"
        )
        rows = await self._read(lambda connection: connection.execute(query, (from_ms, to_ms, limit)).fetchall())
        return [StoredEvent(DeviceRef(*row[:3]), row[3] or None, *row[4:]) for row in rows]

    async def dead_letters(self, limit: int, before_id: int | None = None) -> list[DeadLetter]:
        return await self.letters.find(LetterQuery(), limit, before_id)

    async def dead_letter_count(self) -> int:
        return await self.letters.count()

    async def maintain(self) -> None:
        """Summarise and give up what is old, until cancelled. An error is logged and tried again later."""
        trim_at = self._clock.monotonic()
        while True:
            try:
                await self._write(lambda _connection: self._writer_now().write_latest())
                await self.summarise()
                if self._clock.monotonic() >= trim_at:
                    await self.trim()
                    trim_at = self._clock.monotonic() + TRIM_EVERY_S
            except StoreError as error:
                log.warning("store_maintenance_failed", reason=str(error))
            await self._clock.sleep(ROLLUP_EVERY_S)

    async def summarise(self) -> None:
        """Summarise the minutes that are due now, in steps between which others may write. Raises StoreError.

        Those that become due meanwhile are left to the next time: a backlog that pours in must not have the same
        minutes summarised over and over.
        """
        left = await self._read(lambda connection: count_due(connection, self._clock.now_ms()))
        while left > 0:
            done = await self._write(lambda connection: summarise_due(connection, self._clock.now_ms()))
            left = left - done if done else 0

    async def trim(self) -> None:
        """Give up everything that is too old, in small steps. Raises StoreError."""
        more = True
        while more:
            more = bool(
                await self._write(lambda connection: trim_step(connection, self._retention, self._clock.now_ms()))
            )

    async def close(self) -> None:
        """Let go of the file; a commit under way is finished first."""
        await asyncio.to_thread(self._shut)

    async def _prepare(self, writer: Writer, messages: Sequence[Message]) -> Prepared | None:
        """What can be done before the file is written: here the readings are still at hand, and another commit may be under way."""
        prepared = Prepared()
        for at in range(0, len(messages), PREPARED_TOGETHER):
            if at:
                await asyncio.sleep(0)
            if not writer.prepare(messages, at, at + PREPARED_TOGETHER, prepared):
                return None
        return prepared

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._submit(work)

    def _submit(self, work: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._writing, self._as_writer, work)

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reading, self._as_reader, work)

    def _as_writer(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run in the writing thread. After any error the next call starts from the file as it is."""
        try:
            if self._connection is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._connection = connect_writer(self.path)
            return work(self._connection)
        except (sqlite3.Error, OSError) as error:
            self._drop_writer()
            raise StoreError(f"{self.path}: {error}") from error
        except BaseException:
            self._drop_writer()
            raise

    def _as_reader(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
            if connection is None:
                connection = self._local.connection = connect_reader(self.path)
                self._readers.append(connection)
            return work(connection)
        except sqlite3.Error as error:
            self._local.connection = None
            raise StoreError(f"{self.path}: {error}") from error

    def _writer_now(self) -> Writer:
        assert self._connection is not None
        if self._writer is None:
            spool = None if self.outbox is None else self.outbox.spool(self._connection)
            self._writer = Writer(self._connection, spool)
        return self._writer

    def _drop_writer(self) -> None:
        connection, self._connection, self._writer = self._connection, None, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _shut(self) -> None:
        self._reading.shutdown(cancel_futures=True)
        if (writer := self._writer) is not None:
            # What cannot be written now is found again at the next start.
            with suppress(StoreError):
                self._writing.submit(self._as_writer, lambda _connection: writer.write_latest()).result()
        self._writing.shutdown()
        for connection in self._readers:
            with suppress(sqlite3.Error):
                connection.close()
        self._drop_writer()
