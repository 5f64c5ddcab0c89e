"""Battery packs on their chargers: a pack and its state of charge → AC power and energy as functions of time.

Constant current until the pack reaches its charging voltage, then constant voltage with a current that decays
exponentially, then float. All of it in closed form: whoever asks at whatever times gets the same energy, and that energy
is the integral of the power. The time constant of the tail follows from charge: what the pack still lacks at the
voltage limit is what the decaying current must bring before it has fallen to the tail current.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Phase = Literal["bulk", "tail", "float"]


@dataclass(frozen=True, slots=True)
class PackSpec:
    """A pack with the charger its owner brings.

    Attributes:
        capacity_ah: rated capacity.
        low_v, limit_v: voltage under charge at empty, and the limit where constant voltage begins.
        float_v, float_a: what the charger holds after the tail.
        bulk_a: constant current.
        tail_ratio: the tail ends when the current has fallen to this part of `bulk_a`.
        limit_soc: state of charge (0-1) at which the limit is reached under `bulk_a`.
        coulombic: part of the charge that stays in the pack.
        efficiency: DC out over AC in, beside `standby_w` that the charger draws itself.
        power_factor: of the charger; cheap ones correct nothing.
    """

    name: str
    capacity_ah: float
    low_v: float
    limit_v: float
    float_v: float
    float_a: float
    bulk_a: float
    tail_ratio: float
    limit_soc: float
    coulombic: float
    efficiency: float
    power_factor: float
    standby_w: float = 2.5

    @property
    def tail_time_constant_s(self) -> float:
        """How fast the current falls at the voltage limit."""
        lacking_as = (1.0 - self.limit_soc) * self.capacity_ah * 3600.0
        return lacking_as / (self.coulombic * self.bulk_a * (1.0 - self.tail_ratio))

    @property
    def tail_s(self) -> float:
        """Length of a whole tail."""
        return -self.tail_time_constant_s * math.log(self.tail_ratio)

    @property
    def peak_w(self) -> float:
        """The most it draws from the socket: at the end of constant current."""
        return self.ac_w(self.limit_v, self.bulk_a)

    def ac_w(self, voltage_v: float, current_a: float) -> float:
        """Power at the socket for this voltage and current at the pack."""
        return voltage_v * current_a / self.efficiency + self.standby_w


def _lead(name: str, cells: int, capacity_ah: float, bulk_a: float, power_factor: float) -> PackSpec:
    # 2.45 V a cell under charge and 2.30 V in float are the usual settings of e-bike chargers for valve-regulated lead acid.
    return PackSpec(
        name=name,
        capacity_ah=capacity_ah,
        low_v=cells * 2.05,
        limit_v=cells * 2.45,
        float_v=cells * 2.30,
        float_a=capacity_ah * 0.008,
        bulk_a=bulk_a,
        tail_ratio=0.2,
        limit_soc=0.80,
        coulombic=0.90,
        efficiency=0.85,
        power_factor=power_factor,
    )


def _lithium(name: str, cells: int, capacity_ah: float, bulk_a: float, power_factor: float) -> PackSpec:
    # A lithium charger cuts off after the tail: what is left is its own standby.
    return PackSpec(
        name=name,
        capacity_ah=capacity_ah,
        low_v=cells * 3.2,
        limit_v=cells * 4.2,
        float_v=cells * 4.1,
        float_a=0.0,
        bulk_a=bulk_a,
        tail_ratio=0.1,
        limit_soc=0.92,
        coulombic=0.995,
        efficiency=0.88,
        power_factor=power_factor,
    )


PACKS: dict[str, PackSpec] = {
    pack.name: pack
    for pack in (
        _lead("lead-48v12", 24, 12.0, 1.8, 0.66),
        _lead("lead-48v20", 24, 20.0, 2.7, 0.66),
        _lead("lead-60v20", 30, 20.0, 2.7, 0.68),
        _lead("lead-60v32", 30, 32.0, 4.5, 0.95),
        _lead("lead-72v20", 36, 20.0, 2.8, 0.95),
        _lead("lead-72v32", 36, 32.0, 4.5, 0.96),
        _lithium("lithium-48v12", 13, 12.0, 2.0, 0.66),
        _lithium("lithium-48v20", 13, 20.0, 4.0, 0.95),
        _lithium("lithium-60v20", 16, 20.0, 4.0, 0.95),
        _lithium("lithium-60v32", 16, 32.0, 5.0, 0.95),
        _lithium("lithium-72v20", 20, 20.0, 4.0, 0.95),
        _lithium("lithium-72v32", 20, 32.0, 5.0, 0.96),
    )
}
"""The packs met in sheds, by name."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One pack from the moment its charger gets power. `soc` is the state of charge (0-1) at that moment.

    A charge with `tapers` False never leaves constant current: a broken charger that overcharges its pack.
    """

    pack: PackSpec
    soc: float
    tapers: bool = True

    @property
    def bulk_s(self) -> float:
        """Seconds of constant current."""
        return self._to_limit_s if self.tapers else math.inf

    @property
    def tail_end_s(self) -> float:
        """When float begins."""
        return self.bulk_s + max(0.0, self.pack.tail_s - self._tail_skipped_s)

    def phase(self, t_s: float) -> Phase:
        """What the charger is doing."""
        if t_s < self.bulk_s:
            return "bulk"
        return "tail" if t_s < self.tail_end_s else "float"

    def power_w(self, t_s: float) -> float:
        """Power drawn from the socket."""
        pack = self.pack
        match self.phase(t_s):
            case "bulk":
                return pack.ac_w(self._bulk_v(t_s), pack.bulk_a)
            case "tail":
                return pack.ac_w(pack.limit_v, self._tail_a(t_s - self.bulk_s))
            case "float":
                return pack.ac_w(pack.float_v, pack.float_a)

    def energy_wh(self, t_s: float) -> float:
        """Energy drawn from the socket since the start: the integral of `power_w`."""
        pack = self.pack
        bulk_s = min(t_s, self.bulk_s)
        # The voltage rises in a straight line, then stays: only a charger that does not taper sees the second part.
        rising_s = min(bulk_s, self._to_limit_s)
        joules = pack.ac_w((self._bulk_v(0.0) + self._bulk_v(rising_s)) / 2.0, pack.bulk_a) * rising_s
        joules += pack.ac_w(pack.limit_v, pack.bulk_a) * (bulk_s - rising_s)
        tail_s = min(t_s, self.tail_end_s) - bulk_s
        if tail_s > 0:
            charge_as = (self._tail_a(0.0) - self._tail_a(tail_s)) * pack.tail_time_constant_s
            joules += pack.limit_v * charge_as / pack.efficiency + pack.standby_w * tail_s
        float_s = t_s - self.tail_end_s
        if float_s > 0:
            joules += pack.ac_w(pack.float_v, pack.float_a) * float_s
        return joules / 3600.0

    def soc_at(self, t_s: float) -> float:
        """State of charge then, 0-1; what float adds is lost as heat."""
        gained = self._soc_per_s * min(t_s, self.bulk_s)
        tail_s = min(t_s, self.tail_end_s) - self.bulk_s
        if tail_s > 0:
            charge_as = (self._tail_a(0.0) - self._tail_a(tail_s)) * self.pack.tail_time_constant_s
            gained += charge_as * self.pack.coulombic / (self.pack.capacity_ah * 3600.0)
        return min(1.0, self.soc + gained)

    def highest_w(self, until_s: float) -> float:
        """The most it draws within its first `until_s` seconds: at the end of constant current, or at once."""
        return self.power_w(0.0) if self.bulk_s <= 0.0 else self.pack.ac_w(self._bulk_v(until_s), self.pack.bulk_a)

    def falls_to_s(self, power_w: float) -> float:
        """From when on it never draws more than this; infinite where that never comes."""
        pack = self.pack
        if power_w >= self.highest_w(math.inf):
            return 0.0
        if not self.tapers or power_w < pack.ac_w(pack.float_v, pack.float_a):
            return math.inf
        current_a = (power_w - pack.standby_w) * pack.efficiency / pack.limit_v
        if current_a <= pack.tail_ratio * pack.bulk_a:
            return self.tail_end_s
        falling_s = pack.tail_time_constant_s * math.log(pack.bulk_a / current_a) - self._tail_skipped_s
        return self.bulk_s + max(0.0, falling_s)

    @property
    def _soc_per_s(self) -> float:
        return self.pack.bulk_a * self.pack.coulombic / (self.pack.capacity_ah * 3600.0)

    @property
    def _to_limit_s(self) -> float:
        return max(0.0, self.pack.limit_soc - self.soc) / self._soc_per_s

    @property
    def _tail_skipped_s(self) -> float:
        # A pack plugged in above the limit begins in the middle of the tail, where its current is as if it had come
        # through the whole of it.
        if self.soc <= self.pack.limit_soc:
            return 0.0
        span = 1.0 - self.pack.limit_soc
        still = max(0.0, 1.0 - self.soc) / span
        ratio = self.pack.tail_ratio
        return -self.pack.tail_time_constant_s * math.log(ratio + still * (1.0 - ratio))

    def _bulk_v(self, t_s: float) -> float:
        pack = self.pack
        soc = min(self.soc + self._soc_per_s * t_s, pack.limit_soc)
        return pack.low_v + (pack.limit_v - pack.low_v) * soc / pack.limit_soc

    def _tail_a(self, tail_s: float) -> float:
        return self.pack.bulk_a * math.exp(-(tail_s + self._tail_skipped_s) / self.pack.tail_time_constant_s)
