"""A port, or all ports of a charger together, draw too much power."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from typing import Any

from alerts.model import Alert, AlertKind, Condition, Severity, Text
from alerts.rules.base import Calm, CalmWords, Surroundings, Take, ref_of
from alerts.rules.hazards_electrical import OverPower
from alerts.rules.level import LevelRule, Limits, Step, number_of
from ingest.model import DeviceRef, Reading

_NUMBERS = 65
"""Ports of a charger are numbered from 1 to 64."""


class OverPowerRule(LevelRule):
    """Watches `power_w` of ports, and its sum for each charger."""

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around, AlertKind.OVER_POWER, Text("功率", "power"), "W", "power_w", self._settings)
        self._loads: dict[DeviceRef, _Load] = {}

    def calm(self, ref: DeviceRef, port: int | None, field: str) -> Calm | CalmWords | None:  # noqa: ARG002 - the port's signature
        # Every port counts in the sum.
        return None

    def listener(self, reading: Reading, now_ms: int) -> tuple[Take, Any]:  # noqa: ARG002 - the port's signature
        return self._take, self._load(reading.device)

    def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:
        return self._take(self._load(reading.device), reading, now_ms)

    def restore(self, alert: Alert, now_ms: int) -> bool:
        restored = super().restore(alert, now_ms)
        if restored:
            self._load(ref_of(alert.key)).restless.add(alert.key.port)
        return restored

    def _take(self, load: _Load, reading: Reading, now_ms: int) -> Iterable[Condition]:
        power_w, number = number_of(reading, "power_w"), reading.port
        if power_w is None or number is None or reading.late:
            return ()
        total_w = load.report(number, power_w, now_ms)
        if power_w < load.port_w and total_w < load.total_w and not load.restless:
            # Nearly every reading: no limit is reached, and none was.
            return ()
        ref = reading.device
        said = (*self.judge(ref, number, power_w, now_ms), *self.judge(ref, None, total_w, now_ms))
        for place in (number, None):
            at_rest = self.calm_of(ref, place).low < self.calm_of(ref, place).high
            (load.restless.discard if at_rest else load.restless.add)(place)
        return said

    def _load(self, ref: DeviceRef) -> _Load:
        known = self._loads.get(ref)
        if known is None:
            own = self._around.book.of(AlertKind.OVER_POWER, OverPower, ref)
            known = self._loads[ref] = _Load(own)
        return known

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

    Attributes:
        port_w, total_w: below them no limit is reached.
        restless: ports where something is reached or running out; None among them for the sum.
    """

    __slots__ = ("_at_ms", "_due_ms", "_max_age_ms", "_power_mw", "_total_mw", "port_w", "restless", "total_w")

    def __init__(self, own: OverPower) -> None:
        self.port_w = own.high_w if own.enabled else math.inf
        self.total_w = own.charger_high_w if own.enabled else math.inf
        self.restless: set[int | None] = set()
        self._max_age_ms = own.sum_age_s * 1000
        # By the number of the port; 0 ms where nothing is known of it.
        self._power_mw = array("q", bytes(8 * _NUMBERS))
        self._at_ms = array("q", bytes(8 * _NUMBERS))
        self._total_mw = 0
        self._due_ms = 0.0

    def report(self, port: int, power_w: float, now_ms: int) -> float:
        """Take a port's power; the sum of all that are not too old, in watts."""
        power_mw = round(power_w * 1000)
        self._total_mw += power_mw - self._power_mw[port]
        self._power_mw[port] = power_mw
        self._at_ms[port] = now_ms
        if now_ms > self._due_ms:
            self._forget(now_ms - self._max_age_ms)
        return self._total_mw / 1000

    def _forget(self, oldest_ms: float) -> None:
        for port, at_ms in enumerate(self._at_ms):
            if 0 < at_ms < oldest_ms:
                self._power_mw[port] = self._at_ms[port] = 0
        self._total_mw = sum(self._power_mw)
        # None is too old before: those that report meanwhile only grow younger.
        self._due_ms = min((at_ms for at_ms in self._at_ms if at_ms), default=0) + self._max_age_ms
