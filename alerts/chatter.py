"""Chatter: what comes and goes three times in a minute clears only after a longer pause, so that it is one alarm.

Only clearing is delayed, never an announcement. Time in epoch milliseconds; pure but for what it remembers.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from alerts.model import AlertKey

CHATTER_MS = 60_000
"""Three announcements within a minute are chatter, as alarm management counts it."""

TIMES = 3
FIRST_HOLD_MS = 60_000
"""The pause at first: as long as the minute that showed the chatter."""

LONGEST_HOLD_MS = 600_000
"""Ten minutes: an alarm that is held longer says nothing of the present any more."""

_AGAIN = 3
_FORGET = 10


@dataclass(slots=True)
class _Habit:
    times: deque[int] = field(default_factory=lambda: deque(maxlen=TIMES))
    hold_ms: int = 0


class Chatter:
    """Remembers when each key was announced."""

    def __init__(self) -> None:
        self._habits: dict[AlertKey, _Habit] = {}

    def announced(self, key: AlertKey, now_ms: int) -> int | None:
        """An alert of this key came before people; the new pause in milliseconds where that has grown by it."""
        habit = self._habits.setdefault(key, _Habit())
        last_ms = habit.times[-1] if habit.times else None
        habit.times.append(now_ms)
        if not habit.hold_ms:
            if len(habit.times) < TIMES or now_ms - habit.times[0] > CHATTER_MS:
                return None
            habit.hold_ms = FIRST_HOLD_MS
            return habit.hold_ms
        if last_ms is not None and now_ms - last_ms <= _AGAIN * habit.hold_ms and habit.hold_ms < LONGEST_HOLD_MS:
            habit.hold_ms = min(2 * habit.hold_ms, LONGEST_HOLD_MS)
            return habit.hold_ms
        return None

    def hold_ms(self, key: AlertKey) -> int:
        """How long the hazard must be gone before the alert clears; 0 for what does not chatter."""
        habit = self._habits.get(key)
        return habit.hold_ms if habit else 0

    def damped(self) -> dict[AlertKey, int]:
        """The keys that chatter, with their pause."""
        return {key: habit.hold_ms for key, habit in self._habits.items() if habit.hold_ms}

    def tick(self, now_ms: int) -> None:
        """Forget what has been quiet for ten times its pause."""
        self._habits = {
            key: habit
            for key, habit in self._habits.items()
            if now_ms - habit.times[-1] <= max(CHATTER_MS, _FORGET * habit.hold_ms)
        }
