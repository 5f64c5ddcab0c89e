"""A port that could not be switched off, or whose current came back: told by the cut-off, ended by the port's own meter."""

from __future__ import annotations

from collections.abc import Iterable

from alerts.messages import compose, place, quantity
from alerts.model import Alert, AlertKey, AlertKind, Condition, Text
from alerts.rules.base import BaseRule, Hold, Surroundings, key_of, ref_of
from alerts.rules.hazards_charging import CutFailed
from alerts.rules.level import number_of
from ingest.model import DeviceKind, DeviceRef, Reading

ZERO_W, ZERO_A = 3.0, 0.05
"""As for the proof of a cut: below both nothing is charging."""


class CutFailedRule(BaseRule):
    """Raises `cut_failed`; a whole charger's ends when its breaker is seen open."""

    name = str(AlertKind.CUT_FAILED)
    hears = (DeviceKind.CHARGER,)
    fields = ("power_w", "current_a", "breaker")

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._holds: dict[AlertKey, Hold] = {}

    def failed(self, charger: DeviceRef, port: int | None, why: str, power_w: float | None) -> Iterable[Condition]:
        """A cut has failed."""
        key = key_of(AlertKind.CUT_FAILED, charger, port)
        if not self._settings(key).enabled:
            return ()
        self._holds[key] = Hold(active=True)
        zh, en = (f"，仍有 {it}", f", still {it}") if power_w and (it := quantity(power_w, "W")) else ("", "")
        what = Text(f"断电失败{zh}", f"could not be switched off{en}")
        return (self._condition(key, True, what, power_w, why),)

    def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:
        if not self._holds or reading.late:
            return ()
        key = key_of(AlertKind.CUT_FAILED, reading.device, reading.port)
        hold = self._holds.get(key)
        if hold is None or (dark := self._is_dark(reading)) is None:
            return ()
        if not hold.feed(not dark, now_ms, 0.0, self._settings(key).off_delay_s):
            return ()
        del self._holds[key]
        return (self._condition(key, False, Text("已无电流", "no current any more"), None, "no current"),)

    def restore(self, alert: Alert, now_ms: int) -> bool:  # noqa: ARG002 - the port's signature
        if alert.kind is not AlertKind.CUT_FAILED or not self._settings(alert.key).enabled:
            return False
        self._holds[alert.key] = Hold(active=True)
        return True

    @staticmethod
    def _is_dark(reading: Reading) -> bool | None:
        if reading.port is None:
            breaker = reading.values.get("breaker")
            return None if breaker is None else breaker == "open"
        power_w, current_a = number_of(reading, "power_w"), number_of(reading, "current_a")
        if power_w is None and current_a is None:
            return None
        return (power_w or 0.0) < ZERO_W and (current_a or 0.0) < ZERO_A

    def _settings(self, key: AlertKey) -> CutFailed:
        return self._around.book.of(AlertKind.CUT_FAILED, CutFailed, ref_of(key))

    def _condition(self, key: AlertKey, active: bool, what: Text, power_w: float | None, why: str) -> Condition:
        return Condition(
            key=key,
            active=active,
            severity=self._settings(key).severity,
            message=compose(AlertKind.CUT_FAILED, place(self._around.topology, key), what),
            value=power_w,
            threshold=ZERO_W if power_w is not None else None,
            unit="W" if power_w is not None else "",
            details={"rule": self.name, "why": why},
        )
