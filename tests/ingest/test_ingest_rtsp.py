"""RTSP against a real server: pictures with their true time, and whatever becomes of the camera, pictures again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from ingest.camera_login import LoginRefusedError
from ingest.camera_video import video_pictures
from ingest.cameras import CameraSource
from ingest.images import check_picture
from ingest.model import DeviceRef
from shedwatch.clock import SystemClock
from tests.ingest.ingest_samples import CAM
from tests.rtsp import RtspCamera, made_ms

pytestmark = [pytest.mark.servers, pytest.mark.slow]


class Taken:
    """Pictures as the service would get them: when they came, when they are said to have been taken."""

    def __init__(self, source: CameraSource) -> None:
        self.source = source
        self.pictures: list[tuple[int, int, bytes]] = []

    def offer(self, _camera: DeviceRef, image: bytes, captured_ms: int | None) -> bool:
        assert captured_ms is not None
        self.pictures.append((SystemClock().now_ms(), captured_ms, image))
        return True

    async def until(self, condition: Callable[[], bool], limit_s: float = 20.0) -> None:
        async with asyncio.timeout(limit_s):
            while not condition():
                await asyncio.sleep(0.02)


@asynccontextmanager
async def watching(url: str, every_s: float = 0.2) -> AsyncIterator[Taken]:
    source = CameraSource(CAM, url, video_pictures, SystemClock(), every_s, random.Random(1))
    taken = Taken(source)
    task = asyncio.create_task(source.run(taken.offer))
    try:
        yield taken
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_pictures_come_fresh_with_the_time_they_were_taken(rtsp_camera: RtspCamera) -> None:
    """From the first one on, at the rate that was asked for: no seconds of start-up are shown late or as if they were now."""
    async with watching(rtsp_camera.url()) as taken:
        await taken.until(lambda: len(taken.pictures) >= 15)
    late_ms = [came - made_ms(image, came) for came, _, image in taken.pictures]
    wrong_ms = [captured - made_ms(image, captured) for _, captured, image in taken.pictures]
    lasted_s = (taken.pictures[-1][0] - taken.pictures[0][0]) / 1000

    assert check_picture(taken.pictures[0][2]) == ("jpeg", 320, 240)
    assert max(late_ms) < 1000
    assert max(map(abs, wrong_ms)) < 1000
    assert lasted_s >= 14 * 0.2 * 0.8


async def test_a_camera_that_falls_silent_is_left_and_found_again(rtsp_camera: RtspCamera) -> None:
    """Its connection stands, its pictures stop: that is a failure; when they come again they are shown."""
    async with watching(rtsp_camera.url()) as taken:
        await taken.until(lambda: len(taken.pictures) >= 3)
        rtsp_camera.tell("stall")
        await taken.until(lambda: not taken.source.health.connected)
        failures, seen = taken.source.health.failures, len(taken.pictures)
        rtsp_camera.tell("go")
        await taken.until(lambda: len(taken.pictures) > seen + 3)

    assert failures == 1
    assert taken.source.health.connected
    came, captured, _ = taken.pictures[-1]
    assert came - captured < 1500


async def test_a_camera_that_was_restarted_is_found_again(rtsp_camera: RtspCamera) -> None:
    """Without anybody's help, and within seconds."""
    async with watching(rtsp_camera.url()) as taken:
        await taken.until(lambda: len(taken.pictures) >= 3)
        rtsp_camera.kill()
        await taken.until(lambda: not taken.source.health.connected)
        reason, seen = taken.source.health.reason, len(taken.pictures)
        rtsp_camera.start()
        await taken.until(lambda: len(taken.pictures) > seen + 3)

    assert "stream ended" in reason
    assert taken.source.health.failures <= 3


@pytest.mark.parametrize("rtsp_camera", ["admin:p@ss/w:rd"], indirect=True)
async def test_a_camera_with_a_password_is_watched(rtsp_camera: RtspCamera) -> None:
    """By Digest; signs that mean something in an address are escaped in it."""
    async with watching(rtsp_camera.url("admin:p%40ss%2Fw%3Ard")) as taken:
        await taken.until(lambda: len(taken.pictures) >= 2)


@pytest.mark.parametrize("rtsp_camera", ["admin:right"], indirect=True)
@pytest.mark.parametrize("login", ["admin:wr0ngsecret", ""])
async def test_a_wrong_password_is_named_and_not_tried_again_soon(rtsp_camera: RtspCamera, login: str) -> None:
    """Cameras lock accounts; and the password is in no log."""
    with capture_logs() as logs:
        async with watching(rtsp_camera.url(login)) as taken:
            await taken.until(lambda: taken.source.health.failures > 0)

    assert taken.source.health.reason == "the camera refuses name and password"
    assert logs[0]["retry_s"] >= 300
    assert "wr0ngsecret" not in str(logs)


async def test_an_address_without_a_stream_is_told_as_that(rtsp_camera: RtspCamera) -> None:
    """In FFmpeg's words, without the password."""
    url = rtsp_camera.url("admin:s3cretive").replace("/ch1", "/ch9")
    with pytest.raises(Exception, match="404") as failed:
        await anext(video_pictures(url, 1.0, SystemClock()))

    assert not isinstance(failed.value, LoginRefusedError)
