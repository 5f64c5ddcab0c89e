"""What people may do about an alert, with the guards of each action. Pure: alert, order and time in, the next alert out.

    acknowledge     from unacknowledged and returned_unacknowledged; where several people have to, each of them, and an alert
                    that still lacks some can neither be shelved nor judged a false alarm
    comment         always, also about a closed alert; needs a note
    assign          an open alert; needs an assignee, an empty one takes the name away
    shelve          needs minutes, within the maximum of its severity, and a note that says why
    unshelve        ends a shelf or an outage before its time
    out_of_service  first asked for, with minutes and a note; allowed by another person, who sends it again
    false_alarm     needs a cause; an active alert counts as acknowledged, one whose hazard is gone is closed
    close           an alert whose hazard is gone

Errors:
    those of `alerts.desk`: RefusedActionError, InvalidOrderError
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from msgspec.structs import replace

from alerts import lifecycle
from alerts.desk import InvalidOrderError, Order, RefusedActionError
from alerts.lifecycle import Action
from alerts.model import Acknowledgement, AlarmState, Alert, AlertKind, Aside, ServiceRequest, Severity

FIRE_KINDS = frozenset({AlertKind.SMOKE, AlertKind.FLAME, AlertKind.SMOKE_SENSOR, AlertKind.HEAT_SENSOR})
"""What speaks of a fire that burns: minutes decide, so it is put aside for minutes only."""

REQUEST_VALID_MS = 8 * 3_600_000
"""A request nobody answered in a shift is asked again by whoever still wants it."""

_MINUTE_MS = 60_000
_ASSIGNEE_LENGTH = 64
_CAUSE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Several:
    """So many people's acknowledgements are needed for alerts of these kinds (empty: all), as bad as this or worse.

    `place` is a site, or site and shed; empty for all.
    """

    people: int
    kinds: frozenset[AlertKind] = frozenset()
    min_severity: Severity = Severity.CRITICAL
    place: tuple[str, ...] = ()

    def covers(self, alert: Alert) -> bool:
        """Whether it is for this alert."""
        here = (alert.site, alert.shed)[: len(self.place)] == self.place
        return here and alert.severity.rank >= self.min_severity.rank and (not self.kinds or alert.kind in self.kinds)


@dataclass(frozen=True, slots=True)
class Limits:
    """For how many minutes an alert may be put aside, and how many people have to take notice.

    Attributes:
        several: the first that covers an alert says how many people; one where none does.
        known_as: the names of people by ids under which they order too, so that nobody counts twice.
        shelve: by severity. Critical 15: a quarter of an hour is what a person on the spot needs to mend or judge it.
            High 120. Medium 480: to the end of a shift, the next one decides anew. Low 1440: until somebody comes to work.
        shelve_fire: 5; a pack goes from the first wisp to the blast in about three minutes, so a shelf for steam or
            welding has to be looked at again and again.
        out_of_service: 43200, thirty days: a part is on order.
        out_of_service_fire: 480: works in the shed, for one shift and with somebody there.
    """

    shelve: Mapping[Severity, int] = field(
        default_factory=lambda: {
            Severity.CRITICAL: 15,
            Severity.HIGH: 120,
            Severity.MEDIUM: 480,
            Severity.LOW: 1_440,
        }
    )
    shelve_fire: int = 5
    out_of_service: int = 43_200
    out_of_service_fire: int = 480
    several: tuple[Several, ...] = ()
    known_as: Mapping[str, str] = field(default_factory=dict)

    def name_of(self, who: str) -> str:
        """By what name somebody counts, however they are called where they order."""
        return self.known_as.get(who, who)

    def people_for(self, alert: Alert) -> int:
        """How many people have to acknowledge an alert; a test asks for one."""
        if alert.test:
            return 1
        return next((rule.people for rule in self.several if rule.covers(alert)), 1)

    def shelve_minutes(self, alert: Alert) -> int:
        """The longest shelf of an alert."""
        longest = self.shelve[alert.severity]
        return min(longest, self.shelve_fire) if alert.kind in FIRE_KINDS else longest

    def out_minutes(self, alert: Alert) -> int:
        """The longest outage of an alert."""
        return self.out_of_service_fire if alert.kind in FIRE_KINDS else self.out_of_service


class Step(NamedTuple):
    """What an order makes of an alert, and what the log says of it."""

    action: Action
    alert: Alert
    note: str


def carry_out(
    alert: Alert, order: Order, now_ms: int, sources: tuple[str, ...] = (), limits: Limits | None = None
) -> Step:
    """The step an order is. `sources`: the rules that hold the alert now."""
    return _Order(alert, order, now_ms, sources, limits or Limits()).step()


class _Order(NamedTuple):
    alert: Alert
    order: Order
    now_ms: int
    sources: tuple[str, ...]
    limits: Limits

    def step(self) -> Step:
        if not self.alert.open and self.order.action not in ("comment", "false_alarm"):
            closed = moment(self.alert.closed_ts)
            raise RefusedActionError(
                f"the alert is closed since {closed}; only notes and the mark false alarm go there"
            )
        match self.order.action:
            case "acknowledge":
                return self._acknowledge()
            case "comment":
                self._needs_note("say what there is to note")
                return Step(Action.COMMENT, self.alert, self.order.note)
            case "assign":
                return self._assign()
            case "shelve":
                return self._shelve()
            case "unshelve":
                return self._unshelve()
            case "out_of_service":
                return self._out_of_service()
            case "false_alarm":
                return self._false_alarm()
            case "close":
                return self._close()

    def _acknowledge(self) -> Step:
        alert = self.alert
        if alert.state is AlarmState.ACKNOWLEDGED:
            raise RefusedActionError(f"already acknowledged by {alert.acknowledged_by}; it closes when it clears")
        if alert.state in lifecycle.ASIDE:
            raise RefusedActionError(f"{_put_aside(alert)}; it asks for nobody until that ends")
        seen, needed = alert.acknowledgements, self.limits.people_for(alert)
        who = self.limits.name_of(self.order.who)
        if mine := next((one for one in seen if self.limits.name_of(one.by) == who), None):
            raise RefusedActionError(
                f"you acknowledged at {moment(mine.ts)}; another person has to as well ({len(seen)} of {needed})"
            )
        seen = (*seen, Acknowledgement(who, self.now_ms))
        noticed = replace(alert, acknowledgements=seen)
        # Where the hazard is gone one person who knows of it is enough.
        if len(seen) < needed and alert.state is AlarmState.UNACKNOWLEDGED:
            note = f"{len(seen)} of {needed}"
            return Step(Action.NOTICE, noticed, f"{note}: {self.order.note}" if self.order.note else note)
        by = ", ".join(one.by for one in seen)
        noticed = replace(noticed, acknowledged_ts=self.now_ms, acknowledged_by=by)
        return Step(Action.ACKNOWLEDGE, lifecycle.moved(noticed, Action.ACKNOWLEDGE, self.now_ms), self.order.note)

    def _needs_several(self, what: str) -> None:
        """Nobody alone silences what several people have to know of."""
        needed, seen = self.limits.people_for(self.alert), len(self.alert.acknowledgements)
        if needed > 1 and self.alert.state is AlarmState.UNACKNOWLEDGED:
            raise RefusedActionError(
                f"{needed} people have to acknowledge it before it can be {what}, and {seen} did; acknowledge it first"
            )

    def _assign(self) -> Step:
        name = (self.order.assignee if self.order.assignee is not None else "").strip()
        if self.order.assignee is None:
            raise InvalidOrderError("say who sees to it; an empty text takes the name away", "assignee")
        if len(name) > _ASSIGNEE_LENGTH:
            raise InvalidOrderError(f"at most {_ASSIGNEE_LENGTH} characters", "assignee")
        note = ": ".join(part for part in (name or "-", self.order.note) if part)
        return Step(Action.ASSIGN, replace(self.alert, assignee=name or None), note)

    def _shelve(self) -> Step:
        alert = self.alert
        if alert.state in lifecycle.ASIDE:
            raise RefusedActionError(f"{_put_aside(alert)}; {_way_back(alert)}")
        self._needs_several("shelved")
        minutes = self._minutes(self.limits.shelve_minutes(alert))
        self._needs_note("say why it is shelved")
        until_ms = self.now_ms + minutes * _MINUTE_MS
        aside = Aside(self.order.who, self.now_ms, self.order.note, until_ms, sources=self.sources)
        shelved = replace(
            alert,
            state=lifecycle.next_state(alert.state, Action.SHELVE),
            aside=aside,
            shelved_until_ts=until_ms,
        )
        return Step(Action.SHELVE, shelved, f"{minutes} min, until {moment(until_ms)}: {self.order.note}")

    def _unshelve(self) -> Step:
        alert = self.alert
        if alert.state not in (AlarmState.SHELVED, AlarmState.OUT_OF_SERVICE):
            why = (
                f"{_put_aside(alert)}; {_way_back(alert)}" if alert.state in lifecycle.ASIDE else f"it is {alert.state}"
            )
            raise RefusedActionError(f"only a shelved or out-of-service alert can be brought back; {why}")
        return Step(Action.UNSHELVE, lifecycle.returned(alert, Action.UNSHELVE, self.now_ms), self.order.note)

    def _out_of_service(self) -> Step:
        alert, asked = self.alert, self.alert.service_request
        if alert.state in (AlarmState.SUPPRESSED, AlarmState.OUT_OF_SERVICE):
            raise RefusedActionError(f"{_put_aside(alert)}; {_way_back(alert)}")
        if asked is None or self.now_ms >= asked.lapses_ts:
            return self._ask()
        if asked.by == self.order.who:
            raise RefusedActionError(
                f"you asked for this at {moment(asked.at_ts)}; another person has to allow it"
                f" before {moment(asked.lapses_ts)}, by sending the same order"
            )
        if self.order.minutes not in (None, asked.minutes):
            raise InvalidOrderError(
                f"{asked.by} asked for {asked.minutes} minutes; leave it out to allow that", "minutes"
            )
        until_ms = self.now_ms + asked.minutes * _MINUTE_MS
        out = replace(
            alert,
            state=lifecycle.next_state(alert.state, Action.OUT_OF_SERVICE),
            aside=Aside(asked.by, self.now_ms, asked.note, until_ms, self.order.who, sources=self.sources),
            shelved_until_ts=None,
            service_request=None,
        )
        note = f"{asked.minutes} min, until {moment(until_ms)}, asked for by {asked.by}: {asked.note}"
        return Step(Action.OUT_OF_SERVICE, out, f"{note}. {self.order.note}" if self.order.note else note)

    def _ask(self) -> Step:
        minutes = self._minutes(self.limits.out_minutes(self.alert))
        self._needs_note("say why it is to be out of service")
        asked = ServiceRequest(self.order.who, self.now_ms, minutes, self.order.note, self.now_ms + REQUEST_VALID_MS)
        state = lifecycle.next_state(self.alert.state, Action.ASK_OUT_OF_SERVICE)
        note = f"{minutes} min: {self.order.note}"
        return Step(Action.ASK_OUT_OF_SERVICE, replace(self.alert, state=state, service_request=asked), note)

    def _false_alarm(self) -> Step:
        alert, cause = self.alert, (self.order.cause or "").strip()
        if not cause:
            raise InvalidOrderError("say what was taken for the hazard, such as headlights, insects, steam", "cause")
        if len(cause) > _CAUSE_LENGTH:
            raise InvalidOrderError(f"at most {_CAUSE_LENGTH} characters", "cause")
        if alert.state is AlarmState.SUPPRESSED:
            raise RefusedActionError(f"{_put_aside(alert)}; {_way_back(alert)}")
        self._needs_several("judged a false alarm")
        judged = replace(alert, false_alarm=True, cause=cause)
        if alert.state in (AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED_UNACKNOWLEDGED):
            judged = replace(judged, acknowledged_ts=self.now_ms, acknowledged_by=self.order.who)
        note = ": ".join(part for part in (cause, self.order.note) if part)
        return Step(Action.FALSE_ALARM, lifecycle.moved(judged, Action.FALSE_ALARM, self.now_ms), note)

    def _close(self) -> Step:
        alert = self.alert
        if alert.active:
            raise RefusedActionError(
                "its hazard is still there, and a closed alert would hide it; acknowledge it, it closes when it clears"
            )
        noticed = replace(
            alert,
            acknowledged_ts=alert.acknowledged_ts or self.now_ms,
            acknowledged_by=alert.acknowledged_by or self.order.who,
        )
        return Step(Action.CLOSE, lifecycle.moved(noticed, Action.CLOSE, self.now_ms), self.order.note)

    def _minutes(self, longest: int) -> int:
        minutes, alert = self.order.minutes, self.alert
        if minutes is None or not 1 <= minutes <= longest:
            what = f"{alert.kind}, {alert.severity}"
            raise InvalidOrderError(f"between 1 and {longest} for this alert ({what})", "minutes")
        return minutes

    def _needs_note(self, what: str) -> None:
        if not self.order.note.strip():
            raise InvalidOrderError(what, "note")


def moment(at_ms: int | None) -> str:
    """A time as the log and errors say it, RFC 3339."""
    return "-" if at_ms is None else datetime.fromtimestamp(at_ms // 1000, UTC).isoformat().replace("+00:00", "Z")


def _put_aside(alert: Alert) -> str:
    aside = alert.aside
    if aside is None:
        return f"it is {alert.state}"
    if alert.state is AlarmState.SUPPRESSED:
        return f"it is suppressed by the rule {aside.by}, explained by alert {aside.parent}"
    return f"{alert.state} by {aside.by} until {moment(aside.until_ts)}"


def _way_back(alert: Alert) -> str:
    if alert.state is AlarmState.SUPPRESSED:
        return "see to that one; this one comes back by itself when that is over"
    return "bring it back with unshelve first"
