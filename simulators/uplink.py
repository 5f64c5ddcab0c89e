"""A charger's way to the broker: messages it makes → messages that arrive, late, twice, in a burst, or not at all.

What is held back leaves at `due_s`. The bytes stay what they were when the device made them.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from dataclasses import replace
from random import Random

from simulators.device import Outgoing
from simulators.faults import FaultsOf

# A burst after a dead zone: the link is up again for this long, then a message each so many seconds.
_BURST_AFTER_S = 2.0
_BURST_EVERY_S = 0.05
_REPEAT_S = (0.2, 4.0)


class Uplink:
    """The way of one charger. Messages go in as they are made, and out in order of their `t_s`."""

    def __init__(self, faults: FaultsOf, random: Random) -> None:
        self._faults = faults
        self._random = random
        self._held: list[tuple[float, int, Outgoing]] = []
        self._count = 0
        self._buffer: deque[Outgoing] = deque()
        self._bursts = [(at_s, fault) for at_s, fault, begins in faults.edges(("dead_zone",)) if not begins]

    @property
    def due_s(self) -> float:
        """When something that was held back leaves."""
        held_s = self._held[0][0] if self._held else math.inf
        return min(held_s, self._bursts[0][0] if self._bursts else math.inf)

    def carry(self, made: list[Outgoing]) -> list[Outgoing]:
        """Take what was made; what of it leaves at once."""
        return [message for made_one in made for message in self._one(made_one)]

    def release(self, t_s: float) -> list[Outgoing]:
        """What was held back and leaves until `t_s`."""
        while self._bursts and self._bursts[0][0] <= t_s:
            at_s, _ = self._bursts.pop(0)
            for number, message in enumerate(self._buffer):
                self._hold(replace(message, t_s=at_s + _BURST_AFTER_S + number * _BURST_EVERY_S))
            self._buffer.clear()
        left = []
        while self._held and self._held[0][0] <= t_s:
            left.append(heapq.heappop(self._held)[2])
        return left

    def _one(self, message: Outgoing) -> list[Outgoing]:
        t_s = message.t_s
        if dead := self._faults.on("dead_zone", t_s):
            # What is pushed is pushed once; only what is logged can be sent later.
            if message.topic.endswith("/telemetry"):
                self._buffer.append(message)
                if len(self._buffer) > dead.figure("keeps"):
                    self._buffer.popleft()
            return []
        if (again := self._faults.on("duplicates", t_s)) and self._random.random() < again.figure("share"):
            self._hold(replace(message, t_s=t_s + self._random.uniform(*_REPEAT_S)))
        if astray := self._faults.on("out_of_order", t_s):
            self._hold(replace(message, t_s=t_s + self._random.uniform(0.0, astray.figure("spread_s"))))
            return []
        return [message]

    def _hold(self, message: Outgoing) -> None:
        self._count += 1
        heapq.heappush(self._held, (message.t_s, self._count, message))
