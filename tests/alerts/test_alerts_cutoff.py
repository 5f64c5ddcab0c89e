"""Cutting power: proved by the current, escalated where it is not, held back from errors, and never lost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from alarm_doubles import FragileLedger, StillClock, service, until
from alarm_samples import C1, CAM, NOW_MS, TOPOLOGY, observation, reading
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alerts.cutoff.interlock import MAX_IN_SHED, OTHER_SHED_MS, held_back
from alerts.cutoff.machine import CutTimes, Loop, requested
from alerts.cutoff.model import Cut, CutOrder, CutState, UnknownCutError, UnknownPortError
from alerts.cutoff.policy import CutPolicy
from alerts.cutoff.room import CutRoom, _off_ms
from alerts.ledger.cuts import CutBook
from alerts.ledger.database import Ledger
from alerts.model import AlertKind, Severity
from alerts.service import AlarmService
from ingest.contract import Command, Reply
from ingest.model import DeviceRef, Reading
from shedwatch.supervise import Supervisor
from vision.model import ObservationKind, Zone, ZoneKind

ORDER = CutOrder("cuiping", "shed-1", "c1", 3, "wang", "smoke at the bay")
TIMES = CutTimes()


def loop(port: int | None = 3, breaker: bool = True) -> Loop:
    order = replace(ORDER, port=port)
    return Loop(requested("cut", order, NOW_MS, automatic=False, breaker_allowed=breaker), TIMES)


def commands(sends: list) -> list[str]:
    return [send.command for send in sends]


# ---- the machine


def test_a_cut_is_proved_by_two_reports_without_current() -> None:
    """Accepted is not cut; one report can be a hiccup."""
    it = loop()
    assert commands(it.begin()) == ["stop"]
    it.replied("cut-s", True, None, NOW_MS + 500)
    assert it.cut.state is CutState.ACCEPTED
    it.measured(0.0, 0.0, NOW_MS + 1000)
    assert it.cut.state is CutState.ACCEPTED
    it.measured(0.4, 0.0, NOW_MS + 2000)
    assert it.cut.state is CutState.VERIFIED
    assert it.cut.verified_ts == NOW_MS + 2000
    assert [step.state for step in it.cut.log] == ["requested", "accepted", "verified"]


def test_no_reply_is_needed_for_a_proof() -> None:
    """Replies get lost; the meter decides."""
    it = loop()
    it.measured(0.0, 0.0, NOW_MS + 1000)
    it.measured(0.0, 0.0, NOW_MS + 2000)
    assert it.cut.state is CutState.VERIFIED


def test_a_welded_relay_goes_to_the_breaker_and_then_to_people() -> None:
    """It accepts every order and charges on."""
    it = loop()
    it.replied("cut-s", True, None, NOW_MS + 500)
    it.measured(180.0, 0.8, NOW_MS + 3000)
    sends = it.tick(NOW_MS + 12_000)
    assert it.cut.state is CutState.ESCALATED
    assert commands(sends) == ["breaker_open"]
    assert "welded" in it.cut.log[-1].note
    it.replied(it.cut.command_id, True, None, NOW_MS + 12_500)
    it.measured(180.0, 0.8, NOW_MS + 13_000)
    it.tick(NOW_MS + 24_000)
    assert it.cut.state is CutState.FAILED


def accepted(it: Loop, at_ms: int = NOW_MS + 500) -> Loop:
    it.replied(it.cut.command_id, True, None, at_ms)
    return it


def test_a_charger_that_says_off_twice_while_current_flows_is_not_waited_for() -> None:
    """Its relay is welded by its own word: the breaker is next after two seconds and not after twelve."""
    it = accepted(loop())
    assert commands(it.measured(180.0, 0.8, NOW_MS + 1000, NOW_MS + 1000)) == []
    assert it.cut.state is CutState.ACCEPTED
    assert commands(it.tick(NOW_MS + 2500)) == []
    assert commands(it.tick(NOW_MS + 3000)) == ["poll"]
    assert commands(it.measured(181.0, 0.8, NOW_MS + 3200, NOW_MS + 3200)) == ["breaker_open"]
    assert it.cut.state is CutState.ESCALATED
    assert "the charger says it is off; 仍有 / still 181 W, 0.8 A" in it.cut.log[-1].note


@pytest.mark.parametrize(
    ("why", "first", "second"),
    [
        ("it says charging: the stop may be under way", (180.0, 0.8, None), (180.0, 0.8, None)),
        ("it said off once only", (180.0, 0.8, None), (180.0, 0.8, 3200)),
        ("the first was made before the stop was accepted", (180.0, 0.8, 400), (180.0, 0.8, 3200)),
        ("the meter may be one report behind", (180.0, 0.8, 1000), (0.0, 0.0, 3200)),
        ("a full pack's charger draws so much when it is off", (4.0, 0.06, 1000), (4.0, 0.06, 3200)),
    ],
)
def test_what_may_be_of_the_time_before_the_stop_has_the_whole_wait(
    why: str, first: tuple[float, float, int | None], second: tuple[float, float, int | None]
) -> None:
    """Eleven neighbours are not cut off by a report that was late."""
    it = accepted(loop())
    for at_ms, (power_w, current_a, off) in ((1000, first), (3200, second)):
        it.measured(power_w, current_a, NOW_MS + at_ms, None if off is None else NOW_MS + off)
    it.tick(NOW_MS + 11_900)
    assert it.cut.state is CutState.ACCEPTED, why


def test_two_reports_of_one_moment_are_one() -> None:
    """What a charger pushes at a change of state and its answer to a poll may rest on one look at the meter."""
    it = accepted(loop())
    for at_ms in (1000, 1100, 2900):
        it.measured(180.0, 0.8, NOW_MS + at_ms, NOW_MS + at_ms)
    assert it.cut.state is CutState.ACCEPTED


def test_without_an_acceptance_the_whole_time_is_waited() -> None:
    """A port that was off and welded before says so before it has heard of the stop."""
    it = loop()
    for at_ms in (1000, 3200, 5500):
        it.measured(180.0, 0.8, NOW_MS + at_ms, NOW_MS + at_ms)
    assert it.cut.state is CutState.REQUESTED


def test_a_breaker_that_says_open_twice_while_current_flows_calls_people_at_once() -> None:
    """And what the port said of its relay counts no more for the breaker."""
    it = accepted(loop())
    it.measured(180.0, 0.8, NOW_MS + 1000, NOW_MS + 1000)
    it.measured(180.0, 0.8, NOW_MS + 3200, NOW_MS + 3200)
    assert it.cut.state is CutState.ESCALATED
    it.measured(180.0, 0.8, NOW_MS + 5400, NOW_MS + 5400)
    assert it.cut.state is CutState.ESCALATED
    accepted(it, NOW_MS + 5500)
    it.measured(180.0, 0.8, NOW_MS + 6000, NOW_MS + 6000)
    it.measured(180.0, 0.8, NOW_MS + 8000, NOW_MS + 8000)
    assert it.cut.state is CutState.FAILED


def test_the_breaker_proves_it_too() -> None:
    """Whatever cut it, the current is zero."""
    it = loop()
    it.tick(NOW_MS + 12_000)
    it.measured(0.0, 0.0, NOW_MS + 14_000)
    it.measured(0.0, 0.0, NOW_MS + 15_000)
    assert it.cut.state is CutState.VERIFIED
    assert "breaker" in it.cut.log[-1].note


def test_where_the_breaker_may_not_be_opened_people_are_next() -> None:
    """Eleven neighbours' charges are the company's decision."""
    it = loop(breaker=False)
    it.tick(NOW_MS + 12_000)
    assert it.cut.state is CutState.FAILED


def test_a_refusal_does_not_wait() -> None:
    """The charger has said that it will not."""
    it = loop()
    assert commands(it.replied("cut-s", False, "relay fault", NOW_MS + 300)) == ["breaker_open"]


def test_an_order_without_an_answer_is_sent_again_under_the_same_id_and_the_meter_is_asked() -> None:
    """A mobile network loses messages; a charger's own habit may be five minutes."""
    it = loop()
    sends = it.tick(NOW_MS + 4_000)
    assert commands(sends) == ["stop", "poll"]
    assert sends[0].command_id == "cut-s"
    assert commands(it.tick(NOW_MS + 6_000)) == ["poll"]


