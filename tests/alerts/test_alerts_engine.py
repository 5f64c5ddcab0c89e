"""The engine: plain stories; `test_alerts_life` tries all the others."""

from __future__ import annotations

from random import Random

import pytest
from alarm_samples import NOW_MS, condition

from alerts.desk import Order, RefusedActionError
from alerts.engine import AlarmEngine, alert_ids
from alerts.model import AlarmState, AlertChange, AlertKind, Aside, Severity


def engine() -> AlarmEngine:
    return AlarmEngine(alert_ids(Random(1)), first_seq=100)


def apply(machine: AlarmEngine, *args: object, at_ms: int = NOW_MS, **more: object) -> AlertChange:
    change = machine.apply(condition(*args, **more), at_ms)  # type: ignore[arg-type]
    assert change is not None
    return change


def test_transitions_are_numbered_without_gaps_and_name_both_states() -> None:
    """The log of an alert can be replayed."""
    machine = engine()
    raised = apply(machine)
    acknowledged = machine.acknowledge(raised.alert.id, "wang", "seen", NOW_MS + 1)
    cleared = apply(machine, False, at_ms=NOW_MS + 2)
    assert [c.transition.seq for c in (raised, acknowledged, cleared)] == [100, 101, 102]
    assert (acknowledged.transition.from_state, acknowledged.transition.to_state) == ("unacknowledged", "acknowledged")
    assert (acknowledged.transition.who, acknowledged.transition.note) == ("wang", "seen")
    assert (cleared.alert.state, cleared.alert.closed_ts) == (AlarmState.NORMAL, NOW_MS + 2)


def test_two_rules_hold_an_alert_until_the_last_of_them_lets_go() -> None:
    """A port the charger itself calls too hot stays in alarm although the measured value fell, and the other way round."""
    machine = engine()
    apply(machine, rule="measured")
    assert machine.apply(condition(rule="charger_fault"), NOW_MS) is None
    assert machine.apply(condition(False, rule="measured"), NOW_MS) is None
    assert apply(machine, False, rule="charger_fault").transition.action == "clear"


def test_an_alert_that_is_back_before_anyone_looked_is_the_same_alert() -> None:
    """A chattering hazard makes one alert with a count, not a list of them."""
    machine = engine()
    first = apply(machine)
    apply(machine, False)
    again = apply(machine, value=80.0)
    assert (again.alert.id, again.alert.count, again.alert.state) == (first.alert.id, 2, AlarmState.UNACKNOWLEDGED)
    assert again.alert.cleared_ts is None


def test_after_an_acknowledged_alert_has_cleared_the_next_raise_is_a_new_one() -> None:
    """The acknowledgement re-arms."""
    machine = engine()
    first = apply(machine)
    machine.acknowledge(first.alert.id, "wang", "", NOW_MS)
    apply(machine, False)
    assert apply(machine).alert.id != first.alert.id


def test_severity_rises_but_never_falls_within_an_alert() -> None:
    """A fire that was critical is not made less by a cooler minute."""
    machine = engine()
    apply(machine, severity=Severity.HIGH)
    assert apply(machine, severity=Severity.CRITICAL).transition.action == "worsen"
    assert machine.apply(condition(severity=Severity.HIGH), NOW_MS) is None
    assert machine.open_alerts()[0].severity is Severity.CRITICAL


def test_figures_are_told_when_they_moved_and_not_more_than_once_a_minute() -> None:
    """A plateau makes no log."""
    machine = engine()
    apply(machine, value=66.0, threshold=65.0)
    assert machine.apply(condition(value=75.0, threshold=65.0), NOW_MS + 30_000) is None
    assert machine.apply(condition(value=67.0, threshold=65.0), NOW_MS + 90_000) is None
    assert apply(machine, value=75.0, threshold=65.0, at_ms=NOW_MS + 90_000).transition.action == "update"


def test_a_new_picture_is_told_at_once_and_counts_as_no_second_raise() -> None:
    """The count says how often the hazard came, not how often it was photographed."""
    machine = engine()
    apply(machine, evidence=("a.jpg",))
    assert machine.apply(condition(evidence=("a.jpg",)), NOW_MS + 1) is None
    told = apply(machine, evidence=("b.jpg",), at_ms=NOW_MS + 1)
    assert (told.transition.action, told.alert.evidence, told.alert.count) == ("update", ("a.jpg", "b.jpg"), 1)
    assert apply(machine, False, evidence=("end.jpg",)).alert.evidence == ("a.jpg", "b.jpg", "end.jpg")


def test_the_note_of_a_raise_explains_it() -> None:
    """Every alert carries the rule, the value and the limit it was raised by."""
    note = apply(engine(), value=72.44, threshold=65.0, unit="°C").transition.note
    assert note == "over_temperature: 72.44 °C, limit 65 °C"


def test_ids_sort_by_time_and_fit_into_topics_and_urls() -> None:
    """An id is the order, too."""
    make = alert_ids(Random(3))
    ids = [make(NOW_MS + second * 1000) for second in range(5)]
    assert ids == sorted(ids)
    assert all(set(made) <= set("0123456789abcdef-") for made in ids)


