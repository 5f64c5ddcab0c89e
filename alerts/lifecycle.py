"""The life of an alarm after IEC 62682 (ANSI/ISA-18.2): one table of states and actions, and the alert each step gives.

What rules say:

    raise        -> unacknowledged
    worsen       severity rises -> unacknowledged, from wherever: it breaks a shelf, a suppression, an outage
    renew        the hazard is back: the same alert, counted once more; returned_unacknowledged -> unacknowledged
    update       new figures or pictures, same state
    clear        hazard gone: acknowledged -> normal (closed), unacknowledged -> returned_unacknowledged
    suppress     a named rule says that another alert explains this one -> suppressed, without being announced
    unsuppress   that explanation is over and the hazard is not -> unacknowledged, announced now
    break        a second kind of evidence for what was put aside -> unacknowledged
    expire       the time of a shelf or an outage is over
    damp         chatter: from now on it clears only after a longer pause, same state
    merge        another open alert goes on with the same subject: -> normal (closed)

What people order (`alerts.orders` has the guards): acknowledge (notice: one of several who have to), comment, assign, shelve, unshelve, ask_out_of_service,
out_of_service, false_alarm, close.

An acknowledgement holds until the hazard clears; that closes the alert, so the next raise is a new one. What was put
aside goes on being evaluated; when that ends the alert is unacknowledged where its hazard is there, else closed.
Severity never falls within an alert's life: a fire that was critical is not made less while nobody has looked.

Errors:
    IllegalActionError(Exception): the table has no such step
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from msgspec.structs import replace

from alerts.model import AlarmState, Alert, Aside, Condition, Severity, Text, Transition
from alerts.proving_ground import is_test

MAX_EVIDENCE = 8
"""Pictures kept with an alert: the first, which shows the beginning, and the newest."""


class IllegalActionError(Exception):
    """The alert's state does not know this action."""

    def __init__(self, state: AlarmState | None, action: Action) -> None:
        super().__init__(f"an alert that is {state or 'not there'} cannot {action}")
        self.state = state
        self.action = action


class Action(StrEnum):
    """The verbs of an alert's log."""

    RAISE = "raise"
    WORSEN = "worsen"
    RENEW = "renew"
    UPDATE = "update"
    CLEAR = "clear"
    SUPPRESS = "suppress"
    UNSUPPRESS = "unsuppress"
    BREAK = "break"
    EXPIRE = "expire"
    DAMP = "damp"
    MERGE = "merge"
    ACKNOWLEDGE = "acknowledge"
    NOTICE = "notice"
    COMMENT = "comment"
    ASSIGN = "assign"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    ASK_OUT_OF_SERVICE = "ask_out_of_service"
    OUT_OF_SERVICE = "out_of_service"
    FALSE_ALARM = "false_alarm"
    CLOSE = "close"


class Fork(NamedTuple):
    """Where an action leads depends on whether the hazard is still there."""

    active: AlarmState
    gone: AlarmState


_UNACK = AlarmState.UNACKNOWLEDGED
_ACK = AlarmState.ACKNOWLEDGED
_RETURNED = AlarmState.RETURNED_UNACKNOWLEDGED
_NORMAL = AlarmState.NORMAL
_SHELVED = AlarmState.SHELVED
_SUPPRESSED = AlarmState.SUPPRESSED
_OUT = AlarmState.OUT_OF_SERVICE
_BACK = Fork(_UNACK, _NORMAL)

ASIDE = frozenset({_SHELVED, _SUPPRESSED, _OUT})
"""States in which an alert is not announced on purpose."""