def test_a_current_that_comes_back_within_the_watch_is_a_failure() -> None:
    """A resident, a timer or a relay switched on again beside a pack that is heating."""
    it = loop()
    it.measured(0.0, 0.0, NOW_MS + 1000)
    it.measured(0.0, 0.0, NOW_MS + 2000)
    it.measured(90.0, 0.4, NOW_MS + 600_000)
    assert it.cut.state is CutState.FAILED
    assert "again" in it.cut.log[-1].note


def test_after_an_outage_the_port_has_its_whole_time_before_the_breaker_is_opened() -> None:
    """Nobody listened while the service was down: eleven neighbours are not cut off for a reply nobody could hear."""
    later = NOW_MS + 600_000
    it = loop()
    assert commands(it.resume(later)) == ["stop", "poll"]
    assert commands(it.tick(later + 4_000)) == ["stop", "poll"]
    assert it.cut.state is CutState.REQUESTED
    assert commands(it.tick(later + 12_000)) == ["breaker_open"]


events = st.lists(
    st.one_of(
        st.tuples(st.just("tick"), st.just(0.0)),
        st.tuples(st.just("reply"), st.sampled_from((0.0, 1.0))),
        st.tuples(st.just("measure"), st.sampled_from((0.0, 1.0, 2.9, 3.1, 200.0))),
        st.tuples(st.just("says off"), st.sampled_from((0.0, 2.9, 3.1, 200.0))),
    ),
    max_size=60,
)