def test_a_restored_alert_gives_way_to_one_raised_while_the_ledger_was_away() -> None:
    """A key never has two open alerts, whatever was in the ledger."""
    machine = engine()
    old = apply(engine(), at_ms=NOW_MS - 5).alert
    new = apply(machine).alert
    merged = machine.restore(old, ["over_temperature"], NOW_MS)
    assert merged is not None
    assert (merged.alert.id, merged.alert.state, merged.transition.action) == (old.id, AlarmState.NORMAL, "merge")
    assert new.id in merged.transition.note
    assert machine.open_alerts() == [new]


def give(
    machine: AlarmEngine, alert_id: str, action: str, at_ms: int = NOW_MS, who: str = "wang", **more: object
) -> AlertChange:
    return machine.order(Order(action, alert_id, who, **more), at_ms)  # type: ignore[arg-type]


def shelve(machine: AlarmEngine, alert_id: str, minutes: int = 60, at_ms: int = NOW_MS) -> AlertChange:
    return give(machine, alert_id, "shelve", at_ms, minutes=minutes, note="a reason")


def test_a_shelved_alert_is_followed_in_silence_and_comes_back_when_its_time_is_over() -> None:
    """Figures, clearing and return go on; the end of the shelf asks for people again."""
    machine = engine()
    alert = shelve(machine, apply(machine).alert.id).alert
    assert alert.aside is not None
    assert apply(machine, False, at_ms=NOW_MS + 1000).alert.state is AlarmState.SHELVED
    again = apply(machine, at_ms=NOW_MS + 2000)
    assert (again.transition.action, again.alert.state, again.alert.count) == ("renew", AlarmState.SHELVED, 2)
    assert machine.tick(NOW_MS + 60 * 60_000 - 1) == []
    (over,) = machine.tick(NOW_MS + 60 * 60_000)
    assert (over.transition.action, over.alert.state, over.alert.shelved_until_ts) == (
        "expire",
        AlarmState.UNACKNOWLEDGED,
        None,
    )


def test_a_shelf_that_ends_without_its_hazard_closes_the_alert() -> None:
    """Nobody is called for nothing."""
    machine = engine()
    shelve(machine, apply(machine).alert.id)
    apply(machine, False)
    (over,) = machine.tick(NOW_MS + 60 * 60_000)
    assert (over.alert.state, machine.open_alerts()) == (AlarmState.NORMAL, [])


def test_a_clock_that_is_set_back_does_not_lengthen_a_shelf() -> None:
    """Rather asked once too often than silent for a day."""
    machine = engine()
    shelve(machine, apply(machine).alert.id)
    assert machine.tick(NOW_MS - 30_000) == []
    assert [change.transition.action for change in machine.tick(NOW_MS - 86_400_000)] == ["expire"]


@pytest.mark.parametrize("active", [True, False])
def test_a_rise_in_severity_breaks_the_shelf(active: bool) -> None:
    """Also where the hazard had been gone meanwhile."""
    machine = engine()
    shelve(machine, apply(machine).alert.id)
    if not active:
        apply(machine, False)
    broken = apply(machine, severity=Severity.CRITICAL)
    assert (broken.transition.action, broken.alert.state, broken.alert.aside) == (
        "worsen",
        AlarmState.UNACKNOWLEDGED,
        None,
    )
    assert broken.transition.note.startswith("high -> critical")


def test_another_rule_that_says_the_same_breaks_the_shelf() -> None:
    """The charger's own fault beside the measured value is a second kind of evidence; the same rule again is none."""
    machine = engine()
    shelve(machine, apply(machine, rule="measured").alert.id)
    assert machine.apply(condition(rule="measured"), NOW_MS) is None
    broken = apply(machine, rule="charger_fault")
    assert (broken.transition.action, broken.alert.state) == ("break", AlarmState.UNACKNOWLEDGED)


def test_an_alert_of_another_kind_for_the_same_place_breaks_the_shelf() -> None:
    """Over-power of a port was shelved, then the port gets hot; the neighbour's heat says nothing of it."""
    machine = engine()
    shelved = shelve(machine, apply(machine, kind=AlertKind.OVER_POWER).alert.id).alert
    neighbour = apply(machine, port=4)
    assert machine.consequences(neighbour, NOW_MS) == []
    hot = apply(machine, port=3)
    (broken,) = machine.consequences(hot, NOW_MS)
    assert (broken.alert.id, broken.transition.action, broken.alert.state) == (
        shelved.id,
        "break",
        AlarmState.UNACKNOWLEDGED,
    )
    assert hot.alert.id in broken.transition.note


def test_a_shelved_alert_that_returns_while_another_kind_confirms_it_is_announced() -> None:
    """The second kind came first, while the first was away."""
    machine = engine()
    shelve(machine, apply(machine, kind=AlertKind.OVER_POWER).alert.id)
    apply(machine, False, kind=AlertKind.OVER_POWER)
    hot = apply(machine)
    assert machine.consequences(hot, NOW_MS) == []
    assert apply(machine, kind=AlertKind.OVER_POWER).transition.action == "break"


