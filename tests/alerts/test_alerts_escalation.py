"""Chasing people: steps, rounds, restarts; and that an alert nobody answers always has somebody being called."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

import pytest
from alarm_doubles import QUIET, StillClock, service, until
from alarm_samples import NOW_MS, TOPOLOGY, condition, observation
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from test_alerts_notifier import Phone, pictures, settle

from alerts.engine import AlarmEngine
from alerts.ledger.database import Ledger
from alerts.model import Alert, AlertChange, AlertKind, Severity
from alerts.notify.chaser import Chaser
from alerts.notify.directory import Directory
from alerts.notify.escalation import Call, Escalation, Policy, Step
from alerts.notify.notifier import Notifier
from alerts.notify.port import Person, RetryableError
from alerts.notify.routing import Route
from alerts.notify.wording import lines
from alerts.orders import Limits, Several
from alerts.rules.settings import RuleBook
from alerts.service import AlarmService
from vision.model import ObservationKind

STEPS = (Step(0, ("robot",)), Step(30, ("voice",), ("wang",)), Step(60, ("voice", "sms"), ("chief",)))
POLICY = Policy("p1", STEPS, repeat_s=300.0)


def engine() -> AlarmEngine:
    ids = iter(f"a{n}" for n in range(1000))
    return AlarmEngine(lambda _now_ms: next(ids), 1)


def changes(house: AlarmEngine, now_ms: int, active: bool = True, **more: object) -> AlertChange:
    change = house.apply(condition(active, **more), now_ms)  # type: ignore[arg-type]
    assert change is not None
    return change


def levels(calls: list[Call]) -> list[int]:
    return [call.level for call in calls]


def test_steps_come_due_one_after_the_other_and_each_once() -> None:
    """At once, after half a minute, after a minute."""
    chase = Escalation((POLICY,))
    chase.take(changes(engine(), NOW_MS))
    assert levels(chase.due(NOW_MS)) == [0]
    assert levels(chase.due(NOW_MS + 29_999)) == []
    assert levels(chase.due(NOW_MS + 30_000)) == [1]
    assert levels(chase.due(NOW_MS + 60_000)) == [2]
    assert levels(chase.due(NOW_MS + 359_000)) == []


def test_it_begins_anew_until_somebody_answers() -> None:
    """The second round is told as further levels."""
    chase = Escalation((POLICY,))
    chase.take(changes(engine(), NOW_MS))
    chase.due(NOW_MS + 60_000)
    assert levels(chase.due(NOW_MS + 360_000)) == [3]
    assert levels(chase.due(NOW_MS + 390_000)) == [4]


def test_an_acknowledgement_ends_it_and_a_rise_in_severity_begins_anew() -> None:
    """Worse than what was acknowledged has to be told again."""
    house, chase = engine(), Escalation((POLICY,))
    raised = changes(house, NOW_MS)
    chase.take(raised)
    chase.due(NOW_MS)
    chase.take(house.acknowledge(raised.alert.id, "wang", "", NOW_MS + 5_000))
    assert chase.due(NOW_MS + 100_000) == []
    chase.take(changes(house, NOW_MS + 110_000, severity=Severity.CRITICAL))
    assert levels(chase.due(NOW_MS + 110_000)) == [0]


def test_nobody_is_called_for_what_is_below_the_policy_or_elsewhere() -> None:
    """A clock that is off wakes nobody at night."""
    low, elsewhere = Escalation((POLICY,)), Escalation((Policy("p1", STEPS, place=("other",)),))
    low.take(changes(engine(), NOW_MS, severity=Severity.MEDIUM))
    elsewhere.take(changes(engine(), NOW_MS))
    assert low.due(NOW_MS + 60_000) == elsewhere.due(NOW_MS + 60_000) == []


def test_after_an_outage_only_the_round_that_runs_is_made_up_for() -> None:
    """Ten calls at once would help nobody."""
    chase = Escalation((POLICY,))
    raised = changes(engine(), NOW_MS)
    chase.restore(raised.alert, raised.transition.seq, NOW_MS, [])
    assert levels(chase.due(NOW_MS + 3 * 360_000 + 31_000)) == [9, 10]


def test_a_restart_repeats_no_call_and_leaves_none_out() -> None:
    """Calls are known by annunciation, policy and step."""
    before, after = Escalation((POLICY,)), Escalation((POLICY,))
    raised = changes(engine(), NOW_MS)
    before.take(raised)
    told = [call.id for call in before.due(NOW_MS + 31_000)]
    after.restore(raised.alert, raised.transition.seq, NOW_MS, told)
    assert levels(after.due(NOW_MS + 60_000)) == [2]


@given(st.lists(st.integers(0, 700), min_size=1, max_size=20))
def test_however_often_it_is_asked_every_due_step_of_the_round_is_given_once(gaps_s: list[int]) -> None:
    """Looking seldom or often changes when, not whether."""
    chase = Escalation((POLICY,))
    chase.take(changes(engine(), NOW_MS))
    given_, now_ms = [], NOW_MS
    for gap_s in gaps_s:
        now_ms += gap_s * 1000
        given_ += levels(chase.due(now_ms))
    assert len(given_) == len(set(given_))
    elapsed_s = (now_ms - NOW_MS) / 1000
    number, rest_s = divmod(elapsed_s, 360.0)
    due_now = {int(number) * 3 + index for index, step in enumerate(STEPS) if step.after_s <= rest_s}
    assert due_now <= set(given_)


class Night(RuleBasedStateMachine):
    """Alerts come, get worse, go and are acknowledged in any order while time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.house, self.chase, self.now_ms = engine(), Escalation((POLICY,)), NOW_MS
        self.called: dict[str, list[tuple[int, int]]] = {}

    def take(self, change: AlertChange | None) -> None:
        if change is not None:
            self.chase.take(change)

    @rule(port=st.integers(1, 3), severity=st.sampled_from((Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)))
    def hazard(self, port: int, severity: Severity) -> None:
        self.take(self.house.apply(condition(True, severity, port=port), self.now_ms))

    @rule(port=st.integers(1, 3))
    def over(self, port: int) -> None:
        self.take(self.house.apply(condition(False, port=port), self.now_ms))

    @precondition(lambda self: any(a.state == "unacknowledged" for a in self.house.open_alerts()))
    @rule()
    def answer(self) -> None:
        alert = next(a for a in self.house.open_alerts() if a.state == "unacknowledged")
        self.take(self.house.acknowledge(alert.id, "wang", "", self.now_ms))

    @rule(seconds=st.integers(1, 400))
    def time_passes(self, seconds: int) -> None:
        self.now_ms += seconds * 1000

    @invariant()
    def whoever_waits_is_being_called(self) -> None:
        for call in self.chase.due(self.now_ms):
            self.called.setdefault(call.alert.id, []).append((call.seq, call.level))
        for alert in self.house.open_alerts():
            calls = self.called.get(alert.id, [])
            assert len(calls) == len(set(calls)), "a call was made twice"
            if alert.state == "unacknowledged" and alert.severity.rank >= Severity.HIGH.rank:
                assert calls, f"nobody was called for {alert.id}"
                assert alert.id in self.chase._chases


