"""The life of an alarm after IEC 62682 (ANSI/ISA-18.2): one table of states and actions, and the alert each step gives.

    raise        -> unacknowledged
    worsen       severity rises; what was acknowledged has to be acknowledged again
    renew        back while returned_unacknowledged: the same alert, counted once more, unacknowledged again
    update       new figures or pictures, same state
    clear        hazard gone: acknowledged -> normal (closed), unacknowledged -> returned_unacknowledged
    acknowledge  unacknowledged -> acknowledged, returned_unacknowledged -> normal (closed)
    comment      a note, in any state
    merge        another open alert goes on with the same subject: -> normal (closed)

An acknowledgement holds until the hazard clears; that closes the alert, so the next raise is a new one. Severity never
falls within an alert's life: a fire that has been critical is not quietly made less while nobody has looked.

Errors:
    IllegalActionError(Exception): the table has no such step
"""

from __future__ import annotations

from enum import StrEnum

from msgspec.structs import replace

from alerts.model import AlarmState, Alert, Condition, Severity

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
    ACKNOWLEDGE = "acknowledge"
    COMMENT = "comment"
    MERGE = "merge"


_UNACK = AlarmState.UNACKNOWLEDGED
_ACK = AlarmState.ACKNOWLEDGED
_RETURNED = AlarmState.RETURNED_UNACKNOWLEDGED
_NORMAL = AlarmState.NORMAL

TABLE: dict[tuple[AlarmState | None, Action], AlarmState] = {
    (None, Action.RAISE): _UNACK,
    (_UNACK, Action.WORSEN): _UNACK,
    (_ACK, Action.WORSEN): _UNACK,
    (_RETURNED, Action.RENEW): _UNACK,
    (_UNACK, Action.UPDATE): _UNACK,
    (_ACK, Action.UPDATE): _ACK,
    (_UNACK, Action.CLEAR): _RETURNED,
    (_ACK, Action.CLEAR): _NORMAL,
    (_UNACK, Action.ACKNOWLEDGE): _ACK,
    (_RETURNED, Action.ACKNOWLEDGE): _NORMAL,
    (_UNACK, Action.COMMENT): _UNACK,
    (_ACK, Action.COMMENT): _ACK,
    (_RETURNED, Action.COMMENT): _RETURNED,
    (_NORMAL, Action.COMMENT): _NORMAL,
    (_UNACK, Action.MERGE): _NORMAL,
    (_ACK, Action.MERGE): _NORMAL,
    (_RETURNED, Action.MERGE): _NORMAL,
}


def next_state(state: AlarmState | None, action: Action) -> AlarmState:
    """Where the action leads. Raises IllegalActionError."""
    try:
        return TABLE[state, action]
    except KeyError:
        raise IllegalActionError(state, action) from None


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
        message=condition.message,
        value=condition.value,
        threshold=condition.threshold,
        unit=condition.unit,
        evidence=_pictures((), condition.evidence),
        related=tuple(condition.details.get("related", ())),
    )


def worsened(alert: Alert, condition: Condition) -> Alert:
    """The condition is worse than the alert says."""
    return replace(
        _with_figures(alert, condition),
        state=next_state(alert.state, Action.WORSEN),
        severity=condition.severity,
        acknowledged_ts=None,
        acknowledged_by=None,
    )


def renewed(alert: Alert, condition: Condition) -> Alert:
    """The condition is back before anyone looked; the alert keeps the highest severity it had."""
    return replace(
        _with_figures(alert, condition),
        state=next_state(alert.state, Action.RENEW),
        severity=worse(alert.severity, condition.severity),
        active=True,
        cleared_ts=None,
        count=alert.count + 1,
    )


def updated(alert: Alert, condition: Condition) -> Alert:
    """The same condition with newer figures or pictures."""
    return replace(_with_figures(alert, condition), state=next_state(alert.state, Action.UPDATE))


def cleared(alert: Alert, now_ms: int, evidence: tuple[str, ...] = ()) -> Alert:
    """The hazard is gone, as pictures may prove; that ends the life of an alert someone has acknowledged."""
    state = next_state(alert.state, Action.CLEAR)
    return replace(
        alert,
        state=state,
        active=False,
        cleared_ts=now_ms,
        closed_ts=now_ms if state is AlarmState.NORMAL else None,
        evidence=_pictures(alert.evidence, evidence),
    )


def acknowledged(alert: Alert, who: str, now_ms: int) -> Alert:
    """Someone has taken notice; that ends the life of an alert whose hazard is gone."""
    state = next_state(alert.state, Action.ACKNOWLEDGE)
    return replace(
        alert,
        state=state,
        acknowledged_ts=now_ms,
        acknowledged_by=who,
        closed_ts=now_ms if state is AlarmState.NORMAL else None,
    )


def merged(alert: Alert, now_ms: int) -> Alert:
    """Another open alert goes on with the same subject."""
    return replace(
        alert,
        state=next_state(alert.state, Action.MERGE),
        active=False,
        cleared_ts=alert.cleared_ts or now_ms,
        closed_ts=now_ms,
    )


def worse(one: Severity, other: Severity) -> Severity:
    """The higher of two severities."""
    return max(one, other, key=lambda severity: severity.rank)


def _with_figures(alert: Alert, condition: Condition) -> Alert:
    return replace(
        alert,
        message=condition.message,
        value=condition.value,
        threshold=condition.threshold,
        unit=condition.unit,
        evidence=_pictures(alert.evidence, condition.evidence),
        related=tuple(dict.fromkeys((*alert.related, *condition.details.get("related", ())))),
    )


def _pictures(old: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys((*old, *new)))
    return names if len(names) <= MAX_EVIDENCE else (names[0], *names[1 - MAX_EVIDENCE :])
