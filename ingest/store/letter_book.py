"""The dead letters of the embedded store for the rest of the service: look, replay, delete.

Whoever wants a letter taken again marks it in the file; the process that takes messages in does it
(`ingest.replay`). So the HTTP of another process and the command line need no way to that process but the file.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from ingest.model import DeadLetter
from ingest.store import dead_letters as table
from ingest.store.dead_letters import JournalEntry, LetterQuery, SourceCount
from ingest.store.schema import transaction
from shedwatch.clock import Clock

T = TypeVar("T")


class Run(Protocol):
    """Runs work on a connection, in a thread of the store's."""

    def __call__(self, work: Callable[[sqlite3.Connection], T]) -> Awaitable[T]: ...


class RefusedAgain(NamedTuple):
    """A letter that was tried and refused again."""

    letter: DeadLetter
    kind: str
    reason: str


class LetterBook:
    """Every method raises StoreError where the file cannot be used now. Safe from any task of one event loop."""

    def __init__(self, read: Run, write: Run, clock: Clock) -> None:
        self._read = read
        self._write = write
        self._clock = clock
        self.wanted_here = asyncio.Event()

    async def find(self, query: LetterQuery, limit: int, before_id: int | None = None) -> list[DeadLetter]:
        """Letters that match, newest first."""
        return await self._read(lambda connection: table.find(connection, query, limit, before_id))

    async def count(self, query: LetterQuery | None = None) -> int:
        """How many match."""
        return await self._read(lambda connection: table.count(connection, query or LetterQuery()))

    async def ids(self, query: LetterQuery) -> list[int]:
        """Numbers of all that match, oldest first."""
        return await self._read(lambda connection: table.ids(connection, query))

    async def get(self, letter: int) -> DeadLetter | None:
        """One letter, or None."""
        return await self._read(lambda connection: table.get(connection, letter))

    async def sources(self, limit: int = 20) -> list[SourceCount]:
        """Who sends what is refused, the worst first."""
        return await self._read(lambda connection: table.sources(connection, limit))

    async def journal(self, limit: int) -> list[JournalEntry]:
        """What was done to letters, newest first."""
        return await self._read(lambda connection: table.journal(connection, limit))

    async def want(self, ids: Sequence[int], who: str) -> int:
        """Ask for letters to be taken again; how many of them there are."""
        found = await self._write(_in_transaction(lambda connection: table.want(connection, ids, who)))
        self.wanted_here.set()
        return found

    async def remove(self, ids: Sequence[int], who: str) -> int:
        """Delete letters for good; how many there were."""
        now_ms = self._clock.now_ms()
        return await self._write(_in_transaction(lambda connection: table.remove(connection, ids, who, now_ms)))

    async def wanted(self, limit: int) -> list[DeadLetter]:
        """Letters that somebody wants taken again, oldest first."""
        return await self._read(lambda connection: table.wanted(connection, limit))

    async def settle(self, taken: Sequence[DeadLetter], refused: Sequence[RefusedAgain]) -> None:
        """Enter what came of letters that were wanted."""
        now_ms = self._clock.now_ms()

        def enter(connection: sqlite3.Connection) -> None:
            table.taken(connection, taken, now_ms)
            for letter, kind, reason in refused:
                table.refused_again(connection, letter, kind, reason, now_ms)

        await self._write(_in_transaction(enter))


def _in_transaction(work: Callable[[sqlite3.Connection], T]) -> Callable[[sqlite3.Connection], T]:
    def whole(connection: sqlite3.Connection) -> T:
        with transaction(connection):
            return work(connection)

    return whole
