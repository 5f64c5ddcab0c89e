"""Proofs: a test alarm goes the way of every alarm, is told as a test, and is mistaken for nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import msgspec
import pytest
from alarm_doubles import QUIET, FragileLedger, StillClock, until
from alarm_samples import C1, NOW_MS, TOPOLOGY, condition, reading
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from test_alerts_notifier import Phone

from alerts import lifecycle
from alerts.bays import BayMap
from alerts.cutoff.policy import CutPolicy, orders_of
from alerts.engine import AlarmEngine, alert_ids
from alerts.ledger.database import Ledger
from alerts.ledger.proofs import ProofBook
from alerts.load import LoadMeter
from alerts.messages import place
from alerts.model import AlarmState, AlertKey, AlertKind, Severity
from alerts.notify.escalation import Escalation, Policy, Step
from alerts.notify.notifier import Notifier
from alerts.notify.port import PermanentError
from alerts.notify.routing import Route
from alerts.notify.siren import sounding
from alerts.notify.wording import title
from alerts.proof.model import Proof, ProofKind, ProofOrder, RefusedProofError, Stage, proven_stages, trouble_of
from alerts.proof.prover import Plan, Prover, Ways
from alerts.proof.schedule import Nightly
from alerts.proof.signals import Clip, HotSocket, Signal, SmokePicture
from alerts.proof.track import StageMissedError, Track
from alerts.proving_ground import CAMERA, CHARGER, overrides, with_proving_ground
from alerts.rules.hazards import HAZARDS
from alerts.rules.settings import RuleBook
from alerts.service import AlarmService
from ingest.contract import decode_telemetry
from vision.model import Observation, ObservationKind

PROVED = with_proving_ground(TOPOLOGY, camera=True)
TESTS = overrides([str(kind) for kind in HAZARDS])
SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR_MS = 3_600_000


def raised_test(kind: AlertKind = AlertKind.SMOKE, severity: Severity = Severity.CRITICAL) -> lifecycle.Alert:
    """A test alert as the engine raises it."""
    said = replace(condition(severity=severity), key=AlertKey(kind, *CHARGER, 1))
    return lifecycle.raised("t1", said, NOW_MS)


# ---- what a test alarm may not do


def test_a_test_sounds_no_siren_unless_it_was_asked_for_and_gives_way_to_what_is_real() -> None:
    """Nobody runs out of a shed for a proof."""
    real = lifecycle.raised("r1", condition(severity=Severity.CRITICAL), NOW_MS)
    here = ("cuiping", "shed-1")
    assert sounding([raised_test()], Severity.CRITICAL) == {}
    assert sounding([raised_test()], Severity.CRITICAL, here)[here].test
    assert sounding([raised_test(), real], Severity.CRITICAL, here) == {here: real}


def test_no_policy_cuts_for_a_test() -> None:
    """Not even one for all places and kinds."""
    policy = CutPolicy(frozenset(AlertKind), (), uncertain=True, whole_shed=True)
    for kind in AlertKind:
        assert orders_of(raised_test(kind), [policy], BayMap(PROVED, {}), ["charger"]) == []


def test_a_test_is_left_out_of_the_load_and_nobody_is_chased_for_it() -> None:
    """It asks nothing of anybody."""
    engine, meter = AlarmEngine(alert_ids(Random(1)), 1), LoadMeter()
    escalation = Escalation([Policy("p1", (Step(0, ("phone",)),))])
    change = engine.apply(replace(condition(severity=Severity.CRITICAL), key=AlertKey(AlertKind.SMOKE, *CHARGER, 1)), 0)
    assert change is not None
    assert change.alert.test
    meter.take(change)
    escalation.take(change)
    escalation.restore(change.alert, 1, 0, ())
    assert (meter.figures([change.alert], 0).announced_24h, meter.figures([change.alert], 0).standing) == (0, 0)
    assert len(escalation) == 0
    assert escalation.due(10**9) == []


def test_the_words_of_a_test_say_so_and_tell_nobody_to_act() -> None:
    """No one calls the fire service for a proof; and names of real places stay as they were without the place of proofs."""
    message = raised_test().message
    assert "这是测试" in message.zh
    assert "test" in message.en
    assert "119" not in message.zh
    key = AlertKey(AlertKind.OVER_TEMPERATURE, *C1, 3)
    assert place(PROVED, key) == place(TOPOLOGY, key)


def test_all_rules_but_the_proved_ones_are_off_at_the_place_of_proofs() -> None:
    """Its devices are silent and still all day, and the settings of everything else do not change."""
    book = RuleBook.parse({"rules": {"smoke": {"enabled": False}}, "overrides": [TESTS]}, PROVED)
    enabled = {str(kind) for kind, of in HAZARDS.items() if book.of(kind, of, CHARGER).enabled}
    assert enabled == {"over_temperature", "smoke"}
    assert not book.of(AlertKind.SMOKE, HAZARDS[AlertKind.SMOKE], C1).enabled


# ---- stages, age, schedule


def proof(kind: ProofKind = ProofKind.HEAT, begun: int = 0, done: int | None = 1000, **stages: int | str) -> Proof:
    """A proof whose stages were passed at a time, or not for a reason."""
    made = tuple(Stage(name, at) if isinstance(at, int) else Stage(name, error=at) for name, at in stages.items())
    return Proof(
        f"{kind}-{begun}", kind, "wang", begun, done, all(isinstance(at, int) for at in stages.values()), stages=made
    )


def test_the_newest_proof_of_each_kind_decides_and_an_old_one_is_as_bad_as_a_failed_one() -> None:
    """What is not proven is told, with its stage."""
    kinds = (ProofKind.HEAT, ProofKind.SMOKE)
    bad, good = proof(begun=1, published=1, alarm="not within 30 s"), proof(begun=2, published=2, alarm=3)
    assert trouble_of([bad], kinds, None, 0, 10) == "heat: alarm: not within 30 s"
    assert trouble_of([good, bad], kinds, None, 0, 10) == ""
    assert trouble_of([good], (ProofKind.HEAT,), HOUR_MS, 0, 2 * HOUR_MS + 1000) == "heat: last proven 2 h ago"
    assert trouble_of([], kinds, HOUR_MS, 0, HOUR_MS) == ""
    assert trouble_of([], kinds, HOUR_MS, 0, HOUR_MS + 1) == "heat: never proven; smoke: never proven"
    assert trouble_of([proof(begun=5, done=None)], (ProofKind.HEAT,), None, 0, 10) == ""


def test_each_stage_keeps_the_time_it_was_last_passed_also_where_the_proof_failed_later() -> None:
    """`last proven` is of each stage and channel, counted from the message."""
    older, newer = proof(begun=0, published=10, alarm=14), proof(begun=100, published=110, alarm="no")
    assert [(it.stage, it.at_ts, it.after_ms) for it in proven_stages([newer, older])] == [
        ("published", 110, 0),
        ("alarm", 14, 4),
    ]


@given(st.integers(0, 4_102_444_800_000), st.times(), st.sampled_from(["Asia/Shanghai", "Europe/Berlin"]))
def test_the_nightly_proof_is_due_once_a_day_at_its_time(now_ms: int, at: time, zone: str) -> None:
    """Whatever the zone does with its clocks."""
    nightly = Nightly(at.replace(microsecond=0, fold=0), ZoneInfo(zone))
    due_ms = nightly.next_ms(now_ms)
    assert now_ms < due_ms <= now_ms + 25 * HOUR_MS
    later_ms = nightly.next_ms(due_ms)
    assert 22 * HOUR_MS < later_ms - due_ms < 26 * HOUR_MS
    if zone == "Asia/Shanghai" and now_ms > 10**12:
        assert datetime.fromtimestamp(due_ms / 1000, UTC).astimezone(SHANGHAI).time() == nightly.at


async def test_a_stage_that_is_not_passed_in_time_is_named() -> None:
    """And the first word about a stage counts."""
    clock = StillClock()
    track = Track(proof(published="", alarm=""), ["published", "alarm"], clock)
    track.passed("published", 5)
    track.passed("published", 9)
    track.passed("of no interest")
    await track.reach("published", 1.0)
    reaching = asyncio.create_task(track.reach("alarm", 3.0))
    await until(reaching.done, clock, 1.0)
    with pytest.raises(StageMissedError):
        await reaching
    done = track.done()
    assert [(it.at_ts, it.error) for it in done.stages] == [(5, ""), (None, "not within 3 s")]
    assert not done.ok
    assert done.failed is not None
    assert done.failed.name == "alarm"


# ---- the whole way, over doubles of the bus, the camera and the page


@dataclass
class Bus:
    """The outside: what is published comes back as a reading or an observation, what is told of alarms is heard."""

    desk: AlarmService
    clock: StillClock
    prover: Prover | None = None
    lost: bool = False
    seeing: tuple[str, ...] = ("vision-1", "vision-2")
    heard: Callable[[str], None] = lambda _id: None
    frames: int = 0

    async def publish(self, topic: str, payload: bytes) -> None:
        assert self.prover is not None
        if self.lost:
            return
        now_ms = self.clock.now_ms()
        if topic.endswith("/frame"):
            self.frames += 1
            # As the intake does, after the publisher has gone on.
            asyncio.get_running_loop().call_soon(self.prover.heard, now_ms)
            if self.frames in (4, 8):
                seen = Observation(CAMERA, ObservationKind.SMOKE, self.frames == 4, 0.6, now_ms, now_ms, zone="picture")
                for worker in self.seeing:
                    self.prover.saw(worker)
                await self.desk.submit_observations([seen])
        else:
            (port,) = decode_telemetry(payload).telemetry.ports
            said = reading(CHARGER, 1, now_ms, temperature_c=port.temperature_c)
            asyncio.get_running_loop().call_soon(self.prover.heard, now_ms)
            await self.desk.submit_readings([said])

    def on_alert(self, heard: Callable[[str], None]) -> None:
        self.heard = heard

    async def tell(self) -> None:
        async for change in self.desk.changes():
            if change.alert.test:
                self.heard(change.alert.id)


@dataclass
class Room:
    """A prover with everything around it."""

    ledger: Ledger
    clock: StillClock
    phone: Phone = field(default_factory=Phone)
    reports: list[tuple[str, str]] = field(default_factory=list)
    nightly: Nightly | None = None
    page_silent: bool = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[Prover, AlarmService, Bus]]:
        rules = QUIET | {"over_temperature": {"off_delay_s": 1}, "smoke": {"off_delay_s": 1}}
        book = RuleBook.parse({"rules": rules, "overrides": [TESTS]}, PROVED)
        async with AlarmService(PROVED, book, self.ledger, self.clock, seed=1) as desk:
            bus = Bus(desk, self.clock)
            # Told of nothing by its route: a proof reaches it all the same.
            route = Route(Severity.CRITICAL, frozenset())
            async with Notifier(desk, [(route, self.phone)], self.clock, lambda _name: None, seed=1) as notifier:
                prover = self._prover(desk, bus, notifier.tell_tests)
                tasks = [asyncio.create_task(prover.run()), asyncio.create_task(bus.tell())]
                try:
                    yield prover, desk, bus
                finally:
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)

    def _prover(self, desk: AlarmService, bus: Bus, tell: Callable[[Collection[str]], None]) -> Prover:
        @asynccontextmanager
        async def outside() -> AsyncIterator[Bus]:
            yield bus

        async def signal(kind: ProofKind) -> Signal:
            if kind is ProofKind.HEAT:
                return HotSocket(90.0, "sheds", self.clock)
            return SmokePicture(Clip([b"a", b"b"], 2.0, smoke_at=1), "sheds", self.clock)

        async def page() -> AsyncIterator[bytes]:
            async for change in desk.changes():
                if not self.page_silent:
                    yield b"event: alert\ndata: " + msgspec.json.encode(change) + b"\n\n"

        both = (ProofKind.HEAT, ProofKind.SMOKE)
        ways = Ways(outside, signal, tell, lambda _shed: None, lambda *said: self.reports.append(said), page)
        names = (self.phone.name,)
        plan = Plan(
            both,
            names,
            names,
            ("cuiping/shed-1",),
            dict.fromkeys(both, (0.0, 1.0)),
            self.nightly,
            36 * HOUR_MS,
            ("vision-1", "vision-2"),
        )
        bus.prover = prover = Prover(desk, ProofBook(self.ledger), ways, plan, self.clock, seed=1)
        return prover


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(FragileLedger(f"sqlite:///{tmp_path / 'alerts.db'}"), StillClock())


async def proven(prover: Prover, room: Room, number: int) -> list[Proof]:
    await until(lambda: len(prover.proofs) >= number and not prover.proving, room.clock, 0.05)
    return list(prover.proofs)


@pytest.mark.slow
async def test_both_kinds_are_followed_to_the_receipt_and_cleared_and_the_record_survives(room: Room) -> None:
    """From the message to the phone, in order, each stage with its time; no alert is left."""
    async with room.open() as (prover, desk, _bus):
        await prover.prove(ProofOrder("wang"))
        with pytest.raises(RefusedProofError, match="under way"):
            await prover.prove(ProofOrder("li"))
        smoke, heat = await proven(prover, room, 2)
        assert (heat.kind, heat.ok, smoke.kind, smoke.ok) == ("heat", True, "smoke", True), (heat, smoke)
        assert [stage.name for stage in heat.stages] == [
            "published", "received", "alarm", "ledger", "mqtt", "page", "notice:phone", "cleared",
        ]  # fmt: skip
        assert desk.open_alerts() == []
        assert (await desk.get(heat.alert_id or "")).state is AlarmState.NORMAL
        assert [notice.alert.kind for notice in room.phone.told] == ["over_temperature", "smoke"]
        assert all(notice.test and title(notice).startswith("【测试】") for notice in room.phone.told)
        assert room.reports[-1] == ("ok", "")
        figures = await prover.figures()
        assert set(figures.proven) == {"heat", "smoke"}
    async with Room(Ledger(str(room.ledger._url)), room.clock).open() as (later, _desk, _bus):
        await until(lambda: len(later.proofs) == 2)
        assert (await later.figures()).stages == figures.stages


@pytest.mark.slow
async def test_what_is_missed_fails_the_proof_is_told_with_its_stage_and_holds_nothing_else_up(room: Room) -> None:
    """A channel that refuses and a page that stays silent are both named; the alarm is cleared all the same."""
    room.phone.fails = [PermanentError("no such robot")]
    room.page_silent = True
    async with room.open() as (prover, desk, bus):
        await prover.prove(ProofOrder("wang", (ProofKind.HEAT,)))
        (heat,) = await proven(prover, room, 1)
        missed = {stage.name: stage.error for stage in heat.stages if stage.at_ts is None}
        assert missed == {"page": "not within 15 s", "notice:phone": "no such robot"}
        assert room.reports[-1][0] == "degraded"
        assert "page" in room.reports[-1][1]
        assert [alert for alert in desk.open_alerts() if alert.test] == []

        bus.lost = True
        await prover.prove(ProofOrder("wang", (ProofKind.SMOKE,), ()))
        smoke, _ = await proven(prover, room, 2)
        assert smoke.failed is not None
        assert smoke.failed.name == "received"
        assert [stage.name for stage in smoke.stages if stage.error] == ["received"]


async def test_a_proof_that_a_kill_cut_short_has_failed_and_its_alarm_ends_at_the_next_start(room: Room) -> None:
    """No test alarm stands for ever, and none is taken for proven."""
    async with room.open() as (prover, desk, _bus):
        await prover.prove(ProofOrder("wang", (ProofKind.SMOKE,)))
        await until(lambda: any(alert.test for alert in desk.open_alerts()) and not desk.writing, room.clock, 0.05)
    async with Room(Ledger(str(room.ledger._url)), room.clock).open() as (later, desk, _bus):
        await until(lambda: len(later.proofs) == 1 and not desk.open_alerts())
        (cut_short,) = later.proofs
        assert not cut_short.ok
        assert cut_short.failed is not None
        assert "interrupted" in (await later.figures()).trouble


@pytest.mark.slow
async def test_the_nightly_proof_runs_by_itself_and_one_that_cannot_be_made_is_refused(room: Room) -> None:
    """At its time, to the channels of the night."""
    due = (
        datetime.fromtimestamp(room.clock.now_ms() / 1000 + 60, UTC).astimezone(SHANGHAI).time().replace(microsecond=0)
    )
    room.nightly = Nightly(due, SHANGHAI)
    async with room.open() as (prover, _desk, _bus):
        for order in (
            ProofOrder("li", channels=("pager",)),
            ProofOrder("li", siren="cuiping/shed-9"),
        ):
            with pytest.raises(RefusedProofError):
                await prover.prove(order)
        found = await proven(prover, room, 2)
        assert {one.who for one in found} == {"自动自检 (automatic)"}
        assert all(one.ok for one in found)
        assert len(room.phone.told) == 2


@pytest.mark.slow
async def test_every_detector_process_has_to_see_the_smoke_and_is_named(room: Room) -> None:
    """A camera is looked at by one of them only: one that is blind must not hide behind the others."""
    async with room.open() as (prover, _desk, bus):
        await prover.prove(ProofOrder("wang", (ProofKind.SMOKE,)))
        (proof,) = await proven(prover, room, 1)
        assert {stage.name: stage.detail for stage in proof.stages}["seen"] == "vision-1, vision-2"

        bus.frames, bus.seeing = 0, ("vision-1",)
        await prover.prove(ProofOrder("wang", (ProofKind.SMOKE,)))
        failed, _ = await proven(prover, room, 2)
        assert not failed.ok
        assert {stage.name: stage.error for stage in failed.stages if stage.error} == {
            "seen": "not within 40 s by vision-2"
        }
        assert "vision-2" in (await prover.figures()).trouble
