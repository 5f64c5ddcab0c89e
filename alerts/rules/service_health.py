"""A part of this service does not work: fed by whoever notices, not by readings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from alerts.messages import SERVICE, compose
from alerts.model import Alert, AlertKey, AlertKind, Condition, Text
from alerts.rules.base import BaseRule, Hold, Surroundings
from alerts.rules.hazards_presence import ServiceDegraded

HealthState = Literal["ok", "degraded", "down"]


class ServiceHealth(BaseRule):
    """Raises `service_degraded` for `service/service/<part>`."""

    name = str(AlertKind.SERVICE_DEGRADED)

    def __init__(self, around: Surroundings) -> None:
        self._settings = around.book.of(AlertKind.SERVICE_DEGRADED, ServiceDegraded)
        self._parts: dict[str, tuple[HealthState, str]] = {}
        self._holds: dict[str, Hold] = {}

    @property
    def parts(self) -> dict[str, tuple[HealthState, str]]:
        """Each part's state and the detail given with it, as last submitted."""
        return dict(self._parts)

    def submit(self, part: str, state: HealthState, detail: str, now_ms: int) -> Iterable[Condition]:
        """Take how a part does."""
        name = re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-")[:63] or "part"
        self._parts[name] = (state, detail)
        return self._judge(name, now_ms)

    def tick(self, now_ms: int) -> Iterator[Condition]:
        for name in self._parts:
            if self._holds.setdefault(name, Hold()).pending:
                yield from self._judge(name, now_ms)

    def restore(self, alert: Alert, now_ms: int) -> bool:
        key = alert.key
        if key.kind is not AlertKind.SERVICE_DEGRADED or not self._settings.enabled:
            return False
        self._holds[key.device] = Hold(active=True)
        # Sound until told otherwise: whoever noticed it the last time may not exist any more.
        self._parts.setdefault(key.device, ("ok", ""))
        self._holds[key.device].feed(False, now_ms, 0, self._settings.off_delay_s + 1)
        return True

    def _judge(self, name: str, now_ms: int) -> list[Condition]:
        state, detail = self._parts[name]
        hold = self._holds.setdefault(name, Hold())
        changed = hold.feed(state != "ok", now_ms, self._settings.on_delay_s, self._settings.off_delay_s)
        if not self._settings.enabled or not (hold.active or changed):
            return []
        return [self._condition(name, state, detail, hold.active)]

    def _condition(self, name: str, state: HealthState, detail: str, active: bool) -> Condition:
        severity = self._settings.down_severity if state == "down" else self._settings.severity
        word_zh = {"ok": "恢复正常", "degraded": "工作不正常", "down": "已停止工作"}[state]
        word_en = {"ok": "works again", "degraded": "not working properly", "down": "down"}[state]
        what = Text(f"{word_zh}：{detail}" if detail else word_zh, f"{word_en} ({detail})" if detail else word_en)
        where = Text(f"系统部件 {name}", f"Service part {name}")
        return Condition(
            key=AlertKey(AlertKind.SERVICE_DEGRADED, SERVICE, SERVICE, name),
            active=active,
            severity=severity,
            message=compose(AlertKind.SERVICE_DEGRADED, where, what),
            details={"rule": self.name, "state": state} | ({"detail": detail} if detail else {}),
        )
