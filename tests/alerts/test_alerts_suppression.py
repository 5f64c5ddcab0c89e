"""Root causes: what is explained by what, when, and that no child is lost. Time is simulated, a second a step."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from alerts.desk import Order
from alerts.engine import AlarmEngine, alert_ids
from alerts.lifecycle import announces
from alerts.messages import SERVICE
from alerts.model import AlarmState, Alert, AlertChange, AlertKey, AlertKind, Condition, Severity, Text
from alerts.rules.base import Surroundings, key_of
from alerts.rules.settings import RuleBook
from alerts.suppression import BROKER_LINK, CHILDREN, Group, RootCauses, aside_of, regroup
from ingest.model import Device, DeviceKind, DeviceRef, Name, Reading, Shed, Site, Topology

NOW_MS = 1_795_400_000_000
NAME = Name("一", "one")
K = AlertKind


def shed(name: str, chargers: int, cameras: int = 0, sensors: int = 0) -> Shed:
    kinds = [
        *(("c", DeviceKind.CHARGER) for _ in range(chargers)),
        *(("cam-", DeviceKind.CAMERA) for _ in range(cameras)),
        *(("smoke-", DeviceKind.SENSOR) for _ in range(sensors)),
    ]
    numbers: Counter[str] = Counter()
    devices = []
    for word, kind in kinds:
        numbers[word] += 1
        ref = DeviceRef("north", name, f"{word}{numbers[word]}")
        devices.append(Device(ref, kind, NAME, ports=4 if kind is DeviceKind.CHARGER else 0))
    return Shed("north", name, Name(f"{name}棚", name), tuple(devices))


TOPOLOGY = Topology(
    (Site("north", NAME, (shed("shed-1", 3, cameras=2, sensors=1), shed("shed-2", 2), shed("shed-3", 1))),)
)
C1, C2, C3 = (DeviceRef("north", "shed-1", f"c{n}") for n in (1, 2, 3))
CAM1 = DeviceRef("north", "shed-1", "cam-1")
SMOKE1 = DeviceRef("north", "shed-1", "smoke-1")
OTHER1, OTHER2 = (DeviceRef("north", "shed-2", f"c{n}") for n in (1, 2))
LONE = DeviceRef("north", "shed-3", "c1")
GATEWAY = Group(
    "gateway-east",
    "north",
    "shed-1",
    "gateway",
    Name("东区网关", "Gateway east"),
    frozenset({C1, C2, C3, CAM1, SMOKE1, DeviceRef("north", "shed-1", "cam-2"), OTHER1, OTHER2}),
    frozenset({C1, C2, C3, OTHER1, OTHER2}),
)


class Room:
    """Rules' words go in, a second passes at a time, and everything told is kept."""

    def __init__(
        self, groups: tuple[Group, ...] = (), fetched: frozenset[DeviceRef] = frozenset(), **rules: object
    ) -> None:
        self.groups, self.fetched, self.book = groups, fetched, RuleBook.parse({"rules": rules})
        self.now_ms = NOW_MS
        self.engine = AlarmEngine(alert_ids(Random(1)), 1)
        self.roots = self._roots()
        self.told: list[AlertChange] = []

    def _roots(self) -> RootCauses:
        return RootCauses(Surroundings(TOPOLOGY, self.book), self.groups, self.fetched)

    def say(self, condition: Condition) -> None:
        for one in (*self.roots.take(condition, self.now_ms), condition):
            self._apply(one)

    def _apply(self, condition: Condition) -> None:
        found = self.roots.explains(condition.key, condition.severity, self.now_ms) if condition.active else None
        aside = aside_of(self.engine, found, self.now_ms) if found else None
        change = self.engine.apply(condition, self.now_ms, aside)
        if change is not None:
            self.told += [change, *self.engine.consequences(change, self.now_ms)]

    def silent(self, *refs: DeviceRef, active: bool = True, severity: Severity = Severity.MEDIUM) -> None:
        for ref in refs:
            kind = {"c": K.CHARGER_OFFLINE, "s": K.TELEMETRY_STALE}[ref.device[0]]
            kind = K.CAMERA_OFFLINE if ref.device.startswith("cam") else kind
            self.say(Condition(key_of(kind, ref), active, severity, Text("", ""), details={"rule": "silence"}))

    def heard(self, *refs: DeviceRef) -> None:
        self.silent(*refs, active=False)

    def event(self, ref: DeviceRef, event: str) -> None:
        reading = Reading(ref, DeviceKind.CHARGER, self.now_ms, self.now_ms, event=event)
        for condition in self.roots.reading(reading, self.now_ms):
            self._apply(condition)

    def broker(self, down: bool, part: str = BROKER_LINK) -> None:
        key = AlertKey(K.SERVICE_DEGRADED, SERVICE, SERVICE, part)
        self.say(Condition(key, down, Severity.HIGH, Text("", ""), details={"rule": "service_degraded"}))

    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now_ms += 1000
            for condition in self.roots.tick(self.now_ms):
                self._apply(condition)
            self.told += self.engine.tick(self.now_ms)
            self.told += regroup(self.engine, self.roots, self.now_ms, self.now_ms)

    def restart(self) -> None:
        old, self.engine = self.engine, AlarmEngine(alert_ids(Random(self.now_ms)), self.engine.last_seq + 1)
        self.roots = self._roots()
        for alert in old.open_alerts():
            watching = [self.roots.name] if alert.active and self.roots.restore(alert, self.now_ms) else []
            self.engine.restore(alert, watching or ["silence"], self.now_ms)

    def of(self, ref: DeviceRef) -> Alert | None:
        return next((a for a in self.engine.open_alerts() if (a.site, a.shed, a.device) == ref), None)

    def state(self, ref: DeviceRef) -> str | None:
        alert = self.of(ref)
        return str(alert.state) if alert else None

    def parent(self, device: str = "shed") -> Alert | None:
        return next((a for a in self.engine.open_alerts() if a.device == device and a.kind is K.SHED_OFFLINE), None)

    def announced(self) -> list[str]:
        return [change.alert.device for change in self.told if announces(change.transition)]


