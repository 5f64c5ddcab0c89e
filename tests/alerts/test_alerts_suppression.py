"""Root causes: what is explained by what and when. Time is simulated, a second a step."""

from __future__ import annotations

import pytest
from silent_room import C1, C2, C3, CAM1, GATEWAY, LONE, NOW_MS, OTHER1, OTHER2, SMOKE1, TOPOLOGY, K, Room

from alerts.lifecycle import announces
from alerts.model import AlarmState, AlertKind, Condition, Severity, Text
from alerts.rules.base import Surroundings, key_of
from alerts.rules.settings import RuleBook
from alerts.suppression import BROKER_LINK, CHILDREN, RootCauses, regroup


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


def test_who_was_heard_after_the_link_was_back_and_then_falls_silent_has_an_alarm_of_its_own_in_its_own_time() -> None:
    """The link explains only those that have not been heard since; the others get what time they need to come back."""
    room = Room()
    room.talk(OTHER1, LONE)
    room.broker(down=True)
    room.wait(60)
    room.silent(LONE)
    room.broker(down=False)
    room.wait(20)
    room.talk(OTHER1)
    room.wait(40)
    room.silent(OTHER1)
    assert room.state(OTHER1) == "suppressed"
    room.wait(15)
    assert room.announced() == [BROKER_LINK, "c1"]
    assert room.state(OTHER1) == "unacknowledged"
    assert room.state(LONE) == "suppressed"
    room.wait(104)
    assert room.state(LONE) == "suppressed"
    room.wait(1)
    assert room.state(LONE) == "unacknowledged"


def test_a_device_that_is_missed_only_after_the_link_is_back_but_was_not_heard_since_waits_with_the_others() -> None:
    """Its reports were lost while the link was down: its silence began there, however late it is noticed."""
    room = Room()
    room.talk(LONE)
    room.broker(down=True)
    room.wait(60)
    room.broker(down=False)
    room.wait(30)
    room.silent(LONE)
    room.wait(149)
    assert room.state(LONE) == "suppressed"
    room.wait(1)
    assert room.state(LONE) == "unacknowledged"


def test_the_link_is_back_when_it_says_so_and_not_when_its_alarm_ends() -> None:
    """The alarm outlasts the outage; where the link goes again meanwhile, it explains once more whoever is silent."""
    room = Room()
    room.broker(down=True)
    room.wait(60)
    room.broker(down=True, state="ok")
    room.wait(2)
    room.talk(LONE, OTHER1)
    room.wait(20)
    room.silent(LONE)
    room.wait(1)
    assert room.state(LONE) == "unacknowledged"
    room.broker(down=True, state="down")
    room.silent(OTHER1)
    room.wait(30)
    assert room.state(OTHER1) == "suppressed"
    room.broker(down=True, state="ok")
    room.wait(30)
    room.broker(down=False)
    room.wait(30)
    assert room.state(OTHER1) == "suppressed"


def test_a_shed_that_falls_silent_after_the_link_is_back_is_told_at_once() -> None:
    """Its chargers had been heard over the link: what is down now is the shed."""
    room = Room()
    room.broker(down=True)
    room.wait(60)
    room.broker(down=False)
    room.wait(5)
    room.talk(C1, C2, C3)
    room.wait(30)
    room.silent(C1, C2, C3)
    room.wait(1)
    assert room.announced() == [BROKER_LINK, "shed"]
    assert {room.state(ref) for ref in (C1, C2, C3)} == {"suppressed"}


def test_a_shed_of_which_nobody_was_heard_since_the_link_is_back_goes_on_under_the_link() -> None:
    """Its chargers have not found their way back yet."""
    room = Room()
    room.talk(C1, C2, C3)
    room.broker(down=True)
    room.wait(60)
    room.broker(down=False)
    room.silent(C1, C2, C3)
    room.wait(100)
    assert room.announced() == [BROKER_LINK]


def test_a_shed_under_the_link_that_speaks_again_is_never_announced() -> None:
    """Its chargers are heard again one tick before the shed counts as back."""
    room = Room()
    room.talk(C1, C2, C3)
    room.broker(down=True)
    room.silent(C1, C2, C3)
    room.wait(60)
    room.broker(down=True, state="ok")
    room.wait(5)
    room.talk(C1, C2, C3)
    room.wait(10)
    room.heard(C1, C2, C3)
    assert regroup(room.engine, room.roots, room.now_ms, room.now_ms) == []
    room.wait(30)
    room.broker(down=False)
    assert room.announced() == [BROKER_LINK]


def test_a_power_cut_that_is_reported_after_the_link_is_back_is_told_at_once() -> None:
    """Who reports it was heard."""
    room = Room()
    room.broker(down=True)
    room.wait(60)
    room.broker(down=False)
    room.wait(5)
    room.event(C1, "power_cut")
    room.event(C2, "power_cut")
    assert room.announced() == [BROKER_LINK, "shed"]


def test_another_link_that_was_there_again_and_goes_is_told_of() -> None:
    """The main link is back, and so was this one."""
    room = Room()
    room.broker(down=True)
    room.broker(down=True, part="mqtt-frames")
    room.wait(60)
    room.broker(down=False)
    room.wait(1)
    room.broker(down=False, part="mqtt-frames")
    room.wait(10)
    room.broker(down=True, part="mqtt-frames")
    assert room.announced() == [BROKER_LINK, "mqtt-frames"]


def test_who_was_heard_after_its_shed_was_back_and_then_falls_silent_has_an_alarm_of_its_own() -> None:
    """As for the link; whoever has not been heard since goes on waiting."""
    room = Room()
    room.silent(C1, C2, C3)
    room.wait(400)
    room.heard(C1, C2)
    room.wait(5)
    room.talk(C2)
    room.wait(30)
    room.silent(C2)
    room.wait(15)
    assert (room.state(C2), room.state(C3)) == ("unacknowledged", "suppressed")


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