TestNight = Night.TestCase
TestNight.settings = hypothesis_settings(max_examples=60, stateful_step_count=30, deadline=None)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'alerts.db'}"


DIRECTORY = Directory({name: Person(name, name.title(), mobile="+8613800000000") for name in ("wang", "chief")})


def chasing(desk: AlarmService, clock: StillClock, *phones: Phone) -> Notifier:
    """Channels that only the escalation uses."""
    chaser = Chaser(Escalation((POLICY,)), DIRECTORY, [phone.name for phone in phones])
    silent = Route(events=frozenset())
    return Notifier(desk, [(silent, phone) for phone in phones], clock, pictures, chaser, DIRECTORY, seed=1)


async def smoke(desk: AlarmService) -> None:
    await desk.submit_observations([observation(ObservationKind.SMOKE, zone="a")])


async def test_a_fire_that_nobody_answers_climbs_step_by_step(url: str) -> None:
    """Group, then the person on duty by phone, then the chief by phone and text."""
    clock = StillClock()
    robot, voice, sms = Phone("robot"), Phone("voice"), Phone("sms")
    async with service(url, clock) as desk, chasing(desk, clock, robot, voice, sms):
        await smoke(desk)
        await until(lambda: robot.told)
        assert (voice.tries, sms.tries) == (0, 0)
        await until(lambda: voice.told, clock, 0.5)
        assert [person.id for person in voice.told[0].people] == ["wang"]
        await until(lambda: sms.told and len(voice.told) == 2, clock, 0.5)
        assert [person.id for person in sms.told[0].people] == ["chief"]
        assert sms.told[0].level == 2


