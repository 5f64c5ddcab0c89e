"""A probe between what is and what is reported: true value → reading, with what a scenario does to the probe."""

from __future__ import annotations

from random import Random

from simulators.faults import FaultsOf


class Probe:
    """One probe. `prefix` names its faults (`probe` or `sensor`): stuck, noisy and, for `probe`, missing.

    Args:
        random: of its own, so that a fault changes nothing but this probe.
    """

    def __init__(self, faults: FaultsOf, prefix: str, random: Random) -> None:
        self._faults = faults
        self._stuck, self._noisy, self._missing = f"{prefix}_stuck", f"{prefix}_noisy", f"{prefix}_missing"
        self._sigma = "sigma_k" if prefix == "probe" else "sigma"
        self._random = random
        self._last: float | None = None

    def read(self, t_s: float, value: float) -> float | None:
        """What it reports of this value; None where it is missing."""
        if self._faults.on(self._missing, t_s) is not None:
            return None
        if self._last is not None and self._faults.on(self._stuck, t_s) is not None:
            return self._last
        if noisy := self._faults.on(self._noisy, t_s):
            value += self._random.gauss(0.0, noisy.figure(self._sigma))
        self._last = value
        return value
