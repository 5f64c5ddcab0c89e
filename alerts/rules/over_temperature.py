"""A port or a charger's case is too hot: two levels, each with its persistence."""

from __future__ import annotations

from alerts.model import AlertKind, Severity, Text
from alerts.rules.base import Surroundings
from alerts.rules.hazards_electrical import OverTemperature
from alerts.rules.level import LevelRule, Limits, Step
from ingest.model import DeviceRef


def over_temperature(around: Surroundings) -> LevelRule:
    """The rule; watches `temperature_c` of chargers and their ports."""

    def limits(ref: DeviceRef, port: int | None) -> Limits | None:
        own = around.book.of(AlertKind.OVER_TEMPERATURE, OverTemperature, ref)
        if not own.enabled:
            return None
        high, critical = (own.high_c, own.critical_c) if port else (own.charger_high_c, own.charger_critical_c)
        steps = (
            Step(Severity.HIGH, high, own.on_delay_s),
            Step(Severity.CRITICAL, critical, min(own.critical_delay_s, own.on_delay_s)),
        )
        return Limits(steps, own.off_delay_s, own.hysteresis_c)

    return LevelRule(around, AlertKind.OVER_TEMPERATURE, Text("温度", "temperature"), "°C", "temperature_c", limits)
