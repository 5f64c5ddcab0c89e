"""Group commit: what was received is made durable many messages at a time, and acknowledged after that, in order.

While one commit is being written the next is gathered, and handed to the store as soon as it is full, so that the store
never waits for us. When the store cannot take readings they wait; when too many wait, `room` says to read no more.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from ingest.counters import IntakeCounters
from ingest.inbox import Inbound
from ingest.model import Reading
from ingest.refusals import Refusals
from ingest.store.port import Message, Refusal, StoreError, TelemetryStore
from shedwatch.clock import Clock

log = structlog.get_logger(__name__)

COMMIT_MESSAGES = 1000
# A moment for others to join a commit; a broker that lets only 20 messages be in flight must not wait long for us.
LINGER_S = 0.002
MAX_WAITING = 4000
MIN_RETRY_S, MAX_RETRY_S = 0.1, 5.0
# Refusals alone need not wait longer for messages to be committed with.
REFUSALS_WAIT_S = 1.0


@dataclass(slots=True)
class Batch:
    """What one look into the inbox brought, on its way through.

    Attributes:
        messages: those that hold readings, and in `sources` where each came from.
        taken: all that have to be acknowledged, whether they hold readings or not.
        judged: the alarms have had them.
        taken_s: when they were taken, by the clock's monotonic time.
    """

    messages: list[Message] = field(default_factory=list)
    sources: list[Inbound] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    taken: list[Inbound] = field(default_factory=list)
    judged: asyncio.Event = field(default_factory=asyncio.Event)
    taken_s: float = 0.0


class GroupCommit:
    """`put` batches, keep `run` running.

    Args:
        refuse: told of a message that the store can never take, and why.
    """

    def __init__(
        self,
        store: TelemetryStore,
        clock: Clock,
        counters: IntakeCounters,
        refusals: Refusals,
        refuse: Callable[[Inbound, str], None],
        rng: random.Random,
    ) -> None:
        self._store = store
        self._clock = clock
        self._counters = counters
        self._refusals = refusals
        self._refuse = refuse
        self._rng = rng
        self._undone: deque[Batch] = deque()
        self._pending: deque[Batch] = deque()
        self._pending_messages = 0
        self._writing = 0
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._trouble: tuple[int, str] | None = None
        self.waiting = 0
        """Messages that are not acknowledged yet."""

    @property
    def lag_s(self) -> float:
        """For how long the oldest message waits to be acknowledged."""
        return self._clock.monotonic() - self._undone[0].taken_s if self._undone else 0.0

    @property
    def trouble(self) -> tuple[int, str] | None:
        """Since when the store takes nothing, and why; None while it does."""
        return self._trouble

    def put(self, batch: Batch) -> None:
        """Let a batch be committed with the next."""
        self._undone.append(batch)
        self._pending.append(batch)
        self._pending_messages += len(batch.taken)
        self.waiting += len(batch.taken)
        self._changed.set()

    async def room(self) -> None:
        """Wait while too much waits for the store."""
        if self.waiting >= MAX_WAITING:
            self._room.clear()
            await self._room.wait()

    async def run(self) -> None:
        """Commit until cancelled; begins with nothing."""
        self._undone.clear()
        self._pending.clear()
        self.waiting = self._pending_messages = self._writing = 0
        self._room.set()
        under_way: asyncio.Task[None] | None = None
        async with asyncio.TaskGroup() as commits:
            while True:
                batches = await self._gather()
                refusals = self._refusals.pop()
                if batches or refusals:
                    self._writing += 1
                    under_way = commits.create_task(self._make_durable(batches, refusals, under_way))

    async def _gather(self) -> list[Batch]:
        """All there is when a commit is full or the one before is written; nothing after a while without messages."""
        try:
            async with asyncio.timeout(REFUSALS_WAIT_S):
                await self._until(lambda: bool(self._pending))
        except TimeoutError:
            return []
        if self._writing:
            await self._until(lambda: not self._writing or self._pending_messages >= COMMIT_MESSAGES)
        else:
            await asyncio.sleep(LINGER_S)
        batches: list[Batch] = []
        taken = 0
        while self._pending and taken < COMMIT_MESSAGES:
            batches.append(self._pending.popleft())
            taken += len(batches[-1].taken)
        self._pending_messages -= taken
        return batches

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            self._changed.clear()
            await self._changed.wait()

    async def _make_durable(
        self, batches: list[Batch], refusals: list[Refusal], before: asyncio.Task[None] | None
    ) -> None:
        """Commit, and acknowledge after what was committed before."""
        messages = [message for batch in batches for message in batch.messages]
        sources = [source for batch in batches for source in batch.sources]
        await self._commit(messages, sources, refusals, before)
        self._writing -= 1
        self._changed.set()
        if before is not None:
            await before
        for batch in batches:
            await batch.judged.wait()
            for inbound in batch.taken:
                inbound.ack()
            self._undone.popleft()
            self.waiting -= len(batch.taken)
        if self.waiting * 2 <= MAX_WAITING:
            self._room.set()

    async def _commit(
        self,
        messages: list[Message],
        sources: list[Inbound],
        refusals: list[Refusal],
        before: asyncio.Task[None] | None,
    ) -> None:
        """Make durable, however long the store needs; a message that it can never take becomes a dead letter."""
        if not messages and not refusals:
            return
        try:
            await self._append(messages, refusals, before)
        except Exception as error:
            log.exception("store_rejects", messages=len(messages))
            if len(messages) > 1 or (messages and refusals):
                for message, source in zip(messages, sources, strict=True):
                    await self._commit([message], [source], [], before)
                await self._commit([], [], refusals, before)
            elif messages:
                self._refuse(sources[0], f"could not be stored: {error!r}")
            else:
                self._counters.refusals_dropped += len(refusals)

    async def _append(
        self, messages: list[Message], refusals: list[Refusal], before: asyncio.Task[None] | None
    ) -> None:
        """Append, again and again while the store cannot take it, but not before what came first."""
        delay_s = MIN_RETRY_S
        while True:
            started_s = self._clock.monotonic()
            try:
                appended = await self._store.append(messages, refusals)
            except StoreError as error:
                self._fails(str(error))
                await asyncio.sleep(self._rng.uniform(delay_s / 2, delay_s))
                delay_s = min(2 * delay_s, MAX_RETRY_S)
                if before is not None:
                    await before
            else:
                self._works()
                self._counters.committed(self._clock.monotonic() - started_s, *appended)
                return

    def _fails(self, reason: str) -> None:
        self._counters.store_retries += 1
        if self._trouble is None:
            log.error("store_fails", reason=reason)
        since_ms = self._trouble[0] if self._trouble else self._clock.now_ms()
        self._trouble = (since_ms, reason)

    def _works(self) -> None:
        if self._trouble is not None:
            log.info("store_works_again", since_ms=self._trouble[0])
        self._trouble = None
