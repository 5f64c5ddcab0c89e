"""Conditions and orders in, alert changes out: a fold that holds the open alerts and nothing else.

At most one alert is open for a key. Several rules may speak of the same key (a port's measured temperature and the
charger's own over-temperature fault): it stays active until the last of them lets go. No I/O, no clock, no randomness
of its own; the same inputs give the same changes.

Errors:
    those of `alerts.desk` for orders: UnknownAlertError, RefusedActionError
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random

from msgspec.structs import replace

from alerts import lifecycle
from alerts.desk import RefusedActionError, UnknownAlertError
from alerts.lifecycle import Action
from alerts.model import AlarmState, Alert, AlertChange, AlertKey, Condition, Transition

SYSTEM = "system"

UPDATE_EVERY_MS = 60_000
"""New figures of an alert are told at most once a minute: the live value stands on the shed's page anyway.

New pictures are told at once."""

MATERIAL_CHANGE = 0.05
"""Figures are new when they moved by a twentieth of the limit: a plateau makes no entries in the log."""


def alert_ids(random: Random) -> Callable[[int], str]:
    """Makes ids that sort by time: eleven hexadecimal digits of epoch milliseconds, then eight at random."""

    def make(now_ms: int) -> str:
        return f"{now_ms:011x}-{random.getrandbits(32):08x}"

    return make


class AlarmEngine:
    """The open alerts, and what each condition or order makes of them.

    Args:
        make_id: gives a new alert's id from the time it is raised.
        first_seq: number of the first transition; must be above all that were ever given out.
    """

    def __init__(self, make_id: Callable[[int], str], first_seq: int) -> None:
        self._make_id = make_id
        self._next_seq = first_seq
        self._by_key: dict[AlertKey, Alert] = {}
        self._by_id: dict[str, Alert] = {}
        self._sources: dict[AlertKey, dict[str, Condition | None]] = {}
        self._told_ms: dict[str, int] = {}

    @property
    def last_seq(self) -> int:
        """Number of the newest transition given out, or one below the first."""
        return self._next_seq - 1

    def continue_after(self, seq: int) -> None:
        """Number the next transition above `seq`, where it is not so already."""
        self._next_seq = max(self._next_seq, seq + 1)

    def open_alerts(self) -> list[Alert]:
        """All open alerts, worst first, then newest first."""
        return sorted(self._by_id.values(), key=lambda alert: (-alert.severity.rank, -alert.raised_ts, alert.id))

    def find(self, alert_id: str) -> Alert | None:
        """The open alert with this id, or None."""
        return self._by_id.get(alert_id)

    def find_key(self, key: AlertKey) -> Alert | None:
        """The open alert for this key, or None."""
        return self._by_key.get(key)

    def restore(self, alert: Alert, sources: Iterable[str], now_ms: int) -> AlertChange | None:
        """Take over an open alert of an earlier life; `sources` are the rules that go on watching it.

        Where its key has been raised anew meanwhile, the old alert is closed in favour of that one.
        """
        present = self._by_key.get(alert.key)
        if present is not None:
            note = f"goes on as {present.id}"
            closed = lifecycle.merged(alert, now_ms)
            return AlertChange(closed, self._transition(alert, closed, Action.MERGE, now_ms, SYSTEM, note))
        self._keep(alert)
        if alert.active:
            self._sources.setdefault(alert.key, {}).update(dict.fromkeys(sources))
        return None

    def apply(self, condition: Condition, now_ms: int) -> AlertChange | None:
        """Take what a rule says of a key now; None where that changes nothing."""
        key = condition.key
        sources = self._sources.setdefault(key, {})
        source = str(condition.details.get("rule", key.kind))
        if condition.active:
            sources[source] = condition
            return self._hold(_worst(sources, condition), now_ms)
        sources.pop(source, None)
        if sources:
            return None
        del self._sources[key]
        alert = self._by_key.get(key)
        if alert is None or not alert.active:
            return None
        cleared = lifecycle.cleared(alert, now_ms, condition.evidence)
        return self._change(alert, cleared, Action.CLEAR, now_ms, note=explain(condition))

    def abandon(self, alert_id: str, note: str, now_ms: int) -> AlertChange | None:
        """Clear an alert that nothing watches any more (its device was taken out of the configuration)."""
        alert = self._by_id.get(alert_id)
        if alert is None or not alert.active:
            return None
        self._sources.pop(alert.key, None)
        return self._change(alert, lifecycle.cleared(alert, now_ms), Action.CLEAR, now_ms, note=note)

    def acknowledge(self, alert_id: str, who: str, note: str, now_ms: int) -> AlertChange:
        """Raises UnknownAlertError (also for one that is closed), RefusedActionError."""
        alert = self._by_id.get(alert_id)
        if alert is None:
            raise UnknownAlertError(alert_id)
        if alert.state is AlarmState.ACKNOWLEDGED:
            raise RefusedActionError(f"already acknowledged by {alert.acknowledged_by}; it closes when it clears")
        return self._change(
            alert, lifecycle.acknowledged(alert, who, now_ms), Action.ACKNOWLEDGE, now_ms, who=who, note=note
        )

    def comment(self, alert: Alert, who: str, note: str, now_ms: int) -> AlertChange:
        """Add a note to an alert, open or closed."""
        alert = self._by_id.get(alert.id, alert)
        return AlertChange(alert, self._transition(alert, alert, Action.COMMENT, now_ms, who, note))

    def _hold(self, condition: Condition, now_ms: int) -> AlertChange | None:
        alert = self._by_key.get(condition.key)
        note = explain(condition)
        if alert is None:
            new = lifecycle.raised(self._make_id(now_ms), condition, now_ms)
            return self._change(None, new, Action.RAISE, now_ms, note=note)
        if not alert.active:
            return self._change(alert, lifecycle.renewed(alert, condition), Action.RENEW, now_ms, note=note)
        if condition.severity.rank > alert.severity.rank:
            return self._change(alert, lifecycle.worsened(alert, condition), Action.WORSEN, now_ms, note=note)
        if self._is_news(alert, condition, now_ms):
            return self._change(alert, lifecycle.updated(alert, condition), Action.UPDATE, now_ms, note=note)
        return None

    def _is_news(self, alert: Alert, condition: Condition, now_ms: int) -> bool:
        if not set(condition.evidence) <= set(alert.evidence):
            return True
        if condition.value is None or 0 <= now_ms - self._told_ms.get(alert.id, alert.raised_ts) < UPDATE_EVERY_MS:
            return False
        scale = abs(condition.threshold or condition.value)
        return alert.value is None or abs(condition.value - alert.value) >= max(MATERIAL_CHANGE * scale, 1e-9)

    def _change(
        self, old: Alert | None, new: Alert, action: Action, now_ms: int, who: str = SYSTEM, note: str = ""
    ) -> AlertChange:
        transition = self._transition(old, new, action, now_ms, who, note)
        self._keep(new)
        self._told_ms[new.id] = now_ms
        if not new.open:
            del self._by_key[new.key], self._by_id[new.id], self._told_ms[new.id]
        return AlertChange(new, transition)

    def _transition(
        self, old: Alert | None, new: Alert, action: Action, now_ms: int, who: str, note: str
    ) -> Transition:
        seq = self._next_seq
        self._next_seq += 1
        return Transition(seq, new.id, now_ms, who, str(action), old.state if old else None, new.state, note)

    def _keep(self, alert: Alert) -> None:
        self._by_key[alert.key] = alert
        self._by_id[alert.id] = alert


def explain(condition: Condition) -> str:
    """The rule and the figures behind a condition, for the log: `over_temperature: 72.4 °C, limit 65 °C`."""
    parts = [f"{condition.value:g} {condition.unit}".rstrip()] if condition.value is not None else []
    if condition.threshold is not None:
        parts.append(f"limit {condition.threshold:g} {condition.unit}".rstrip())
    parts += [f"{name} {value}" for name, value in condition.details.items() if name not in ("rule", "related")]
    rule = condition.details.get("rule", str(condition.key.kind))
    return f"{rule}: {', '.join(parts)}" if parts else str(rule)


def _worst(sources: dict[str, Condition | None], told: Condition) -> Condition:
    others = [condition for condition in sources.values() if condition is not None]
    worst = max((told, *others), key=lambda condition: condition.severity.rank)
    # What was told last carries the newest pictures, whichever source is the worst.
    return worst if worst is told else replace(worst, evidence=told.evidence)
