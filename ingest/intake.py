"""From the broker's inbox to the alarms and the store: nothing is acknowledged before it is durable.

    inbox ─► translate ─┬─► on_readings (alarms)            both at once; the alarms never wait for the store
                        └─► store.append ─► acknowledge

A message that cannot be used becomes a dead letter and disturbs no other. When the store cannot take readings they
wait, unacknowledged; when too many wait nothing more is read, and the broker keeps the rest.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from ingest.contract import DEFAULT_PREFIX, Reply
from ingest.counters import IntakeCounters, IntakeHealth, RefusalKind, RefusedError
from ingest.frames import LIVENESS_S, FrameGate, OnFrame, OnReadings, Paces
from ingest.images import PictureLimits
from ingest.inbox import Inbound, Inbox
from ingest.model import DeviceRef, Reading, Topology
from ingest.refusals import Refusals
from ingest.store.port import Appended, Message, Refusal, StoreError, TelemetryStore
from ingest.timekeeping import DeviceClocks, TimePolicy
from ingest.translate import Translator, digest_of, is_our_own
from shedwatch.clock import Clock

log = structlog.get_logger(__name__)

OnReply = Callable[[DeviceRef, Reply], None]

BATCH = 250
# Translating never holds the event loop longer; a message with 64 ports takes a good part of a millisecond.
SLICE_S = 0.005
COMMIT_MESSAGES = 1000
# A moment for others to join a commit; a broker that lets only 20 messages be in flight must not wait long for us.
LINGER_S = 0.002
MAX_WAITING = 4000
ALARM_TIMEOUT_S = 5.0
MIN_RETRY_S, MAX_RETRY_S = 0.1, 5.0
# A slow ledger, or an evaluation that failed, is told for this long after it was last seen.
SLOW_SHOWN_S = 60.0


@dataclass(slots=True)
class _Batch:
    """What one look into the inbox brought, on its way through."""

    messages: list[Message] = field(default_factory=list)
    sources: list[Inbound] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    taken: list[Inbound] = field(default_factory=list)
    evaluated: asyncio.Event = field(default_factory=asyncio.Event)
    taken_s: float = 0.0


class Intake:
    """Keep `run` running. Everything is read from `inbox`, and pictures from `frames` where that is given.

    Pictures deserve a connection of their own: readings that wait for the store then never hold them up.

    Args:
        on_readings: the alarms; called with every batch, one after the other. A call that takes longer than
            `alarm_timeout_s` goes on beside the next. What it raises is logged and counted.
        on_frame: takes a checked picture; must return at once.
        on_reply: takes a charger's answer to a command; must return at once.
    """

    def __init__(
        self,
        topology: Topology,
        store: TelemetryStore,
        clock: Clock,
        inbox: Inbox,
        frames: Inbox | None = None,
        *,
        on_readings: OnReadings,
        on_frame: OnFrame,
        on_reply: OnReply = lambda _device, _reply: None,
        prefix: str = DEFAULT_PREFIX,
        times: TimePolicy | None = None,
        pictures: PictureLimits | None = None,
        paces: Paces | None = None,
        alarm_timeout_s: float = ALARM_TIMEOUT_S,
        rng: random.Random | None = None,
    ) -> None:
        self.counters = IntakeCounters()
        self._store = store
        self._clock = clock
        self._inbox = inbox
        self._frames = frames
        self._on_readings = on_readings
        self._on_reply = on_reply
        self._alarm_timeout_s = alarm_timeout_s
        self._rng = rng or random.Random()
        self._translator = Translator(topology, DeviceClocks(times or TimePolicy()), prefix)
        # Pictures' times are judged apart: a camera's lag says nothing about messages and the other way round.
        self._gate = FrameGate(clock, DeviceClocks(times or TimePolicy()), on_frame, self.counters, pictures, paces)
        self._pending: asyncio.Queue[_Batch] = asyncio.Queue()
        self._waiting = 0
        self._committing_from_s: float | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._refusals = Refusals(topology, self.counters, prefix)
        self._telling = asyncio.Lock()
        self._evaluations: set[asyncio.Future[None]] = set()
        self._store_trouble: tuple[int, str] | None = None
        self._alarms_ill: tuple[int, float, str] | None = None

    @property
    def queue_depth(self) -> int:
        """Messages received and not yet durable."""
        return len(self._inbox) + self._waiting

    @property
    def lag_s(self) -> float:
        """For how long the oldest message that was looked at waits to be durable."""
        return 0.0 if self._committing_from_s is None else self._clock.monotonic() - self._committing_from_s

    @property
    def unjudged(self) -> int:
        """Messages received and not yet looked at, and evaluations of the alarms that go on."""
        return len(self._inbox) + len(self._frames or ()) + len(self._evaluations)

    @property
    def health(self) -> IntakeHealth:
        """How it is now."""
        if self._store_trouble is not None:
            since_ms, reason = self._store_trouble
            return IntakeHealth("down", f"the store takes no readings, {self.queue_depth} wait: {reason}", since_ms)
        if self._alarms_ill is not None and self._clock.monotonic() - self._alarms_ill[1] < SLOW_SHOWN_S:
            return IntakeHealth("degraded", self._alarms_ill[2], self._alarms_ill[0])
        return IntakeHealth("ok", "", 0)

    async def run(self) -> None:
        """Take messages until cancelled. What was not acknowledged then comes again, with the next connection."""
        self._pending, self._waiting = asyncio.Queue(), 0
        self._committing_from_s = None
        self._room.set()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._receive(), name="intake-receive")
                tasks.create_task(self._commit_all(), name="intake-commit")
                tasks.create_task(self._tell_cameras(), name="intake-cameras")
                if self._frames is not None:
                    tasks.create_task(self._receive_frames(self._frames), name="intake-frames")
        finally:
            for call in self._evaluations:
                call.cancel()

    def offer_frame(self, camera: DeviceRef, image: bytes, captured_ms: int | None = None) -> bool:
        """Take a picture from a source other than MQTT; False where it was refused (and why is a dead letter)."""
        try:
            self._gate.offer(camera, image, captured_ms)
        except RefusedError as error:
            now_ms = self._clock.now_ms()
            self._refusals.add(now_ms, f"camera {camera}", image, error.kind, error.reason, source=str(camera))
            return False
        return True

    def refuse_stray(self, inbound: Inbound, reason: str) -> None:
        """Bury a message whose topic nobody has; see `ingest.strays`."""
        self._refuse_message(inbound, RefusalKind.TOPIC, reason)

    # ---- in

    async def _receive(self) -> None:
        while True:
            taken = await self._inbox.take(BATCH)
            batch = _Batch(taken_s=self._clock.monotonic())
            await self._take_all(taken, batch)
            self._waiting += len(batch.taken)
            evaluation = asyncio.ensure_future(self._evaluate(batch))
            self._pending.put_nowait(batch)
            await evaluation
            if self._waiting >= MAX_WAITING:
                self._room.clear()
                await self._room.wait()

    async def _receive_frames(self, frames: Inbox) -> None:
        while True:
            batch = _Batch()
            await self._take_all(await frames.take(BATCH), batch)
            for refused in batch.taken:
                refused.ack()

    async def _tell_cameras(self) -> None:
        while True:
            await self._clock.sleep(LIVENESS_S)
            self._gate.release()
            if alive := self._gate.pop_alive():
                await self._tell(alive)

    async def _take_all(self, taken: list[Inbound], batch: _Batch) -> None:
        slice_ends = 0.0
        for inbound in taken:
            if (now := time.monotonic()) >= slice_ends:
                await asyncio.sleep(0)
                slice_ends = now + SLICE_S
            self.counters.received += 1
            self._take_one(inbound, batch)
        self.counters.readings += len(batch.readings)
        self.counters.late += sum([message.readings[0].late for message in batch.messages])

    def _take_one(self, inbound: Inbound, batch: _Batch) -> None:
        """Add one message to the batch, or let its picture through, or refuse it; never raises."""
        batch.taken.append(inbound)
        try:
            topic, device = self._translator.address(inbound.topic)
            if topic.channel == "frame":
                self._gate.take(inbound, device.ref)
                # A picture is worth nothing later; keeping it at the broker would only hold up those after it.
                inbound.ack()
                batch.taken.pop()
                return
            translated = self._translator.translate(inbound, topic, device, self._clock.now_ms())
            if translated.reply is not None:
                self.counters.replies += 1
                self._on_reply(*translated.reply)
        except RefusedError as error:
            if is_our_own(inbound.topic):
                self.counters.own += 1
            else:
                self._refuse_message(inbound, error.kind, error.reason)
            return
        except Exception as error:
            log.exception("message_failed", topic=inbound.topic)
            self._refuse_message(inbound, RefusalKind.INTERNAL, f"could not be handled: {error!r}")
            return
        if translated.unknown_fields:
            self.counters.unknown_fields += translated.unknown_fields
        if translated.refused:
            kinds = [kind for kind, _ in translated.refused]
            self.counters.refused.update(kinds[1:])
            self._refuse_message(inbound, kinds[0], "; ".join(reason for _, reason in translated.refused))
        readings = translated.readings
        if readings:
            batch.readings += readings
            batch.messages.append(Message(readings, digest_of(inbound.topic, inbound.payload), inbound.dup))
            batch.sources.append(inbound)

    def _refuse_message(self, inbound: Inbound, kind: RefusalKind, reason: str) -> None:
        self._refusals.add(self._clock.now_ms(), inbound.topic, inbound.payload, kind, reason, inbound.size)

    # ---- to the alarms

    async def _evaluate(self, batch: _Batch) -> None:
        try:
            await self._tell(batch.readings)
        finally:
            batch.evaluated.set()

    async def _tell(self, readings: Sequence[Reading]) -> None:
        """Hand readings to the alarms; an evaluation that takes too long goes on by itself and is no longer awaited."""
        if not readings:
            return
        async with self._telling:
            call = asyncio.ensure_future(self._call_alarms(readings))
            self._evaluations.add(call)
            call.add_done_callback(self._evaluations.discard)
            _, running = await asyncio.wait({call}, timeout=self._alarm_timeout_s)
        if running:
            self.counters.alarms_slow += 1
            self._alarm_trouble(f"alarm evaluation took over {self._alarm_timeout_s:g} s")
            log.error("alarms_slow", waited_s=self._alarm_timeout_s, readings=len(readings))

    async def _call_alarms(self, readings: Sequence[Reading]) -> None:
        try:
            await self._on_readings(readings)
        except Exception as error:
            self.counters.alarms_failed += 1
            self._alarm_trouble(f"alarm evaluation failed: {error!r}")
            log.exception("alarms_failed", readings=len(readings))

    def _alarm_trouble(self, words: str) -> None:
        self._alarms_ill = (self._clock.now_ms(), self._clock.monotonic(), words)

    # ---- to the store

    async def _commit_all(self) -> None:
        while True:
            self._committing_from_s = None
            batches = await self._gather()
            self._committing_from_s = batches[0].taken_s if batches else None
            refusals = self._refusals.pop()
            await self._commit(
                [message for batch in batches for message in batch.messages],
                [source for batch in batches for source in batch.sources],
                refusals,
            )
            for batch in batches:
                await batch.evaluated.wait()
                for inbound in batch.taken:
                    inbound.ack()
                self._waiting -= len(batch.taken)
            if self._waiting * 2 <= MAX_WAITING:
                self._room.set()

    async def _gather(self) -> list[_Batch]:
        """Everything there is for one commit; nothing after a while, so that refusals alone need not wait for more."""
        try:
            async with asyncio.timeout(LIVENESS_S):
                batches = [await self._pending.get()]
        except TimeoutError:
            return []
        await asyncio.sleep(LINGER_S)
        while not self._pending.empty() and sum(len(batch.taken) for batch in batches) < COMMIT_MESSAGES:
            batches.append(self._pending.get_nowait())
        return batches

    async def _commit(self, messages: list[Message], sources: list[Inbound], refusals: list[Refusal]) -> None:
        """Make durable, however long the store needs; a message that it can never take becomes a dead letter."""
        if not messages and not refusals:
            return
        try:
            await self._append(messages, refusals)
        except Exception as error:
            log.exception("store_rejects", messages=len(messages))
            if len(messages) > 1 or (messages and refusals):
                for message, source in zip(messages, sources, strict=True):
                    await self._commit([message], [source], [])
                await self._commit([], [], refusals)
            elif messages:
                self._refuse_message(sources[0], RefusalKind.INTERNAL, f"could not be stored: {error!r}")
            else:
                self.counters.refusals_dropped += len(refusals)

    async def _append(self, messages: list[Message], refusals: list[Refusal]) -> Appended:
        """Append, again and again while the store cannot take it."""
        delay_s = MIN_RETRY_S
        while True:
            started_s = self._clock.monotonic()
            try:
                appended = await self._store.append(messages, refusals)
            except StoreError as error:
                self._store_fails(str(error))
                await asyncio.sleep(self._rng.uniform(delay_s / 2, delay_s))
                delay_s = min(2 * delay_s, MAX_RETRY_S)
            else:
                self._store_works()
                self.counters.committed(self._clock.monotonic() - started_s, *appended)
                return appended

    def _store_fails(self, reason: str) -> None:
        self.counters.store_retries += 1
        if self._store_trouble is None:
            log.error("store_fails", reason=reason)
        since_ms = self._store_trouble[0] if self._store_trouble else self._clock.now_ms()
        self._store_trouble = (since_ms, reason)

    def _store_works(self) -> None:
        if self._store_trouble is not None:
            log.info("store_works_again", since_ms=self._store_trouble[0])
        self._store_trouble = None