TABLE: dict[tuple[AlarmState | None, Action], AlarmState | Fork] = {
    (None, Action.RAISE): _UNACK,
    (None, Action.SUPPRESS): _SUPPRESSED,
    (_UNACK, Action.WORSEN): _UNACK,
    (_UNACK, Action.UPDATE): _UNACK,
    (_UNACK, Action.CLEAR): _RETURNED,
    (_UNACK, Action.SUPPRESS): _SUPPRESSED,
    (_UNACK, Action.ACKNOWLEDGE): _ACK,
    (_UNACK, Action.NOTICE): _UNACK,
    (_UNACK, Action.SHELVE): _SHELVED,
    (_UNACK, Action.OUT_OF_SERVICE): _OUT,
    (_UNACK, Action.FALSE_ALARM): _ACK,
    (_UNACK, Action.MERGE): _NORMAL,
    (_ACK, Action.WORSEN): _UNACK,
    (_ACK, Action.UPDATE): _ACK,
    (_ACK, Action.CLEAR): _NORMAL,
    (_ACK, Action.SHELVE): _SHELVED,
    (_ACK, Action.OUT_OF_SERVICE): _OUT,
    (_ACK, Action.FALSE_ALARM): _ACK,
    (_ACK, Action.MERGE): _NORMAL,
    (_RETURNED, Action.RENEW): _UNACK,
    (_RETURNED, Action.SUPPRESS): _SUPPRESSED,
    (_RETURNED, Action.ACKNOWLEDGE): _NORMAL,
    (_RETURNED, Action.SHELVE): _SHELVED,
    (_RETURNED, Action.OUT_OF_SERVICE): _OUT,
    (_RETURNED, Action.FALSE_ALARM): _NORMAL,
    (_RETURNED, Action.CLOSE): _NORMAL,
    (_RETURNED, Action.MERGE): _NORMAL,
    (_SHELVED, Action.OUT_OF_SERVICE): _OUT,
    (_SUPPRESSED, Action.WORSEN): _UNACK,
    (_SUPPRESSED, Action.UPDATE): _SUPPRESSED,
    (_SUPPRESSED, Action.SUPPRESS): _SUPPRESSED,
    (_SUPPRESSED, Action.CLEAR): _NORMAL,
    (_SUPPRESSED, Action.UNSUPPRESS): _UNACK,
    (_SUPPRESSED, Action.MERGE): _NORMAL,
    (_NORMAL, Action.COMMENT): _NORMAL,
    (_NORMAL, Action.FALSE_ALARM): _NORMAL,
}
for _aside in (_SHELVED, _OUT):
    TABLE |= {
        (_aside, Action.WORSEN): _UNACK,
        (_aside, Action.RENEW): _aside,
        (_aside, Action.UPDATE): _aside,
        (_aside, Action.CLEAR): _aside,
        (_aside, Action.BREAK): _UNACK,
        (_aside, Action.EXPIRE): _BACK,
        (_aside, Action.UNSHELVE): _BACK,
        (_aside, Action.FALSE_ALARM): Fork(_aside, _NORMAL),
        (_aside, Action.CLOSE): _NORMAL,
        (_aside, Action.MERGE): _NORMAL,
    }
for _open in (_UNACK, _ACK, _RETURNED, _SHELVED, _SUPPRESSED, _OUT):
    TABLE |= {(_open, action): _open for action in (Action.COMMENT, Action.ASSIGN, Action.DAMP)}
for _asked in (_UNACK, _ACK, _RETURNED, _SHELVED):
    TABLE[_asked, Action.ASK_OUT_OF_SERVICE] = _asked


ANNOUNCING = frozenset(
    {
        Action.RAISE,
        Action.RENEW,
        Action.WORSEN,
        Action.BREAK,
        Action.EXPIRE,
        Action.UNSHELVE,
        Action.UNSUPPRESS,
    }
)


def announces(transition: Transition) -> bool:
    """Whether a transition brings the alert before people: raised, back, worse, or no longer put aside."""
    return transition.action in ANNOUNCING and transition.to_state is _UNACK


def next_state(state: AlarmState | None, action: Action, active: bool = True) -> AlarmState:
    """Where the action leads an alert whose hazard is there or not. Raises IllegalActionError."""
    try:
        step = TABLE[state, action]
    except KeyError:
        raise IllegalActionError(state, action) from None
    if isinstance(step, Fork):
        return step.active if active else step.gone
    return step


def raised(alert_id: str, condition: Condition, now_ms: int) -> Alert:
    """A new alert of an active condition."""
    key = condition.key
    return Alert(
        id=alert_id,
        kind=key.kind,
        severity=condition.severity,
        site=key.site,
        shed=key.shed,
        device=key.device,
        port=key.port,
        zone=key.zone,
        state=next_state(None, Action.RAISE),
        active=True,
        raised_ts=now_ms,
        message=_message(condition),
        value=condition.value,
        threshold=condition.threshold,
        unit=condition.unit,
        evidence=_pictures((), condition.evidence),
        related=tuple(condition.details.get("related", ())),
        test=is_test(key.site),
    )


