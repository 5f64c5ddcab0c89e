"""From the outbox to a remote store: in order, nothing forgotten that is not there, and whatever is wrong is told."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from ingest.outbox import HOLD_S, Shipper
from ingest.store.port import Refusal
from ingest.store.remote import Answer
from ingest.store.spool import OutboxLevel, OutboxLimits, Parcel
from shedwatch.clock import ManualClock
from tests.ingest.ingest_samples import NOW_MS


class FakeOutbox:
    """Lines in memory, one a row."""

    def __init__(self, count: int) -> None:
        self.grew = asyncio.Event()
        self.limits = OutboxLimits(max_bytes=10_000, max_age_ms=10**12)
        self.lines = [b"line-%d" % n for n in range(count)]
        self.first = 0
        self.refusals: list[Refusal] = []
        self.dropped = 0

    @property
    def level(self) -> OutboxLevel:
        count = len(self.lines) - self.first
        return OutboxLevel(count, count * 10, NOW_MS if count else None, self.dropped)

    async def next(self, max_lines: int, max_bytes: int) -> Parcel | None:
        assert max_bytes > 0
        some = self.lines[self.first : self.first + min(max_lines, 100)]
        return Parcel(self.first + len(some), some) if some else None

    async def settle(self, last_seq: int, refusals: Sequence[Refusal]) -> None:
        self.first = last_seq
        self.refusals += refusals

    async def expire(self) -> None:
        return


Script = Callable[[list[bytes], float], Answer]


@dataclass
class FakeStore:
    """Answers by a script that is told lines and time; probes are answered by `there`."""

    clock: ManualClock
    script: Script
    there: Callable[[float], bool] = lambda _s: True
    name: str = "influxdb test"
    sent: list[tuple[float, list[bytes]]] = field(default_factory=list)
    stored: list[bytes] = field(default_factory=list)
    probes: list[float] = field(default_factory=list)

    async def write(self, lines: bytes) -> Answer:
        now_s = self.clock.monotonic()
        some = lines.split(b"\n")
        answer = self.script(some, now_s)
        self.sent.append((now_s, some))
        if answer.status == 204:
            self.stored += some
        await asyncio.sleep(0)
        return answer

    async def is_there(self) -> bool:
        self.probes.append(self.clock.monotonic())
        return self.there(self.clock.monotonic())


@dataclass
class World:
    clock: ManualClock
    outbox: FakeOutbox
    store: FakeStore
    shipper: Shipper
    told: dict[str, tuple[str, str]]
    history: list[tuple[str, str]]

    async def until_empty(self) -> None:
        async with asyncio.timeout(10):
            while self.outbox.level.lines:
                await asyncio.sleep(0)


@asynccontextmanager
async def world(
    script: Script, count: int = 250, there: Callable[[float], bool] = lambda _s: True
) -> AsyncIterator[World]:
    clock = ManualClock(NOW_MS)
    outbox, store = FakeOutbox(count), FakeStore(clock, script, there)
    told: dict[str, tuple[str, str]] = {}
    history: list[tuple[str, str]] = []

    def report(part: str, state: str, detail: str) -> None:
        if told.get(part, ("ok", ""))[0] != state:
            history.append((part, state))
        told[part] = state, detail

    shipper = Shipper(outbox, store, clock, report, random.Random(1))
    task = asyncio.create_task(shipper.run())
    try:
        yield World(clock, outbox, store, shipper, told, history)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_lines_go_out_in_order_and_one_request_at_a_time() -> None:
    """Each once where nothing is wrong."""
    async with world(lambda _lines, _now: Answer(204)) as it:
        await it.until_empty()

        assert it.store.stored == it.outbox.lines
        assert it.shipper.counters.lines == 250
        assert it.told["store-remote"] == ("ok", "")


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_what_people_must_mend_is_held_and_told_at_once(status: int) -> None:
    """Nothing is dropped; after the mend everything is there, in order."""
    async with world(lambda _lines, now_s: Answer(204 if now_s > 100 else status, "no")) as it:
        await it.until_empty()
        gaps = [later - earlier for (earlier, _), (later, _) in zip(it.store.sent, it.store.sent[1:], strict=False)]

        assert it.store.stored == it.outbox.lines
        assert it.history[0] == ("store-remote", "degraded")
        assert [gap for gap in gaps[:5] if gap < HOLD_S] == []
        assert it.outbox.refusals == []


async def test_the_server_is_left_alone_as_long_as_it_asks() -> None:
    """Retry-After, without probing."""
    async with world(lambda _lines, now_s: Answer(204) if now_s >= 7 else Answer(429, "", 7.0), count=1) as it:
        await it.until_empty()

        assert [moment for moment, _ in it.store.sent][1] >= 7.0
        assert it.store.probes == []


async def test_a_server_that_comes_back_is_noticed_within_two_seconds() -> None:
    """However long it was away; by a probe, not by the back-off's next turn."""
    back_s = 3600.0
    script: Script = lambda _lines, now_s: Answer(204) if now_s >= back_s else Answer(0, "refused")
    async with world(script, there=lambda now_s: now_s >= back_s) as it:
        await it.until_empty()
        first = min(moment for moment, lines in it.store.sent if moment >= back_s)

        assert first - back_s <= 2.0
        assert it.store.stored == it.outbox.lines
        assert len([moment for moment, _ in it.store.sent if moment < back_s]) < 400


