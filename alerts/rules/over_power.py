"""A port, or all ports of a charger together, draw too much power."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from alerts.model import Alert, AlertKind, Condition, Severity, Text
from alerts.rules.base import BaseRule, Surroundings
from alerts.rules.hazards_electrical import OverPower
from alerts.rules.level import LevelRule, Limits, Step, number_of
from ingest.model import DeviceRef, Reading


class OverPowerRule(BaseRule):
    """Watches `power_w` of ports, and its sum for each charger."""

    name = str(AlertKind.OVER_POWER)

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._loads: dict[DeviceRef, dict[int, tuple[float, int]]] = {}
        self._level = LevelRule(around, AlertKind.OVER_POWER, Text("功率", "power"), "W", self._power, self._limits)

    def reading(self, reading: Reading, now_ms: int) -> Iterator[Condition]:
        power_w = number_of(reading, "power_w")
        if reading.late or power_w is None or reading.port is None:
            return
        self._loads.setdefault(reading.device, {})[reading.port] = (power_w, now_ms)
        yield from self._level.reading(reading, now_ms)
        yield from self._level.reading(replace(reading, port=None), now_ms)

    def tick(self, now_ms: int) -> Iterable[Condition]:
        return self._level.tick(now_ms)

    def restore(self, alert: Alert, now_ms: int) -> bool:
        return self._level.restore(alert, now_ms)

    def _power(self, reading: Reading, now_ms: int) -> float | None:
        if reading.port is not None:
            return number_of(reading, "power_w")
        own = self._around.book.of(AlertKind.OVER_POWER, OverPower, reading.device)
        oldest_ms = now_ms - own.sum_age_s * 1000
        return sum(power_w for power_w, at_ms in self._loads[reading.device].values() if at_ms >= oldest_ms)

    def _limits(self, ref: DeviceRef, port: int | None) -> Limits | None:
        own = self._around.book.of(AlertKind.OVER_POWER, OverPower, ref)
        if not own.enabled:
            return None
        high, critical = (own.high_w, own.critical_w) if port else (own.charger_high_w, own.charger_critical_w)
        steps = (
            Step(Severity.HIGH, high, own.on_delay_s),
            Step(Severity.CRITICAL, critical, min(own.critical_delay_s, own.on_delay_s)),
        )
        return Limits(steps, own.off_delay_s, own.hysteresis_w)
