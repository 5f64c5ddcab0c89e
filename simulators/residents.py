"""Who plugs in when: day, hour and seed → stays of e-bikes at a port.

Rates and lengths are set for the shape met in neighbourhoods: sheds fill between five and ten in the evening, stay full
overnight, empty between half past six and nine, and are a third full by day. At weekends people sleep longer, come more
by day and less in the evening.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from simulators.battery import PACKS, PackSpec

# Arrivals an hour at a free port, by hour of day.
ARRIVALS_PER_H = (
    0.05, 0.03, 0.02, 0.02, 0.02, 0.04, 0.08, 0.12, 0.15, 0.16, 0.16, 0.22,
    0.25, 0.20, 0.14, 0.14, 0.20, 0.45, 0.70, 0.75, 0.60, 0.40, 0.20, 0.10,
)  # fmt: skip
_BUSIEST = max(ARRIVALS_PER_H)
# Saturday and Sunday, against a working day: by day (9-17) and otherwise.
_WEEKEND_DAY, _WEEKEND_REST = 1.5, 0.85
_WORKDAY_LEAVES_H, _WEEKEND_LEAVES_H = 7.6, 9.2
# How often each pack is met; lead acid still prevails.
_PACK_WEIGHTS = {
    "lead-48v12": 22,
    "lead-48v20": 20,
    "lead-60v20": 18,
    "lead-60v32": 5,
    "lead-72v20": 12,
    "lead-72v32": 4,
    "lithium-48v12": 10,
    "lithium-48v20": 6,
    "lithium-60v20": 3,
    "lithium-60v32": 1,
    "lithium-72v20": 2,
    "lithium-72v32": 1,
}


@dataclass(frozen=True, slots=True)
class Stay:
    """One e-bike at one port, in seconds of the scenario; begun before 0 where it stood there already.

    Attributes:
        pay_s: seconds between plugging in and the start of charging (the resident scans and pays).
        unplug_s: None: stays to the end.
    """

    plug_s: float
    unplug_s: float | None
    pack: PackSpec
    soc: float
    pay_s: float = 15.0
    tapers: bool = True


@dataclass(frozen=True, slots=True)
class Calendar:
    """When it is for residents.

    Attributes:
        start_hour: hour of day (0-24) at scenario time 0.
        weekday: day of the week then, 0 Monday to 6 Sunday.
        arrivals: how many come, against an ordinary week; more in a festival week, when riders come home.
    """

    start_hour: float
    weekday: int = 2
    arrivals: float = 1.0

    def hour(self, t_s: float) -> float:
        """Hour of day, 0-24."""
        return (self.start_hour + t_s / 3600.0) % 24.0

    def weekend(self, t_s: float) -> bool:
        """Whether it is Saturday or Sunday."""
        days = math.floor((self.start_hour + t_s / 3600.0) / 24.0)
        return (self.weekday + days) % 7 >= 5

    def rate_per_h(self, t_s: float) -> float:
        """Arrivals an hour at a free port; never more than `busiest_per_h`."""
        hour = self.hour(t_s)
        rate = ARRIVALS_PER_H[int(hour)]
        if self.weekend(t_s):
            rate *= _WEEKEND_DAY if 9.0 <= hour < 17.0 else _WEEKEND_REST
        return rate * self.arrivals

    @property
    def busiest_per_h(self) -> float:
        """The most that `rate_per_h` ever is."""
        return _BUSIEST * self.arrivals

    def leaves_h(self, t_s: float) -> float:
        """Hour at which who came in this evening leaves in the morning."""
        morning_s = t_s + ((24.0 - self.hour(t_s)) * 3600.0 if self.hour(t_s) >= 12.0 else 0.0)
        return _WEEKEND_LEAVES_H if self.weekend(morning_s) else _WORKDAY_LEAVES_H


def stays(random: Random, calendar: Calendar, history_s: float = 86_400.0) -> Iterator[Stay]:
    """The endless sequence of stays at one port, from `history_s` before the start of the scenario on."""
    free_s = -history_s
    while True:
        plug_s = _next_arrival(random, free_s, calendar)
        unplug_s = plug_s + _stay_s(random, calendar, plug_s)
        yield Stay(
            plug_s, unplug_s, _pack(random), random.betavariate(2.6, 2.4) * 0.75 + 0.05, random.uniform(8.0, 40.0)
        )
        free_s = unplug_s + random.uniform(30.0, 300.0)


def _next_arrival(random: Random, from_s: float, calendar: Calendar) -> float:
    # Thinning: candidates at the busiest hour's rate, each kept with the share its own hour has of that.
    t_s = from_s
    while True:
        t_s += random.expovariate(calendar.busiest_per_h / 3600.0)
        if random.random() * calendar.busiest_per_h < calendar.rate_per_h(t_s):
            return t_s


def _stay_s(random: Random, calendar: Calendar, plug_s: float) -> float:
    hour = calendar.hour(plug_s)
    if hour >= 17.0 or hour < 4.0:
        overnight_h = (calendar.leaves_h(plug_s) - hour) % 24.0 + random.gauss(0.0, 0.7)
        if random.random() < 0.72:
            return max(3600.0, overnight_h * 3600.0)
    return max(1800.0, random.gauss(4.0, 1.5) * 3600.0)


def _pack(random: Random) -> PackSpec:
    return PACKS[random.choices(list(_PACK_WEIGHTS), list(_PACK_WEIGHTS.values()))[0]]
