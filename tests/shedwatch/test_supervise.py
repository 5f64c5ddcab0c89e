"""Loops that fail are told of, counted and started again, whatever it is that fails, and whoever should be told."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from shedwatch import supervise
from shedwatch.supervise import UNATTENDED, Supervisor

Told = list[tuple[str, str, str]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(supervise, "WELL_AFTER_S", 0.05)


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
async def supervisor(told: Told) -> AsyncIterator[Supervisor]:
    it = Supervisor(lambda *report: told.append(report))
    yield it
    await it.end()


class Flaky:
    """Fails as often as it has errors, then runs for ever."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.runs = 0
        self.well = asyncio.Event()

    async def run(self) -> None:
        self.runs += 1
        if self.errors:
            raise self.errors.pop(0)
        self.well.set()
        await asyncio.Event().wait()


async def until(condition) -> None:  # type: ignore[no-untyped-def]
    async with asyncio.timeout(2):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_loop_that_fails_is_told_of_counted_and_started_again(supervisor: Supervisor, told: Told) -> None:
    """It counts as well only after it has lived for a while."""
    loop = Flaky(RuntimeError("broken"), ValueError("again"))
    supervisor.keep("writer", loop.run)
    await asyncio.wait_for(loop.well.wait(), 2)
    before = list(told)
    await until(lambda: len(told) > 2)

    assert before == [
        ("loop-writer", "degraded", "RuntimeError: broken"),
        ("loop-writer", "degraded", "ValueError: again"),
    ]
    assert told[2:] == [("loop-writer", "ok", "runs again")]
    assert supervisor.failures == {"writer": 2}


async def test_a_loop_that_just_ends_is_started_again(supervisor: Supervisor, told: Told) -> None:
    """Nobody asked it to."""
    runs = []

    async def ends() -> None:
        runs.append(1)
        if len(runs) > 1:
            await asyncio.Event().wait()

    supervisor.keep("ticker", ends)
    await until(lambda: len(runs) == 2)

    assert told[0] == ("loop-ticker", "degraded", "ended without being asked to")


async def test_a_job_is_tried_until_it_is_done_and_not_again(supervisor: Supervisor, told: Told) -> None:
    """Opening a ledger that is not there yet."""
    tries = []

    async def job() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise OSError("not yet")

    supervisor.finish("open", job)
    await until(lambda: ("loop-open", "ok", "ended") in told)
    await asyncio.sleep(0.05)

    assert len(tries) == 3


async def test_a_cancellation_from_elsewhere_does_not_end_a_loop(supervisor: Supervisor) -> None:
    """A future that somebody else cancelled looks like our own end."""
    loop = Flaky(asyncio.CancelledError())
    supervisor.keep("reader", loop.run)
    await asyncio.wait_for(loop.well.wait(), 2)

    assert supervisor.failures == {"reader": 1}


async def test_its_own_end_ends_a_loop() -> None:
    """And what it does on the way out is waited for."""
    supervisor, ended = Supervisor(), []

    async def loop() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            ended.append(1)

    supervisor.keep("loop", loop)
    await asyncio.sleep(0.01)
    await supervisor.end()

    assert ended == [1]
    assert supervisor.failures == {}


async def test_who_ends_a_loop_in_trouble_ends_its_trouble(told: Told) -> None:
    """A page's loops end with its server, which starts new ones."""
    supervisor, loop = Supervisor(lambda *report: told.append(report)), Flaky(RuntimeError("broken"))
    supervisor.keep("live", loop.run)
    await asyncio.wait_for(loop.well.wait(), 2)
    await supervisor.end()

    assert [state for _, state, _ in told] == ["degraded", "ok"]


async def test_a_loop_that_loses_its_cancellation_ends_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is cancelled again."""
    monkeypatch.setattr(supervise, "CANCEL_AGAIN_S", 0.05)
    supervisor, lost = Supervisor(), []

    async def loop() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if lost:
                    raise
                lost.append(1)

    supervisor.keep("loop", loop)
    await asyncio.sleep(0.01)
    await asyncio.wait_for(supervisor.end(), 2)

    assert lost == [1]


async def test_neither_log_nor_board_that_fails_ends_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger's writer once ended with a log whose stream was closed."""

    def broken(*_args: object, **_values: object) -> None:
        raise ValueError("I/O operation on closed file")

    monkeypatch.setattr(supervise, "log", SimpleNamespace(error=broken))
    supervisor, loop = Supervisor(broken), Flaky(RuntimeError("broken"))
    supervisor.keep("writer", loop.run)
    await asyncio.wait_for(loop.well.wait(), 2)
    await supervisor.end()

    assert supervisor.failures == {"writer": 1}


async def test_a_branch_ends_its_own_loops_and_counts_in_the_same_place(supervisor: Supervisor) -> None:
    """A room closes what is its, in its own order."""
    room, trunk, twig = supervisor.branch(), Flaky(RuntimeError("a")), Flaky(RuntimeError("b"))
    supervisor.keep("trunk", trunk.run)
    room.keep("twig", twig.run)
    await asyncio.gather(trunk.well.wait(), twig.well.wait())
    await room.end()
    await asyncio.sleep(0.02)

    assert supervisor.failures == {"trunk": 1, "twig": 1}
    assert {task.get_name() for task in asyncio.all_tasks()} & {"trunk", "twig"} == {"trunk"}


async def test_a_fault_that_a_loop_survives_is_told_until_there_was_none_for_a_while(
    supervisor: Supervisor, told: Told
) -> None:
    """One cut's step, one look of the page: the loop goes on, and somebody has to know."""
    supervisor.survived("cuts", RuntimeError("broken"), "a step failed")
    await asyncio.sleep(0.03)
    supervisor.survived("cuts", ValueError("again"))
    await asyncio.sleep(0.03)
    before = list(told)
    await until(lambda: len(told) > 2)

    assert before == [
        ("loop-cuts", "degraded", "a step failed: RuntimeError: broken"),
        ("loop-cuts", "degraded", "ValueError: again"),
    ]
    assert told[2:] == [("loop-cuts", "ok", "")]
    assert supervisor.failures == {"cuts": 2}


async def test_what_fails_where_nobody_waits_is_told(supervisor: Supervisor, told: Told) -> None:
    """A callback, a task nobody awaits, a thread."""

    async def forgotten() -> None:
        raise RuntimeError("in a task")

    def callback() -> None:
        raise RuntimeError("in a callback")

    def thread() -> None:
        raise RuntimeError("in a thread")

    with supervisor.listen():
        asyncio.get_running_loop().call_soon(callback)
        tasks = [asyncio.create_task(forgotten())]
        await asyncio.sleep(0.01)
        tasks.clear()
        gc.collect()
        threading.Thread(target=thread).start()
        await until(lambda: supervisor.failures[UNATTENDED] == 3)
        await until(lambda: told[-1][1] == "ok")

    words = [detail for _, state, detail in told if state == "degraded"]
    assert [word.rpartition(": ")[2] for word in words] == ["in a callback", "in a task", "in a thread"]
