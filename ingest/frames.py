"""Pictures on their way to vision: every one checked by its header, its time judged, and its camera known to live.

MQTT and all other sources of pictures end here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import structlog

from ingest.contract import WireError, parse_ts
from ingest.counters import IntakeCounters, RefusalKind, RefusedError
from ingest.images import PictureError, PictureLimits, check_picture
from ingest.inbox import Inbound
from ingest.model import DeviceKind, DeviceRef, Frame, Reading
from ingest.timekeeping import DeviceClocks
from shedwatch.clock import Clock

log = structlog.get_logger(__name__)

OnFrame = Callable[[Frame], None]
OnReadings = Callable[[Sequence[Reading]], Awaitable[None]]

# Rules need to hear of a living camera far more seldom than it sends pictures.
LIVENESS_S = 0.5


class FrameGate:
    """Lets pictures through to `on_frame`; `take` those of a message, `offer` those of any other source."""

    def __init__(
        self,
        clock: Clock,
        clocks: DeviceClocks,
        on_frame: OnFrame,
        counters: IntakeCounters,
        limits: PictureLimits | None = None,
    ) -> None:
        self._clock = clock
        self._clocks = clocks
        self._on_frame = on_frame
        self._counters = counters
        self._limits = limits or PictureLimits()
        self._alive: dict[DeviceRef, Reading] = {}

    def take(self, inbound: Inbound, camera: DeviceRef) -> None:
        """Let a message's picture through. Raises RefusedError."""
        if inbound.size > self._limits.max_bytes:
            raise RefusedError(RefusalKind.SIZE, f"picture of {inbound.size} bytes, more than {self._limits.max_bytes}")
        captured_ms = sent_ms(inbound.sent_ts)
        if inbound.retain and captured_ms is None:
            raise RefusedError(RefusalKind.STALE, "a retained picture without capture time may be of any day")
        self.offer(camera, inbound.payload, captured_ms)

    def offer(self, camera: DeviceRef, image: bytes, captured_ms: int | None = None) -> None:
        """Let a picture through, captured just now where no time is given. Raises RefusedError."""
        received_ms = self._clock.now_ms()
        try:
            header = check_picture(image, self._limits)
        except PictureError as error:
            raise RefusedError(RefusalKind.PICTURE, str(error)) from None
        judged = self._clocks.judge(camera, captured_ms, received_ms)
        ts_ms = received_ms if judged.skewed else judged.ts_ms
        self._counters.frames += 1
        self._alive[camera] = Reading(
            camera, DeviceKind.CAMERA, received_ms, ts_ms, device_ms=captured_ms, late=judged.late
        )
        self._on_frame(Frame(camera, ts_ms, received_ms, image, header.width, header.height))

    def pop_alive(self) -> list[Reading]:
        """A value-less reading of each camera that sent a picture since the last call."""
        alive, self._alive = list(self._alive.values()), {}
        return alive


def sent_ms(text: str | None) -> int | None:
    """The user property `ts`: epoch milliseconds, or RFC 3339. Raises RefusedError."""
    if text is None:
        return None
    try:
        return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else parse_ts(text)
    except WireError as error:
        raise RefusedError(RefusalKind.PAYLOAD, str(error)) from None
