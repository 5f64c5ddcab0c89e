"""Work on a store's file that one process at a time may do, of all those that share it.

Whoever holds the lock file's lock works; the kernel takes it from a process that ends, however it ends, so that the next
goes on at once and no clock has to be trusted. The file itself stays and holds nothing.
"""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import BinaryIO

import structlog

log = structlog.get_logger(__name__)

TAKE_OVER_S = 0.5
"""How long work may rest after its process has died, at most."""


def lock_of(store: Path, work: str) -> Path:
    """The lock file of a kind of work on a store's file, beside it."""
    return store.with_name(f"{store.name}-{work}.lock")


async def alone(lock: Path, work: Callable[[], Awaitable[None]], stand_by: Callable[[], None] = lambda: None) -> None:
    """Do `work` as soon as no other process does; `stand_by` is called where one does. Raises what `work` raises, and OSError."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("ab") as file:
        if not _take(file):
            log.info("another_process_does_it", lock=lock.name)
            stand_by()
            while not _take(file):  # noqa: ASYNC110 - nothing tells of another process's end
                await asyncio.sleep(TAKE_OVER_S)
            log.info("taken_over", lock=lock.name)
        await work()


def _take(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
