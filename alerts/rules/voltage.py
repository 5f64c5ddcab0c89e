"""The supply of a charger is too high or too low."""

from __future__ import annotations

from alerts.model import AlertKind, Severity, Text
from alerts.rules.base import Surroundings
from alerts.rules.hazards_electrical import OverVoltage, UnderVoltage
from alerts.rules.level import LevelRule, Limits, Step, number_of
from ingest.model import DeviceRef, Reading

_WHAT = Text("电压", "voltage")


def over_voltage(around: Surroundings) -> LevelRule:
    """The rule; watches `voltage_v` of chargers."""

    def limits(ref: DeviceRef, _port: int | None) -> Limits | None:
        own = around.book.of(AlertKind.OVER_VOLTAGE, OverVoltage, ref)
        if not own.enabled:
            return None
        steps = (
            Step(Severity.MEDIUM, own.medium_v, own.on_delay_s),
            Step(Severity.HIGH, own.high_v, min(own.high_delay_s, own.on_delay_s)),
        )
        return Limits(steps, own.off_delay_s, own.hysteresis_v)

    return LevelRule(around, AlertKind.OVER_VOLTAGE, _WHAT, "V", _voltage, limits)


def under_voltage(around: Surroundings) -> LevelRule:
    """The rule; watches `voltage_v` of chargers whose breaker is not known to be open."""
    opened: set[DeviceRef] = set()

    def limits(ref: DeviceRef, _port: int | None) -> Limits | None:
        own = around.book.of(AlertKind.UNDER_VOLTAGE, UnderVoltage, ref)
        if not own.enabled:
            return None
        steps = (
            Step(Severity.MEDIUM, own.medium_v, own.on_delay_s),
            Step(Severity.HIGH, own.high_v, min(own.high_delay_s, own.on_delay_s)),
        )
        return Limits(steps, own.off_delay_s, own.hysteresis_v)

    def closed_voltage(reading: Reading, now_ms: int) -> float | None:
        breaker = reading.values.get("breaker")
        if breaker is not None:
            (opened.add if breaker == "open" else opened.discard)(reading.device)
        return None if reading.device in opened else _voltage(reading, now_ms)

    return LevelRule(around, AlertKind.UNDER_VOLTAGE, _WHAT, "V", closed_voltage, limits, falling=True)


def _voltage(reading: Reading, now_ms: int) -> float | None:  # noqa: ARG001 - the port's signature
    return number_of(reading, "voltage_v")
