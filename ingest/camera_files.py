"""Pictures from a file that something keeps writing anew, or from a folder into which something puts them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

from shedwatch.clock import Clock

SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})


async def file_pictures(source: str, every_s: float, clock: Clock) -> AsyncGenerator[tuple[bytes, int]]:
    """The picture each time it was written anew. Raises OSError where it is gone."""
    path, seen_ns = Path(source), -1
    while True:
        changed_ns = (await asyncio.to_thread(path.stat)).st_mtime_ns
        if changed_ns != seen_ns:
            seen_ns = changed_ns
            yield await asyncio.to_thread(path.read_bytes), changed_ns // 1_000_000
        await clock.sleep(every_s)


async def folder_pictures(source: str, every_s: float, clock: Clock) -> AsyncGenerator[tuple[bytes, int]]:
    """The newest picture of the folder, whenever there is a newer one. Raises OSError where the folder is gone.

    What lies there at the start counts from its newest picture on: the rest is past.
    """
    folder, seen = Path(source), (-1, "")
    while True:
        newest = await asyncio.to_thread(_newest, folder)
        if newest is not None and newest > seen:
            seen = newest
            yield await asyncio.to_thread((folder / newest[1]).read_bytes), newest[0] // 1_000_000
        await clock.sleep(every_s)


def _newest(folder: Path) -> tuple[int, str] | None:
    pictures = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file()]
    return max(((path.stat().st_mtime_ns, path.name) for path in pictures), default=None)
