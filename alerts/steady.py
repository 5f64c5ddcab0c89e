"""Time for the rules: never set, and still while this process stands still."""

from __future__ import annotations

from collections import Counter

import structlog

from shedwatch.clock import Clock

_log = structlog.get_logger(__name__)

STALL_MS = 10_000
"""Longer between two looks at the clock than ten ticks, and it was this process that stood still, not the devices that
were silent: rules are told of no more, so that a stall ends in queued messages being judged and not in a flood of
`offline`."""


class SteadyTime:
    """Starts as the wall clock's, never steps when that is set, and leaves out stalls.

    Args:
        counts: where `stalls` is counted.
    """

    def __init__(self, clock: Clock, counts: Counter[str]) -> None:
        self._clock = clock
        self._counts = counts
        self._steady_ms = float(clock.now_ms())
        self._looked_s = clock.monotonic()

    def now_ms(self) -> int:
        """The time now."""
        now_s = self._clock.monotonic()
        passed_ms = (now_s - self._looked_s) * 1000
        self._looked_s = now_s
        if passed_ms > STALL_MS:
            self._counts["stalls"] += 1
            _log.warning("alarm evaluation stood still", seconds=round(passed_ms / 1000, 1))
        self._steady_ms += min(passed_ms, STALL_MS)
        return round(self._steady_ms)
