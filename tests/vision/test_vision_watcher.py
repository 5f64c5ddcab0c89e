"""The watcher: frames to worker processes, and no harm to anyone when one of them dies or hangs."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal

import cv2
import numpy as np
import pytest

from ingest.model import DeviceRef, Frame
from vision.detectors import VisionSettings
from vision.gallery import Gallery
from vision.model import WHOLE, Zone, ZoneKind
from vision.watcher import Watcher, worker_names
from vision.worker import CameraPlan, assign

CAMERAS = [DeviceRef("north", "shed-1", f"cam-{n}") for n in range(1, 4)]


def frame(camera: DeviceRef, at_ms: int, image: bytes | None = None) -> Frame:
    if image is None:
        noise = np.random.default_rng(at_ms).integers(0, 255, (120, 160, 3), dtype=np.uint8)
        image = cv2.imencode(".jpg", noise)[1].tobytes()
    return Frame(camera, at_ms, at_ms, image, 160, 120)


def test_cameras_are_shared_out_evenly():
    """No worker has two more cameras than another."""
    assert [len(part) for part in assign(CAMERAS, 2)] == [2, 1]
    assert len(assign(CAMERAS, 8)) == 3
    assert assign([], 2) == []


@contextlib.asynccontextmanager
async def watching(tmp_path, cameras, health, hang_s=10.0, workers=1, everywhere=(), seen=None):
    async def on_observations(observations):
        if seen is not None:
            seen.extend(observations)

    plan = CameraPlan((Zone("all", ZoneKind.BAY, WHOLE),), VisionSettings())
    watcher = Watcher(
        dict.fromkeys(cameras, plan),
        tmp_path,
        Gallery(),
        on_observations,
        lambda *args: health.append(args),
        hang_s=hang_s,
        workers=workers,
        everywhere=everywhere,
    )
    task = asyncio.create_task(watcher.run())
    try:
        yield watcher
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(condition, limit_s=40.0):
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.02)


def child() -> int:
    (process,) = multiprocessing.active_children()
    return process.pid


@pytest.mark.slow
async def test_a_killed_or_hanging_worker_is_replaced_and_said_to_be_degraded_meanwhile(tmp_path):
    """Both ways of losing a worker end in a new one that sees."""
    health = []
    async with watching(tmp_path, CAMERAS[:1], health, hang_s=1.0) as watcher:
        watcher.show(frame(CAMERAS[0], 1))
        await until(lambda: watcher.counters.frames == 1)

        for lost, harm in enumerate((signal.SIGKILL, signal.SIGSTOP), start=1):
            seen = watcher.counters.frames
            os.kill(child(), harm)
            watcher.show(frame(CAMERAS[0], 10 * lost))
            await until(lambda lost=lost: watcher.counters.restarts == lost)
            assert health[-1][:2] == ("vision-1", "degraded")
            watcher.show(frame(CAMERAS[0], 10 * lost + 1))
            await until(lambda seen=seen: watcher.counters.frames > seen)
            assert health[-1] == ("vision-1", "ok", "")

    assert multiprocessing.active_children() == []


@pytest.mark.slow
async def test_a_worker_that_the_machine_cannot_start_is_tried_again_and_said_to_be_degraded(tmp_path, monkeypatch):
    """No memory or no process to be had now is no reason to be blind for ever."""

    def refuse(_process):
        raise OSError("Resource temporarily unavailable")

    monkeypatch.setattr(multiprocessing.context.SpawnProcess, "start", refuse)
    health = []
    async with watching(tmp_path, CAMERAS[:1], health) as watcher:
        await until(lambda: watcher.counters.restarts == 2)
    assert health[-1] == (
        "vision-1",
        "degraded",
        "worker cannot be started: Resource temporarily unavailable; restarting",
    )


@pytest.mark.slow
async def test_a_camera_that_is_everywhere_is_looked_at_by_every_process_which_says_who_it_is(tmp_path):
    """The others by one each: so a proof can try them all."""
    test, *real = CAMERAS
    seen = []
    noise = frame(test, 1)
    async with watching(tmp_path, CAMERAS, [], workers=2, everywhere=(test,), seen=seen) as watcher:
        for camera in real:
            watcher.show(frame(camera, 1))
        await until(lambda: watcher.counters.frames == 2)
        # The same picture for so long that every process says that it is frozen.
        for at_ms in range(0, 660_000, 60_000):
            watcher.show(Frame(test, at_ms, at_ms, noise.image, 160, 120))
            done = 2 * (at_ms // 60_000 + 1) + 2
            await until(lambda done=done: watcher.counters.frames == done)
        await until(lambda: {it.worker for it in seen} == {"vision-1", "vision-2"})
    assert watcher.counters.frames_of[test] == 22
    assert {it.camera for it in seen} == {test}
    assert worker_names(len(assign(real, 2))) == ["vision-1", "vision-2"]


@pytest.mark.slow
async def test_only_the_newest_frame_waits_and_a_broken_picture_is_named(tmp_path):
    """A camera that sends faster than its detectors look never makes them fall behind."""
    health = []
    async with watching(tmp_path, CAMERAS[:1], health) as watcher:
        for at_ms in range(50):
            watcher.show(frame(CAMERAS[0], at_ms))
        assert watcher.counters.skipped == 49
        watcher.show(frame(CAMERAS[0], 50, image=b"\xff\xd8 not a picture"))
        await until(lambda: watcher.counters.frames >= 1)
        assert health[-1][1] == "degraded"
        assert "decode" in health[-1][0]
        watcher.show(frame(CAMERAS[0], 51))
        await until(lambda: health[-1][1] == "ok")
