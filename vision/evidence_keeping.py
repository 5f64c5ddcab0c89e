"""How long evidence pictures are kept: by age and by what all of them take on the disk, never those of open alarms.

A picture's age is that of its capture, which stands in its name, so that a simulated day is judged by its own time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import structlog

from shedwatch.clock import Clock
from vision.evidence import NAME_PATTERN

log = structlog.get_logger(__name__)

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
EVERY_S = 600.0
# Time for the alarm a picture belongs to to be written; whatever the disk says, so young a picture is not touched.
YOUNG_MS = HOUR_MS


@dataclass(frozen=True, slots=True)
class EvidenceLimits:
    """Pictures older than `days` go, and the oldest where all together exceed `max_bytes`."""

    days: float = 90.0
    max_bytes: int = 10 << 30


class Kept(NamedTuple):
    """A picture that is there."""

    name: str
    captured_ms: int
    size: int


@dataclass(slots=True)
class KeepingCounters:
    """What is kept, and what went since the start."""

    pictures: int = 0
    bytes: int = 0
    deleted: int = 0
    failures: int = 0


def to_delete(pictures: Iterable[Kept], needed: Collection[str], now_ms: int, limits: EvidenceLimits) -> list[Kept]:
    """Which pictures go, oldest first; none that is `needed` or younger than an hour."""
    kept = sorted(pictures, key=lambda picture: picture.captured_ms)
    over = sum(picture.size for picture in kept) - limits.max_bytes
    gone = []
    for picture in kept:
        if picture.name in needed or now_ms - picture.captured_ms < YOUNG_MS:
            continue
        if over > 0 or now_ms - picture.captured_ms > limits.days * DAY_MS:
            gone.append(picture)
            over -= picture.size
    return gone


class EvidenceKeeping:
    """Keep `run` running in one process of the service.

    `needed`: names of all pictures of open alarms; raises where that cannot be known now, and then nothing is deleted.
    """

    def __init__(
        self, folder: Path, needed: Callable[[], Awaitable[Collection[str]]], limits: EvidenceLimits, clock: Clock
    ) -> None:
        self.counters = KeepingCounters()
        self._folder = folder
        self._needed = needed
        self._limits = limits
        self._clock = clock

    async def run(self) -> None:
        """Look every ten minutes, until cancelled."""
        while True:
            try:
                await self.tidy()
            except Exception as error:  # noqa: BLE001 - whatever hinders it, pictures stay, and it is tried again
                self.counters.failures += 1
                log.warning("evidence_not_tidied", reason=str(error) or type(error).__name__)
            await self._clock.sleep(EVERY_S)

    async def tidy(self) -> int:
        """Delete what is to go; how many. Raises what `needed` raises, and OSError."""
        pictures = await asyncio.to_thread(_pictures, self._folder)
        gone = to_delete(pictures, await self._needed(), self._clock.now_ms(), self._limits)
        await asyncio.to_thread(_delete, self._folder, gone)
        self.counters.pictures = len(pictures) - len(gone)
        self.counters.bytes = sum(picture.size for picture in pictures) - sum(picture.size for picture in gone)
        self.counters.deleted += len(gone)
        if gone:
            log.info(
                "evidence_deleted", pictures=len(gone), oldest_ms=gone[0].captured_ms, newest_ms=gone[-1].captured_ms
            )
        return len(gone)


def _pictures(folder: Path) -> list[Kept]:
    return [
        Kept(path.name, captured_ms, path.stat().st_size)
        for path in folder.iterdir()
        if (captured_ms := captured_ms_of(path.name)) is not None
    ]


def captured_ms_of(name: str) -> int | None:
    """When a picture was taken, by its name (`vision.evidence.EvidenceFolder`); None for anything else."""
    parts = name.rsplit("-", 2)
    return int(parts[1]) if NAME_PATTERN.fullmatch(name) and len(parts) == 3 and parts[1].isdecimal() else None


def _delete(folder: Path, pictures: Iterable[Kept]) -> None:
    for picture in pictures:
        (folder / picture.name).unlink(missing_ok=True)