def test_what_another_alert_explains_is_not_announced_until_that_is_over() -> None:
    """It is raised, followed and logged all the same."""
    machine = engine()
    said = condition(kind=AlertKind.CHARGER_OFFLINE, severity=Severity.MEDIUM)
    change = machine.apply(said, NOW_MS, Aside("shed_offline", NOW_MS, "the shed is silent", parent="p"))
    assert change is not None
    assert (change.transition.action, change.transition.from_state, change.alert.state) == (
        "suppress",
        None,
        AlarmState.SUPPRESSED,
    )
    back = machine.unsuppress(change.alert.id, "the shed is back", NOW_MS + 1)
    assert back is not None
    assert (back.alert.state, back.alert.aside) == (AlarmState.UNACKNOWLEDGED, None)
    assert machine.unsuppress(change.alert.id, "", NOW_MS + 2) is None


def test_what_is_explained_and_gets_worse_is_announced_at_once() -> None:
    """And is not put back."""
    machine = engine()
    aside = Aside("shed_offline", NOW_MS, "the shed is silent", parent="p")
    machine.apply(condition(severity=Severity.MEDIUM), NOW_MS, aside)
    worse = machine.apply(condition(severity=Severity.HIGH), NOW_MS + 1, aside)
    assert worse is not None
    assert worse.alert.state is AlarmState.UNACKNOWLEDGED
    assert machine.apply(condition(severity=Severity.HIGH), NOW_MS + 2, aside) is None


def test_chatter_is_damped_by_clearing_later_and_says_so_in_the_log() -> None:
    """Three announcements in a minute; from then on the alert stays until the hazard has been gone for a minute."""
    machine = engine()
    marks = []
    for second in range(3):
        raised = apply(machine, at_ms=NOW_MS + 20_000 * second)
        marks += machine.consequences(raised, NOW_MS + 20_000 * second)
        if second < 2:
            apply(machine, False, at_ms=NOW_MS + 20_000 * second + 5_000)
    assert [(mark.transition.action, mark.transition.note) for mark in marks] == [
        ("damp", "comes and goes: clears only after 60 s without")
    ]
    for second in range(41, 200, 2):
        assert machine.apply(condition(False), NOW_MS + 1000 * second) is None
        assert machine.apply(condition(), NOW_MS + 1000 * (second + 1)) is None
        assert machine.tick(NOW_MS + 1000 * (second + 1)) == []
    assert machine.apply(condition(False), NOW_MS + 201_000) is None
    assert machine.tick(NOW_MS + 260_000) == []
    assert [change.transition.action for change in machine.tick(NOW_MS + 261_000)] == ["clear"]


def test_damping_never_delays_an_announcement_and_is_forgotten_after_a_quiet_time() -> None:
    """It lengthens the end of an alarm, never its beginning, and a lasting fault of last week leaves no mark."""
    machine = engine()
    for second in (0, 10, 20):
        machine.consequences(apply(machine, at_ms=NOW_MS + 1000 * second), NOW_MS + 1000 * second)
        machine.apply(condition(False), NOW_MS + 1000 * second + 5_000)
    assert list(machine.damped().values()) == [60_000]
    machine.tick(NOW_MS + 90_000)
    assert apply(machine, at_ms=NOW_MS + 91_000).transition.action == "renew"
    machine.apply(condition(False), NOW_MS + 92_000)
    machine.tick(NOW_MS + 3_600_000)
    assert machine.damped() == {}


def test_a_judgement_of_a_closed_alert_leaves_the_open_one_of_its_key_alone() -> None:
    """The false alarm of yesterday is not the alarm of today."""
    machine = engine()
    first = apply(machine)
    machine.acknowledge(first.alert.id, "wang", "", NOW_MS)
    closed = apply(machine, False).alert
    today = apply(machine).alert
    judged = machine.order(Order("false_alarm", closed.id, "wang", cause="steam"), NOW_MS, closed)
    assert (judged.alert.false_alarm, judged.alert.open) == (True, False)
    assert machine.open_alerts() == [today]


def test_an_acknowledgement_is_of_what_was_seen() -> None:
    """What got worse or came back after the look is not silenced by it; a restart takes itself for the announcement."""
    machine = engine()
    alert = apply(machine).alert
    apply(machine, severity=Severity.CRITICAL, at_ms=NOW_MS + 10)
    with pytest.raises(RefusedActionError, match="after you looked"):
        give(machine, alert.id, "acknowledge", NOW_MS + 20, seen_ts=NOW_MS + 9)
    restored = AlarmEngine(alert_ids(Random(2)), 1000)
    restored.restore(machine.open_alerts()[0], ["over_temperature"], NOW_MS + 30)
    with pytest.raises(RefusedActionError, match="after you looked"):
        give(restored, alert.id, "acknowledge", NOW_MS + 40, seen_ts=NOW_MS + 20)
    assert (
        give(machine, alert.id, "acknowledge", NOW_MS + 20, seen_ts=NOW_MS + 10).alert.state is AlarmState.ACKNOWLEDGED
    )
