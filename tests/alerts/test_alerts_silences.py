"""No child is lost: a state machine of silence, power cuts, the broker, people and restarts, in any order."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from silent_room import C1, C2, C3, CAM1, GATEWAY, LONE, OTHER1, OTHER2, SMOKE1, K, Room

from alerts.desk import Order
from alerts.lifecycle import announces
from alerts.model import AlarmState, Alert, Condition, Severity, Text
from alerts.rules.base import key_of
from alerts.suppression import BROKER_LINK, CHILDREN, COMMON_CAUSE
from ingest.model import DeviceRef

ALL = (C1, C2, C3, CAM1, SMOKE1, OTHER1, OTHER2, LONE)


class Silences(RuleBasedStateMachine):
    """Devices fall silent and speak, power fails, the broker goes, people act, the service restarts; in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.room = Room((GATEWAY,))
        self.silent: dict[DeviceRef, int] = {}
        self.checked = 0
        self.down = False
        # When each cause was over last, by what people were told; the link by what it was.
        self.back: dict[str, int] = {}

    @precondition(lambda self: not self.down)
    @rule(refs=st.sets(st.sampled_from(ALL), min_size=1))
    def talk(self, refs: set[DeviceRef]) -> None:
        self.room.talk(*refs - set(self.silent))

    @rule(refs=st.sets(st.sampled_from(ALL), min_size=1))
    def fall_silent(self, refs: set[DeviceRef]) -> None:
        for ref in refs:
            if ref not in self.silent:
                self.silent[ref] = self.room.now_ms
                self.room.silent(ref)

    @precondition(lambda self: self.silent)
    @rule(data=st.data())
    def speak(self, data: st.DataObject) -> None:
        for ref in data.draw(st.sets(st.sampled_from(sorted(self.silent)), min_size=1)):
            del self.silent[ref]
            self.room.heard(ref)

    @rule(ref=st.sampled_from([C1, C2, C3, OTHER1]), event=st.sampled_from(["power_cut", "boot"]))
    def report(self, ref: DeviceRef, event: str) -> None:
        self.room.event(ref, event)

    @rule(down=st.booleans())
    def lose_the_broker(self, down: bool) -> None:
        if self.down and not down:
            self.back[BROKER_LINK] = self.room.now_ms
        self.down = down
        self.room.broker(down)

    @rule(seconds=st.sampled_from([1, 5, 20, 130, 200, 400]))
    def wait(self, seconds: int) -> None:
        self.room.wait(seconds)

    @rule()
    def restart(self) -> None:
        self.room.restart()
        self.back |= dict.fromkeys((BROKER_LINK, "shed-1", "shed-2", "gateway-east"), self.room.now_ms)
        self.room.wait(1)

    @precondition(lambda self: self.room.engine.open_alerts())
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        waiting = [a for a in self.room.engine.open_alerts() if a.state is AlarmState.UNACKNOWLEDGED]
        if waiting:
            alert = data.draw(st.sampled_from(waiting))
            self.room.told.append(self.room.engine.order(Order("acknowledge", alert.id, "wang"), self.room.now_ms))

    @rule(ref=st.sampled_from([C1, OTHER1]))
    def smoke(self, ref: DeviceRef) -> None:
        before = len(self.room.told)
        key = key_of(K.SMOKE, ref)
        self.room.say(Condition(key, True, Severity.CRITICAL, Text("", "")))
        alert = self.room.engine.find_key(key)
        assert alert is not None
        assert alert.state in (AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED)
        assert len(self.room.told) == before or announces(self.room.told[before].transition)

    @invariant()
    def who_is_silent_has_an_open_alert_and_no_other_has(self) -> None:
        open_now = [a for a in self.room.engine.open_alerts() if a.kind in CHILDREN]
        assert len({a.key for a in open_now}) == len(open_now)
        active = {DeviceRef(a.site, a.shed, a.device): a.key for a in open_now if a.active}
        assert set(self.silent) <= set(active)
        # What came and went too often clears a minute later.
        assert all(active[ref] in self.room.engine.damped() for ref in set(active) - set(self.silent))

    @invariant()
    def no_child_is_suppressed_without_a_cause_that_is_there_or_was_a_short_while_ago(self) -> None:
        self.room.wait(1)
        suppressed = self.room.engine.in_state(AlarmState.SUPPRESSED)
        for alert in suppressed:
            assert alert.active
            assert alert.aside is not None
            assert alert.kind in CHILDREN or alert.kind is K.SHED_OFFLINE

    @invariant()
    def a_cause_that_is_over_explains_nobody_who_was_heard_since(self) -> None:
        while self.checked < len(self.room.told):
            change = self.room.told[self.checked]
            self.checked += 1
            if change.alert.kind is K.SHED_OFFLINE and not change.alert.active:
                self.back[_name_of(change.alert)] = change.transition.at_ms
        open_now = self.room.engine.open_alerts()
        down = {_name_of(a) for a in open_now if a.active and a.kind is K.SHED_OFFLINE}
        for alert in self.room.engine.in_state(AlarmState.SUPPRESSED):
            assert alert.aside is not None
            heard_ms = self.room.live.get(DeviceRef(alert.site, alert.shed, alert.device))
            if alert.kind not in CHILDREN or alert.aside.by == COMMON_CAUSE or heard_ms is None:
                continue
            of_link = alert.aside.by == K.SERVICE_DEGRADED
            causes = {BROKER_LINK} if of_link else {alert.shed, "gateway-east"}
            there = down | ({BROKER_LINK} if self.down else set())
            assert causes & there or any(heard_ms <= self.back.get(cause, 0) for cause in causes)

    @rule()
    def after_all_causes_are_over_nobody_silent_is_left_unannounced(self) -> None:
        self.lose_the_broker(down=False)
        for group in ((C1, C2, C3), (OTHER1, OTHER2)):
            # One of each group speaks: nothing explains the others any more.
            if group[0] in self.silent:
                del self.silent[group[0]]
                self.room.heard(group[0])
        # The power cut that nobody took back, the time to settle, and the time several wait for others.
        self.room.wait(905 + 185 + 125)
        for ref in self.silent:
            alert = self.room.of(ref)
            assert alert is not None
            assert alert.state in (AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED)
            assert any(c.alert.id == alert.id and announces(c.transition) for c in self.room.told)


def _name_of(cause: Alert) -> str:
    return cause.shed if cause.device == "shed" else cause.device


TestSilences = Silences.TestCase
TestSilences.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
