"""Conditions and orders in, alert changes out: a fold that holds the open alerts and nothing else.

At most one alert is open for a key. Several rules may speak of the same key (a port's measured temperature and the
charger's own over-temperature fault): it stays active until the last of them lets go. No I/O, no clock, no randomness
of its own; the same inputs give the same changes.

Errors:
    those of `alerts.desk` for orders: UnknownAlertError, RefusedActionError, InvalidOrderError
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random

from msgspec.structs import replace

from alerts import lifecycle
from alerts.chatter import Chatter
from alerts.desk import Order, RefusedActionError, UnknownAlertError
from alerts.lifecycle import Action
from alerts.model import AlarmState, Alert, AlertChange, AlertKey, Aside, Condition, Transition
from alerts.orders import Limits, carry_out, moment
from alerts.second_evidence import confirms

SYSTEM = "system"

UPDATE_EVERY_MS = 60_000
"""New figures of an alert are told at most once a minute: the live value stands on the shed's page anyway.

New pictures are told at once."""

MATERIAL_CHANGE = 0.05
"""Figures are new when they moved by a twentieth of the limit: a plateau makes no entries in the log."""

BACKWARDS_MS = 60_000
"""A wall clock set back by more than this must not lengthen a shelf: it ends."""


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
        limits: for how long people may put alerts aside.
    """

    def __init__(self, make_id: Callable[[int], str], first_seq: int, limits: Limits | None = None) -> None:
        self._make_id = make_id
        self._limits = limits or Limits()
        self._next_seq = first_seq
        self._by_key: dict[AlertKey, Alert] = {}
        self._by_id: dict[str, Alert] = {}
        self._sources: dict[AlertKey, dict[str, Condition | None]] = {}
        self._told_ms: dict[str, int] = {}
        self._announced_ms: dict[str, int] = {}
        self._chatter = Chatter()
        # What a chattering alert's last rule said when it let go, and when that counts.
        self._letting_go: dict[AlertKey, tuple[int, Condition]] = {}

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

    def in_state(self, state: AlarmState) -> list[Alert]:
        """The open alerts in a state, in no order."""
        return [alert for alert in self._by_id.values() if alert.state is state]

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
        # When it was announced last is not known here; whoever looks from now on has seen that.
        self._announced_ms[alert.id] = now_ms
        if alert.active:
            self._sources.setdefault(alert.key, {}).update(dict.fromkeys(sources))
        return None

    def apply(self, condition: Condition, now_ms: int, explained: Aside | None = None) -> AlertChange | None:
        """Take what a rule says of a key now; None where that changes nothing.

        `explained`: another alert explains it, so that it is not announced as long as that one is there.
        """
        key = condition.key
        sources = self._sources.setdefault(key, {})
        source = str(condition.details.get("rule", key.kind))
        if condition.active:
            sources[source] = condition
            self._letting_go.pop(key, None)
            return self._hold(_worst(sources, condition), source, now_ms, explained)
        sources.pop(source, None)
        if sources:
            return None
        del self._sources[key]
        alert = self._by_key.get(key)
        if alert is None or not alert.active:
            return None
        hold_ms = self._chatter.hold_ms(key)
        if hold_ms:
            self._letting_go[key] = (now_ms + hold_ms, condition)
            return None
        return self._clear(alert, condition, now_ms)

    def consequences(self, change: AlertChange, now_ms: int) -> list[AlertChange]:
        """What a change brings with it for this alert and others: chatter is damped, shelves break."""
        alert, action = change.alert, change.transition.action
        if not lifecycle.announces(change.transition):
            return []
        made = [self._damp(alert, now_ms)] if action in (Action.RAISE, Action.RENEW) else []
        made += [self._break(other, alert, now_ms) for other in self._put_aside() if confirms(alert, other)]
        return [one for one in made if one is not None]

    def tick(self, now_ms: int) -> list[AlertChange]:
        """What time alone changes: shelves and outages end, held-back clearings come due."""
        self._chatter.tick(now_ms)
        made = [self._expire(alert, now_ms) for alert in self._put_aside() if _over(alert.aside, now_ms)]
        for key, (due_ms, condition) in tuple(self._letting_go.items()):
            alert = self._by_key.get(key)
            if alert is None or not alert.active:
                del self._letting_go[key]
            elif now_ms >= due_ms:
                made.append(self._clear(alert, condition, now_ms))
        return made

    def order(self, order: Order, now_ms: int, closed: Alert | None = None) -> AlertChange:
        """Carry out what a person wants done about an open alert, or about `closed`.

        Raises UnknownAlertError, RefusedActionError, InvalidOrderError.
        """
        alert = self._by_id.get(order.alert_id, closed)
        if alert is None:
            raise UnknownAlertError(order.alert_id)
        announced_ms = self._announced_ms.get(alert.id, alert.raised_ts)
        if order.seen_ts is not None and order.action == "acknowledge" and announced_ms > order.seen_ts:
            raise RefusedActionError(
                f"it was raised, got worse or came back at {moment(announced_ms)}, after you looked at {moment(order.seen_ts)}"
            )
        sources = tuple(sorted(self._sources.get(alert.key, ()))) if alert.open else ()
        action, new, note = carry_out(alert, order, now_ms, sources, self._limits)
        if new is alert or not alert.open:
            return AlertChange(new, self._transition(alert, new, action, now_ms, order.who, note))
        return self._change(alert, new, action, now_ms, order.who, note)

    def suppress(self, alert_id: str, aside: Aside, now_ms: int) -> AlertChange | None:
        """Put an alert that nobody has acknowledged under the one that explains it, or under another one."""
        alert = self._by_id.get(alert_id)
        if alert is None or alert.state not in (AlarmState.UNACKNOWLEDGED, AlarmState.SUPPRESSED):
            return None
        return self._change(alert, lifecycle.suppressed(alert, aside), Action.SUPPRESS, now_ms, note=aside.note)

    def unsuppress(self, alert_id: str, note: str, now_ms: int) -> AlertChange | None:
        """What explained an alert is over: it is announced now."""
        alert = self._by_id.get(alert_id)
        if alert is None or alert.state is not AlarmState.SUPPRESSED:
            return None
        return self._change(alert, lifecycle.announced(alert, Action.UNSUPPRESS), Action.UNSUPPRESS, now_ms, note=note)

    def abandon(self, alert_id: str, note: str, now_ms: int) -> AlertChange | None:
        """Clear an alert that nothing watches any more (its device was taken out of the configuration)."""
        alert = self._by_id.get(alert_id)
        if alert is None or not alert.active:
            return None
        self._sources.pop(alert.key, None)
        return self._change(alert, lifecycle.cleared(alert, now_ms), Action.CLEAR, now_ms, note=note)

    def acknowledge(self, alert_id: str, who: str, note: str, now_ms: int) -> AlertChange:
        """As `order`."""
        return self.order(Order("acknowledge", alert_id, who, note), now_ms)

    def damped(self) -> dict[AlertKey, int]:
        """The keys that chatter, with the pause in milliseconds after which each clears."""
        return self._chatter.damped()

    def _hold(self, condition: Condition, source: str, now_ms: int, explained: Aside | None) -> AlertChange | None:
        alert = self._by_key.get(condition.key)
        note = explain(condition)
        if alert is None:
            new = lifecycle.raised(self._make_id(now_ms), condition, now_ms)
            if explained is None:
                return self._change(None, new, Action.RAISE, now_ms, note=note)
            new = lifecycle.suppressed(None, explained, new=new)
            return self._change(None, new, Action.SUPPRESS, now_ms, note=f"{note}; {explained.note}")
        returned = alert.state is AlarmState.RETURNED_UNACKNOWLEDGED
        worse = condition.severity.rank > alert.severity.rank
        if worse and not returned:
            note = f"{alert.severity} -> {condition.severity}; {note}"
            return self._change(alert, lifecycle.worsened(alert, condition), Action.WORSEN, now_ms, note=note)
        if returned and not worse and explained is not None:
            new = lifecycle.suppressed(alert, explained, condition)
            return self._change(alert, new, Action.SUPPRESS, now_ms, note=f"{note}; {explained.note}")
        if not alert.active:
            return self._renew(alert, condition, source, now_ms, note)
        if alert.state in (AlarmState.SHELVED, AlarmState.OUT_OF_SERVICE) and _is_second(alert.aside, source):
            new = lifecycle.announced(lifecycle.updated(alert, condition), Action.BREAK)
            return self._change(alert, new, Action.BREAK, now_ms, note=f"second kind of evidence: {note}")
        if self._is_news(alert, condition, now_ms):
            return self._change(alert, lifecycle.updated(alert, condition), Action.UPDATE, now_ms, note=note)
        return None

    def _renew(self, alert: Alert, condition: Condition, source: str, now_ms: int, note: str) -> AlertChange:
        new = lifecycle.renewed(alert, condition)
        if alert.aside is None:
            return self._change(alert, new, Action.RENEW, now_ms, note=note)
        confirming = next((one for one in self._by_id.values() if confirms(one, new) and one is not alert), None)
        if _is_second(alert.aside, source) or confirming is not None:
            why = f"confirmed by {confirming.kind} {confirming.id}; " if confirming else ""
            new = lifecycle.announced(new, Action.BREAK)
            return self._change(alert, new, Action.BREAK, now_ms, note=f"second kind of evidence: {why}{note}")
        if not alert.aside.sources:
            new = replace(new, aside=replace(alert.aside, sources=(source,)))
        return self._change(alert, new, Action.RENEW, now_ms, note=note)

    def _clear(self, alert: Alert, condition: Condition, now_ms: int) -> AlertChange:
        self._letting_go.pop(alert.key, None)
        cleared = lifecycle.cleared(alert, now_ms, condition.evidence)
        return self._change(alert, cleared, Action.CLEAR, now_ms, note=explain(condition))

    def _expire(self, alert: Alert, now_ms: int) -> AlertChange:
        new = lifecycle.returned(alert, Action.EXPIRE, now_ms)
        note = "its time is over" if alert.active else "its time is over, and so is the hazard"
        return self._change(alert, new, Action.EXPIRE, now_ms, note=note)

    def _break(self, alert: Alert, other: Alert, now_ms: int) -> AlertChange | None:
        if not alert.active or alert.id == other.id:
            return None
        note = f"second kind of evidence: {other.kind} {other.id}"
        return self._change(alert, lifecycle.announced(alert, Action.BREAK), Action.BREAK, now_ms, note=note)

    def _damp(self, alert: Alert, now_ms: int) -> AlertChange | None:
        hold_ms = self._chatter.announced(alert.key, now_ms)
        if hold_ms is None:
            return None
        note = f"comes and goes: clears only after {hold_ms // 1000} s without"
        return AlertChange(alert, self._transition(alert, alert, Action.DAMP, now_ms, SYSTEM, note))

    def _put_aside(self) -> list[Alert]:
        states = (AlarmState.SHELVED, AlarmState.OUT_OF_SERVICE)
        return [alert for alert in self._by_id.values() if alert.state in states]

    def _is_news(self, alert: Alert, condition: Condition, now_ms: int) -> bool:
        if not set(condition.evidence) <= set(alert.evidence):
            return True
        if not set(condition.details.get("related", ())) <= set(alert.related):
            return True
        if condition.value is None or 0 <= now_ms - self._told_ms.get(alert.id, alert.raised_ts) < UPDATE_EVERY_MS:
            return False
        scale = abs(condition.threshold or condition.value)
        return alert.value is None or abs(condition.value - alert.value) >= max(MATERIAL_CHANGE * scale, 1e-9)

    def _change(
        self, old: Alert | None, new: Alert, action: Action, now_ms: int, who: str = SYSTEM, note: str = ""
    ) -> AlertChange:
        if new.open and (needed := self._limits.people_for(new)) != new.acknowledgements_needed:
            new = replace(new, acknowledgements_needed=needed)
        transition = self._transition(old, new, action, now_ms, who, note)
        self._keep(new)
        self._told_ms[new.id] = now_ms
        if lifecycle.announces(transition):
            self._announced_ms[new.id] = now_ms
        if not new.open:
            del self._by_key[new.key], self._by_id[new.id], self._told_ms[new.id]
            self._announced_ms.pop(new.id, None)
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


def _over(aside: Aside | None, now_ms: int) -> bool:
    if aside is None or aside.until_ts is None:
        return False
    return now_ms >= aside.until_ts or now_ms < aside.since_ts - BACKWARDS_MS


def _is_second(aside: Aside | None, source: str) -> bool:
    """Whether a rule that did not hold the alert when it was put aside speaks of it now."""
    return aside is not None and bool(aside.sources) and source not in aside.sources


def _worst(sources: dict[str, Condition | None], told: Condition) -> Condition:
    others = [condition for condition in sources.values() if condition is not None]
    worst = max((told, *others), key=lambda condition: condition.severity.rank)
    # What was told last carries the newest pictures, whichever source is the worst.
    return worst if worst is told else replace(worst, evidence=told.evidence)