def test_a_shed_that_falls_silent_is_one_alarm() -> None:
    """Its devices are raised under it, none of them is announced, and each says what explains it."""
    room = Room()
    room.silent(C1, CAM1)
    room.wait(3)
    room.silent(C2, SMOKE1)
    room.wait(3)
    room.silent(C3)
    room.wait(1)
    assert room.announced() == ["shed"]
    parent = room.parent()
    assert parent is not None
    assert (parent.severity, parent.active, parent.message.zh.partition("。")[0]) == (
        Severity.HIGH,
        True,
        "shed-1棚 充电桩同时失联，可能停电或断网",
    )
    for ref in (C1, C2, C3, CAM1, SMOKE1):
        child = room.of(ref)
        assert child is not None
        assert child.state is AlarmState.SUPPRESSED
        assert child.aside is not None
        assert (child.aside.by, child.aside.parent) == ("shed_offline", parent.id)


def test_one_silent_charger_is_announced_after_a_few_seconds_and_alone() -> None:
    """It waits only as long as it takes to see whether its shed goes with it; its alert is there from the start."""
    room = Room()
    room.silent(C1)
    assert room.state(C1) == "suppressed"
    room.wait(14)
    assert room.announced() == []
    room.wait(1)
    assert room.announced() == ["c1"]
    assert room.parent() is None


def test_two_of_three_silent_chargers_are_announced_when_the_third_goes_on_talking() -> None:
    """Nothing is explained by a shed that is there."""
    room = Room()
    room.silent(C1, C2)
    room.wait(119)
    assert room.announced() == []
    room.wait(1)
    assert sorted(room.announced()) == ["c1", "c2"]


def test_a_shed_with_a_single_charger_and_nothing_else_waits_for_nothing() -> None:
    """There is no common cause to be seen."""
    room = Room()
    room.silent(LONE)
    assert room.announced() == ["c1"]


def test_what_was_dead_for_days_is_no_part_of_the_new_cause() -> None:
    """The charger that waits for a part stays announced, and does not hide that the others fell silent now."""
    room = Room()
    room.silent(C1)
    room.wait(3600)
    room.silent(C2, C3)
    room.wait(2)
    assert room.state(C1) == "unacknowledged"
    assert (room.state(C2), room.state(C3)) == ("suppressed", "suppressed")
    assert room.announced() == ["c1", "shed"]


