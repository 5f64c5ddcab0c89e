"""How often a device usually speaks, so that its silence can be told from its habit."""

from __future__ import annotations

from collections import deque

KNOWN_GAPS = 4
"""Gaps after which a habit is known."""


class Habit:
    """Learns the usual gap between arrivals: the second largest of the last sixteen, so that one hiccup is no habit.

    Args:
        same_message_ms: arrivals nearer together belong to one message and are no gap.
    """

    __slots__ = ("_gaps_ms", "_same_message_ms", "last_ms")

    def __init__(self, same_message_ms: int = 1000) -> None:
        self.last_ms: int | None = None
        self._gaps_ms: deque[int] = deque(maxlen=16)
        self._same_message_ms = same_message_ms

    def heard(self, now_ms: int, longest_ms: float) -> None:
        """It has spoken. A gap over `longest_ms` was an outage and is not learned."""
        if self.last_ms is not None:
            gap_ms = now_ms - self.last_ms
            if gap_ms < self._same_message_ms:
                return
            if gap_ms <= longest_ms:
                self._gaps_ms.append(gap_ms)
        self.last_ms = now_ms

    @property
    def gap_ms(self) -> int | None:
        """The usual gap, or None while it is not known."""
        return sorted(self._gaps_ms)[-2] if len(self._gaps_ms) >= KNOWN_GAPS else None

    def limit_ms(self, intervals: float, unknown_s: float, floor_s: float, ceiling_s: float) -> float:
        """How long it may be silent: `intervals` usual gaps within floor and ceiling, `unknown_s` until they are known."""
        gap_ms = self.gap_ms
        if gap_ms is None:
            return unknown_s * 1000
        return min(max(intervals * gap_ms, floor_s * 1000), ceiling_s * 1000)
