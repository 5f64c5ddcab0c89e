"""Lock-step: a scenario's time moves only when all that was sent has arrived and been judged.

Hours then take as long as what happens in them, the load of the machine changes nothing, and the same seed gives the
same result. It needs a service that lives by the same `SteeredClock` and can say when it is done: `Steering`.
"""

from __future__ import annotations

import math
from typing import Protocol

from ingest.model import DeviceRef
from shedwatch.clock import SteeredClock


class Passed(Protocol):
    """What the judge of rest must know of the simulated side."""

    def at_rest(self) -> bool:
        """Whether all devices have sent what they have to send."""

    def passed(self) -> int:
        """How many messages the broker has to have passed on by now."""

    def hears(self, charger: DeviceRef) -> bool:
        """Whether orders reach this charger now."""

    def heard(self, charger: DeviceRef) -> int:
        """How many orders have reached it."""


class Steering(Protocol):
    """The service's side of lock-step."""

    @property
    def clock(self) -> SteeredClock:
        """The clock both sides live by; it is ours to move."""

    async def settle(self, devices: Passed) -> None:
        """Return when all that the devices sent has been judged and told, and nothing else is left to do."""


def next_step_s(due_s: float, grain_s: float, until_s: float) -> float:
    """When the next step is, for something due at `due_s`: at the end of its grain, or of the scenario."""
    if due_s >= until_s:
        return until_s
    # Rounded, so that a tenth that is not one in binary does not become the next; never before what is due, or it would
    # stay due for ever.
    return min(until_s, max(due_s, math.ceil(round(due_s / grain_s, 6)) * grain_s))
