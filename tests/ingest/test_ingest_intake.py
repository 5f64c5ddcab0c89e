"""Nothing is acknowledged before it is durable, nothing bad disturbs anything good, and alarms wait for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ingest.counters import IntakeCounters, RefusalKind
from ingest.frames import FrameGate, Paces
from ingest.inbox import Inbox
from ingest.intake import Intake
from ingest.model import DeviceKind, Frame, Reading
from ingest.store.port import Appended, Message, Refusal, StoreError
from ingest.store.sqlite import SqliteStore
from ingest.timekeeping import DeviceClocks, TimePolicy
from shedwatch.clock import ManualClock, SystemClock
from tests.ingest.ingest_samples import C1, CAM, EVENT, FRAME, TELEMETRY, TOPOLOGY, charging, inbound, png


class MemoryStore:
    """Keeps what is appended; raises what stands in `errors` first, waits while `held`."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.refusals: list[Refusal] = []
        self.errors: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.poison: float | None = None

    async def append(self, messages: Sequence[Message], refusals: Sequence[Refusal] = ()) -> Appended:
        await self.gate.wait()
        if self.errors:
            raise self.errors.pop(0)
        if any(reading.values.get("power_w") == self.poison for m in messages for reading in m.readings if self.poison):
            raise OverflowError("too large for the store")
        self.messages += messages
        self.refusals += refusals
        return Appended(len(messages), 0)


class House:
    """A running intake and everything around it."""

    def __init__(
        self, on_readings: Callable[[Sequence[Reading]], Awaitable[None]] | None = None, **options: Any
    ) -> None:
        self.inbox, self.frames_inbox, self.store = Inbox(), Inbox(), MemoryStore()
        self.readings: list[Reading] = []
        self.frames: list[Frame] = []
        self.acked: list[int] = []
        self.intake = Intake(
            TOPOLOGY,
            self.store,  # type: ignore[arg-type]
            SystemClock(),
            self.inbox,
            self.frames_inbox,
            on_readings=on_readings or self._hear,
            on_frame=options.pop("on_frame", self.frames.append),
            **options,
        )

    async def _hear(self, readings: Sequence[Reading]) -> None:
        self.readings += readings

    def send(self, number: int, topic: str, payload: Any, **options: Any) -> None:
        self.inbox.put(inbound(topic, payload, ack=lambda: self.acked.append(number), **options))


@asynccontextmanager
async def running(house: House) -> AsyncIterator[House]:
    task = asyncio.create_task(house.intake.run())
    try:
        yield house
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def test_messages_are_stored_told_and_acknowledged_in_order() -> None:
    """The plain case."""
    async with running(House()) as house:
        for n in range(300):
            house.send(n, TELEMETRY, charging(None, float(n)))
        await until(lambda: len(house.acked) == 300)

    assert house.acked == list(range(300))
    assert [message.readings[1].values["power_w"] for message in house.store.messages] == [float(n) for n in range(300)]
    assert len(house.readings) == 600
    assert house.intake.counters.stored == 300
    assert house.intake.queue_depth == 0


async def test_alarms_hear_of_readings_the_store_has_not_taken() -> None:
    """And nothing is acknowledged while the store keeps them waiting."""
    async with running(House()) as house:
        house.store.gate.clear()
        house.send(1, TELEMETRY, charging(None))
        await until(lambda: len(house.readings) == 2)
        house.send(2, TELEMETRY, charging(None, 99.0))
        await until(lambda: len(house.readings) == 4)
        acked_before = list(house.acked)
        house.store.gate.set()
        await until(lambda: len(house.acked) == 2)

    assert acked_before == []


async def test_a_store_that_fails_is_tried_again_and_health_says_so() -> None:
    """Alarms are told once, however often the store is asked."""
    async with running(House()) as house:
        house.store.errors = [StoreError("disk full"), StoreError("disk full")]
        house.send(1, TELEMETRY, charging(None))
        await until(lambda: house.intake.counters.store_retries == 1)
        health, acked_before = house.intake.health, list(house.acked)
        await until(lambda: house.acked == [1])

    assert health.state == "down"
    assert "disk full" in health.detail
    assert acked_before == []
    assert len(house.readings) == 2
    assert house.intake.health.state == "ok"


