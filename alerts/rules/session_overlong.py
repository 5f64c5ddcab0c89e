"""A session that lasts far longer than its energy warrants: full for long and still not switched off."""

from __future__ import annotations

from collections.abc import Iterable

from alerts.messages import compose, duration, place, quantity
from alerts.model import Alert, AlertKey, AlertKind, Condition, Text
from alerts.rules.base import BaseRule, Surroundings, key_of, ref_of
from alerts.rules.hazards_charging import SessionOverlong
from alerts.rules.sessions import Session, Sessions
from ingest.model import DeviceKind, DeviceRef, Reading


class SessionOverlongRule(BaseRule):
    """Compares the length of each session with its energy (see `hazards_charging.SessionOverlong`)."""

    name = str(AlertKind.SESSION_OVERLONG)
    hears = (DeviceKind.CHARGER,)
    fields = ("state", "power_w")
    slow = True

    def __init__(self, around: Surroundings, sessions: Sessions) -> None:
        self._around = around
        self._sessions = sessions
        self._active: set[AlertKey] = set()

    def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:
        port = None if reading.late else self._sessions.take(reading, now_ms)
        if port is None:
            return ()
        session = port.session
        if session is None:
            return self._end(key_of(AlertKind.SESSION_OVERLONG, reading.device, reading.port)) if self._active else ()
        own, lasted_s = port.overlong, session.lasted_s(now_ms)
        if lasted_s < own.slack_s or not own.enabled:
            return ()
        limit_s = _limit_s(own, session)
        if lasted_s < limit_s:
            return ()
        key = key_of(AlertKind.SESSION_OVERLONG, reading.device, reading.port)
        self._active.add(key)
        return (self._condition(key, own, lasted_s, limit_s, session),)

    def restore(self, alert: Alert, now_ms: int) -> bool:  # noqa: ARG002 - the port's signature
        key = alert.key
        if key.kind is not AlertKind.SESSION_OVERLONG or not self._settings(ref_of(key)).enabled:
            return False
        self._active.add(key)
        return True

    def _settings(self, ref: DeviceRef) -> SessionOverlong:
        return self._around.book.of(AlertKind.SESSION_OVERLONG, SessionOverlong, ref)

    def _end(self, key: AlertKey) -> Iterable[Condition]:
        if key not in self._active:
            return ()
        self._active.remove(key)
        what = Text("充电已结束", "the session has ended")
        message = compose(key.kind, place(self._around.topology, key), what)
        return (Condition(key, False, self._settings(ref_of(key)).severity, message, details={"rule": self.name}),)

    def _condition(
        self, key: AlertKey, own: SessionOverlong, lasted_s: float, limit_s: float, session: Session
    ) -> Condition:
        span, energy = duration(lasted_s), quantity(session.energy_wh / 1000, "kWh")
        if limit_s < own.limit_s:
            what = Text(
                f"已充电{span.zh}，只充入 {energy}，早已充满仍未断电",
                f"charging for {span.en} and only {energy} taken; full for long and not switched off",
            )
        else:
            what = Text(
                f"已充电{span.zh}（{energy}）仍未断电", f"charging for {span.en} ({energy}) and not switched off"
            )
        return Condition(
            key=key,
            active=True,
            severity=own.severity,
            message=compose(key.kind, place(self._around.topology, key), what),
            value=round(lasted_s),
            threshold=round(limit_s),
            unit="s",
            details={"rule": self.name, "energy_wh": round(session.energy_wh), "peak_w": round(session.peak_w)},
        )


def _limit_s(own: SessionOverlong, session: Session) -> float:
    """How long this session may last by what it has drawn."""
    if session.peak_w < own.min_power_w:
        return own.limit_s
    warranted_s = session.energy_wh * 3600 / session.peak_w
    return min(own.limit_s, warranted_s + own.slack_s)
