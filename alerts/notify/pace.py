"""No more messages than a vendor allows: a robot that sends too often is blocked for minutes.

A part of the allowance is kept for what cannot wait, so that a flood of small news never holds up a fire.
"""

from __future__ import annotations

from collections import deque

from alerts.model import Severity
from alerts.notify.port import Channel, EventAction, Notice, PacedError, Receipt
from shedwatch.clock import Clock


class Pace:
    """A sliding window of `limit` messages in `window_s`, of which `kept` are for urgent ones alone."""

    def __init__(self, limit: int, window_s: float, kept: int = 0) -> None:
        if not 0 <= kept < limit:
            raise ValueError("some of the allowance must be for everyone")
        self._limit = limit
        self._window_s = window_s
        self._kept = kept
        self._sent: deque[float] = deque()

    def wait_s(self, now_s: float, urgent: bool, cost: int = 1) -> float:
        """Seconds until so many messages may be sent; 0 for now."""
        while self._sent and self._sent[0] <= now_s - self._window_s:
            self._sent.popleft()
        allowed = self._limit if urgent else self._limit - self._kept
        beyond = len(self._sent) + cost - allowed
        if beyond <= 0:
            return 0.0
        if not self._sent:
            return 0.0
        return self._sent[min(beyond, len(self._sent)) - 1] + self._window_s - now_s

    def spend(self, now_s: float, cost: int = 1) -> None:
        """So many were sent."""
        self._sent.extend([now_s] * cost)


class PacedChannel:
    """A `Channel` that keeps another within its vendor's limit.

    Args:
        picture_cost: messages that a picture takes beside its text.
    """

    def __init__(self, channel: Channel, pace: Pace, clock: Clock, picture_cost: int = 0) -> None:
        self.name = channel.name
        self._channel = channel
        self._pace = pace
        self._clock = clock
        self._picture_cost = picture_cost

    async def send(self, notice: Notice) -> Receipt:
        cost = 1 + (self._picture_cost if notice.pictures else 0)
        now_s = self._clock.monotonic()
        if (wait_s := self._pace.wait_s(now_s, is_urgent(notice), cost)) > 0.0:
            raise PacedError(f"within the limit again in {wait_s:.0f} s", wait_s)
        self._pace.spend(now_s, cost)
        return await self._channel.send(notice)

    async def close(self) -> None:
        await self._channel.close()


def is_urgent(notice: Notice) -> bool:
    """Whether it may use the part of the allowance that is kept: somebody has to act on it now."""
    real = notice.event_action is EventAction.TRIGGER and not notice.test
    return real and notice.alert.severity.rank >= Severity.HIGH.rank
