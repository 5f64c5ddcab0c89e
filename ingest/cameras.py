"""Pictures from cameras that don't speak MQTT: video streams, HTTP snapshots, files and folders.

`source_of` reads a camera's `source` from the configuration and gives a `CameraSource`; its `run` offers pictures
with their true capture time and comes back by itself after every failure. Passwords never reach a log.

Errors:
    SourceError(ValueError): the configuration names no source that exists
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from ingest.camera_files import SUFFIXES, file_pictures, folder_pictures
from ingest.camera_http import http_pictures
from ingest.camera_login import LoginRefusedError
from ingest.camera_video import video_pictures
from ingest.model import DeviceRef
from ingest.redact import without_password
from shedwatch.clock import Clock

log = structlog.get_logger(__name__)

MIN_BACKOFF_S, MAX_BACKOFF_S = 1.0, 30.0
# A source that lived this long was well; its next failure is a new one.
WELL_AFTER_S = 30.0
# Many cameras lock an account for half an hour after five wrong passwords.
LOGIN_BACKOFF_S = 300.0

Offer = Callable[[DeviceRef, bytes, int | None], bool]
"""`Intake.offer_frame`: camera, encoded picture, capture time."""


class SourceError(ValueError):
    """No such kind of source."""


Pictures = Callable[[str, float, Clock], AsyncGenerator[tuple[bytes, int]]]
"""A kind of source: pictures with capture time from an address, at most one in so many seconds; raises when it fails."""


@dataclass(slots=True)
class SourceHealth:
    """How a source is. `reason`: why there are no pictures, without any password."""

    connected: bool = False
    reason: str = "not started"
    failures: int = 0
    pictures: int = 0
    refused: int = 0


class CameraSource:
    """One camera's source. Keep `run` running."""

    def __init__(
        self,
        camera: DeviceRef,
        source: str,
        pictures: Pictures,
        clock: Clock,
        every_s: float = 1.0,
        rng: random.Random | None = None,
    ) -> None:
        self.camera = camera
        self.health = SourceHealth()
        self._source = source
        self._pictures = pictures
        self._clock = clock
        self._every_s = every_s
        self._rng = rng or random.Random()

    async def run(self, offer: Offer) -> None:
        """Offer pictures until cancelled."""
        delay_s = MIN_BACKOFF_S
        while True:
            started_s = self._clock.monotonic()
            reason, refused = await self._run_once(offer)
            if self._clock.monotonic() - started_s >= WELL_AFTER_S:
                delay_s = MIN_BACKOFF_S
            self.health.connected = False
            self.health.failures += 1
            self.health.reason = without_password(reason)
            wait_s = self._rng.uniform(delay_s / 2, delay_s) + (LOGIN_BACKOFF_S if refused else 0.0)
            log.warning(
                "camera_source_lost", camera=str(self.camera), reason=self.health.reason, retry_s=round(wait_s, 1)
            )
            await self._clock.sleep(wait_s)
            delay_s = min(2 * delay_s, MAX_BACKOFF_S)

    async def _run_once(self, offer: Offer) -> tuple[str, bool]:
        """Offer what comes; why it ended, and whether that was the login."""
        try:
            async with aclosing(self._pictures(self._source, self._every_s, self._clock)) as pictures:
                async for image, captured_ms in pictures:
                    self.health.connected, self.health.reason = True, ""
                    self.health.pictures += 1
                    if not offer(self.camera, image, captured_ms):
                        self.health.refused += 1
        except Exception as error:  # noqa: BLE001 - a supervised loop: whatever a camera does, it is tried again
            return str(error) or type(error).__name__, isinstance(error, LoginRefusedError)
        return "the source ended", False


def source_of(camera: DeviceRef, source: str, clock: Clock, every_s: float = 1.0) -> CameraSource | None:
    """The source a configuration names: a URL of `rtsp`, `rtsps`, `rtmp`, `http`, `https`, a video, picture or folder.

    None for `mqtt`, whose pictures the intake takes. `every_s`: at most one picture in so many seconds.

    Raises:
        SourceError: nothing of these.
    """
    if source == "mqtt":
        return None
    return CameraSource(camera, source, _kind_of(source), clock, every_s)


def _kind_of(source: str) -> Pictures:
    scheme = urlsplit(source).scheme
    if scheme in ("rtsp", "rtsps", "rtmp"):
        return video_pictures
    if scheme in ("http", "https"):
        video = urlsplit(source).path.endswith((".m3u8", ".mp4", ".mjpg", ".mjpeg", ".flv"))
        return video_pictures if video else http_pictures
    if "://" in source:
        raise SourceError(
            f"camera source {without_password(source)!r}: no such kind; use mqtt, rtsp://, http:// or a file"
        )
    path = Path(source)
    if path.is_dir():
        return folder_pictures
    return file_pictures if path.suffix.lower() in SUFFIXES else video_pictures


async def run_sources(sources: list[CameraSource], offer: Offer) -> None:
    """Run them all until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        for source in sources:
            tasks.create_task(source.run(offer), name=f"camera-{source.camera}")