async def test_reading_stops_while_too_much_waits_for_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker keeps the rest; nothing is dropped."""
    monkeypatch.setattr("ingest.group_commit.MAX_WAITING", 500)
    async with running(House()) as house:
        house.store.gate.clear()
        for n in range(2000):
            house.send(n, TELEMETRY, charging(None, float(n)))
        await asyncio.sleep(0.3)
        left = len(house.inbox)
        house.store.gate.set()
        await until(lambda: len(house.acked) == 2000)

    assert left >= 1000
    assert house.acked == list(range(2000))


async def test_bad_messages_become_dead_letters_and_disturb_nobody() -> None:
    """Each is acknowledged with its refusal durable, each with its reason."""
    async with running(House()) as house:
        bad = [
            (TELEMETRY, b"\xff\xfe"),
            ("sheds/x/y/charger/z/telemetry", charging(None)),
            ("nonsense", b""),
            (TELEMETRY, b"[" * 50_000),
            (TELEMETRY, {"ports": [{"port": 1, "power_w": 10**30}]}),
            (TELEMETRY, {"ts": "2026-11-23T08:00:00", "ports": [{"port": 1}]}),
        ]
        for n, (topic, payload) in enumerate(bad):
            house.send(2 * n, topic, payload)
            house.send(2 * n + 1, TELEMETRY, charging(None, float(n)))
        await until(lambda: len(house.acked) == 2 * len(bad))

    assert house.acked == list(range(2 * len(bad)))
    assert [refusal.topic for refusal in house.store.refusals] == [topic for topic, _ in bad]
    assert all(refusal.reason for refusal in house.store.refusals)
    assert max(len(refusal.payload) for refusal in house.store.refusals) <= 65_536
    assert house.store.refusals[3].size == 50_000


@pytest.mark.slow
async def test_a_message_the_store_can_never_take_is_refused_alone() -> None:
    """It would otherwise be tried for ever and stop everything behind it."""
    async with running(House()) as house:
        house.store.poison = 13.0
        for n in (12, 13, 14):
            house.send(n, TELEMETRY, charging(None, float(n)))
        await until(lambda: house.acked == [12, 13, 14])
        await until(lambda: len(house.store.refusals) == 1)

    assert [m.readings[1].values["power_w"] for m in house.store.messages] == [12.0, 14.0]
    assert "could not be stored" in house.store.refusals[0].reason
    assert house.intake.counters.refused[RefusalKind.INTERNAL] == 1


async def test_hung_alarms_hold_up_the_store_only_so_long() -> None:
    """The readings are stored and acknowledged, and health tells."""

    async def hang(_readings: Sequence[Reading]) -> None:
        await asyncio.Event().wait()

    async with running(House(hang, alarm_timeout_s=0.05)) as house:
        house.send(1, TELEMETRY, charging(None))
        house.send(2, TELEMETRY, charging(None, 7.0))
        await until(lambda: house.acked == [1, 2])

    assert house.intake.counters.alarms_slow >= 1
    assert house.intake.health.state == "degraded"


async def test_failing_alarms_do_not_cost_readings() -> None:
    """Counted and logged, and the next batch is judged again."""

    async def fail(_readings: Sequence[Reading]) -> None:
        raise RuntimeError("a rule is broken")

    async with running(House(fail)) as house:
        house.send(1, TELEMETRY, charging(None))
        await until(lambda: house.acked == [1])

    assert house.intake.counters.alarms_failed == 1
    assert len(house.store.messages) == 1
    assert house.intake.health.state == "degraded"
    assert "a rule is broken" in house.intake.health.detail


async def test_pictures_go_to_vision_while_the_store_is_down() -> None:
    """They are acknowledged at once; their cameras are known to live."""
    async with running(House()) as house:
        house.store.gate.clear()
        house.send(1, TELEMETRY, charging(None))
        picture = inbound(FRAME, png(64, 48), ack=lambda: house.acked.append(9), sent_ts="1795400000000")
        house.frames_inbox.put(picture)
        await until(lambda: house.acked == [9])
        await until(lambda: any(reading.kind is DeviceKind.CAMERA for reading in house.readings))

    assert [(frame.camera, frame.width, frame.height) for frame in house.frames] == [(CAM, 64, 48)]


async def test_pictures_on_the_common_connection_are_acknowledged_at_once_too() -> None:
    """Where there is one connection for all."""
    async with running(House()) as house:
        house.store.gate.clear()
        house.send(1, FRAME, png(64, 48))
        await until(lambda: house.acked[:1] == [1])

    assert len(house.frames) == 1


async def test_capture_time_is_the_cameras_where_it_is_given() -> None:
    """In milliseconds or RFC 3339; without it, the time of arrival."""
    clock = SystemClock()
    async with running(House()) as house:
        sent_ms = clock.now_ms() - 1500
        for sent_ts in (str(sent_ms), None):
            house.frames_inbox.put(inbound(FRAME, png(64, 48), sent_ts=sent_ts))
        await until(lambda: len(house.frames) == 2)

    assert house.frames[0].captured_ms == sent_ms
    assert house.frames[1].captured_ms == house.frames[1].received_ms


@pytest.mark.parametrize(
    ("payload", "options", "kind"),
    [
        (b"not a picture", {}, RefusalKind.PICTURE),
        (png(64, 48) + bytes(9 << 20), {}, RefusalKind.SIZE),
        (png(64, 48), {"retain": True}, RefusalKind.STALE),
        (png(64, 48), {"sent_ts": "soon"}, RefusalKind.PAYLOAD),
    ],
)
async def test_pictures_that_are_none_are_dead_letters(payload: bytes, options: Any, kind: RefusalKind) -> None:
    """Each for its own reason."""
    async with running(House()) as house:
        house.frames_inbox.put(inbound(FRAME, payload, **options))
        await until(lambda: len(house.store.refusals) == 1)

    assert house.intake.counters.refused == {kind: 1}
    assert house.frames == []


async def test_a_failing_receiver_of_pictures_costs_one_picture() -> None:
    """The next is offered again."""
    seen: list[int] = []

    def once(frame: Frame) -> None:
        seen.append(frame.width)
        if len(seen) == 1:
            raise RuntimeError("no room")

    async with running(House(on_frame=once)) as house:
        house.frames_inbox.put(inbound(FRAME, png(64, 48)))
        house.frames_inbox.put(inbound(FRAME, png(80, 48)))
        await until(lambda: len(seen) == 2)

    assert house.intake.counters.refused[RefusalKind.INTERNAL] == 1


async def test_what_the_service_itself_sends_is_no_message_of_a_device() -> None:
    """A broad subscription brings its commands back; they are neither readings nor refused."""
    async with running(House()) as house:
        house.send(1, "sheds/cuiping-beili/shed-1/charger/c1/command", {"id": "x"})
        await until(lambda: house.acked == [1])

    assert (house.store.messages, house.store.refusals) == ([], [])


async def test_replies_are_handed_on() -> None:
    """At once, for who waits for one."""
    replies: list[Any] = []
    async with running(House(on_reply=lambda device, reply: replies.append((device, reply.id)))) as house:
        house.send(1, "sheds/cuiping-beili/shed-1/charger/c1/reply", {"id": "cut-1", "accepted": True})
        await until(lambda: house.acked == [1])

    assert replies == [(C1, "cut-1")]


async def test_a_redelivered_backlog_is_stored_once(tmp_path: Path) -> None:
    """Through the real store: the same messages again, now with DUP, change nothing."""
    store = await SqliteStore.open(tmp_path / "t.db")
    house = House()
    house.intake = Intake(
        TOPOLOGY, store, SystemClock(), house.inbox, on_readings=house._hear, on_frame=house.frames.append
    )
    now_ms = SystemClock().now_ms()
    payloads = [(TELEMETRY, charging(now_ms - n)) for n in range(20)]
    payloads += [(TELEMETRY, charging(None, float(n))) for n in range(20)]
    payloads += [(EVENT, {"event": "boot", "n": n}) for n in range(3)]
    async with running(house):
        for dup in (False, True):
            for n, (topic, payload) in enumerate(payloads):
                house.send(n, topic, payload, dup=dup)
        await until(lambda: len(house.acked) == 2 * len(payloads))
        points = await store.history(C1, 3, "power_w", 0, now_ms + 10_000, 0, "last")
        events = await store.events(0, now_ms + 10_000)
    await store.close()

    assert len(points) == 40
    assert len(events) == 3
    assert house.intake.counters.duplicates == len(payloads)


async def test_a_camera_that_floods_is_shown_by_its_newest_pictures() -> None:
    """At most fifteen a second pass, the newest of all does, and another camera's none the later; the rest are counted."""
    async with running(House()) as house:
        for number in range(200):
            house.frames_inbox.put(inbound(FRAME, png(20 + number, 20)))
        await until(lambda: any(frame.width == 219 for frame in house.frames))
        figures = house.intake.counters.of_camera(CAM)

    assert len(house.frames) <= 40
    assert figures.frames == len(house.frames)
    assert figures.frames + figures.skipped == 200
    assert [frame.width for frame in house.frames] == sorted(frame.width for frame in house.frames)


def test_a_camera_may_have_a_pace_of_its_own() -> None:
    """Slower ones are held to it too: of eight pictures a second one passes every two seconds, the newest."""
    clock, other = ManualClock(), CAM._replace(device="cam-2")
    passed: list[Frame] = []
    gate = FrameGate(
        clock,
        DeviceClocks(TimePolicy()),
        passed.append,
        IntakeCounters(),
        paces=Paces(usual_fps=5.0, own_fps={CAM: 0.5}),
    )
    for number in range(64):
        gate.offer(CAM, png(20 + number, 20))
        gate.offer(other, png(20, 20))
        if number % 4 == 3:
            gate.release()
        clock.advance(0.125)
    slow = [frame.width - 20 for frame in passed if frame.camera == CAM]

    assert slow == [0, 16, 32, 48]
    assert 40 <= sum(frame.camera == other for frame in passed) <= 45
