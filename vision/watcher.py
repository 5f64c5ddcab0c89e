"""Frames to worker processes, observations back. A slow, failing or hanging detector touches nothing else.

For every camera only the newest frame waits: a detector that cannot keep up skips pictures, it never falls behind.
A worker that does not answer in time is killed and started anew; so is one that died.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import structlog

from ingest.model import DeviceRef, Frame
from vision.gallery import Gallery
from vision.model import Observation
from vision.worker import CameraPlan, Look, Seen, assign, work

log = structlog.get_logger(__name__)

# A frame costs some 20 ms; one that takes this long (machine time) hangs.
HANG_S = 10.0
# Importing OpenCV on a cold, busy machine takes seconds.
START_S = 60.0
MAX_BACKOFF_S = 10.0

OnObservations = Callable[[list[Observation]], Awaitable[None]]
OnHealth = Callable[[str, str, str], None]


class WorkerLostError(Exception):
    """The worker process died or hung; its message says which."""


@dataclass
class WatcherCounters:
    """What the watcher did so far."""

    frames: int = 0
    skipped: int = 0
    restarts: int = 0
    failures: int = 0
    frames_of: Counter[DeviceRef] = field(default_factory=Counter)
    skipped_of: Counter[DeviceRef] = field(default_factory=Counter)


class Watcher:
    """Runs the workers of all cameras.

    Args:
        plans: the cameras to watch and how.
        evidence_dir: where evidence pictures go.
        gallery: told what is seen, for overlays.
        on_observations: awaited with what was observed, in order for each camera.
        on_health: called with (part, `ok` | `degraded`, detail) when a part of vision fails or recovers.
        workers: processes at most.
        everywhere: of the cameras those that are shown to every process, each of which tells what it sees there.
    """

    def __init__(
        self,
        plans: Mapping[DeviceRef, CameraPlan],
        evidence_dir: Path,
        gallery: Gallery,
        on_observations: OnObservations,
        on_health: OnHealth,
        workers: int = 1,
        hang_s: float = HANG_S,
        everywhere: Collection[DeviceRef] = (),
    ) -> None:
        self._gallery = gallery
        self._on_observations = on_observations
        self.counters = WatcherCounters()
        shared = assign([camera for camera in plans if camera not in everywhere], workers) or [()]
        self._workers = [
            _Worker(name, {camera: plans[camera] for camera in (*own, *everywhere)}, evidence_dir, on_health, hang_s)
            for name, own in zip(worker_names(len(shared)), shared, strict=True)
        ]
        self._by_camera = {camera: [it for it in self._workers if camera in it.cameras] for camera in plans}
        self._attentive_until_ms: dict[DeviceRef, int] = {}

    def show(self, frame: Frame) -> None:
        """Take a frame of a known camera; returns at once."""
        for worker in self._by_camera.get(frame.camera, ()):
            skipped = worker.offer(frame)
            self.counters.skipped += skipped
            self.counters.skipped_of[frame.camera] += skipped

    def attend(self, camera: DeviceRef, until_ms: int) -> None:
        """Be convinced sooner of smoke and flame on this camera's frames received until then: danger is known there."""
        self._attentive_until_ms[camera] = max(until_ms, self._attentive_until_ms.get(camera, 0))

    @property
    def busy(self) -> bool:
        """Whether a frame waits or is being looked at, or a worker is not up."""
        return any(worker.busy for worker in self._workers)

    async def run(self) -> None:
        """Serve until cancelled."""
        async with asyncio.TaskGroup() as group:
            for worker in self._workers:
                group.create_task(self._serve(worker))

    async def _serve(self, worker: _Worker) -> None:
        backoff_s = 0.5
        try:
            while True:
                try:
                    await worker.start()
                    while True:
                        await self._one(worker)
                        backoff_s = 0.5
                except WorkerLostError as error:
                    self.counters.restarts += 1
                    worker.report_lost(str(error))
                    await worker.stop()
                    await asyncio.sleep(backoff_s)
                    backoff_s = min(MAX_BACKOFF_S, backoff_s * 2)
        finally:
            await worker.stop()

    async def _one(self, worker: _Worker) -> None:
        frame = await worker.next_frame()
        seen = await worker.look(Look(frame, frame.received_ms < self._attentive_until_ms.get(frame.camera, 0)))
        self.counters.frames += 1
        self.counters.frames_of[seen.camera] += 1
        self.counters.failures += len(seen.failed)
        worker.report(seen)
        self._gallery.note(seen.camera, seen.sightings)
        if seen.observations:
            await self._on_observations([replace(it, worker=worker.name) for it in seen.observations])