@given(events, st.lists(st.integers(100, 5000), min_size=60, max_size=60), st.booleans())
def test_every_cut_ends_proved_or_with_people(
    happening: list[tuple[str, float]], gaps: list[int], breaker: bool
) -> None:
    """Whatever comes in whatever order: never verified without two zeros in a row, never forgotten on the way.

    Nor is a means given up before its time, but by a refusal or where the charger says twice that it is off and current flows.
    """
    it, now_ms, zeros, order_of_states = loop(breaker=breaker), NOW_MS, 0, [CutState.REQUESTED]
    began_ms, denied = NOW_MS, list[int]()
    for (what, value), gap_ms in zip(happening, gaps, strict=False):
        now_ms += gap_ms
        before = it.cut.state
        if what == "tick":
            it.tick(now_ms)
        elif what == "reply":
            it.replied(it.cut.command_id, bool(value), None, now_ms)
        else:
            zeros = zeros + 1 if value < 3.0 else 0
            off = what == "says off"
            denied = [*denied, now_ms] if off and value > 5.0 else []
            it.measured(value, None, now_ms, now_ms if off else None)
        given_up = before is not CutState.VERIFIED and it.cut.state in (CutState.ESCALATED, CutState.FAILED)
        if it.cut.state is not before and given_up:
            by_its_word = len(denied) >= 2 and denied[-1] - denied[0] >= 2000
            assert what == "reply" or by_its_word or now_ms - began_ms >= 12_000
            began_ms, denied = now_ms, []
        if it.cut.state is not before:
            order_of_states.append(it.cut.state)
            if it.cut.state is CutState.ESCALATED:
                zeros = 0
            if it.cut.state is CutState.VERIFIED:
                assert zeros >= 2
    assert [step.state for step in it.cut.log] == order_of_states
    for _ in range(60):
        now_ms += 1000
        it.tick(now_ms)
    assert it.cut.settled


# ---- the interlock


def automatic(site: str = "cuiping", shed: str = "shed-1", at_ms: int = NOW_MS, by_person: bool = False) -> Cut:
    cut = requested("x", ORDER, at_ms, automatic=not by_person, breaker_allowed=True)
    return replace(cut, site=site, shed=shed)


def test_never_two_sheds_by_themselves() -> None:
    """A detector that errs everywhere at once must not darken a neighbourhood."""
    assert held_back("cuiping", "shed-1", [automatic()], NOW_MS) is None
    assert "a person must" in (held_back("cuiping", "shed-2", [automatic()], NOW_MS + 1000) or "")
    assert held_back("cuiping", "shed-2", [automatic()], NOW_MS + OTHER_SHED_MS) is None
    assert held_back("cuiping", "shed-2", [automatic(by_person=True)], NOW_MS) is None


def test_not_one_port_after_the_other_for_ever() -> None:
    """Then it is no longer one pack."""
    assert held_back("cuiping", "shed-1", [automatic()] * MAX_IN_SHED, NOW_MS) is not None


# ---- the room


