"""The engine: a few plain stories, and a state machine that tries all the others."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from random import Random

import pytest
from alarm_samples import NOW_MS, condition
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from alerts.desk import DeskError, Order, UnknownAlertError
from alerts.engine import AlarmEngine, alert_ids
from alerts.lifecycle import ASIDE, announces
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


class Life(RuleBasedStateMachine):
    """Random conditions, orders and hours on two ports, checked against the promises of the engine."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = engine()
        self.now_ms = NOW_MS
        self.log: dict[str, list[AlertChange]] = defaultdict(list)
        self.active: dict[int, dict[str, Severity]] = {1: {}, 2: {}}
        self.seq = 99

    def take(self, *changes: AlertChange | None) -> None:
        for change in changes:
            if change is not None:
                self.seq += 1
                assert change.transition.seq == self.seq
                self.log[change.alert.id].append(change)

    @rule(
        port=st.sampled_from([1, 2]),
        source=st.sampled_from(["measured", "reported"]),
        active=st.booleans(),
        severity=st.sampled_from(Severity),
        passed_ms=st.integers(0, 100_000),
        value=st.floats(0, 100),
        evidence=st.lists(st.sampled_from(["a.jpg", "b.jpg", "c.jpg"]), max_size=2),
        explained=st.booleans(),
    )
    def tell(
        self,
        port: int,
        source: str,
        active: bool,
        severity: Severity,
        passed_ms: int,
        value: float,
        evidence: list[str],
        explained: bool,
    ) -> None:
        self.time_passes(passed_ms)
        before = {alert.key: alert for alert in self.machine.open_alerts()}
        said = condition(active, severity, port=port, rule=source, value=value, evidence=tuple(evidence))
        aside = Aside("shed_offline", self.now_ms, "the shed", parent="p") if explained else None
        change = self.machine.apply(said, self.now_ms, aside)
        self.take(change)
        if change is not None:
            self.take(*self.machine.consequences(change, self.now_ms))
        holding = self.active[port]
        if active:
            holding[source] = severity
        else:
            holding.pop(source, None)
        old = before.get(said.key)
        if old and active and severity.rank > old.severity.rank:
            # A worse alarm always reaches someone, whatever had been done about the lesser one.
            assert change is not None
            assert change.alert.state is AlarmState.UNACKNOWLEDGED
            assert announces(change.transition)
        elif old and old.state is AlarmState.ACKNOWLEDGED and change is not None:
            # Held until it clears: only the last source to let go ends it.
            expected = AlarmState.ACKNOWLEDGED if holding else AlarmState.NORMAL
            assert change.alert.state is expected or change.transition.action == "worsen"
        if active and old is None and not explained:
            assert change is not None
            assert announces(change.transition)

    @rule(passed_ms=st.integers(0, 90 * 60_000))
    def time_passes(self, passed_ms: int) -> None:
        self.now_ms += passed_ms
        self.take(*self.machine.tick(self.now_ms))

    @precondition(lambda self: self.machine.open_alerts())
    @rule(
        data=st.data(),
        action=st.sampled_from(
            ["acknowledge", "shelve", "unshelve", "out_of_service", "false_alarm", "close", "assign"]
        ),
        who=st.sampled_from(["wang", "chen"]),
        minutes=st.integers(1, 200),
    )
    def order(self, data: st.DataObject, action: str, who: str, minutes: int) -> None:
        alert = data.draw(st.sampled_from(self.machine.open_alerts()))
        asked = alert.service_request
        given = None if asked and asked.by != who else minutes
        more = {"note": "why", "minutes": given, "cause": "steam", "assignee": "li"}
        try:
            change = give(self.machine, alert.id, action, self.now_ms, who, **more)
        except DeskError:
            assert self.machine.find(alert.id) == alert
            return
        self.take(change)
        assert change.transition.who == who
        if change.alert.state is AlarmState.OUT_OF_SERVICE and alert.state is not AlarmState.OUT_OF_SERVICE:
            assert change.alert.aside is not None
            assert change.alert.aside.by != change.alert.aside.approved_by == who
        if not change.alert.open:
            assert not alert.active

    @precondition(lambda self: self.machine.open_alerts())
    @rule(data=st.data(), suppress=st.booleans())
    def explain(self, data: st.DataObject, suppress: bool) -> None:
        alert = data.draw(st.sampled_from(self.machine.open_alerts()))
        if suppress:
            self.take(self.machine.suppress(alert.id, Aside("shed_offline", self.now_ms, parent="p"), self.now_ms))
        else:
            self.take(self.machine.unsuppress(alert.id, "over", self.now_ms))
            if alert.state is AlarmState.SUPPRESSED:
                assert announces(self.log[alert.id][-1].transition)

    @precondition(lambda self: self.log)
    @rule(data=st.data())
    def orders_about_closed_alerts_are_unknown(self, data: st.DataObject) -> None:
        alert_id = data.draw(st.sampled_from(sorted(self.log)))
        if self.machine.find(alert_id) is None:
            with pytest.raises(UnknownAlertError):
                self.machine.acknowledge(alert_id, "wang", "", self.now_ms)

    @rule()
    def restart(self) -> None:
        restored = AlarmEngine(alert_ids(Random(self.now_ms)), self.machine.last_seq + 1)
        for alert in self.machine.open_alerts():
            # A rule that goes on watching lets go again of what it had let go of.
            sources = self.active[alert.port or 0] or ["measured"]
            assert restored.restore(alert, sources, self.now_ms) is None
            if alert.active and not self.active[alert.port or 0]:
                self.take(restored.apply(condition(False, port=alert.port, rule="measured"), self.now_ms))
        self.machine = restored

    @invariant()
    def at_most_one_alert_is_open_for_a_key_and_it_is_active_as_long_as_a_source_holds_it(self) -> None:
        open_now = self.machine.open_alerts()
        assert len({alert.key for alert in open_now}) == len(open_now)
        by_port = {alert.port: alert for alert in open_now}
        for port, holding in self.active.items():
            if holding:
                assert by_port[port].active
                assert by_port[port].severity.rank >= max(severity.rank for severity in holding.values())
            else:
                assert port not in by_port or not by_port[port].active or by_port[port].key in self.machine.damped()

    @invariant()
    def nothing_stays_shelved_past_its_time_or_without_reason_and_end(self) -> None:
        for alert in self.machine.open_alerts():
            assert (alert.aside is not None) == (alert.state in ASIDE)
            assert (alert.shelved_until_ts is not None) == (alert.state is AlarmState.SHELVED)
            if alert.state in (AlarmState.SHELVED, AlarmState.OUT_OF_SERVICE):
                assert alert.aside is not None
                assert alert.aside.until_ts is not None
                assert alert.aside.until_ts > self.now_ms
                assert alert.aside.note

    @invariant()
    def the_log_of_every_alert_is_an_unbroken_chain_from_its_first_line_to_its_present_state(self) -> None:
        for alert_id, changes in self.log.items():
            assert changes[0].transition.action in ("raise", "suppress")
            assert [c.transition.from_state for c in changes].count(None) == 1
            for earlier, later in pairwise(changes):
                assert later.transition.from_state == earlier.transition.to_state
                assert earlier.alert.open
            present = self.machine.find(alert_id)
            assert changes[-1].alert.open == (present is not None)
            assert present is None or replace(present) == changes[-1].alert


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
