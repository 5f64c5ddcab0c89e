"""Is the corridor blocked by something that was set down and left?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CorridorSettings:
    """How corridor zones are watched.

    Attributes:
        dwell_s: how long an object stands before it counts as blocking. A minute lets people load and unload a bike.
    """

    dwell_s: float = 60.0
