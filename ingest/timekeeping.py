"""Which time a message belongs to, and whether it is news: device clocks are wrong more often than networks are slow.

A message whose device time lags behind is either a backlog sent late or sent by a slow clock. The lag of a backlog
shrinks as it is worked off; that of a slow clock stays. So a lag that has stayed the same for a while is taken for
a slow clock, and the device's messages ring again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ingest.model import DeviceRef


@dataclass(frozen=True, slots=True)
class TimePolicy:
    """How far a device's clock is believed.

    Attributes:
        past_s: device times older than this are taken for a clock that was never set.
        future_s: those further ahead too.
        late_s: a lag beyond this makes a message part of a backlog, until it proves to be the clock.
        steady_s: how long the lag must have stayed the same to be the clock's.
        tolerance_s: what still counts as the same lag (networks jitter).
    """

    past_s: float = 7 * 86_400.0
    future_s: float = 120.0
    late_s: float = 120.0
    steady_s: float = 30.0
    tolerance_s: float = 10.0


class Judged(NamedTuple):
    """`ts_ms`: where the store keeps it. `late`: belongs to a backlog. `skewed`: the device's clock is known wrong."""

    ts_ms: int
    late: bool
    skewed: bool


@dataclass(slots=True)
class _Stretch:
    """A time over which a device's lag stayed the same."""

    lag_ms: int
    since_ms: int


class DeviceClocks:
    """What is known of each device's clock."""

    def __init__(self, policy: TimePolicy = TimePolicy()) -> None:
        self._past_ms = policy.past_s * 1000
        self._future_ms = policy.future_s * 1000
        self._late_ms = policy.late_s * 1000
        self._steady_ms = policy.steady_s * 1000
        self._tolerance_ms = policy.tolerance_s * 1000
        self._lagging: dict[DeviceRef, _Stretch] = {}

    def judge(self, device: DeviceRef, device_ms: int | None, received_ms: int) -> Judged:
        """Judge the time a device claims for a message just received."""
        if device_ms is None:
            return Judged(received_ms, False, False)
        lag_ms = received_ms - device_ms
        if not -self._future_ms <= lag_ms <= self._past_ms:
            return Judged(received_ms, late=False, skewed=True)
        if lag_ms <= self._late_ms:
            if self._lagging:
                self._lagging.pop(device, None)
            return Judged(device_ms, False, False)
        stretch = self._lagging.get(device)
        if stretch is None or abs(lag_ms - stretch.lag_ms) > self._tolerance_ms:
            self._lagging[device] = _Stretch(lag_ms, received_ms)
            return Judged(device_ms, late=True, skewed=False)
        steady = received_ms - stretch.since_ms >= self._steady_ms
        if steady:
            # A clock that is slow also drifts: it is followed, or its device would count as a backlog again and again.
            stretch.lag_ms = lag_ms
        return Judged(device_ms, late=not steady, skewed=steady)
