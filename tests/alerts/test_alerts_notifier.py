"""Notices: who is told what, how often it is tried, and what a restart or a broken channel does to it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import msgspec
import pytest
from alarm_doubles import FragileLedger, StillClock, service, until
from alarm_samples import C1, NOW_MS, condition, observation, reading
from hypothesis import given
from hypothesis import strategies as st

from alerts import lifecycle
from alerts.engine import AlarmEngine, alert_ids
from alerts.ledger.database import Ledger, NoticeRow
from alerts.model import AlertChange, AlertKind, Severity
from alerts.notify.lane import LAST_RETRY_S, Lane
from alerts.notify.notifier import Notifier
from alerts.notify.port import EventAction, Notice, PacedError, PermanentError, Receipt, RetryableError
from alerts.notify.routing import Route, event_of, summary
from alerts.service import AlarmService
from vision.model import ObservationKind


@dataclass
class Phone:
    """A channel that fails as told and keeps what it delivered."""

    name: str = "phone"
    fails: list[Exception] = field(default_factory=list)
    told: list[Notice] = field(default_factory=list)
    tries: int = 0
    closed: bool = False

    async def send(self, notice: Notice) -> Receipt:
        self.tries += 1
        if self.fails:
            raise self.fails.pop(0)
        self.told.append(notice)
        return Receipt()

    async def close(self) -> None:
        self.closed = True

    def verbs(self) -> list[tuple[str | None, str]]:
        return [(notice.alert.zone, str(notice.event_action)) for notice in self.told]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'alerts.db'}"


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


def pictures(name: str) -> bytes | None:
    return None if name == "gone.jpg" else name.encode()


def notifier(desk: AlarmService, clock: StillClock, *phones: Phone, route: Route | None = None) -> Notifier:
    return Notifier(desk, [(route or Route(), phone) for phone in phones], clock, pictures, seed=1)


async def smoke(desk: AlarmService, zone: str = "a", active: bool = True, evidence: tuple[str, ...] = ()) -> None:
    await desk.submit_observations([observation(ObservationKind.SMOKE, active, zone=zone, evidence=evidence)])


async def settle(clock: StillClock, seconds: float = 5.0) -> None:
    """Let time pass in small steps."""
    for _ in range(int(seconds / 0.5)):
        clock.advance(0.5)
        await asyncio.sleep(0.005)


async def test_an_alert_is_told_from_its_raise_to_its_end_under_one_key(url: str, clock: StillClock) -> None:
    """Trigger with pictures, acknowledge, resolve."""
    phone = Phone()
    async with service(url, clock) as desk, notifier(desk, clock, phone):
        await smoke(desk, evidence=("1.jpg", "gone.jpg", "2.jpg"))
        await until(lambda: len(phone.told) == 1)
        (alert,) = desk.open_alerts()
        await desk.acknowledge(alert.id, "wang", "")
        await smoke(desk, active=False)
        await until(lambda: len(phone.told) == 3, clock, 1.0)
    assert phone.verbs() == [("a", "trigger"), ("a", "acknowledge"), ("a", "resolve")]
    assert {notice.dedup_key for notice in phone.told} == {f"shedwatch-{alert.id}"}
    assert [picture.data for picture in phone.told[0].pictures] == [b"1.jpg", b"2.jpg"]
    assert phone.told[0].summary.zh == "【紧急】1号车棚 cam-1 区域（a）画面中发现烟雾"
    assert phone.told[1].summary.zh.startswith("【wang已确认·紧急】")
    assert phone.told[2].summary.en.startswith("[RESOLVED CRITICAL] Shed 1")
    assert phone.closed


async def test_a_channel_that_fails_is_tried_again_and_reported_when_it_stays_down(url: str, clock: StillClock) -> None:
    """And the alarm about it goes away when it delivers."""
    phone, other = Phone(fails=[RetryableError("busy")] * 6), Phone("other")
    async with service(url, clock) as desk, notifier(desk, clock, phone, other):
        await smoke(desk)
        await until(lambda: other.told)
        await until(lambda: any(alert.device == "notify-phone" for alert in desk.open_alerts()), clock, 0.5)
        assert desk.health()["notify-phone"] == ("down", "busy")
        smoke_id = other.told[0].id.replace("other", "phone")
        await until(lambda: smoke_id in {notice.id for notice in phone.told}, clock, 0.5)
        await until(lambda: not any(a.active for a in desk.open_alerts() if a.device == "notify-phone"), clock, 1.0)
        await desk._writer.drain()
        rows = {row.id: row for row in await desk._ledger.notices(other.told[0].alert.id)}
    assert rows[smoke_id].state == "sent"
    assert 2 <= rows[smoke_id].attempts <= 7


async def test_a_notice_that_is_refused_for_good_blocks_no_other(url: str, clock: StillClock) -> None:
    """It is given up at once, written down, and the next one goes out."""
    phone = Phone(fails=[PermanentError("too long")])
    async with service(url, clock) as desk, notifier(desk, clock, phone) as sender:
        await smoke(desk, "a")
        await until(lambda: phone.tries == 1)
        await smoke(desk, "b")
        await until(lambda: phone.told)
        assert phone.verbs() == [("b", "trigger")]
        assert sender.counts["phone_failed"] == 1
        await desk._writer.drain()
        refused = next(alert for alert in desk.open_alerts() if alert.zone == "a")
        (row,) = await desk._ledger.notices(refused.id)
    assert (row.state, row.error) == ("failed", "too long")


async def test_a_notice_that_never_gets_through_holds_up_only_its_own_alert(url: str, clock: StillClock) -> None:
    """Its resolve waits behind it; other alerts do not."""

    class Choosy(Phone):
        async def send(self, notice: Notice) -> Receipt:
            if notice.alert.zone == "poison":
                self.tries += 1
                raise RetryableError("500")
            return await super().send(notice)

    phone = Choosy()
    async with service(url, clock) as desk, notifier(desk, clock, phone) as sender:
        await smoke(desk, "poison")
        await until(lambda: phone.tries == 1)
        for zone in ("b", "c"):
            await smoke(desk, zone)
        await until(lambda: len(phone.told) == 2, clock, 0.5)
        await smoke(desk, "poison", active=False)
        await settle(clock, 20)
        assert {zone for zone, _ in phone.verbs()} - {None} == {"b", "c"}
        assert sender.waiting == {"phone": 2}


async def test_what_has_just_come_does_not_wait_for_the_next_attempt_of_what_failed(
    url: str, clock: StillClock
) -> None:
    """The pause after a failure is over, the failed notice's turn has not come: another one goes out in that very moment."""
    phone = Phone(fails=[RetryableError("busy")])
    async with service(url, clock) as desk, notifier(desk, clock, phone):
        await smoke(desk, "a")
        await until(lambda: phone.tries == 1)
        await settle(clock, 1.0)
        assert phone.tries == 1
        await smoke(desk, "b")
        await until(lambda: phone.told)
        assert phone.verbs() == [("b", "trigger")]


