"""Alert changes to any number of readers, of whom none can hold up the alarms."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from alerts.model import AlertChange

MAX_WAITING = 1000
"""Changes that may wait for one reader: an alarm flood of an hour. A slower one is let go and reads the log instead."""

RECENT = 4096
"""Changes kept in memory, for readers that come back and for a log that the ledger has not taken yet."""


class Subscription(AsyncIterator[AlertChange]):
    """Changes from the moment it was made. Ends when the feed closes, or when its reader was too slow (`lost`)."""

    def __init__(self, feed: Feed, backlog: Callable[[], Awaitable[Sequence[AlertChange]]] | None) -> None:
        self._feed = feed
        self._backlog = backlog
        self._waiting: deque[AlertChange] = deque()
        self._news = asyncio.Event()
        self._ended = False
        self._last_seq = 0
        self.lost = False

    def push(self, change: AlertChange) -> None:
        """Add a change, or let the reader go."""
        if len(self._waiting) >= MAX_WAITING:
            self.lost = True
            self._waiting.clear()
            self.end()
            return
        self._waiting.append(change)
        self._news.set()

    def end(self) -> None:
        """No more will come; what waits may still be read."""
        self._ended = True
        self._feed.forget(self)
        self._news.set()

    async def aclose(self) -> None:
        """The reader has enough."""
        self._waiting.clear()
        self.end()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> AlertChange:
        if self._backlog is not None:
            load, self._backlog = self._backlog, None
            self._waiting = deque((*await load(), *self._waiting))
        while True:
            while self._waiting:
                change = self._waiting.popleft()
                # What came while the backlog was read may stand in both.
                if change.transition.seq > self._last_seq:
                    self._last_seq = change.transition.seq
                    return change
            if self._ended:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()


class Feed:
    """Hands each change to all readers and keeps the recent ones."""

    def __init__(self) -> None:
        self._readers: set[Subscription] = set()
        self.recent: deque[AlertChange] = deque(maxlen=RECENT)
        self.let_go = 0

    def publish(self, change: AlertChange) -> None:
        """Hand out a change; never waits."""
        self.recent.append(change)
        for reader in tuple(self._readers):
            reader.push(change)
            self.let_go += reader.lost

    def subscribe(self, backlog: Callable[[], Awaitable[Sequence[AlertChange]]] | None = None) -> Subscription:
        """A new reader; `backlog` is read before anything else."""
        reader = Subscription(self, backlog)
        self._readers.add(reader)
        return reader

    def forget(self, reader: Subscription) -> None:
        """A reader has left."""
        self._readers.discard(reader)

    def close(self) -> None:
        """Let all readers finish."""
        for reader in tuple(self._readers):
            reader.end()
