"""A charger leaks current to earth."""

from __future__ import annotations

from alerts.model import AlertKind, Severity, Text
from alerts.rules.base import Surroundings
from alerts.rules.hazards_electrical import Leakage
from alerts.rules.level import LevelRule, Limits, Step
from ingest.model import DeviceRef


def leakage(around: Surroundings) -> LevelRule:
    """The rule; watches `leakage_ma` of chargers."""

    def limits(ref: DeviceRef, _port: int | None) -> Limits | None:
        own = around.book.of(AlertKind.LEAKAGE, Leakage, ref)
        if not own.enabled:
            return None
        steps = (
            Step(Severity.HIGH, own.high_ma, own.on_delay_s),
            Step(Severity.CRITICAL, own.critical_ma, min(own.critical_delay_s, own.on_delay_s)),
        )
        return Limits(steps, own.off_delay_s, own.hysteresis_ma)

    return LevelRule(around, AlertKind.LEAKAGE, Text("漏电流", "leakage current"), "mA", "leakage_ma", limits)
