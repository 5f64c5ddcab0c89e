"""Time as a dependency: wall time in epoch milliseconds, durations in monotonic seconds, and sleeping in either.

Everything with a lifetime is given a `Clock`; pure code is given `now_ms`. A scaled clock lets a whole service
live simulated hours in seconds, and several processes share it by its `spec` string.
"""

from __future__ import annotations

import asyncio
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
