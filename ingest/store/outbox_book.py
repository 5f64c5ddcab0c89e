"""What waits for a remote store, as whoever sends it sees it: the next lines, what became of them, how many there are."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from ingest.store import dead_letters
from ingest.store.port import Refusal
from ingest.store.schema import transaction
from ingest.store.spool import OutboxLevel, OutboxLimits, Parcel, Spool, read_level, read_parcel

Run = Callable[[Callable[[sqlite3.Connection], Any]], Awaitable[Any]]


class Outbox(Protocol):
    """Lines in order of their commits, each kept until it is settled. All methods raise StoreError."""

    grew: asyncio.Event
    """Set whenever lines were added; whoever waits clears it."""

    @property
    def limits(self) -> OutboxLimits:
        """How much may wait."""

    @property
    def level(self) -> OutboxLevel:
        """How much waits, as of the last change by this process."""

    async def next(self, max_lines: int, max_bytes: int) -> Parcel | None:
        """The oldest lines, none where nothing waits."""

    async def settle(self, last_seq: int, refusals: Sequence[Refusal]) -> None:
        """Forget the lines up to this row, and bury what the store refused of them, in one transaction."""

    async def expire(self) -> None:
        """Give up what is too old, where that is wanted."""


class OutboxBook:
    """`Outbox` on the embedded store's file."""

    def __init__(self, read: Run, write: Run, limits: OutboxLimits, now_ms: Callable[[], int]) -> None:
        self.grew = asyncio.Event()
        self.limits = limits
        self.level = OutboxLevel()
        self._read = read
        self._write = write
        self._now_ms = now_ms

    def spool(self, connection: sqlite3.Connection) -> Spool:
        """The table on a new writing connection; to be called in the writing thread."""
        self.level = read_level(connection)
        return Spool(connection, self.limits, self._noted)

    async def next(self, max_lines: int, max_bytes: int) -> Parcel | None:
        parcel: Parcel | None = await self._read(lambda connection: read_parcel(connection, max_lines, max_bytes))
        return parcel

    async def settle(self, last_seq: int, refusals: Sequence[Refusal]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            spool = self.spool(connection)
            with transaction(connection):
                spool.remove(last_seq)
                dead_letters.bury(connection, refusals)
            spool.committed()

        await self._write(work)

    async def expire(self) -> None:
        def work(connection: sqlite3.Connection) -> None:
            if self.limits.on_full == "drop_oldest":
                spool = self.spool(connection)
                with transaction(connection):
                    spool.keep_within(self._now_ms())
                spool.committed()

        await self._write(work)

    def _noted(self, level: OutboxLevel) -> None:
        self.level = level
