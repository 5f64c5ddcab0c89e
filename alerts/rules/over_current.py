"""A port draws more current than a socket of a charging pile is for."""

from __future__ import annotations

from alerts.model import AlertKind, Severity, Text
from alerts.rules.base import Surroundings
from alerts.rules.hazards_electrical import OverCurrent
from alerts.rules.level import LevelRule, Limits, Step
from ingest.model import DeviceRef


def over_current(around: Surroundings) -> LevelRule:
    """The rule; watches `current_a` of ports."""

    def limits(ref: DeviceRef, port: int | None) -> Limits | None:
        own = around.book.of(AlertKind.OVER_CURRENT, OverCurrent, ref)
        if not own.enabled or port is None:
            return None
        steps = (
            Step(Severity.HIGH, own.high_a, own.on_delay_s),
            Step(Severity.CRITICAL, own.critical_a, min(own.critical_delay_s, own.on_delay_s)),
        )
        return Limits(steps, own.off_delay_s, own.hysteresis_a)

    return LevelRule(around, AlertKind.OVER_CURRENT, Text("电流", "current"), "A", "current_a", limits)