async def test_a_fault_in_a_channel_ends_no_worker(url: str, clock: StillClock) -> None:
    """It counts as a failure that may pass."""
    phone = Phone(fails=[ZeroDivisionError("oops")])
    async with service(url, clock) as desk, notifier(desk, clock, phone) as sender:
        await smoke(desk)
        await until(lambda: phone.told, clock, 0.5)
        assert sender.counts["phone_faults"] == 1


async def test_what_was_not_delivered_before_a_restart_is_delivered_after_it_once(url: str, clock: StillClock) -> None:
    """Notices stay in the ledger until they are sent; those that were are not sent again."""
    down, up = Phone(fails=[RetryableError("busy")] * 99), Phone("other")
    async with service(url, clock) as desk, notifier(desk, clock, down, up):
        await smoke(desk)
        await until(lambda: down.tries and up.told)
        await desk._writer.drain()
    down.fails, up.told = [], []
    async with service(url, clock) as desk, notifier(desk, clock, down, up):
        await until(lambda: down.told)
        await settle(clock)
    assert down.verbs() == [("a", "trigger")]
    assert up.told == []


async def test_changes_made_while_no_notifier_ran_are_told_when_it_is_back(url: str, clock: StillClock) -> None:
    """From the mark it left in the ledger."""
    phone = Phone()
    async with service(url, clock) as desk, notifier(desk, clock, phone) as telling:
        await smoke(desk, "a")
        await until(lambda: phone.told and telling.taken_up)
    async with service(url, clock) as desk:
        await smoke(desk, "b")
    clock.advance(5)
    async with service(url, clock) as desk, notifier(desk, clock, phone):
        await until(lambda: len(phone.told) == 2)
        await smoke(desk, "c")
        await until(lambda: len(phone.told) == 3)
        await settle(clock)
    assert phone.verbs() == [("a", "trigger"), ("b", "trigger"), ("c", "trigger")]