def worsened(alert: Alert, condition: Condition) -> Alert:
    """The condition is worse than the alert says; whoever judged or put aside the lesser one has not seen this."""
    return replace(
        announced(_present(alert, condition), Action.WORSEN),
        severity=condition.severity,
        cause=None if alert.false_alarm else alert.cause,
        false_alarm=False,
    )


def renewed(alert: Alert, condition: Condition) -> Alert:
    """The condition is back within the alert's life; the alert keeps the highest severity it had."""
    return replace(
        _present(alert, condition),
        state=next_state(alert.state, Action.RENEW),
        severity=worse(alert.severity, condition.severity),
        acknowledgements=(),
    )


def updated(alert: Alert, condition: Condition) -> Alert:
    """The same condition with newer figures or pictures."""
    return replace(_with_figures(alert, condition), state=next_state(alert.state, Action.UPDATE))


def cleared(alert: Alert, now_ms: int, evidence: tuple[str, ...] = ()) -> Alert:
    """The hazard is gone, as pictures may prove; that ends the life of an alert someone has acknowledged."""
    gone = replace(alert, active=False, cleared_ts=now_ms, evidence=_pictures(alert.evidence, evidence))
    return moved(gone, Action.CLEAR, now_ms)


def suppressed(
    alert: Alert | None, aside: Aside, condition: Condition | None = None, new: Alert | None = None
) -> Alert:
    """The alert waits under the one that explains it: `new` where it is raised now, else with what its condition says."""
    state = next_state(alert.state if alert else None, Action.SUPPRESS)
    shown = new if alert is None else alert if condition is None else _present(alert, condition)
    assert shown is not None
    return replace(shown, state=state, aside=aside, service_request=None)


def announced(alert: Alert, action: Action) -> Alert:
    """What was acknowledged or put aside comes before people as if it were raised now."""
    return replace(
        alert,
        state=next_state(alert.state, action),
        acknowledged_ts=None,
        acknowledged_by=None,
        acknowledgements=(),
        aside=None,
        shelved_until_ts=None,
    )


def returned(alert: Alert, action: Action, now_ms: int) -> Alert:
    """A shelf or an outage is over, by its time or by someone's order."""
    return moved(replace(alert, acknowledged_ts=None, acknowledged_by=None, acknowledgements=()), action, now_ms)


def moved(alert: Alert, action: Action, now_ms: int) -> Alert:
    """The alert in the state the action leads to, with what goes with that state."""
    state = next_state(alert.state, action, alert.active)
    closed = state is AlarmState.NORMAL
    stays = state is alert.state
    return replace(
        alert,
        state=state,
        closed_ts=alert.closed_ts or now_ms if closed else None,
        aside=alert.aside if stays else None,
        shelved_until_ts=alert.shelved_until_ts if stays else None,
        service_request=None if closed else alert.service_request,
    )


def merged(alert: Alert, now_ms: int) -> Alert:
    """Another open alert goes on with the same subject."""
    gone = replace(alert, active=False, cleared_ts=alert.cleared_ts or now_ms)
    return moved(gone, Action.MERGE, now_ms)


def worse(one: Severity, other: Severity) -> Severity:
    """The higher of two severities."""
    return max(one, other, key=lambda severity: severity.rank)


def _present(alert: Alert, condition: Condition) -> Alert:
    """The alert with its hazard there, counted once more where it had been gone."""
    return replace(
        _with_figures(alert, condition),
        active=True,
        cleared_ts=None,
        count=alert.count if alert.active else alert.count + 1,
    )


def _with_figures(alert: Alert, condition: Condition) -> Alert:
    return replace(
        alert,
        message=_message(condition),
        value=condition.value,
        threshold=condition.threshold,
        unit=condition.unit,
        evidence=_pictures(alert.evidence, condition.evidence),
        related=tuple(dict.fromkeys((*alert.related, *condition.details.get("related", ())))),
    )


def _message(condition: Condition) -> Text:
    """What a rule says; of a test only what was found, for there is nothing to be done."""
    said = condition.message
    if not is_test(condition.key.site):
        return said
    return Text(
        f"{said.zh.partition('。')[0]}。这是测试，无需处置。",
        f"{said.en.partition('. ')[0]}. This is a test, nothing is to be done.",
    )


def _pictures(old: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys((*old, *new)))
    return names if len(names) <= MAX_EVIDENCE else (names[0], *names[1 - MAX_EVIDENCE :])
