"""The life of alerts under random conditions, orders and hours: the promises of the engine, whatever comes in which order."""

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
from test_alerts_engine import give

from alerts.desk import DeskError, UnknownAlertError
from alerts.engine import AlarmEngine, alert_ids
from alerts.lifecycle import ASIDE, announces
from alerts.model import AlarmState, AlertChange, Aside, Severity
from alerts.orders import Limits, Several


class Life(RuleBasedStateMachine):
    """Random conditions, orders and hours on two ports, checked against the promises of the engine."""

    limits = Limits()

    def __init__(self) -> None:
        super().__init__()
        self.machine = AlarmEngine(alert_ids(Random(1)), 100, self.limits)
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
        who=st.sampled_from(["wang", "chen", "w1"]),
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
        restored = AlarmEngine(alert_ids(Random(self.now_ms)), self.machine.last_seq + 1, self.limits)
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
    def what_needs_several_people_is_never_silenced_by_fewer(self) -> None:
        for alert in self.machine.open_alerts():
            people = {one.by for one in alert.acknowledgements}
            assert len(people) == len(alert.acknowledgements)
            assert alert.acknowledgements_needed == self.limits.people_for(alert)
            if alert.state is AlarmState.UNACKNOWLEDGED:
                assert len(people) < alert.acknowledgements_needed
            if alert.state is AlarmState.ACKNOWLEDGED and alert.active:
                assert len(people) >= alert.acknowledgements_needed or alert.false_alarm

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


class LifeOfSeveral(Life):
    """Likewise where two people have to take notice; w1 is chen by another name."""

    limits = Limits(several=(Several(2, min_severity=Severity.LOW),), known_as={"w1": "chen"})


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLifeOfSeveral = LifeOfSeveral.TestCase
TestLifeOfSeveral.settings = settings(max_examples=20, stateful_step_count=40, deadline=None)