async def test_the_first_start_tells_nothing_of_the_past(url: str, clock: StillClock) -> None:
    """A channel that is new learns what happens from now on."""
    async with service(url, clock) as desk:
        await smoke(desk, "a")
    phone = Phone()
    async with service(url, clock) as desk, notifier(desk, clock, phone):
        await smoke(desk, "b")
        await until(lambda: phone.told)
        await settle(clock)
    assert phone.verbs() == [("b", "trigger")]


async def test_notices_for_a_channel_that_is_gone_are_given_up(url: str, clock: StillClock) -> None:
    """They would wait for ever."""
    async with (
        service(url, clock) as desk,
        notifier(desk, clock, Phone("old", fails=[RetryableError("")] * 9)) as sender,
    ):
        await smoke(desk)
        await until(lambda: sender.waiting["old"])
        await desk._writer.drain()
    async with service(url, clock) as desk, notifier(desk, clock, Phone()) as sender:
        await until(lambda: sender.counts["old_failed"])
    ledger = Ledger(url)
    await ledger.open()
    assert await ledger.pending_notices() == []
    await ledger.close()


async def test_a_day_of_trying_is_enough(url: str, clock: StillClock) -> None:
    """Who was not reached by then reads the list."""
    phone = Phone(fails=[RetryableError("busy")] * 10_000)
    async with service(url, clock) as desk, notifier(desk, clock, phone, route=Route(Severity.CRITICAL)) as sender:
        await smoke(desk)
        await until(lambda: phone.tries)
        clock.advance(86_401)
        await until(lambda: sender.counts["phone_failed"] == 1, clock, 1.0)


async def test_notices_go_out_while_the_ledger_is_down(url: str, clock: StillClock) -> None:
    """Telling people does not wait for a database, at the start neither."""
    ledger = FragileLedger(url)
    ledger.down = True
    phone = Phone()
    async with service(ledger, clock) as desk, notifier(desk, clock, phone):
        task = asyncio.create_task(smoke(desk))
        await until(lambda: phone.told)
        ledger.down = False
        await until(lambda: desk._writer.waiting == 0, clock, 0.2)
        await task
        (row,) = [row for row in await desk._ledger.notices(phone.told[0].alert.id) if row.event_action == "trigger"]
    assert row.state == "sent"


def changes() -> Iterator[AlertChange]:
    """One life: raise, new picture, worsen, acknowledge, worsen again, clear, back, clear, acknowledge."""
    machine = AlarmEngine(alert_ids(Random(1)), 1)
    said = [
        condition(severity=Severity.MEDIUM),
        condition(severity=Severity.MEDIUM, evidence=("n.jpg",)),
        condition(severity=Severity.HIGH),
        None,
        condition(severity=Severity.CRITICAL),
        condition(False),
        condition(severity=Severity.HIGH),
        condition(False),
        None,
    ]
    for one in said:
        alert_id = machine.open_alerts()[0].id if machine.open_alerts() else ""
        change = machine.apply(one, NOW_MS) if one else machine.acknowledge(alert_id, "wang", "", NOW_MS)
        assert change is not None
        yield change


def test_each_change_is_told_as_what_it_means_outside() -> None:
    """A rise and a return trigger again, a further picture and the closing acknowledgement say nothing new."""
    events = [str(event_of(change)) for change in changes()]
    assert events == [
        "trigger",
        "None",
        "trigger",
        "acknowledge",
        "trigger",
        "resolve",
        "trigger",
        "resolve",
        "None",
    ]


def test_a_route_tells_its_severities_and_its_verbs() -> None:
    """A siren wants critical triggers only; it hears of the alert when it worsens to that."""
    siren = Route(Severity.CRITICAL, frozenset({EventAction.TRIGGER}))
    assert [str(siren.event_of(change)) for change in changes()].count("trigger") == 2
    assert [siren.event_of(change) for change in changes()][:4] == [None] * 4


def test_a_summary_is_one_line() -> None:
    """What and where; what to do stands in the text."""
    alert = lifecycle.raised("a", condition(), NOW_MS)
    assert summary(alert, EventAction.TRIGGER).zh == "【严重】热"


