"""What every simulated device is made of: what it sends, its link to the broker, and the surroundings it stands in.

Scenario time `t_s` is seconds since the start of the scenario; devices stamp messages with `start_ms` added.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from random import Random

from ingest.model import DeviceRef
from simulators.climate import DAY_SWING_C, Weather


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message of one device, to be sent at `t_s`."""

    t_s: float
    device: DeviceRef
    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


@dataclass(frozen=True, slots=True)
class LinkChange:
    """A device loses its connection at `t_s` without saying goodbye, or gets it back."""

    t_s: float
    device: DeviceRef
    up: bool


class Beat:
    """When a device reports: soon after it connects, then at its own phase of its interval.

    Args:
        random: chooses the phase, so that a fleet does not report in one breath.
    """

    def __init__(self, interval_s: float, random: Random) -> None:
        self.next_s = random.uniform(0.1, min(1.5, interval_s))
        self._interval_s = interval_s
        phase_s = random.uniform(0.0, interval_s)
        # Not twice within half an interval of the first.
        self._following_s = phase_s if phase_s > self.next_s + interval_s / 2.0 else phase_s + interval_s

    def go_on(self) -> None:
        """The report that was due has been made."""
        self.next_s = self._following_s
        self._following_s += self._interval_s


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Air and mains of one shed as functions of time, the same for the same seed.

    Attributes:
        start_hour: hour of day (0-24) at scenario time 0.
        mean_air_c: mean temperature of every day; with `weather` it is that of the season instead.
        mains_v: nominal voltage.
    """

    seed: str
    start_hour: float
    mean_air_c: float = 18.0
    mains_v: float = 225.0
    weather: Weather | None = None
    _waves: tuple[tuple[float, float, float], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        random = Random(self.seed)
        # What neighbours switch on and off moves the mains by a volt or two over minutes to hours.
        waves = tuple(
            (random.uniform(0.3, 0.8), random.uniform(180.0, 5400.0), random.uniform(0.0, math.tau)) for _ in range(5)
        )
        object.__setattr__(self, "_waves", waves)

    def hour(self, t_s: float) -> float:
        """Hour of day, 0-24."""
        return (self.start_hour + t_s / 3600.0) % 24.0

    def air_c(self, t_s: float) -> float:
        """Temperature of the air; warmest at three in the afternoon."""
        mean_c = self.weather.mean_c(t_s) if self.weather else self.mean_air_c
        return mean_c + DAY_SWING_C * math.cos((self.hour(t_s) - 15.0) / 24.0 * math.tau)

    def open_circuit_v(self, t_s: float) -> float:
        """Mains voltage before the shed's own load: lowest at half past seven in the evening."""
        evening_v = -3.5 * math.cos((self.hour(t_s) - 19.5) / 24.0 * math.tau)
        waves_v = sum(volts * math.sin(t_s / period * math.tau + phase) for volts, period, phase in self._waves)
        return self.mains_v + evening_v + waves_v