@dataclass
class Pile:
    """A charger behind the room: keeps its commands, answers as it is made."""

    room: CutRoom | None = None
    clock: StillClock | None = None
    power_w: dict[int, float] = field(default_factory=lambda: {3: 180.0, 4: 90.0})
    welded: bool = False
    states: bool = False
    breaker_stuck: bool = False
    deaf: bool = False
    commands: list[Command] = field(default_factory=list)

    def take(self, charger: DeviceRef, command: Command) -> None:
        self.commands.append(command)
        if self.deaf:
            return
        assert self.room is not None
        assert self.clock is not None
        if command.command == "stop" and not self.welded:
            self.power_w[command.port or 0] = 0.0
        if command.command == "breaker_open" and not self.breaker_stuck:
            self.power_w = dict.fromkeys(self.power_w, 0.0)
        self.clock.advance(0.2)
        if command.command == "poll":
            self.room.take_readings(self.report())
        else:
            self.room.take_reply(charger, Reply(command.id, True))

    def report(self) -> list[Reading]:
        assert self.clock is not None
        now_ms = self.clock.now_ms()
        word = {"state": "plugged"} if self.states else {}
        return [reading(C1, port, now_ms, power_w=watts, **word) for port, watts in self.power_w.items()]

    def words(self) -> list[str]:
        return [command.command for command in self.commands if command.command != "poll"]


ZONES = {CAM: (Zone("bay-3", ZoneKind.BAY, ((0, 0), (1, 0), (1, 1)), "c1#3"),)}


def room(desk: AlarmService, ledger: Ledger, clock: StillClock, pile: Pile, *policies: CutPolicy) -> CutRoom:
    made = CutRoom(TOPOLOGY, desk, CutBook(ledger), pile.take, clock, policies, TIMES, seed=1)
    pile.room, pile.clock = made, clock
    return made


@pytest.fixture
def ledger(tmp_path: Path) -> FragileLedger:
    return FragileLedger(f"sqlite:///{tmp_path / 'alerts.db'}")


async def test_a_step_that_fails_is_told_and_the_next_is_taken(ledger: FragileLedger, clock: StillClock) -> None:
    """Cutting power must not fail unheard of."""
    told: list[tuple[str, str, str]] = []
    done = asyncio.Event()

    async def fail() -> None:
        raise ZeroDivisionError("divided")

    async def go_on() -> None:
        done.set()

    keep = Supervisor(lambda *report: told.append(report))
    cuts = CutRoom(TOPOLOGY, None, CutBook(ledger), lambda *_: None, clock, keep=keep)  # type: ignore[arg-type]
    async with cuts:
        cuts._work.put_nowait(fail)
        cuts._work.put_nowait(go_on)
        await asyncio.wait_for(done.wait(), 5)

    assert ("loop-cuts", "degraded", "a step of a cut failed: ZeroDivisionError: divided") in told


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


async def settled(cuts: CutRoom, cut_id: str, clock: StillClock) -> Cut:
    found: list[Cut] = []

    def done() -> bool:
        live = cuts._loops.get(cut_id)
        found[:] = [live.cut] if live else []
        return bool(live and live.cut.settled)

    await until(done, clock, 0.5)
    return found[0]


async def test_a_person_cuts_a_port_and_sees_it_proved(ledger: FragileLedger, clock: StillClock) -> None:
    """Stop, reply, polls, two reports without current; kept in the ledger."""
    pile = Pile()
    async with service(ledger, clock) as desk, room(desk, ledger, clock, pile) as cuts:
        begun = await cuts.cut(ORDER)
        assert begun.state is CutState.REQUESTED
        proved = await settled(cuts, begun.id, clock)
        assert proved.state is CutState.VERIFIED
        assert pile.words() == ["stop"]
        assert {command.command for command in pile.commands} == {"stop", "poll"}
        assert all(command.expires_ts > NOW_MS for command in pile.commands)
        while (await CutBook(ledger).find(begun.id)) != proved:
            await asyncio.sleep(0.01)
        assert (await cuts.recent(5))[0].id == begun.id
        assert desk.open_alerts() == []


