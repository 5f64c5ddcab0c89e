"""A port, or all ports of a charger together, draw too much power."""

from __future__ import annotations

from collections.abc import Iterable

from alerts.model import AlertKind, Condition, Severity, Text
from alerts.rules.base import Calm, Surroundings
from alerts.rules.hazards_electrical import OverPower
from alerts.rules.level import LevelRule, Limits, Step, number_of
from ingest.model import DeviceRef, Reading


class OverPowerRule(LevelRule):
    """Watches `power_w` of ports, and its sum for each charger."""

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around, AlertKind.OVER_POWER, Text("功率", "power"), "W", "power_w", self._settings)
        self._loads: dict[DeviceRef, _Load] = {}

    def calm(self, ref: DeviceRef, port: int | None, field: str) -> Calm | None:  # noqa: ARG002 - the port's signature
        # Every port counts in the sum.
        return None

    def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:
        power_w = number_of(reading, "power_w")
        if reading.late or power_w is None or reading.port is None:
            return ()
        ref = reading.device
        total_w = self._load(ref).report(reading.port, power_w, now_ms)
        port, charger = self.judge(ref, reading.port, power_w, now_ms), self.judge(ref, None, total_w, now_ms)
        return (*port, *charger) if port or charger else ()

    def _load(self, ref: DeviceRef) -> _Load:
        if ref not in self._loads:
            own = self._around.book.of(AlertKind.OVER_POWER, OverPower, ref)
            self._loads[ref] = _Load(own.sum_age_s * 1000)
        return self._loads[ref]

    def _settings(self, ref: DeviceRef, port: int | None) -> Limits | None:
        own = self._around.book.of(AlertKind.OVER_POWER, OverPower, ref)
        if not own.enabled:
            return None
        high, critical = (own.high_w, own.critical_w) if port else (own.charger_high_w, own.charger_critical_w)
        steps = (
            Step(Severity.HIGH, high, own.on_delay_s),
            Step(Severity.CRITICAL, critical, min(own.critical_delay_s, own.on_delay_s)),
        )
        return Limits(steps, own.off_delay_s, own.hysteresis_w)


class _Load:
    """The power of a charger's ports as last reported, and their sum.

    Kept in whole milliwatts: a running sum of floats would drift away from what it is the sum of.
    """

    __slots__ = ("_due_ms", "_max_age_ms", "_ports", "_total_mw")

    def __init__(self, max_age_ms: float) -> None:
        self._max_age_ms = max_age_ms
        self._ports: dict[int, tuple[int, int]] = {}
        self._total_mw = 0
        self._due_ms = 0.0

    def report(self, port: int, power_w: float, now_ms: int) -> float:
        """Take a port's power; the sum of all that are not too old, in watts."""
        power_mw = round(power_w * 1000)
        self._total_mw += power_mw - self._ports.get(port, (0, 0))[0]
        self._ports[port] = (power_mw, now_ms)
        if now_ms > self._due_ms:
            self._forget(now_ms - self._max_age_ms)
        return self._total_mw / 1000

    def _forget(self, oldest_ms: float) -> None:
        self._ports = {port: load for port, load in self._ports.items() if load[1] >= oldest_ms}
        self._total_mw = sum(power_mw for power_mw, _ in self._ports.values())
        # None is too old before: those that report meanwhile only grow younger.
        self._due_ms = min(at_ms for _, at_ms in self._ports.values()) + self._max_age_ms
