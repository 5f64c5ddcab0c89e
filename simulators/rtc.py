"""A device's clock: scenario time → the time stamp it believes in."""

from __future__ import annotations

from simulators.faults import FaultsOf
from simulators.habits import Habit


class DeviceClock:
    """What a device writes into `ts`: true time, but for a crystal's drift, a boot without battery, and faults.

    Args:
        start_ms: epoch milliseconds of scenario time 0.
        ppm: how much it runs fast.
        phase_s: how long before scenario time 0 it was last set right.
    """

    def __init__(self, start_ms: int, habit: Habit, faults: FaultsOf, *, ppm: float, phase_s: float) -> None:
        self._start_ms = start_ms
        self._habit = habit
        self._faults = faults
        self._ppm = ppm
        self._set_s = -phase_s
        self._booted_s: float | None = None

    def boot(self, t_s: float) -> None:
        """It has lost its power until now."""
        self._booted_s = t_s

    def stamp_ms(self, t_s: float) -> int:
        """Its time in epoch milliseconds."""
        if lost := self._faults.on("clock_1970", t_s):
            return round((t_s - lost.at_s) * 1000.0)
        if self._booted_s is not None:
            if self._habit.boots_at_1970 and t_s < self._booted_s + self._habit.asks_time_s:
                return round((t_s - self._booted_s) * 1000.0)
            self._set_s, self._booted_s = t_s, None
        since_set_s = (t_s - self._set_s) % self._habit.sync_s
        wrong_s = since_set_s * self._ppm * 1e-6
        if skew := self._faults.on("clock_skew", t_s):
            wrong_s += skew.figure("seconds")
        if drift := self._faults.on("clock_drift", t_s):
            wrong_s += (t_s - drift.at_s) * drift.figure("ppm") * 1e-6
        return self._start_ms + round((t_s + wrong_s) * 1000.0)
