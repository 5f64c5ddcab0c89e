"""Work that one process at a time may do on a shared store."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.store.sole import alone, lock_of

HOLDER = """
import fcntl, sys, time
file = open(sys.argv[1], "ab")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return lock_of(tmp_path / "data" / "t.db", "shipper")


async def test_the_second_stands_by_until_the_first_ends(lock: Path) -> None:
    """And says once that it does."""
    began, stood_by, ended = [], [], asyncio.Event()

    async def first() -> None:
        began.append(1)
        await ended.wait()

    async def second() -> None:
        began.append(2)

    running = asyncio.create_task(alone(lock, first))
    await asyncio.sleep(0.05)
    waiting = asyncio.create_task(alone(lock, second, lambda: stood_by.append(2)))
    await asyncio.sleep(0.05)
    before = list(began)
    ended.set()
    await asyncio.wait_for(asyncio.gather(running, waiting), 5)

    assert before == [1]
    assert stood_by == [2]
    assert began == [1, 2]


async def test_work_that_fails_leaves_the_lock_to_others(lock: Path) -> None:
    """What it raised comes through."""

    async def fails() -> None:
        raise RuntimeError("broken")

    async def works() -> None:
        done.append(True)

    done: list[bool] = []
    with pytest.raises(RuntimeError, match="broken"):
        await alone(lock, fails)
    await asyncio.wait_for(alone(lock, works), 1)

    assert done == [True]


@pytest.mark.slow
async def test_a_killed_process_holds_nothing(lock: Path) -> None:
    """The kernel lets go of its lock."""
    lock.parent.mkdir()
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(lock)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    done = asyncio.Event()

    async def work() -> None:
        done.set()

    task = asyncio.create_task(alone(lock, work))
    await asyncio.sleep(0.1)
    held = not done.is_set()
    process.kill()
    process.wait()
    process.stdout.close()
    await asyncio.wait_for(task, 5)

    assert held
    assert done.is_set()