def worker_names(count: int) -> list[str]:
    """What the processes are called where there are so many."""
    return [f"vision-{number}" for number in range(1, count + 1)]


class _Worker:
    """One process, its pipe, and the frames that wait for it."""

    def __init__(
        self,
        name: str,
        plans: Mapping[DeviceRef, CameraPlan],
        evidence_dir: Path,
        on_health: OnHealth,
        hang_s: float,
    ) -> None:
        self.name = name
        self.cameras = tuple(plans)
        self._plans = plans
        self._evidence_dir = evidence_dir
        self._on_health = on_health
        self._hang_s = hang_s
        self._waiting: dict[DeviceRef, Frame] = {}
        self._offered = asyncio.Event()
        self._failing: dict[str, str] = {}
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._ready_for_frame = False

    def offer(self, frame: Frame) -> int:
        """Let a frame wait in place of an older one of its camera; 1 where one was skipped so."""
        skipped = int(frame.camera in self._waiting)
        self._waiting[frame.camera] = frame
        self._offered.set()
        return skipped

    @property
    def busy(self) -> bool:
        """Whether it does anything else than wait for a frame."""
        return bool(self._waiting) or not self._ready_for_frame

    async def next_frame(self) -> Frame:
        """The frame of the camera that has waited longest."""
        self._ready_for_frame = True
        while not self._waiting:
            self._offered.clear()
            await self._offered.wait()
        self._ready_for_frame = False
        camera = next(iter(self._waiting))
        return self._waiting.pop(camera)

    async def start(self) -> None:
        """Start the process and wait until it is ready. Raises WorkerLostError."""
        context = multiprocessing.get_context("spawn")
        try:
            self._connection, theirs = context.Pipe()
            with theirs:
                process = context.Process(
                    target=work, args=(theirs, self._plans, self._evidence_dir), name=self.name, daemon=True
                )
                process.start()
        except OSError as error:
            raise WorkerLostError(f"cannot be started: {error}") from error
        self._process = process
        await self._exchange(None, START_S)

    async def look(self, look: Look) -> Seen:
        """Have a frame looked at. Raises WorkerLostError."""
        seen = await self._exchange(look, self._hang_s)
        if not isinstance(seen, Seen):
            raise WorkerLostError(f"answered {type(seen).__name__}")
        return seen

    async def _exchange(self, look: Look | None, limit_s: float) -> object:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(limit_s):
                return await loop.run_in_executor(self._thread, self._blocking_exchange, look)
        except TimeoutError:
            what = f"hung for {limit_s:g} s" + (f" on a frame of {look.frame.camera}" if look else " while starting")
            raise WorkerLostError(what) from None
        except (EOFError, OSError):
            raise WorkerLostError(
                "died" + (f" on a frame of {look.frame.camera}" if look else " while starting")
            ) from None

    def _blocking_exchange(self, look: Look | None) -> object:
        assert self._connection is not None
        if look is not None:
            self._connection.send(look)
        return self._connection.recv()

    async def stop(self) -> None:
        """Kill the process if it lives; also frees a thread that waits for its answer."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            await asyncio.get_running_loop().run_in_executor(None, process.join, 5.0)
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.close()

    def report_lost(self, why: str) -> None:
        """Say that this worker is gone for now."""
        log.error("vision worker lost", worker=self.name, why=why)
        self._failing[self.name] = why
        self._on_health(self.name, "degraded", f"worker {why}; restarting")

    def report(self, seen: Seen) -> None:
        """Say what of this frame failed, and what works again."""
        if self._failing.pop(self.name, None) is not None:
            self._on_health(self.name, "ok", "")
        for part, why in seen.failed.items():
            name = f"{part} of {seen.camera}"
            if self._failing.get(name) != why:
                log.error("vision failed", part=part, camera=str(seen.camera), why=why)
            self._failing[name] = why
            self._on_health(name, "degraded", why)
        for name in [name for name in self._failing if name.endswith(f" of {seen.camera}")]:
            if name.removesuffix(f" of {seen.camera}") not in seen.failed:
                del self._failing[name]
                self._on_health(name, "ok", "")
