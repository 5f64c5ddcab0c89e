"""What is sent to prove the way of an alarm: readings of a socket that is too hot, or pictures of smoke, and then the all-clear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn, Protocol

import msgspec

from alerts.proof.track import Track
from alerts.proving_ground import CAMERA, CHARGER
from ingest.contract import ChargerTelemetry, PortTelemetry, topic_of
from ingest.model import DeviceKind
from shedwatch.clock import Clock

REPORT_EVERY_S = 1.0
CALM_C = 25.0


class Outside(Protocol):
    """A client of the bus as devices and listeners are, with no other way into the service."""

    async def publish(self, topic: str, payload: bytes) -> None:
        """Send it, waiting for the connection. Until cancelled."""


@dataclass(frozen=True, slots=True)
class Clip:
    """Pictures of a camera in order; smoke rises from the one of number `smoke_at` on, and is gone by the last.

    `pictures` are JPEG, `fps` of them a second.
    """

    pictures: Sequence[bytes]
    fps: float
    smoke_at: int


class HotSocket:
    """A charger that reports a socket of `hot_c` every second, until it is told to calm down."""

    def __init__(self, hot_c: float, prefix: str, clock: Clock) -> None:
        self._hot_c = hot_c
        self._topic = topic_of(CHARGER, DeviceKind.CHARGER, "telemetry", prefix)
        self._clock = clock
        self.calm = False

    async def send(self, outside: Outside, track: Track) -> NoReturn:
        """Report until cancelled."""
        while True:
            temperature_c = CALM_C if self.calm else self._hot_c
            ports = [PortTelemetry(port=1, state="idle", temperature_c=temperature_c)]
            now_ms = self._clock.now_ms()
            await outside.publish(self._topic, msgspec.json.encode(ChargerTelemetry(ts=now_ms, ports=ports)))
            track.passed("published")
            await self._clock.sleep(REPORT_EVERY_S)


class SmokePicture:
    """A camera before which smoke rises once. After the clip its last picture is sent on; calming down is the clip's own."""

    def __init__(self, clip: Clip, prefix: str, clock: Clock) -> None:
        self._clip = clip
        self._topic = topic_of(CAMERA, DeviceKind.CAMERA, "frame", prefix)
        self._clock = clock
        self.calm = False

    async def send(self, outside: Outside, track: Track) -> NoReturn:
        """Film until cancelled."""
        number = 0
        while True:
            await outside.publish(self._topic, self._clip.pictures[min(number, len(self._clip.pictures) - 1)])
            if number >= self._clip.smoke_at:
                track.passed("published")
            number += 1
            await self._clock.sleep(1.0 / self._clip.fps)


Signal = HotSocket | SmokePicture
