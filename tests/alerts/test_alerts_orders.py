"""What people may do about an alert, and what they are told when they may not."""

from __future__ import annotations

from typing import Any

import pytest
from alarm_samples import NOW_MS, condition
from msgspec.structs import replace

from alerts import lifecycle
from alerts.desk import InvalidOrderError, Order, RefusedActionError
from alerts.model import AlarmState, Alert, AlertKind, Severity
from alerts.orders import REQUEST_VALID_MS, Limits, Several, Step, carry_out

_MINUTE_MS = 60_000


def raised(severity: Severity = Severity.HIGH, kind: AlertKind = AlertKind.OVER_TEMPERATURE, **more: Any) -> Alert:
    return replace(lifecycle.raised("a", condition(severity=severity, kind=kind), NOW_MS), **more)


def give(alert: Alert, action: str, who: str = "wang", at_ms: int = NOW_MS, **more: Any) -> Step:
    return carry_out(alert, Order(action, alert.id, who, **more), at_ms, ("measured",))  # type: ignore[arg-type]


def shelved(**more: Any) -> Alert:
    return give(raised(**more), "shelve", minutes=5, note="steam").alert


def out_of_service() -> Alert:
    asked = give(raised(), "out_of_service", minutes=600, note="fan is on order").alert
    return give(asked, "out_of_service", "chen", NOW_MS + 1).alert


def test_a_shelf_says_who_why_and_until_when() -> None:
    """All that the next shift needs to know of it."""
    step = give(raised(), "shelve", minutes=30, note="welding next door")
    assert step.alert.state is AlarmState.SHELVED
    assert step.alert.shelved_until_ts == NOW_MS + 30 * _MINUTE_MS
    assert step.alert.aside is not None
    assert (step.alert.aside.by, step.alert.aside.note, step.alert.aside.sources) == (
        "wang",
        "welding next door",
        ("measured",),
    )
    assert step.note == "30 min, until 2026-11-23T02:43:20Z: welding next door"


@pytest.mark.parametrize(
    ("severity", "kind", "longest"),
    [
        (Severity.CRITICAL, AlertKind.OVER_TEMPERATURE, 15),
        (Severity.HIGH, AlertKind.OVER_TEMPERATURE, 120),
        (Severity.MEDIUM, AlertKind.CHARGER_OFFLINE, 480),
        (Severity.LOW, AlertKind.EXTINGUISHER_DUE, 1440),
        (Severity.CRITICAL, AlertKind.SMOKE, 5),
        (Severity.HIGH, AlertKind.FLAME, 5),
        (Severity.HIGH, AlertKind.SMOKE_SENSOR, 5),
        (Severity.HIGH, AlertKind.HEAT_SENSOR, 5),
    ],
)
def test_the_longest_shelf_depends_on_what_is_at_stake(severity: Severity, kind: AlertKind, longest: int) -> None:
    """A fire is silenced for minutes, an extinguisher's date for a day; the refusal names the maximum."""
    alert = raised(severity, kind)
    assert give(alert, "shelve", minutes=longest, note="why").alert.state is AlarmState.SHELVED
    for minutes in (longest + 1, 0, -5, None):
        with pytest.raises(InvalidOrderError, match=f"between 1 and {longest}") as refused:
            give(alert, "shelve", minutes=minutes, note="why")
        assert refused.value.parameter == "minutes"


@pytest.mark.parametrize(
    ("action", "more", "parameter"),
    [
        ("shelve", {"minutes": 5}, "note"),
        ("shelve", {"minutes": 5, "note": "  "}, "note"),
        ("comment", {}, "note"),
        ("assign", {}, "assignee"),
        ("assign", {"assignee": "x" * 65}, "assignee"),
        ("false_alarm", {}, "cause"),
        ("false_alarm", {"cause": " "}, "cause"),
        ("false_alarm", {"cause": "x" * 201}, "cause"),
        ("out_of_service", {"note": "why"}, "minutes"),
        ("out_of_service", {"minutes": 60}, "note"),
        ("out_of_service", {"minutes": 43_201, "note": "why"}, "minutes"),
    ],
)
def test_what_is_missing_is_named(action: str, more: dict[str, Any], parameter: str) -> None:
    """The page can show the error beside the field it is about."""
    with pytest.raises(InvalidOrderError) as refused:
        give(raised(), action, **more)
    assert refused.value.parameter == parameter


