"""A charge that does not taper, or rises again after it had: the marks of overcharging that chargers do not look for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from alerts.messages import compose, duration, place, quantity
from alerts.model import Alert, AlertKey, AlertKind, Condition, Severity, Text
from alerts.rules.base import BaseRule, Surroundings, key_of, ref_of
from alerts.rules.hazards_charging import NoTaper
from alerts.rules.sessions import PortSessions, Session, Sessions
from ingest.model import DeviceKind, Reading


class NoTaperRule(BaseRule):
    """Compares each session's time at full power with those the port has shown before (see `hazards_charging.NoTaper`)."""

    name = str(AlertKind.NO_TAPER)
    hears = (DeviceKind.CHARGER,)
    fields = ("state", "power_w")
    slow = True

    def __init__(self, around: Surroundings, sessions: Sessions) -> None:
        self._around = around
        self._sessions = sessions
        self._active: dict[AlertKey, Severity] = {}

    def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:
        port = None if reading.late else self._sessions.take(reading, now_ms)
        if port is None or not port.own.enabled:
            return ()
        session = port.session
        if session is None or (session.tapered and session.rose_ms is None):
            # A report without power says nothing; a taper ends it, and so does a power that has fallen again.
            return self._end(reading, port.own) if self._active else ()
        if not session.fallen and session.full_power_s() < port.own.floor_s:
            # Nearly always: it has not even lasted as long as the shortest limit there can be.
            return ()
        key = key_of(AlertKind.NO_TAPER, reading.device, reading.port)
        found = self._overcharged(key, port, session) or self._risen(key, port.own, session, now_ms)
        if found is None:
            return ()
        self._active[key] = found.severity
        return (found,)

    def restore(self, alert: Alert, now_ms: int) -> bool:  # noqa: ARG002 - the port's signature
        key = alert.key
        if key.kind is not AlertKind.NO_TAPER or key.port is None:
            return False
        if not self._sessions.of(ref_of(key), key.port).own.enabled:
            return False
        self._active[key] = alert.severity
        return True

    def remember(self) -> list[Any]:
        return self._sessions.pack()

    def recall(self, memory: Any) -> None:
        self._sessions.unpack(memory)

    def _end(self, reading: Reading, own: NoTaper) -> Iterable[Condition]:
        key = key_of(AlertKind.NO_TAPER, reading.device, reading.port)
        if self._active.pop(key, None) is None:
            return ()
        message = compose(key.kind, place(self._around.topology, key), Text("充电功率已下降", "the charge has tapered"))
        return (Condition(key, False, own.severity, message, details={"rule": self.name}),)

    def _overcharged(self, key: AlertKey, port: PortSessions, session: Session) -> Condition | None:
        own, full_s = port.own, session.full_power_s()
        if session.tapered or session.peak_w < own.min_power_w:
            return None
        limit_s, known, longest_s = own.limit_s, *port.longest_s(session.peak_w)
        if known >= own.min_sessions:
            limit_s = min(limit_s, max(own.floor_s, own.over_history * longest_s))
        if full_s < limit_s:
            return None
        span, power = duration(full_s), quantity(session.power_w or session.peak_w, "W")
        energy = quantity(session.energy_wh / 1000, "kWh")
        what = Text(
            f"已满功率充电{span.zh}（{power}，{energy}）仍不降流，可能过充",
            f"charging at full power for {span.en} ({power}, {energy}) without tapering, likely overcharged",
        )
        details = {"full_power_s": round(full_s), "similar_sessions": known, "longest_similar_s": longest_s}
        return self._condition(key, own.severity, what, full_s, limit_s, "s", details)

    def _risen(self, key: AlertKey, own: NoTaper, session: Session, now_ms: int) -> Condition | None:
        if not session.fallen or session.rose_ms is None or now_ms - session.rose_ms < own.settle_s * 1000:
            return None
        power_w = session.power_w or 0.0
        what = Text(
            f"已充满降流后功率又升到 {quantity(power_w, 'W')}",
            f"drawing {quantity(power_w, 'W')} again after its charge had tapered",
        )
        limit_w = round(own.risen_ratio * session.peak_w, 1)
        return self._condition(key, own.late_rise_severity, what, power_w, limit_w, "W", {"sign": "late_rise"})

    def _condition(
        self,
        key: AlertKey,
        severity: Severity,
        what: Text,
        value: float,
        limit: float,
        unit: str,
        details: Mapping[str, object],
    ) -> Condition:
        return Condition(
            key=key,
            active=True,
            severity=severity,
            message=compose(key.kind, place(self._around.topology, key), what),
            value=round(value, 1),
            threshold=round(limit, 1),
            unit=unit,
            details={"rule": self.name, **details},
        )