async def test_a_server_that_answers_probes_and_takes_nothing_is_not_hammered() -> None:
    """The back-off counts again where the probe has promised too much."""
    async with world(lambda _lines, now_s: Answer(204) if now_s >= 600 else Answer(502)) as it:
        await it.until_empty()

        assert len([moment for moment, _ in it.store.sent if moment < 600]) < 100


async def test_short_trouble_is_no_alarm_and_long_trouble_is() -> None:
    """A store that restarts within seconds wakes nobody."""
    for away_s, expected in ((3.0, []), (60.0, [("store-remote", "degraded"), ("store-remote", "ok")])):
        script: Script = lambda _lines, now_s, away_s=away_s: Answer(204) if now_s >= away_s else Answer(0, "refused")
        async with world(script, there=lambda now_s, away_s=away_s: now_s >= away_s) as it:
            await it.until_empty()
            for _ in range(20):
                await asyncio.sleep(0)

            assert [change for change in it.history if change[0] == "store-remote"] == expected


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, '{"code":"invalid","message":"unable to parse"}'),
        (422, '{"message":"partial write: field type conflict dropped=1"}'),
        (500, '{"error":"partial write of line protocol occurred"}'),
        (500, '{"error":"internal error"}'),
        (400, "bad"),
    ],
)
async def test_refused_lines_are_found_and_buried_one_by_one(status: int, body: str) -> None:
    """All others arrive; the dead letters have line and reason, and it is told."""
    bad = {b"line-3", b"line-77", b"line-240"}
    async with world(lambda lines, _now: Answer(204) if bad.isdisjoint(lines) else Answer(status, body)) as it:
        await it.until_empty()
        for _ in range(20):
            await asyncio.sleep(0)

        assert sorted(set(it.store.stored)) == sorted(set(it.outbox.lines) - bad)
        assert {refusal.payload for refusal in it.outbox.refusals} == bad
        assert all(str(status) in refusal.reason for refusal in it.outbox.refusals)
        assert {(refusal.topic, refusal.kind) for refusal in it.outbox.refusals} == {("store influxdb test", "store")}
        assert it.shipper.counters.refused == 3
        assert it.told["store-refused"][0] == "degraded"


async def test_a_request_that_is_too_large_is_halved_and_later_ones_are_smaller() -> None:
    """413 is about size, not about any line."""
    asked: list[int] = []
    async with world(lambda lines, _now: Answer(204) if len(lines) <= 30 else Answer(413)) as it:
        original = it.outbox.next

        async def watched(max_lines: int, max_bytes: int) -> Parcel | None:
            asked.append(max_bytes)
            return await original(max_lines, max_bytes)

        it.outbox.next = watched
        await it.until_empty()

        assert it.store.stored == it.outbox.lines
        assert asked[-1] < asked[0]
        assert it.outbox.refusals == []


async def test_a_server_that_refuses_everything_condemns_nothing() -> None:
    """A wrong address: held with an alarm, and everything arrives after the mend."""
    async with world(
        lambda _lines, now_s: Answer(204) if now_s > 600 else Answer(400, "plain HTTP to HTTPS port")
    ) as it:
        await it.until_empty()

        assert sorted(it.store.stored) == sorted(it.outbox.lines)
        assert it.outbox.refusals == []
        assert it.history[0] == ("store-remote", "degraded")


async def test_an_outbox_near_its_limit_is_told_and_losses_are_too() -> None:
    """Before the first line is given up, and after."""
    async with world(lambda _lines, _now: Answer(401), count=10) as it:
        for count, dropped, word in ((10, 0, None), (900, 0, "90% full"), (900, 7, "7 lines were given up")):
            it.outbox.lines = [b"x"] * count
            it.outbox.dropped = dropped
            for _ in range(100):
                await asyncio.sleep(0)
            state, detail = it.told["store-outbox"]

            assert (state == "ok") == (word is None)
            assert word is None or word in detail