def test_out_of_service_takes_two_people() -> None:
    """Who asks cannot allow; the outage counts from when it was allowed."""
    asked = give(raised(), "out_of_service", minutes=600, note="fan is on order")
    assert (asked.action, asked.alert.state) == ("ask_out_of_service", AlarmState.UNACKNOWLEDGED)
    with pytest.raises(RefusedActionError, match="another person has to allow it"):
        give(asked.alert, "out_of_service", at_ms=NOW_MS + 1)
    with pytest.raises(InvalidOrderError, match="asked for 600"):
        give(asked.alert, "out_of_service", "chen", minutes=6000)
    out = give(asked.alert, "out_of_service", "chen", NOW_MS + _MINUTE_MS).alert
    assert (out.state, out.service_request) == (AlarmState.OUT_OF_SERVICE, None)
    assert out.aside is not None
    assert (out.aside.by, out.aside.approved_by) == ("wang", "chen")
    assert out.aside.until_ts == NOW_MS + 601 * _MINUTE_MS


def test_a_request_nobody_allowed_lapses() -> None:
    """What was wanted last week is not allowed by accident today: the same order then asks anew."""
    asked = give(raised(), "out_of_service", minutes=600, note="fan is on order").alert
    late = give(asked, "out_of_service", "chen", NOW_MS + REQUEST_VALID_MS, minutes=60, note="again")
    assert late.action == "ask_out_of_service"
    assert late.alert.service_request is not None
    assert late.alert.service_request.by == "chen"


def test_a_fire_kind_is_out_of_service_for_a_shift_at_most() -> None:
    """Works in the shed, with somebody there."""
    with pytest.raises(InvalidOrderError, match="between 1 and 480"):
        give(raised(kind=AlertKind.SMOKE), "out_of_service", minutes=481, note="welding")


@pytest.mark.parametrize("action", ["acknowledge", "shelve", "out_of_service"])
def test_what_is_put_aside_has_to_be_brought_back_first(action: str) -> None:
    """A shelf cannot be lengthened by shelving the shelved; the refusal says how to go on."""
    with pytest.raises(RefusedActionError, match=r"shelved by wang until|out_of_service by wang until"):
        give(out_of_service() if action == "out_of_service" else shelved(), action, minutes=5, note="x")


@pytest.mark.parametrize("alert", [shelved(), out_of_service()])
def test_bringing_back_asks_for_people_where_the_hazard_is_there(alert: Alert) -> None:
    """And closes it where it has gone meanwhile."""
    back = give(alert, "unshelve").alert
    assert (back.state, back.aside, back.shelved_until_ts) == (AlarmState.UNACKNOWLEDGED, None, None)
    assert give(replace(alert, active=False), "unshelve").alert.closed_ts == NOW_MS
    with pytest.raises(RefusedActionError, match="only a shelved or out-of-service alert"):
        give(back, "unshelve")


def test_an_active_alert_is_never_closed() -> None:
    """That would hide it; the refusal says what to do instead."""
    with pytest.raises(RefusedActionError, match="acknowledge it, it closes when it clears"):
        give(raised(), "close")
    gone = lifecycle.cleared(raised(), NOW_MS)
    closed = give(gone, "close").alert
    assert (closed.state, closed.acknowledged_by, closed.closed_ts) == (AlarmState.NORMAL, "wang", NOW_MS)


def test_a_false_alarm_is_judged_with_its_cause() -> None:
    """While it is there the judgement acknowledges it, afterwards it closes it, and it may come after the end."""
    active = give(raised(), "false_alarm", cause="headlights", note="bus at the gate")
    assert (active.alert.state, active.alert.acknowledged_by) == (AlarmState.ACKNOWLEDGED, "wang")
    assert (active.alert.false_alarm, active.alert.cause, active.note) == (
        True,
        "headlights",
        "headlights: bus at the gate",
    )
    gone = give(lifecycle.cleared(raised(), NOW_MS), "false_alarm", cause="insects").alert
    assert (gone.state, gone.closed_ts) == (AlarmState.NORMAL, NOW_MS)
    later = give(replace(gone, false_alarm=False), "false_alarm", at_ms=NOW_MS + 99, cause="steam").alert
    assert (later.cause, later.closed_ts) == ("steam", NOW_MS)
    assert give(shelved(), "false_alarm", cause="steam").alert.state is AlarmState.SHELVED


def test_someone_is_made_responsible_and_relieved() -> None:
    """The state stays as it is."""
    step = give(raised(), "assign", assignee=" chen ", note="nearest")
    assert (step.alert.assignee, step.alert.state, step.note) == ("chen", AlarmState.UNACKNOWLEDGED, "chen: nearest")
    assert give(step.alert, "assign", assignee="").alert.assignee is None


