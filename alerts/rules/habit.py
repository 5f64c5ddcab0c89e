"""How often a device usually speaks, so that its silence can be told from its habit."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

KEPT_GAPS = 16
KNOWN_GAPS = 4
"""Gaps after which a habit is known."""
ALIKE = 1.5
"""Gaps are of one length where the longest is at most half as long again as the shortest."""


class Habit:
    """Learns the usual gap between arrivals: the second largest of the last sixteen, so that one hiccup is no habit.

    A gap longer than it should be is an outage and is not learned, until four of about one length follow each other: then
    the device has been told to speak less often.

    Args:
        same_message_ms: arrivals nearer together belong to one message and are no gap.

    Attributes:
        last_ms: when it spoke last, or None.
        gap_ms: the usual gap, or None while it is not known.
    """

    __slots__ = ("_gaps_ms", "_long_ms", "_same_message_ms", "gap_ms", "last_ms")

    def __init__(self, same_message_ms: int = 1000) -> None:
        self.last_ms: int | None = None
        self.gap_ms: int | None = None
        self._gaps_ms: deque[int] = deque(maxlen=KEPT_GAPS)
        self._long_ms: list[int] = []
        self._same_message_ms = same_message_ms

    def is_same_message(self, now_ms: int) -> bool:
        """Whether what arrives now belongs to what arrived last."""
        return self.last_ms is not None and now_ms - self.last_ms < self._same_message_ms

    def heard(self, now_ms: int, longest_ms: float) -> bool:
        """It has spoken; True where that was the first time or has changed its usual gap.

        A gap over `longest_ms` was an outage.
        """
        if self.last_ms is None:
            self.last_ms = now_ms
            return True
        gap_ms = now_ms - self.last_ms
        if gap_ms < self._same_message_ms:
            return False
        self.last_ms = now_ms
        if gap_ms <= longest_ms:
            self._long_ms.clear()
            return self._learn(gap_ms)
        self._long_ms.append(gap_ms)
        if len(self._long_ms) < KNOWN_GAPS:
            return False
        if max(self._long_ms) > ALIKE * min(self._long_ms):
            self._long_ms.pop(0)
            return False
        return self.recall(self._long_ms)

    @property
    def gaps_ms(self) -> list[int]:
        """What it was learned from."""
        return list(self._gaps_ms)

    def recall(self, gaps_ms: Iterable[int]) -> bool:
        """Take these gaps for the habit; True where that has changed it."""
        before_ms = self.gap_ms
        self._gaps_ms.clear()
        self._gaps_ms.extend(gaps_ms)
        self._long_ms.clear()
        self.gap_ms = sorted(self._gaps_ms)[-2] if len(self._gaps_ms) >= KNOWN_GAPS else None
        return self.gap_ms != before_ms

    def _learn(self, gap_ms: int) -> bool:
        before_ms, gaps_ms = self.gap_ms, self._gaps_ms
        forgotten_ms = gaps_ms[0] if len(gaps_ms) == KEPT_GAPS else -1
        gaps_ms.append(gap_ms)
        if forgotten_ms == gap_ms or (before_ms is not None and gap_ms <= before_ms and forgotten_ms < before_ms):
            # The second largest is what it was.
            return False
        if len(gaps_ms) >= KNOWN_GAPS:
            self.gap_ms = sorted(gaps_ms)[-2]
        return self.gap_ms != before_ms

    def limit_ms(self, intervals: float, unknown_s: float, floor_s: float, ceiling_s: float) -> float:
        """How long it may be silent: `intervals` usual gaps within floor and ceiling, `unknown_s` until they are known."""
        gap_ms = self.gap_ms
        if gap_ms is None:
            return unknown_s * 1000
        return min(max(intervals * gap_ms, floor_s * 1000), ceiling_s * 1000)
