"""The table of states and actions."""

from __future__ import annotations

import pytest
from alarm_samples import condition

from alerts import lifecycle
from alerts.lifecycle import TABLE, Action, IllegalActionError
from alerts.model import AlarmState, Severity

_U, _A, _R, _N = (
    AlarmState.UNACKNOWLEDGED,
    AlarmState.ACKNOWLEDGED,
    AlarmState.RETURNED_UNACKNOWLEDGED,
    AlarmState.NORMAL,
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
    ],
)
def test_a_step_leads_where_the_standard_says(state: AlarmState | None, action: Action, expected: AlarmState) -> None:
    """The steps of IEC 62682 that operators rely on."""
    assert lifecycle.next_state(state, action) is expected


@pytest.mark.parametrize(("state", "action"), [(s, a) for s in (None, _U, _A, _R, _N) for a in Action])
def test_every_other_step_is_refused_by_name(state: AlarmState | None, action: Action) -> None:
    """No state is left by an action the table does not have."""
    if (state, action) in TABLE:
        assert lifecycle.next_state(state, action) in (_U, _A, _R, _N)
    else:
        with pytest.raises(IllegalActionError, match=f"cannot {action}"):
            lifecycle.next_state(state, action)


def test_a_closed_alert_takes_nothing_but_notes() -> None:
    """The end of an alert's life is the end."""
    assert {action for state, action in TABLE if state is _N} == {Action.COMMENT}


def test_an_alert_keeps_its_first_picture_and_the_newest_ones() -> None:
    """How it began stays to be seen, however long it lasts."""
    alert = lifecycle.raised("a", condition(evidence=("p0.jpg",)), 1)
    for number in range(1, 20):
        alert = lifecycle.updated(alert, condition(evidence=(f"p{number}.jpg",)))
    assert alert.evidence == ("p0.jpg", *(f"p{number}.jpg" for number in range(13, 20)))
    assert lifecycle.cleared(alert, 2, ("end.jpg",)).evidence[-1] == "end.jpg"


def test_worsening_takes_the_acknowledgement_away() -> None:
    """Whoever acknowledged a high alarm has not seen the critical one."""
    alert = lifecycle.acknowledged(lifecycle.raised("a", condition(), 1), "wang", 2)
    worse = lifecycle.worsened(alert, condition(severity=Severity.CRITICAL))
    assert (worse.state, worse.acknowledged_by, worse.acknowledged_ts) == (_U, None, None)