@pytest.mark.parametrize("action", ["acknowledge", "assign", "shelve", "unshelve", "out_of_service", "close"])
def test_a_closed_alert_takes_only_notes_and_judgements(action: str) -> None:
    """And says when it was closed."""
    closed = give(lifecycle.cleared(raised(), NOW_MS), "close").alert
    with pytest.raises(RefusedActionError, match="closed since 2026-11-23T02:13:20Z"):
        give(closed, action, minutes=1, note="x", assignee="x")
    assert give(closed, "comment", note="x").alert is closed


def test_limits_are_configurable() -> None:
    """Per severity, and for fire kinds."""
    limits = Limits(shelve=dict.fromkeys(Severity, 7), shelve_fire=2)
    assert limits.shelve_minutes(raised()) == 7
    assert limits.shelve_minutes(raised(kind=AlertKind.SMOKE)) == 2


SEVERAL = Limits(several=(Several(3, frozenset({AlertKind.SMOKE})), Several(2, place=("cuiping",))))


def ordered(alert: Alert, action: str, who: str, limits: Limits = SEVERAL, **more: object) -> Step:
    return carry_out(alert, Order(action, alert.id, who, **more), NOW_MS, (), limits)  # type: ignore[arg-type]


def test_a_critical_alert_stays_unacknowledged_until_enough_different_people_took_notice() -> None:
    """The first one silences nobody; the log says how many did."""
    alert = raised(Severity.CRITICAL)
    first = ordered(alert, "acknowledge", "wang", note="on my way")
    assert (first.action, first.alert.state, first.note) == ("notice", "unacknowledged", "1 of 2: on my way")
    with pytest.raises(RefusedActionError, match=r"another person has to as well \(1 of 2\)"):
        ordered(first.alert, "acknowledge", "wang")
    second = ordered(first.alert, "acknowledge", "li")
    assert (second.action, second.alert.state, second.alert.acknowledged_by) == (
        "acknowledge",
        "acknowledged",
        "wang, li",
    )
    assert [one.by for one in second.alert.acknowledgements] == ["wang", "li"]


def test_how_many_depends_on_kind_severity_and_place() -> None:
    """The first entry that fits."""
    hot = raised(Severity.CRITICAL)
    smoke = raised(Severity.CRITICAL, AlertKind.SMOKE)
    elsewhere = replace(hot, site="other")
    assert [SEVERAL.people_for(one) for one in (hot, smoke, elsewhere, replace(hot, severity=Severity.HIGH))] == [
        2,
        3,
        1,
        1,
    ]
    assert SEVERAL.people_for(replace(smoke, test=True)) == 1


def test_nobody_alone_shelves_or_judges_what_several_have_to_know_of() -> None:
    """It would be the way around the second person."""
    alert = raised(Severity.CRITICAL)
    half = ordered(alert, "acknowledge", "wang").alert
    for action, more in (("shelve", {"minutes": 5, "note": "steam"}), ("false_alarm", {"cause": "steam"})):
        with pytest.raises(RefusedActionError, match="2 people have to acknowledge it"):
            ordered(half, action, "wang", **more)
        both = ordered(half, "acknowledge", "li").alert
        assert ordered(both, action, "wang", **more).action == action


def test_what_gets_worse_or_comes_back_asks_everyone_anew_and_what_is_gone_asks_for_one() -> None:
    """An acknowledgement is of what was seen; where nothing burns any more one person who knows is enough."""
    half = ordered(raised(Severity.CRITICAL), "acknowledge", "wang").alert
    gone = lifecycle.cleared(half, NOW_MS)
    assert ordered(gone, "acknowledge", "li").alert.state is AlarmState.NORMAL
    assert lifecycle.renewed(gone, condition(severity=Severity.CRITICAL)).acknowledgements == ()
    lesser = ordered(raised(), "acknowledge", "wang").alert
    assert lifecycle.worsened(lesser, condition(severity=Severity.CRITICAL)).acknowledgements == ()


def test_a_person_with_two_names_counts_once() -> None:
    """By the token at the desk and by the link on the phone."""
    limits = Limits(several=(Several(2),), known_as={"wang-q": "王强"})
    half = ordered(raised(Severity.CRITICAL), "acknowledge", "wang-q", limits).alert
    assert half.acknowledgements[0].by == "王强"
    with pytest.raises(RefusedActionError, match="you acknowledged"):
        ordered(half, "acknowledge", "王强", limits)
