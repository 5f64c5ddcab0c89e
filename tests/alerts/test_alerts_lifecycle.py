"""The table of states and actions."""

from __future__ import annotations

import pytest
from alarm_samples import NOW_MS, condition

from alerts import lifecycle
from alerts.lifecycle import ASIDE, TABLE, Action, Fork, IllegalActionError
from alerts.model import AlarmState, Aside, Severity

_U, _A, _R, _N, _S, _P, _O = (
    AlarmState.UNACKNOWLEDGED,
    AlarmState.ACKNOWLEDGED,
    AlarmState.RETURNED_UNACKNOWLEDGED,
    AlarmState.NORMAL,
    AlarmState.SHELVED,
    AlarmState.SUPPRESSED,
    AlarmState.OUT_OF_SERVICE,
)


@pytest.mark.parametrize(
    ("state", "action", "expected"),
    [
        (None, Action.RAISE, _U),
        (_U, Action.ACKNOWLEDGE, _A),
        (_U, Action.CLEAR, _R),
        (_A, Action.CLEAR, _N),
        (_R, Action.ACKNOWLEDGE, _N),
        (_R, Action.RENEW, _U),
        (_A, Action.UPDATE, _A),
        (_A, Action.WORSEN, _U),
        (_N, Action.COMMENT, _N),
        (_U, Action.SHELVE, _S),
        (_S, Action.CLEAR, _S),
        (_S, Action.RENEW, _S),
        (_S, Action.WORSEN, _U),
        (_S, Action.BREAK, _U),
        (_S, Action.EXPIRE, _U),
        (_O, Action.EXPIRE, _U),
        (_O, Action.WORSEN, _U),
        (None, Action.SUPPRESS, _P),
        (_P, Action.CLEAR, _N),
        (_P, Action.UNSUPPRESS, _U),
        (_P, Action.WORSEN, _U),
    ],
)
def test_a_step_leads_where_the_standard_says(state: AlarmState | None, action: Action, expected: AlarmState) -> None:
    """The steps of IEC 62682 that operators rely on."""
    assert lifecycle.next_state(state, action) is expected


@pytest.mark.parametrize("state", [_S, _O])
@pytest.mark.parametrize("action", [Action.EXPIRE, Action.UNSHELVE])
def test_what_comes_back_without_its_hazard_is_closed(state: AlarmState, action: Action) -> None:
    """Nobody is called for something that is over and was judged by whoever put it aside."""
    assert lifecycle.next_state(state, action, active=False) is _N


@pytest.mark.parametrize("state", [None, *AlarmState])
@pytest.mark.parametrize("action", Action)
def test_every_other_step_is_refused_by_name(state: AlarmState | None, action: Action) -> None:
    """No state is left by an action the table does not have."""
    if (state, action) in TABLE:
        assert lifecycle.next_state(state, action) in AlarmState
    else:
        with pytest.raises(IllegalActionError, match=f"cannot {action}"):
            lifecycle.next_state(state, action)


def test_a_closed_alert_takes_nothing_but_notes_and_a_judgement() -> None:
    """The end of an alert's life is the end."""
    assert {action for state, action in TABLE if state is _N} == {Action.COMMENT, Action.FALSE_ALARM}


def test_from_every_state_in_which_an_alert_is_silent_a_rise_in_severity_leads_to_people() -> None:
    """Nothing that was put aside or acknowledged hides what gets worse."""
    for state in (*ASIDE, _A, _U):
        assert TABLE[state, Action.WORSEN] is _U


def test_every_state_that_is_put_aside_has_an_end_of_its_own() -> None:
    """None waits for a person to remember it."""
    for state, action in ((_S, Action.EXPIRE), (_O, Action.EXPIRE), (_P, Action.UNSUPPRESS)):
        step = TABLE[state, action]
        assert (step.active if isinstance(step, Fork) else step) is _U


def test_an_alert_keeps_its_first_picture_and_the_newest_ones() -> None:
    """How it began stays to be seen, however long it lasts."""
    alert = lifecycle.raised("a", condition(evidence=("p0.jpg",)), 1)
    for number in range(1, 20):
        alert = lifecycle.updated(alert, condition(evidence=(f"p{number}.jpg",)))
    assert alert.evidence == ("p0.jpg", *(f"p{number}.jpg" for number in range(13, 20)))
    assert lifecycle.cleared(alert, 2, ("end.jpg",)).evidence[-1] == "end.jpg"


def test_worsening_takes_acknowledgement_shelf_and_judgement_away() -> None:
    """Whoever judged a high alarm has not seen the critical one."""
    alert = lifecycle.raised("a", condition(), 1)
    aside = lifecycle.suppressed(alert, Aside("shed_offline", NOW_MS))
    judged = lifecycle.replace(
        aside, acknowledged_by="wang", acknowledged_ts=2, shelved_until_ts=3, false_alarm=True, cause="steam"
    )
    worse = lifecycle.worsened(judged, condition(severity=Severity.CRITICAL))
    assert (worse.state, worse.severity) == (_U, Severity.CRITICAL)
    assert (worse.acknowledged_by, worse.acknowledged_ts, worse.aside, worse.shelved_until_ts) == (None,) * 4
    assert (worse.false_alarm, worse.cause) == (False, None)