async def test_what_cannot_be_cut_calls_people_until_the_meter_is_still(
    ledger: FragileLedger, clock: StillClock
) -> None:
    """Welded relay, breaker stuck: `cut_failed`; it ends when somebody has pulled the plug."""
    pile = Pile(welded=True, breaker_stuck=True)
    async with service(ledger, clock) as desk, room(desk, ledger, clock, pile) as cuts:
        begun = await cuts.cut(ORDER)
        failed = await settled(cuts, begun.id, clock)
        assert failed.state is CutState.FAILED
        assert pile.words()[0] == "stop"
        assert "breaker_open" in pile.words()
        (alert,) = [alert for alert in desk.open_alerts() if alert.kind is AlertKind.CUT_FAILED]
        assert (alert.severity, alert.port) == (Severity.CRITICAL, 3)
        pile.power_w[3] = 0.0
        await desk.submit_readings(pile.report())
        await until(lambda: not any(a.active for a in desk.open_alerts() if a.kind is AlertKind.CUT_FAILED), clock, 1.0)


async def test_a_relay_that_is_welded_by_the_chargers_own_word_goes_to_the_breaker_at_once(
    ledger: FragileLedger, clock: StillClock
) -> None:
    """`plugged` and 180 W, in two answers to polls; one that only tells the power is waited for."""
    took_s = []
    for states in (True, False):
        pile = Pile(welded=True, states=states)
        async with service(ledger, clock) as desk, room(desk, ledger, clock, pile) as cuts:
            begun = await cuts.cut(ORDER)
            proved = await settled(cuts, begun.id, clock)
            assert (proved.state, proved.by_breaker) == (CutState.VERIFIED, True)
            assert proved.escalated_ts is not None
            took_s.append((proved.escalated_ts - proved.requested_ts) / 1000)
    assert took_s[0] < 5.0
    assert took_s[1] >= 12.0


def test_a_report_of_before_beside_one_that_says_off_is_no_word_of_its_relay() -> None:
    """Two messages that came together: charging with 180 W, then off without current."""
    cut = loop().cut
    charging = reading(C1, 3, NOW_MS + 900, power_w=180.0, state="charging")
    off = reading(C1, 3, NOW_MS + 1000, power_w=0.0, state="plugged")
    assert _off_ms([charging, off], cut) is None
    assert _off_ms([off], cut) == NOW_MS + 1000
    assert _off_ms([reading(C1, 3, NOW_MS, power_w=9.0, state="fault", fault="relay_welded")], cut) == NOW_MS


def test_a_breakers_word_counts_for_the_flow_of_the_same_message_only() -> None:
    """Ports of another message may be of the time before."""
    cut = loop(port=None).cut
    breaker = reading(C1, None, NOW_MS + 1000, breaker="open")
    assert _off_ms([breaker, reading(C1, 3, NOW_MS + 1000, power_w=180.0)], cut) == NOW_MS + 1000
    assert _off_ms([breaker, reading(C1, 3, NOW_MS + 900, power_w=180.0)], cut) is None


async def test_the_bay_of_a_cut_port_is_watched_more_closely_for_an_hour(
    ledger: FragileLedger, clock: StillClock
) -> None:
    """A pack without power can still burn."""
    pile, attended = Pile(), []
    async with smoky(ledger, clock) as desk:
        cuts = CutRoom(
            TOPOLOGY,
            desk,
            CutBook(ledger),
            pile.take,
            clock,
            times=TIMES,
            attend=lambda camera, until_ms: attended.append((camera, until_ms)),
        )
        pile.room, pile.clock = cuts, clock
        async with cuts:
            begun = await cuts.cut(ORDER)
    assert attended == [(CAM, begun.requested_ts + 3_600_000)]


async def test_a_second_order_for_the_port_is_the_first_one(ledger: FragileLedger, clock: StillClock) -> None:
    """Two people press the button; the charger is ordered once."""
    pile = Pile(deaf=True)
    async with service(ledger, clock) as desk, room(desk, ledger, clock, pile) as cuts:
        first, second = await cuts.cut(ORDER), await cuts.cut(replace(ORDER, who="li"))
        assert first.id == second.id
        assert pile.words() == ["stop"]


@pytest.mark.parametrize("order", [replace(ORDER, port=9), replace(ORDER, device="cam-1"), replace(ORDER, shed="x")])
async def test_what_is_no_port_cannot_be_cut(ledger: FragileLedger, clock: StillClock, order: CutOrder) -> None:
    """And says which there are."""
    async with service(ledger, clock) as desk, room(desk, ledger, clock, Pile()) as cuts:
        with pytest.raises(UnknownPortError):
            await cuts.cut(order)
        with pytest.raises(UnknownCutError):
            await cuts.find("nothing")