def test_two_devices_that_fail_hours_apart_have_no_common_cause() -> None:
    """Although with the second all of the shed is silent."""
    room = Room()
    room.silent(OTHER1)
    room.wait(7200)
    room.silent(OTHER2)
    room.wait(60)
    assert sorted(room.announced()) == ["c1", "c2"]
    assert room.parent() is None


def test_what_was_announced_before_the_cause_was_known_goes_under_it() -> None:
    """The log says since when and why."""
    room = Room()
    room.silent(C1)
    room.wait(60)
    room.silent(C2)
    room.wait(60)
    room.silent(C3)
    room.wait(1)
    assert room.announced() == ["c1", "shed"]
    assert room.state(C1) == "suppressed"
    assert room.told[-1].transition.note == "explained by shed_offline shed"


def test_when_the_cause_is_over_whoever_is_still_silent_is_announced() -> None:
    """The child's notification is not eaten by its parent: it comes when the others had time to report."""
    room = Room()
    room.silent(C1, C2, C3, CAM1)
    room.wait(600)
    room.heard(C1)
    room.wait(1)
    parent = room.parent()
    assert parent is not None
    assert not parent.active
    room.wait(60)
    room.heard(C2)
    assert room.announced() == ["shed"]
    room.wait(120)
    assert sorted(room.announced()) == ["c3", "cam-1", "shed"]
    assert (room.state(C1), room.state(C2), room.state(C3)) == (None, None, "unacknowledged")
    released = next(change for change in room.told if change.transition.action == "unsuppress")
    assert released.transition.note == "nothing explains it any more, and it is still there"


def test_a_child_that_clears_under_its_parent_is_closed_without_a_word() -> None:
    """Nobody was called for it."""
    room = Room()
    room.silent(C1, C2, C3)
    room.wait(5)
    room.heard(C1)
    assert room.state(C1) is None
    assert room.told[-1].alert.state is AlarmState.NORMAL


@pytest.mark.parametrize("kind", sorted(set(AlertKind) - CHILDREN - {K.SERVICE_DEGRADED, K.SHED_OFFLINE}))
def test_a_hazard_is_never_explained_away(kind: AlertKind) -> None:
    """Shed, gateway and broker are down, and there is smoke: it is announced."""
    room = Room((GATEWAY,))
    room.broker(down=True)
    room.silent(C1, C2, C3, OTHER1, OTHER2)
    room.wait(5)
    room.say(Condition(key_of(kind, C1), True, Severity.LOW, Text("", "")))
    assert room.told[-1].alert.state is AlarmState.UNACKNOWLEDGED
    assert announces(room.told[-1].transition)


def test_a_child_that_is_graver_than_its_cause_is_announced() -> None:
    """And so is one that becomes it."""
    room = Room()
    room.silent(C1, C2, C3)
    room.silent(CAM1, severity=Severity.CRITICAL)
    assert room.state(CAM1) == "unacknowledged"
    room.silent(C1, severity=Severity.CRITICAL)
    assert room.state(C1) == "unacknowledged"
    room.wait(100)
    assert room.state(C1) == "unacknowledged"


def test_a_power_cut_that_two_chargers_report_is_known_before_anyone_is_silent() -> None:
    """Their last word; minutes later they are missed, under the alarm that is there already."""
    room = Room()
    room.event(C1, "power_cut")
    assert room.parent() is None
    room.wait(2)
    room.event(C2, "power_cut")
    room.wait(400)
    room.silent(C1, C2, C3)
    room.wait(100)
    parent = room.parent()
    assert parent is not None
    assert parent.active
    assert "停电" in parent.message.zh
    assert room.announced() == ["shed"]
    room.heard(C1)
    room.wait(1)
    assert not parent_active(room)


def test_a_power_cut_ends_with_a_boot_or_when_all_go_on_talking() -> None:
    """A cut of seconds leaves no alarm that nobody ends."""
    room = Room()
    for ref in (C1, C2):
        room.event(ref, "power_cut")
    room.wait(30)
    assert parent_active(room)
    room.event(C1, "boot")
    room.wait(1)
    assert not parent_active(room)
    for ref in (C1, C2):
        room.event(ref, "power_cut")
    room.wait(899)
    assert parent_active(room)
    room.wait(3)
    assert not parent_active(room)


