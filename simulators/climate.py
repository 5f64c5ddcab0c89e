"""Air by season and hour: day of the year → temperature, for a scenario that gives a date and no temperature.

A sine through the monthly means of a northern Chinese city (about −2 °C in January, 28 °C in July, as in Beijing), and
the weather's own swings over days. A scenario elsewhere gives `air_c`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from random import Random

YEAR_MEAN_C = 13.0
YEAR_SWING_C = 15.0
# The warmest day on average, counted from 1 January.
WARMEST_DAY = 205.0
DAY_SWING_C = 4.5
_DAY_S = 86_400.0


def season_c(day_of_year: float) -> float:
    """Mean temperature of a day of the year (1-366)."""
    return YEAR_MEAN_C + YEAR_SWING_C * math.cos((day_of_year - WARMEST_DAY) / 365.25 * math.tau)


@dataclass(frozen=True, slots=True)
class Weather:
    """Daily means as time goes on, the same for the same seed.

    Attributes:
        day_of_year: at scenario time 0 (1-366).
    """

    seed: str
    day_of_year: float
    _spells: tuple[tuple[float, float, float], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        random = Random(f"{self.seed}:weather")
        # Warm and cold spells of a few days each; together they reach four kelvin.
        spells = tuple(
            (random.uniform(0.7, 1.4), random.uniform(2.5, 9.0) * _DAY_S, random.uniform(0.0, math.tau))
            for _ in range(3)
        )
        object.__setattr__(self, "_spells", spells)

    def mean_c(self, t_s: float) -> float:
        """Mean temperature of the day around this time."""
        spell_c = sum(kelvin * math.sin(t_s / period * math.tau + phase) for kelvin, period, phase in self._spells)
        return season_c(self.day_of_year + t_s / _DAY_S) + spell_c
