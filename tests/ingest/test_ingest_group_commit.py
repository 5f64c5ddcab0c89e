"""While one commit is written the next one fills; acknowledgements, and what is tried again, keep the order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from ingest.counters import IntakeCounters
from ingest.group_commit import Batch, GroupCommit
from ingest.inbox import Inbound
from ingest.refusals import Refusals
from ingest.store.port import Appended, Message, Refusal, StoreError
from shedwatch.clock import SystemClock
from tests.ingest.ingest_samples import TELEMETRY, TOPOLOGY, inbound


class Call:
    """A commit the store was asked for: numbers of its messages, and what it will come to."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.numbers = [message.digest for message in messages]
        self.result: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def works(self) -> None:
        self.result.set_result(None)

    def fails(self) -> None:
        self.result.set_exception(StoreError("disk full"))


class AskedStore:
    """Keeps each `append` waiting until the test says what it comes to."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    async def append(self, messages: Sequence[Message], _refusals: Sequence[Refusal] = ()) -> Appended:
        self.calls.append(call := Call(messages))
        await call.result
        return Appended(len(messages), 0)


class Desk:
    """A running group commit, with what it acknowledged."""

    def __init__(self) -> None:
        self.store, self.acked, self.sent = AskedStore(), [], 0  # type: ignore[var-annotated]
        counters = IntakeCounters()
        self.commits = GroupCommit(
            self.store,  # type: ignore[arg-type]
            SystemClock(),
            counters,
            Refusals(TOPOLOGY, counters, "sheds"),
            lambda _inbound, reason: pytest.fail(reason),
            random.Random(1),
        )

    def put(self, messages: int) -> None:
        """A batch of so many messages, numbered on; the alarms have had it."""
        batch = Batch()
        for number in range(self.sent, self.sent + messages):
            batch.sources.append(self._source(number))
            batch.messages.append(Message((), number))
        self.sent += messages
        batch.taken = batch.sources
        batch.judged.set()
        self.commits.put(batch)

    def _source(self, number: int) -> Inbound:
        return inbound(TELEMETRY, b"", ack=lambda: self.acked.append(number))

    async def asked(self, times: int) -> None:
        """The store was asked so many times, and is not asked again at once."""
        async with asyncio.timeout(5):
            while len(self.store.calls) < times:
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.02)
        assert len(self.store.calls) == times


@asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    it = Desk()
    task = asyncio.create_task(it.commits.run())
    try:
        await asyncio.sleep(0)
        yield it
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def two_under_way(it: Desk) -> None:
    """Two full commits of five messages each, handed to the store."""
    it.put(5)
    await it.asked(1)
    it.put(5)
    await it.asked(2)


async def test_what_comes_while_one_is_written_is_committed_together_after_it() -> None:
    """Few messages, slow disk: one commit after the other, each as large as may be."""
    async with desk() as it:
        it.put(3)
        await it.asked(1)
        it.put(2)
        it.put(4)
        await it.asked(1)
        it.store.calls[0].works()
        await it.asked(2)

        assert it.store.calls[1].numbers == [3, 4, 5, 6, 7, 8]
        assert it.acked == [0, 1, 2]


async def test_a_full_commit_is_handed_over_while_another_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the store need not wait for the next; it is acknowledged after the first, whichever is done first."""
    monkeypatch.setattr("ingest.group_commit.COMMIT_MESSAGES", 5)
    async with desk() as it:
        await two_under_way(it)
        it.store.calls[1].works()
        await asyncio.sleep(0.02)
        acked_before = list(it.acked)
        it.store.calls[0].works()
        await asyncio.sleep(0.02)

        assert acked_before == []
        assert it.acked == list(range(10))
        assert it.commits.waiting == 0
        assert it.commits.lag_s == 0.0


async def test_what_failed_is_tried_again_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second commit waits until the first is durable."""
    monkeypatch.setattr("ingest.group_commit.COMMIT_MESSAGES", 5)
    monkeypatch.setattr("ingest.group_commit.MIN_RETRY_S", 0.01)
    async with desk() as it:
        await two_under_way(it)
        it.store.calls[0].fails()
        it.store.calls[1].fails()
        await it.asked(3)
        again_first = it.store.calls[2].numbers
        trouble = it.commits.trouble
        it.store.calls[2].works()
        await it.asked(4)
        it.store.calls[3].works()
        await asyncio.sleep(0.02)

        assert trouble is not None
        assert trouble[1] == "disk full"
        assert again_first == [0, 1, 2, 3, 4]
        assert it.acked == list(range(10))
        assert it.commits.trouble is None


async def test_reading_goes_on_when_half_of_what_may_wait_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounded however long the store needs; the oldest message's age is told."""
    monkeypatch.setattr("ingest.group_commit.MAX_WAITING", 6)
    async with desk() as it:
        it.put(6)
        stopped = asyncio.create_task(it.commits.room())
        await it.asked(1)
        await asyncio.sleep(0.02)
        waits, lag_s = not stopped.done(), it.commits.lag_s
        it.store.calls[0].works()
        await asyncio.wait_for(stopped, 5)

        assert waits
        assert lag_s > 0.0
