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

import structlog

from ingest.contract import DEFAULT_PREFIX, Reply
from ingest.counters import IntakeCounters, IntakeHealth, RefusalKind, RefusedError
from ingest.frames import LIVENESS_S, FrameGate, OnFrame, OnReadings, Paces
from ingest.group_commit import Batch, GroupCommit
from ingest.images import PictureLimits
from ingest.inbox import Inbound, Inbox
from ingest.model import DeviceRef, Reading, Topology
from ingest.refusals import Refusals
from ingest.store.port import Message, TelemetryStore
from ingest.timekeeping import DeviceClocks, TimePolicy
from ingest.translate import Translator, digest_of, is_our_own
from shedwatch.clock import Clock

log = structlog.get_logger(__name__)

OnReply = Callable[[DeviceRef, Reply], None]

BATCH = 250
# Translating never holds the event loop longer; a message with 64 ports takes a good part of a millisecond.
SLICE_S = 0.005
ALARM_TIMEOUT_S = 5.0
# A slow ledger, or an evaluation that failed, is told for this long after it was last seen.
SLOW_SHOWN_S = 60.0


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
        self._clock = clock
        self._inbox = inbox
        self._frames = frames
        self._on_readings = on_readings
        self._on_reply = on_reply
        self._alarm_timeout_s = alarm_timeout_s
        self._translator = Translator(topology, DeviceClocks(times or TimePolicy()), prefix)
        # Pictures' times are judged apart: a camera's lag says nothing about messages and the other way round.
        self._gate = FrameGate(clock, DeviceClocks(times or TimePolicy()), on_frame, self.counters, pictures, paces)
        self._refusals = Refusals(topology, self.counters, prefix)
        self._commits = GroupCommit(
            store,
            clock,
            self.counters,
            self._refusals,
            lambda inbound, reason: self._refuse_message(inbound, RefusalKind.INTERNAL, reason),
            rng or random.Random(),
        )
        self._telling = asyncio.Lock()
        self._evaluations: set[asyncio.Future[None]] = set()
        self._alarms_ill: tuple[int, float, str] | None = None

    @property
    def queue_depth(self) -> int:
        """Messages received and not yet durable."""
        return len(self._inbox) + self._commits.waiting

    @property
    def lag_s(self) -> float:
        """For how long the oldest message that was looked at waits to be acknowledged."""
        return self._commits.lag_s

    @property
    def unjudged(self) -> int:
        """Messages received and not yet looked at, and evaluations of the alarms that go on."""
        return len(self._inbox) + len(self._frames or ()) + len(self._evaluations)

    @property
    def health(self) -> IntakeHealth:
        """How it is now."""
        if self._commits.trouble is not None:
            since_ms, reason = self._commits.trouble
            return IntakeHealth("down", f"the store takes no readings, {self.queue_depth} wait: {reason}", since_ms)
        if self._alarms_ill is not None and self._clock.monotonic() - self._alarms_ill[1] < SLOW_SHOWN_S:
            return IntakeHealth("degraded", self._alarms_ill[2], self._alarms_ill[0])
        return IntakeHealth("ok", "", 0)

    async def run(self) -> None:
        """Take messages until cancelled. What was not acknowledged then comes again, with the next connection."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._commits.run(), name="intake-commit")
                tasks.create_task(self._receive(), name="intake-receive")
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
            batch = Batch(taken_s=self._clock.monotonic())
            await self._take_all(taken, batch)
            evaluation = asyncio.ensure_future(self._evaluate(batch))
            self._commits.put(batch)
            await evaluation
            await self._commits.room()

    async def _receive_frames(self, frames: Inbox) -> None:
        while True:
            batch = Batch()
            await self._take_all(await frames.take(BATCH), batch)
            for refused in batch.taken:
                refused.ack()

    async def _tell_cameras(self) -> None:
        while True:
            await self._clock.sleep(LIVENESS_S)
            self._gate.release()
            if alive := self._gate.pop_alive():
                await self._tell(alive)

    async def _take_all(self, taken: list[Inbound], batch: Batch) -> None:
        slice_ends = 0.0
        for inbound in taken:
            if (now := time.monotonic()) >= slice_ends:
                await asyncio.sleep(0)
                slice_ends = now + SLICE_S
            self.counters.received += 1
            self._take_one(inbound, batch)
        self.counters.readings += len(batch.readings)
        self.counters.late += sum([message.readings[0].late for message in batch.messages])

    def _take_one(self, inbound: Inbound, batch: Batch) -> None:
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

    async def _evaluate(self, batch: Batch) -> None:
        try:
            await self._tell(batch.readings)
        finally:
            batch.judged.set()

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
