"""A charger's incoming cable: its load and terminal → voltage drop and temperature.

Two RC elements: the cable itself, heated along its length, and its terminal, heated where it has aged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simulators.thermal import approach

_STEP_S = 60.0


@dataclass(frozen=True, slots=True)
class FeederSpec:
    """Twenty metres of 6 mm² copper, there and back, in a conduit.

    Attributes:
        ohm: 0.0175 Ω mm²/m × 40 m / 6 mm².
        cable_k_per_w: rise of the conductor for each watt lost along it, so that about 40 A, what such a cable may carry,
            warm it by 40 K.
        cable_s, terminal_s: time constants.
        terminal_k_per_w: rise of a terminal for each watt lost in it.
    """

    ohm: float = 0.12
    cable_k_per_w: float = 0.21
    cable_s: float = 600.0
    terminal_k_per_w: float = 2.5
    terminal_s: float = 300.0


class Feeder:
    """The cable of one charger, from `t_s` on.

    Args:
        current_a: the charger's whole current at a time.
        added_ohm: what ageing adds to its terminal at a time.
        air_c: temperature of the air at a time.
    """

    def __init__(
        self,
        spec: FeederSpec,
        t_s: float,
        *,
        current_a: Callable[[float], float],
        added_ohm: Callable[[float], float],
        air_c: Callable[[float], float],
    ) -> None:
        self._spec = spec
        self._current_a = current_a
        self._added_ohm = added_ohm
        self._air_c = air_c
        self._now_s = t_s
        # In balance with the load it finds.
        self._cable_k, self._terminal_k = self._settled_k(t_s)

    def advance(self, t_s: float) -> None:
        """Warm up or cool down until `t_s`, before anything changes there."""
        while self._now_s < t_s:
            seconds = min(_STEP_S, t_s - self._now_s)
            middle_s = self._now_s + seconds / 2.0
            cable_k, terminal_k = self._settled_k(middle_s)
            self._cable_k = approach(self._cable_k, cable_k, self._spec.cable_s, seconds)
            self._terminal_k = approach(self._terminal_k, terminal_k, self._spec.terminal_s, seconds)
            self._now_s += seconds

    @property
    def terminal_rise_k(self) -> float:
        """How much warmer than the air the terminal is by what has aged in it."""
        return self._terminal_k

    @property
    def temperature_c(self) -> float:
        """Of the conductor at its terminal."""
        return self._air_c(self._now_s) + self._cable_k + self._terminal_k

    def drop_v(self, t_s: float) -> float:
        """Voltage lost on it."""
        return self._current_a(t_s) * (self._spec.ohm + self._added_ohm(t_s))

    def _settled_k(self, t_s: float) -> tuple[float, float]:
        squared = self._current_a(t_s) ** 2
        cable_k = squared * self._spec.ohm * self._spec.cable_k_per_w
        return cable_k, squared * self._added_ohm(t_s) * self._spec.terminal_k_per_w
