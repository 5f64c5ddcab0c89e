"""One process of simulated cameras: a `FarmPlan` on standard input → pictures on the bus, until the input is closed.

A camera that falls behind leaves pictures out rather than sending them late: what is sent was captured when it says.
Run as `python -m simulators.camera_process`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys

import msgspec
import structlog

from ingest.contract import topic_of
from ingest.model import DeviceKind, DeviceRef
from shedwatch.clock import Clock, from_spec
from simulators.cameras import CameraPlan, FarmPlan, FarmStart, FarmStep, FarmStepped
from simulators.publisher import Post, Publisher
from simulators.scene import CameraScene, SceneEvent, encode

log = structlog.get_logger(__name__)

# What cannot be sent at once is old.
_WAITING_PICTURES = 2
_LOOK_S = 0.001


class Camera:
    """One camera: which picture is due when, and the picture."""

    def __init__(self, plan: CameraPlan, prefix: str, phase: float) -> None:
        self.ref = DeviceRef(*plan.ref)
        self.topic = topic_of(self.ref, DeviceKind.CAMERA, "frame", prefix)
        self.skipped = 0
        self._plan = plan
        self._period_s = 1.0 / plan.fps
        self._scene = CameraScene(
            plan.layout, plan.seed, plan.width, plan.height, [SceneEvent(**event) for event in plan.events]
        )
        # The first picture of a scene costs seconds; it must not be the first one due.
        self._scene.render(0.0, 12.0)
        self.due_s = self._period_s * phase
        self.links = sorted(plan.links)

    def silent(self, t_s: float) -> bool:
        """Whether it sends nothing although it is connected."""
        return any(begin_s <= t_s and (end_s is None or t_s < end_s) for begin_s, end_s in self._plan.gaps)

    def lost(self, t_s: float) -> bool:
        """Whether the picture of this moment is lost on its way."""
        return self._scene.lost(t_s)

    def take(self, t_s: float, start_hour: float) -> bytes:
        """The JPEG of this moment."""
        picture = self._scene.render(t_s, (start_hour + t_s / 3600.0) % 24.0)
        return encode(picture.image, self._plan.quality)

    def catch_up(self, now_s: float) -> None:
        """Leave out the pictures whose time has passed: a picture is at most one period late."""
        left_out = max(0, int((now_s - self.due_s) / self._period_s))
        self.skipped += left_out
        self.due_s += left_out * self._period_s

    def go_on(self) -> None:
        """The picture that was due is done with."""
        self.due_s += self._period_s


async def film(clock: Clock, cameras: list[Camera], publisher: Publisher, start: FarmStart, plan: FarmPlan) -> None:
    """Send the pictures of all cameras until cancelled."""
    while True:
        camera = min(cameras, key=lambda it: it.due_s)
        now_s = (clock.now_ms() - start.start_ms) / 1000.0
        if (wait_s := camera.due_s - now_s) > 0:
            await clock.sleep(wait_s)
        camera.catch_up(now_s)
        await _shoot(camera, publisher, start, plan)
        camera.go_on()


async def film_in_step(cameras: list[Camera], publisher: Publisher, start: FarmStart, plan: FarmPlan) -> None:
    """Send the pictures of all cameras as they are asked for, until nothing more is asked."""
    while line := await _read_line():
        step = msgspec.json.decode(line, type=FarmStep)
        while (camera := min(cameras, key=lambda it: it.due_s)).due_s <= step.t_s:
            await _shoot(camera, publisher, start, plan)
            camera.go_on()
        while not (publisher.at_rest or plan.cut_off(step.t_s)):  # noqa: ASYNC110 - the broker takes a picture within a millisecond or two
            await asyncio.sleep(_LOOK_S)
        told = FarmStepped(camera.due_s, publisher.counts.passed)
        sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
        sys.stdout.buffer.flush()


async def _shoot(camera: Camera, publisher: Publisher, start: FarmStart, plan: FarmPlan) -> None:
    t_s = camera.due_s
    while camera.links and camera.links[0][0] <= t_s:
        publisher.link(camera.ref, camera.links.pop(0)[1])
    if camera.silent(t_s) or camera.lost(t_s) or plan.cut_off(t_s):
        return
    # In a thread, so that the connections are served while a picture is made.
    jpeg = await asyncio.to_thread(camera.take, t_s, start.hour)
    publisher.send(camera.ref, Post(camera.topic, jpeg, qos=0, captured_ms=start.start_ms + round(t_s * 1000.0)))


async def _read_line() -> bytes:
    return await asyncio.to_thread(sys.stdin.buffer.readline)


async def _work(plan: FarmPlan, clock: Clock) -> None:
    count = len(plan.cameras)
    cameras = [Camera(camera, plan.prefix, index / count) for index, camera in enumerate(plan.cameras)]
    devices = dict.fromkeys((camera.ref for camera in cameras), DeviceKind.CAMERA)
    async with Publisher(plan.mqtt_url, devices, prefix=plan.prefix, limit=_WAITING_PICTURES) as publisher:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        if not (line := await _read_line()):
            return
        start = msgspec.json.decode(line, type=FarmStart)
        if plan.in_step:
            await film_in_step(cameras, publisher, start, plan)
            return
        filming = asyncio.create_task(film(clock, cameras, publisher, start, plan))
        closing = asyncio.create_task(_read_line())
        await asyncio.wait((filming, closing), return_when=asyncio.FIRST_COMPLETED)
        filming.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await filming


async def _main() -> None:
    plan = msgspec.json.decode(await _read_line(), type=FarmPlan)
    await _work(plan, from_spec(plan.clock_spec))


if __name__ == "__main__":
    # Standard output is for the one line that says it is ready.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    # Pictures may wait, telemetry and alarms may not.
    os.nice(5)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main())
