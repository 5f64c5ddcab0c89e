"""A charger leaks more than is usual for it, long before its residual-current device would trip: `leakage`, medium."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from alerts.messages import compose, place, quantity
from alerts.model import Alert, AlertKey, AlertKind, Condition, Severity, Text
from alerts.rules.base import BaseRule, Hold, Surroundings, key_of, ref_of
from alerts.rules.hazards_electrical import Leakage
from alerts.rules.level import number_of
from ingest.model import DeviceKind, DeviceRef, Reading

_DAY_S = 86_400.0
_LONGEST_GAP_S = 7_200.0
"""A value stands for no longer: what a charger leaks after a day of silence is one report, not a day."""


class _Mean:
    """A mean that forgets: each second of a value counts less the longer it is past. In its first `tau_s`, a plain mean."""

    __slots__ = ("known_s", "tau_s", "value")

    def __init__(self, tau_s: float) -> None:
        self.tau_s = tau_s
        self.value = 0.0
        self.known_s = 0.0

    def add(self, value: float, seconds: float) -> None:
        """A value has stood for so long."""
        if seconds > 0:
            self.known_s += seconds
            share = max(1.0 - math.exp(-seconds / self.tau_s), seconds / self.known_s)
            self.value += (value - self.value) * share


class _Charger:
    __slots__ = ("habit", "heard_ms", "hold", "own", "recent")

    def __init__(self, own: Leakage) -> None:
        self.own = own
        self.recent = _Mean(own.trend_s)
        self.habit = _Mean(own.habit_days * _DAY_S)
        self.heard_ms: int | None = None
        self.hold = Hold()

    def take(self, leakage_ma: float, now_ms: int) -> None:
        """Take a report; it stands for the time since the last."""
        if self.heard_ms is not None:
            seconds = min((now_ms - self.heard_ms) / 1000, _LONGEST_GAP_S)
            self.recent.add(leakage_ma, seconds)
            self.habit.add(leakage_ma, seconds)
        self.heard_ms = now_ms


class LeakageTrendRule(BaseRule):
    """Compares the last hours of each charger with its usual residual current (see `hazards.Leakage`)."""

    name = "leakage_trend"
    hears = (DeviceKind.CHARGER,)
    fields = ("leakage_ma",)
    slow = True

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._chargers: dict[DeviceRef, _Charger] = {}

    def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:
        if "leakage_ma" not in reading.values or reading.late or reading.port is not None:
            return ()
        leakage_ma = number_of(reading, "leakage_ma")
        charger = self._charger(reading.device)
        if leakage_ma is None or not charger.own.enabled:
            return ()
        charger.take(leakage_ma, now_ms)
        return self._judge(reading.device, charger, now_ms)

    def restore(self, alert: Alert, now_ms: int) -> bool:  # noqa: ARG002 - the port's signature
        key = alert.key
        if key.kind is not AlertKind.LEAKAGE or key.port is not None or alert.severity is not Severity.MEDIUM:
            return False
        charger = self._charger(ref_of(key))
        charger.hold.active = charger.own.enabled
        return charger.own.enabled

    def remember(self) -> list[Any]:
        return [
            [*ref, it.recent.value, it.recent.known_s, it.habit.value, it.habit.known_s]
            for ref, it in self._chargers.items()
        ]

    def recall(self, memory: Any) -> None:
        for site, shed, device, *figures in memory:
            ref = DeviceRef(site, shed, device)
            if self._around.topology.find(ref) is not None:
                it = self._charger(ref)
                it.recent.value, it.recent.known_s, it.habit.value, it.habit.known_s = figures

    def _charger(self, ref: DeviceRef) -> _Charger:
        if ref not in self._chargers:
            self._chargers[ref] = _Charger(self._around.book.of(AlertKind.LEAKAGE, Leakage, ref))
        return self._chargers[ref]

    def _judge(self, ref: DeviceRef, charger: _Charger, now_ms: int) -> list[Condition]:
        own = charger.own
        if charger.habit.known_s < own.learn_days * _DAY_S:
            return []
        more_ma = charger.recent.value - charger.habit.value
        present = more_ma >= own.trend_ma - (own.hysteresis_ma if charger.hold.active else 0.0)
        # The mean is its persistence; one report a time is all there is to wait for.
        changed = charger.hold.feed(present, now_ms, 0.0, 0.0)
        if not changed and not (charger.hold.active and more_ma >= own.trend_ma):
            return []
        return [self._condition(key_of(AlertKind.LEAKAGE, ref), charger)]

    def _condition(self, key: AlertKey, charger: _Charger) -> Condition:
        now, usual = quantity(charger.recent.value, "mA"), quantity(charger.habit.value, "mA")
        what = Text(f"漏电流升到 {now}，平时为 {usual}", f"residual current has risen to {now}, usually {usual}")
        return Condition(
            key=key,
            active=charger.hold.active,
            severity=Severity.MEDIUM,
            message=compose(key.kind, place(self._around.topology, key), what),
            value=round(charger.recent.value, 1),
            threshold=round(charger.habit.value + charger.own.trend_ma, 1),
            unit="mA",
            details={"rule": self.name},
        )
