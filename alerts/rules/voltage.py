"""The supply of a charger is too high or too low."""

from __future__ import annotations

from collections.abc import Iterable

from alerts.model import AlertKind, Condition, Severity, Text
from alerts.rules.base import Surroundings
from alerts.rules.hazards_electrical import OverVoltage, UnderVoltage
from alerts.rules.level import LevelRule, Limits, Step
from ingest.model import DeviceRef, Reading

_WHAT = Text("电压", "voltage")


def over_voltage(around: Surroundings) -> LevelRule:
    """The rule; watches `voltage_v` of chargers."""

    def limits(ref: DeviceRef, _port: int | None) -> Limits | None:
        return _limits(around.book.of(AlertKind.OVER_VOLTAGE, OverVoltage, ref))

    return LevelRule(around, AlertKind.OVER_VOLTAGE, _WHAT, "V", "voltage_v", limits)


def under_voltage(around: Surroundings) -> LevelRule:
    """The rule; watches `voltage_v` of chargers whose breaker is not known to be open."""
    return _UnderVoltageRule(around)


class _UnderVoltageRule(LevelRule):
    def __init__(self, around: Surroundings) -> None:
        super().__init__(around, AlertKind.UNDER_VOLTAGE, _WHAT, "V", "voltage_v", self._settings, falling=True)
        self.fields = ("voltage_v", "breaker")
        self._opened: set[DeviceRef] = set()

    def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:
        breaker = reading.values.get("breaker")
        if breaker is not None and not reading.late:
            (self._opened.add if breaker == "open" else self._opened.discard)(reading.device)
        return () if reading.device in self._opened else super().reading(reading, now_ms)

    def _settings(self, ref: DeviceRef, _port: int | None) -> Limits | None:
        return _limits(self._around.book.of(AlertKind.UNDER_VOLTAGE, UnderVoltage, ref))


def _limits(own: OverVoltage | UnderVoltage) -> Limits | None:
    if not own.enabled:
        return None
    steps = (
        Step(Severity.MEDIUM, own.medium_v, own.on_delay_s),
        Step(Severity.HIGH, own.high_v, min(own.high_delay_s, own.on_delay_s)),
    )
    return Limits(steps, own.off_delay_s, own.hysteresis_v)
