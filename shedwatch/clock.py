"""Time as a dependency: wall time in epoch milliseconds, durations in monotonic seconds, and sleeping in either.

Everything with a lifetime is given a `Clock`; pure code is given `now_ms`. A scaled clock lets a whole service
live simulated hours in seconds, and several processes share it by its `spec` string; a steered clock does so too, with
the same result on any machine, for it is moved only when all that belongs to its hour is done.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """What code that lives in time may ask."""

    def now_ms(self) -> int:
        """Wall time, epoch milliseconds UTC."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary origin that never step back; measure durations with it."""

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds of this clock."""


class SystemClock:
    """The machine's own clocks."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """Runs `speed` times as fast as the machine from `origin_ms`, counted from `origin_monotonic_s`.

    `time.monotonic()` has one origin for all processes of a machine, so processes that share `spec` agree.
    """

    origin_ms: int
    speed: float
    origin_monotonic_s: float

    def now_ms(self) -> int:
        return self.origin_ms + int(self.monotonic() * 1000)

    def monotonic(self) -> float:
        return (time.monotonic() - self.origin_monotonic_s) * self.speed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)

    @property
    def spec(self) -> str:
        """This clock as text, for another process."""
        return f"{self.origin_ms}:{self.speed!r}:{self.origin_monotonic_s!r}"


class ManualClock:
    """Stands still until told otherwise; for tests. Sleeping moves it on at once."""

    def __init__(self, now_ms: int = 1_795_400_000_000) -> None:
        self._origin_ms = now_ms
        self._elapsed_s = 0.0

    def now_ms(self) -> int:
        return self._origin_ms + round(self._elapsed_s * 1000)

    def monotonic(self) -> float:
        return self._elapsed_s

    def advance(self, seconds: float) -> None:
        """Move on by `seconds`."""
        self._elapsed_s += seconds

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0)


class SteeredClock:
    """Stands still until somebody moves it; those who sleep wake when it has come to their time.

    Who moves it must wait in between until everybody it woke is done: see `shedwatch.idle_loop`.
    """

    def __init__(self, now_ms: int) -> None:
        self._origin_ms = now_ms
        self._elapsed_s = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._slept = 0

    def now_ms(self) -> int:
        return self._origin_ms + round(self._elapsed_s * 1000)

    def monotonic(self) -> float:
        return self._elapsed_s

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0.0:
            await asyncio.sleep(0)
            return
        waking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._slept += 1
        heapq.heappush(self._sleepers, (self._elapsed_s + seconds, self._slept, waking))
        await waking

    @property
    def due_s(self) -> float:
        """When the next sleeper wakes, in seconds of `monotonic`; infinite while nobody sleeps."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else math.inf

    def move_to(self, monotonic_s: float) -> None:
        """Be at that time, and wake whoever is due by then. Raises ValueError for a time that has passed."""
        if monotonic_s < self._elapsed_s:
            raise ValueError(f"the clock stands at {self._elapsed_s} s and cannot go back to {monotonic_s} s")
        self._elapsed_s = monotonic_s
        while self.due_s <= monotonic_s:
            heapq.heappop(self._sleepers)[2].set_result(None)


def scaled(start_ms: int, speed: float) -> ScaledClock:
    """A scaled clock that reads `start_ms` now."""
    return ScaledClock(origin_ms=start_ms, speed=speed, origin_monotonic_s=time.monotonic())


def from_spec(spec: str | None) -> Clock:
    """The clock another process wrote as `spec`, or the system's where there is none.

    Raises:
        ValueError: the text is not `origin_ms:speed:origin_monotonic_s`.
    """
    if not spec:
        return SystemClock()
    parts = spec.split(":")
    if len(parts) != 3:
        raise ValueError(f"clock spec {spec!r} is not origin_ms:speed:origin_monotonic_s")
    return ScaledClock(origin_ms=int(parts[0]), speed=float(parts[1]), origin_monotonic_s=float(parts[2]))