@pytest.mark.slow
async def test_an_answer_takes_back_what_waits(url: str) -> None:
    """A call that has not gone out yet would only alarm people about what is in hand."""
    clock = StillClock()
    voice = Phone("voice", fails=[RetryableError("busy")] * 50)
    async with service(url, clock) as desk, chasing(desk, clock, Phone("robot"), voice, Phone("sms")):
        await smoke(desk)
        await until(lambda: voice.tries >= 1, clock, 0.5)
        (alert,) = [alert for alert in desk.open_alerts() if alert.kind is AlertKind.SMOKE]
        await desk.acknowledge(alert.id, "wang", "")
        await settle(clock, 60)
        tries = voice.tries
        await settle(clock, 120)
        assert voice.tries == tries
        await desk._writer.drain()
        states = {row.channel: row.state for row in await desk.notices(alert.id)}
    assert states["voice"] == "withdrawn"


async def test_a_restart_goes_on_where_the_chase_was(url: str) -> None:
    """The group is not told again; the phone rings when its time has come."""
    clock = StillClock()
    first = Phone("robot")
    async with service(url, clock) as desk, chasing(desk, clock, first, Phone("voice"), Phone("sms")):
        await smoke(desk)
        await until(lambda: first.told)
        await desk._writer.drain()
    robot, voice = Phone("robot"), Phone("voice")
    async with service(url, clock) as desk, chasing(desk, clock, robot, voice, Phone("sms")):
        await until(lambda: voice.told, clock, 0.5)
    assert robot.told == []


def links(_channel: str, _seq: int, _alert: Alert, people: Sequence[Person], _now_ms: int) -> tuple[str, str]:
    return "https://x/" + "+".join(one.id for one in people), ""


async def test_where_two_have_to_acknowledge_the_chase_goes_on_to_the_others_until_enough_have(url: str) -> None:
    """Whoever has is not called again; the second acknowledgement ends it."""
    clock = StillClock()
    robot, voice, sms = Phone("robot"), Phone("voice"), Phone("sms")
    limits = Limits(several=(Several(2),), known_as={"wang": "Wang", "chief": "Chief"})
    chaser = Chaser(Escalation((POLICY,)), DIRECTORY, ["robot", "voice", "sms"])
    silent = Route(events=frozenset())
    channels = [(silent, phone) for phone in (robot, voice, sms)]
    book = RuleBook.parse({"rules": QUIET})
    async with (
        AlarmService(TOPOLOGY, book, Ledger(url), clock, seed=1, limits=limits) as desk,
        Notifier(desk, channels, clock, pictures, chaser, DIRECTORY, links, seed=1),
    ):
        await smoke(desk)
        await until(lambda: robot.told)
        (alert,) = [alert for alert in desk.open_alerts() if alert.kind is AlertKind.SMOKE]
        assert alert.acknowledgements_needed == 2
        assert (await desk.acknowledge(alert.id, "wang", "")).state == "unacknowledged"
        await until(lambda: sms.told, clock, 0.5)
        called = [[person.id for person in notice.people] for notice in voice.told]
        assert called == [["chief"]]
        said = "\n".join(lines(sms.told[0], UTC))
        assert "需 2 人确认，已有 1 人（Wang）" in said
        done = await desk.acknowledge(alert.id, "chief", "")
        assert (done.state, done.acknowledged_by) == ("acknowledged", "Wang, Chief")
        told = len(voice.told)
        clock.advance(400)
        await settle(clock)
        assert len(voice.told) == told


async def test_each_of_several_people_gets_a_link_of_their_own(url: str) -> None:
    """So that each counts as who they are."""
    clock = StillClock()
    mail = Phone("robot")
    policy = Policy("p1", (Step(0, ("robot",), ("wang", "chief")),))
    chaser = Chaser(Escalation((policy,)), DIRECTORY, ["robot"])
    book, limits = RuleBook.parse({"rules": QUIET}), Limits(several=(Several(2),))
    channels = [(Route(events=frozenset()), mail)]
    async with (
        AlarmService(TOPOLOGY, book, Ledger(url), clock, seed=1, limits=limits) as desk,
        Notifier(desk, channels, clock, pictures, chaser, DIRECTORY, links, seed=1),
    ):
        await smoke(desk)
        await until(lambda: mail.told)
    said = lines(mail.told[0], UTC)
    assert said[-2:] == ["Wang 查看并确认: https://x/wang", "Chief 查看并确认: https://x/chief"]
    assert mail.told[0].link == ""