async def test_a_ledger_that_is_down_holds_no_cut_up(ledger: FragileLedger, clock: StillClock) -> None:
    """Cutting goes before writing down; it is written when it can be."""
    pile = Pile()
    async with service(ledger, clock) as desk, room(desk, ledger, clock, pile) as cuts:
        ledger.down = True
        begun = await cuts.cut(ORDER)
        assert (await settled(cuts, begun.id, clock)).state is CutState.VERIFIED
        ledger.down = False
        await until(lambda: not cuts._unkept, clock, 0.5)
        kept = await CutBook(ledger).find(begun.id)
        assert kept is not None
        assert kept.state is CutState.VERIFIED


@pytest.mark.parametrize("kill_after", ["requested", "accepted", "escalated"])
async def test_a_cut_goes_on_after_a_crash_at_any_step(
    ledger: FragileLedger, clock: StillClock, kill_after: str
) -> None:
    """The order that counts is sent again under its old id, and the proof is awaited anew."""
    pile = Pile(deaf=kill_after == "requested", welded=kill_after == "escalated", breaker_stuck=True)
    async with service(ledger, clock) as desk:
        before = room(desk, ledger, clock, pile)
        await before.__aenter__()
        if kill_after == "accepted":
            pile.power_w[3] = 180.0
            pile.welded = True
        begun = await before.cut(ORDER)

        def reached() -> bool:
            return before._loops[begun.id].cut.state == kill_after

        await until(reached, None if kill_after == "requested" else clock, 0.25)
        await until(lambda: not before._unkept)
        await before.__aexit__()
        ordered = len(pile.words())
        pile.deaf = pile.welded = pile.breaker_stuck = False
        async with room(desk, ledger, clock, pile) as after:
            await until(lambda: begun.id in after._loops, clock, 0.1)
            proved = await settled(after, begun.id, clock)
        assert proved.state is CutState.VERIFIED
        assert len(pile.words()) > ordered


WANTED = CutPolicy(frozenset({AlertKind.SMOKE}), ("cuiping",))


def smoky(ledger: Ledger, clock: StillClock) -> AlarmService:
    made = service(ledger, clock)
    made.bays.__init__(TOPOLOGY, ZONES)  # type: ignore[misc]
    return made


async def smoke(desk: AlarmService, zone: str | None = "bay-3") -> None:
    await desk.submit_observations([observation(ObservationKind.SMOKE, zone=zone, port="c1#3" if zone else None)])


async def test_smoke_in_a_bay_cuts_its_port_by_itself_where_that_is_wanted(
    ledger: FragileLedger, clock: StillClock
) -> None:
    """And the alert's log tells each step of the proof."""
    pile = Pile()
    async with smoky(ledger, clock) as desk, room(desk, ledger, clock, pile, WANTED) as cuts:
        await smoke(desk)
        await until(lambda: any(it.cut.state is CutState.VERIFIED for it in cuts._loops.values()), clock, 0.25)
        (it,) = cuts._loops.values()
        assert (it.cut.port, it.cut.automatic, it.cut.who) == (3, True, "policy")
        while not any("verified" in line.note for line in await desk.log(it.cut.alert_id or "")):
            await asyncio.sleep(0.01)


async def test_without_a_policy_nothing_cuts_by_itself(ledger: FragileLedger, clock: StillClock) -> None:
    """Off by default."""
    pile = Pile()
    async with smoky(ledger, clock) as desk, room(desk, ledger, clock, pile):
        await smoke(desk)
        await until(lambda: clock.monotonic() > 10, clock, 0.5)
    assert pile.commands == []


async def test_smoke_of_no_known_bay_opens_breakers_only_where_the_whole_shed_may_be_cut(
    ledger: FragileLedger, clock: StillClock
) -> None:
    """A company that says so cuts every charger of the shed."""
    pile = Pile()
    whole = CutPolicy(frozenset({AlertKind.SMOKE_SENSOR}), whole_shed=True)
    async with service(ledger, clock) as desk, room(desk, ledger, clock, pile, whole) as cuts:
        await desk.submit_readings([reading(DeviceRef("cuiping", "shed-1", "smoke-1"), alarm=True)])
        await until(lambda: len(pile.words()) >= 2, clock, 0.25)
    assert {it.cut.device for it in cuts._loops.values()} == {"c1", "c2"}
    assert {it.cut.port for it in cuts._loops.values()} == {None}
    assert set(pile.words()) == {"breaker_open"}
