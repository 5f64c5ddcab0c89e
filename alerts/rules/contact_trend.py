"""How a port's rise of temperature depends on its current, by the day, and how it has drifted from what it was.

ΔT = a + r·I², fitted by least squares over sums, with r drawn towards that of a sound contact where the loads hardly
differ (ridge regression, Hoerl and Kennard 1970). A day is a handful of sums, so weeks of a port are some thirty numbers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

SOUND_PER_A2_C = 0.5
"""°C/A² of a sound contact, as `hazards.TemperatureRise` grants."""
_RIDGE_A4 = 20.0
"""As strong as this much scatter of the squared current (A⁴) over all samples."""

_IDLE_SAMPLES = 6
"""Half an hour of a port without current, at least, tells where its sensor stands to the reference that day."""


class Sums:
    """Sums over samples: with current (n, x = I², y = ΔT, xx, xy), without (n, y)."""

    __slots__ = ("idle_n", "idle_y", "n", "x", "xx", "xy", "y")

    def __init__(self, values: Iterable[float] = (0.0,) * 7) -> None:
        self.n, self.x, self.y, self.xx, self.xy, self.idle_n, self.idle_y = values

    def add(self, current_a: float, rise_c: float) -> None:
        """Take a sample; 0 A is one without current."""
        if current_a == 0.0:
            self.idle_n += 1
            self.idle_y += rise_c
            return
        a2 = current_a * current_a
        self.n += 1
        self.x += a2
        self.y += rise_c
        self.xx += a2 * a2
        self.xy += a2 * rise_c

    def merge(self, other: Sums, idle_c: float, weight: float = 1.0) -> None:
        """Take over another's samples with current as rises over `idle_c`; what was here before counts by `weight`."""
        self.n = self.n * weight + other.n
        self.x = self.x * weight + other.x
        self.y = self.y * weight + other.y - other.n * idle_c
        self.xx = self.xx * weight + other.xx
        self.xy = self.xy * weight + other.xy - other.x * idle_c

    def idle_c(self) -> float | None:
        """The rise without current, or None where there are too few samples of it."""
        return self.idle_y / self.idle_n if self.idle_n >= _IDLE_SAMPLES else None

    def pack(self) -> list[float]:
        """As plain values; `Sums(values)` takes them back."""
        return [round(v, 3) for v in (self.n, self.x, self.y, self.xx, self.xy, self.idle_n, self.idle_y)]

    def line(self) -> tuple[float, float]:
        """Of the fitted line: a and r."""
        mean_x, mean_y = self.x / self.n, self.y / self.n
        scatter = self.xx - self.x * mean_x
        slope = (self.xy - self.x * mean_y + _RIDGE_A4 * SOUND_PER_A2_C) / (scatter + _RIDGE_A4)
        return mean_y - slope * mean_x, slope


class ContactTrend:
    """One port's habit and its last days.

    A day's rises count from what the port showed without current on that day (else the last day it did): a sensor that
    was moved, or a reference that changed, is no wear.

    Args:
        recent_days: days with samples that are judged.
        half_life_days: after which a day of the habit counts half.
    """

    __slots__ = ("_half_life_days", "_idle_c", "_last_day", "_recent_days", "days", "habit", "recent")

    def __init__(self, recent_days: int, half_life_days: float) -> None:
        self._recent_days = recent_days
        self._half_life_days = half_life_days
        self._idle_c: float | None = None
        self._last_day = 0
        self.habit = Sums()
        self.days = 0
        self.recent: deque[tuple[int, Sums]] = deque()

    def add(self, day: int, current_a: float, rise_c: float) -> None:
        """Take a sample of a day (counted from anywhere)."""
        if not self.recent or self.recent[-1][0] < day:
            if self.recent and not self.recent[-1][1].n:
                self._learn(*self.recent.pop())
            self.recent.append((day, Sums()))
            while len(self.recent) > self._recent_days:
                self._learn(*self.recent.popleft())
        self.recent[-1][1].add(current_a, rise_c)

    def drift(self, min_samples: int, learn_days: int) -> tuple[float, float] | None:
        """°C that the last days are above the habit at their loads, and those loads in A²; None while too little is known."""
        if self.days < learn_days or self.habit.n < min_samples:
            return None
        now, idle_c = Sums(), self._idle_c
        for _, sums in self.recent:
            own_c = sums.idle_c()
            idle_c = idle_c if own_c is None else own_c
            if idle_c is not None:
                now.merge(sums, idle_c)
        if now.n < min_samples or len(self.recent) < self._recent_days:
            return None
        base_c, per_a2_c = self.habit.line()
        load_a2 = now.x / now.n
        return now.y / now.n - (base_c + per_a2_c * load_a2), load_a2

    def pack(self) -> list[Any]:
        """As plain values."""
        recent = [[day, sums.pack()] for day, sums in self.recent]
        return [self.habit.pack(), self.days, self._last_day, self._idle_c, recent]

    def unpack(
        self, habit: Iterable[float], days: int, last_day: int, idle_c: float | None, recent: Iterable[Any]
    ) -> None:
        """Take back what `pack` gave."""
        self.habit, self.days, self._last_day, self._idle_c = Sums(habit), days, last_day, idle_c
        self.recent = deque((day, Sums(values)) for day, values in recent)

    def _learn(self, day: int, sums: Sums) -> None:
        own_c = sums.idle_c()
        self._idle_c = self._idle_c if own_c is None else own_c
        if self._idle_c is None or not sums.n:
            # A port that was in use ever since cannot tell what of its rise is its sensor's place.
            return
        passed = day - self._last_day if self.days else 0
        self.habit.merge(sums, self._idle_c, 0.5 ** (passed / self._half_life_days))
        self.days += 1
        self._last_day = day