@given(
    st.lists(st.tuples(st.integers(1, 4), st.sampled_from(Severity), st.booleans()), max_size=30), st.integers(0, 99)
)
def test_a_lane_keeps_order_within_an_alert_and_loses_nothing(
    notices: list[tuple[int, Severity, bool]], seed: int
) -> None:
    """Whatever fails on the way; and no wait between two tries is longer than its bound."""
    lane, now_s, sent = Lane(Random(seed)), 0.0, []
    failing = set()
    for seq, (alert, severity, fails_first) in enumerate(notices):
        row = notice_row(seq, str(alert), severity)
        lane.add(row)
        lane.add(row)
        if fails_first:
            failing.add(row.id)
    assert len(lane) == len(notices)
    while lane:
        waiting = lane.due(now_s)
        if waiting is None:
            wait_s = lane.wait_s(now_s)
            assert 0 < wait_s <= LAST_RETRY_S
            now_s += wait_s
        elif waiting.row.id in failing:
            failing.discard(waiting.row.id)
            lane.failed(waiting, 1, now_s, None)
        else:
            sent.append(waiting.row)
            lane.done(waiting, delivered=True)
    for alert in {row.alert_id for row in sent}:
        of_alert = [row.seq for row in sent if row.alert_id == alert]
        assert of_alert == sorted(of_alert)
    assert len(sent) == len(notices)


def notice_row(seq: int, alert_id: str, severity: Severity, event: str = "trigger") -> NoticeRow:
    alert = lifecycle.raised(alert_id, condition(severity=severity, kind=AlertKind.SMOKE), NOW_MS)
    body = {"alert": msgspec.to_builtins(alert)}
    return NoticeRow(f"p-{seq}", "p", alert_id, seq, event, body, "pending", 0, 0)


def test_the_worst_alert_is_told_first() -> None:
    """A backlog of small things does not keep a fire waiting."""
    lane = Lane(Random(1))
    for seq, severity in enumerate((Severity.LOW, Severity.CRITICAL, Severity.HIGH)):
        lane.add(notice_row(seq, str(seq), severity))
    order = []
    while waiting := lane.due(0.0):
        order.append(str(waiting.alert.severity))
        lane.done(waiting, delivered=True)
    assert order == ["critical", "high", "low"]


async def test_a_hot_port_reaches_a_phone(url: str, clock: StillClock) -> None:
    """From the reading to the notice."""
    phone = Phone()
    async with service(url, clock, over_temperature={"on_delay_s": 0}) as desk, notifier(desk, clock, phone):
        await desk.submit_readings([reading(C1, 3, temperature_c=90.0)])
        await until(lambda: phone.told)
    assert phone.told[0].alert.severity is Severity.CRITICAL


def test_a_flood_is_told_together_by_shed_and_the_worst_leads() -> None:
    """Many small things of one shed are lines of one message; a worse one is never a line of a lesser."""
    lane = Lane(Random(1))
    for seq in range(8):
        lane.add(notice_row(seq, str(seq), Severity.LOW))
    lane.add(notice_row(8, "8", Severity.CRITICAL))
    first = lane.due(0.0)
    assert first is not None
    assert first.alert.severity is Severity.CRITICAL
    assert len(lane.companions(first)) == 8
    lane.done(first, delivered=True)
    second = lane.due(0.0)
    assert second is not None
    assert len(lane.companions(second)) == 7


def test_few_notices_are_told_one_by_one() -> None:
    """Each with its own picture and link."""
    lane = Lane(Random(1))
    for seq in range(4):
        lane.add(notice_row(seq, str(seq), Severity.LOW))
    first = lane.due(0.0)
    assert first is not None
    assert lane.companions(first) == []


async def test_a_channel_that_asks_for_patience_has_not_failed(url: str, clock: StillClock) -> None:
    """The notice waits for its time, and nobody is told that the channel is down."""
    phone = Phone(fails=[PacedError("20 a minute", 30.0)] * 4)
    async with service(url, clock) as desk, notifier(desk, clock, phone):
        await smoke(desk)
        await until(lambda: phone.tries == 1)
        await settle(clock, 20.0)
        assert phone.tries == 1
        await until(lambda: phone.told, clock, 1.0)
        assert "notify-phone" not in desk.health() or desk.health()["notify-phone"][0] == "ok"