def test_after_a_power_cut_the_first_that_was_missed_and_is_heard_says_that_it_is_over() -> None:
    """Although not all had been missed yet."""
    room = Room()
    for ref in (C1, C2):
        room.event(ref, "power_cut")
    room.silent(C1)
    room.wait(30)
    assert parent_active(room)
    room.heard(C1)
    room.wait(1)
    assert not parent_active(room)


def test_a_cause_that_counts_for_less_than_its_child_does_not_explain_it() -> None:
    """Whoever is called for medium alarms only hears of the medium child of a low cause."""
    room = Room(shed_offline={"severity": "low"})
    room.silent(C1, C2, C3)
    room.wait(121)
    assert sorted(room.announced()) == ["c1", "c2", "c3", "shed"]


def parent_active(room: Room) -> bool:
    parent = room.parent()
    return parent is not None and parent.active


def test_a_gateway_stands_above_the_sheds_behind_it() -> None:
    """One alarm for two sheds, with the sheds' own under it."""
    room = Room((GATEWAY,))
    room.silent(C1, C2, C3)
    room.wait(20)
    room.silent(OTHER1, OTHER2)
    room.wait(2)
    gateway = room.parent("gateway-east")
    assert gateway is not None
    assert room.state(OTHER1) == "suppressed"
    sheds = [alert for alert in room.engine.open_alerts() if alert.kind is K.SHED_OFFLINE and alert.device == "shed"]
    assert {str(alert.state) for alert in sheds} == {"suppressed"}
    room.heard(OTHER1, OTHER2)
    room.wait(200)
    assert room.announced()[-1] == "shed"
    assert room.state(C1) == "suppressed"


def test_without_the_broker_nobody_is_missed_but_what_does_not_need_it() -> None:
    """A camera that is fetched is announced when it goes; the others wait until the link is back."""
    room = Room(fetched=frozenset({CAM1}))
    room.broker(down=True)
    room.broker(down=True, part="mqtt-frames")
    room.broker(down=True, part="ledger")
    room.silent(LONE, OTHER1, CAM1)
    room.wait(700)
    assert room.announced() == [BROKER_LINK, "ledger", "cam-1"]
    room.broker(down=False)
    room.wait(179)
    assert len(room.announced()) == 3
    room.heard(OTHER1)
    room.wait(1)
    assert room.announced()[3:] == ["c1", "mqtt-frames"] or sorted(room.announced()[3:]) == ["c1", "mqtt-frames"]


def test_a_restart_keeps_children_under_their_parent_and_lets_none_be_forgotten() -> None:
    """Also where the parent has ended while nobody was there."""
    room = Room()
    room.silent(C1, C2, C3)
    room.wait(30)
    room.restart()
    room.wait(400)
    assert room.announced() == ["shed"]
    room.heard(C1)
    room.wait(10)
    room.restart()
    room.wait(179)
    assert room.state(C2) == "suppressed"
    room.wait(1)
    assert sorted(room.announced()) == ["c2", "c3", "shed"]


def test_a_rule_that_is_switched_off_explains_nothing() -> None:
    """And nobody waits for it."""
    around = Surroundings(TOPOLOGY, RuleBook.parse({"rules": {"shed_offline": {"enabled": False}}}))
    roots = RootCauses(around)
    key = key_of(K.CHARGER_OFFLINE, C1)
    assert roots.take(Condition(key, True, Severity.MEDIUM, Text("", "")), NOW_MS) == []
    assert roots.explains(key, Severity.MEDIUM, NOW_MS) is None


ALL = (C1, C2, C3, CAM1, SMOKE1, OTHER1, OTHER2, LONE)


class Silences(RuleBasedStateMachine):
    """Devices fall silent and speak, power fails, the broker goes, people act, the service restarts; in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.room = Room((GATEWAY,))
        self.silent: dict[DeviceRef, int] = {}
        self.checked = 0
        self.down = False

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
        self.down = down
        self.room.broker(down)

    @rule(seconds=st.sampled_from([1, 5, 20, 130, 200, 400]))
    def wait(self, seconds: int) -> None:
        self.room.wait(seconds)

    @rule()
    def restart(self) -> None:
        self.room.restart()
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


TestSilences = Silences.TestCase
TestSilences.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
