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

from alerts.desk import RefusedActionError, UnknownAlertError
from alerts.engine import AlarmEngine, alert_ids
from alerts.model import AlarmState, AlertChange, Severity


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


class Life(RuleBasedStateMachine):
    """Random conditions and orders on two ports, checked against the promises of the engine."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = engine()
        self.now_ms = NOW_MS
        self.log: dict[str, list[AlertChange]] = defaultdict(list)
        self.active: dict[int, dict[str, Severity]] = {1: {}, 2: {}}
        self.seq = 99

    def take(self, change: AlertChange | None) -> None:
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
    ) -> None:
        self.now_ms += passed_ms
        before = {alert.key: alert for alert in self.machine.open_alerts()}
        said = condition(active, severity, port=port, rule=source, value=value, evidence=tuple(evidence))
        change = self.machine.apply(said, self.now_ms)
        self.take(change)
        holding = self.active[port]
        if active:
            holding[source] = severity
        else:
            holding.pop(source, None)
        old = before.get(said.key)
        if old and active and severity.rank > old.severity.rank:
            assert change is not None
            assert change.alert.state is AlarmState.UNACKNOWLEDGED
        elif old and old.state is AlarmState.ACKNOWLEDGED and change is not None:
            # Held until it clears: only the last source to let go ends it.
            expected = AlarmState.ACKNOWLEDGED if holding else AlarmState.NORMAL
            assert change.alert.state is expected or change.transition.action == "worsen"

    @precondition(lambda self: self.machine.open_alerts())
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        alert = data.draw(st.sampled_from(self.machine.open_alerts()))
        if alert.state is AlarmState.ACKNOWLEDGED:
            with pytest.raises(RefusedActionError):
                self.machine.acknowledge(alert.id, "wang", "", self.now_ms)
        else:
            self.take(self.machine.acknowledge(alert.id, "wang", "", self.now_ms))

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
            assert restored.restore(alert, self.active[alert.port or 0], self.now_ms) is None
        assert restored.open_alerts() == self.machine.open_alerts()
        self.machine = restored

    @invariant()
    def at_most_one_alert_is_open_for_a_key_and_it_is_active_as_long_as_a_source_holds_it(self) -> None:
        open_now = self.machine.open_alerts()
        assert len({alert.key for alert in open_now}) == len(open_now)
        by_port = {alert.port: alert for alert in open_now}
        for port, holding in self.active.items():
            assert bool(holding) == (port in by_port and by_port[port].active)
            if holding:
                assert by_port[port].severity.rank >= max(severity.rank for severity in holding.values())

    @invariant()
    def the_log_of_every_alert_is_an_unbroken_chain_from_raise_to_its_present_state(self) -> None:
        for alert_id, changes in self.log.items():
            assert changes[0].transition.action == "raise"
            assert [c.transition.action for c in changes].count("raise") == 1
            for earlier, later in pairwise(changes):
                assert later.transition.from_state == earlier.transition.to_state
                assert earlier.alert.open
            present = self.machine.find(alert_id)
            assert changes[-1].alert.open == (present is not None)
            assert present is None or replace(present) == changes[-1].alert


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
