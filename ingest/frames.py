"""Pictures on their way to vision: every one checked by its header, its time judged, and its camera known to live.

MQTT and all other sources of pictures end here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

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
# A camera that floods would cost all others the time to look at its pictures.
MAX_FPS = 15.0


@dataclass(frozen=True, slots=True)
class Paces:
    """How many pictures a second may pass: of any camera, and of those that have a limit of their own."""

    usual_fps: float = MAX_FPS
    own_fps: Mapping[DeviceRef, float] = field(default_factory=dict)

    def of(self, camera: DeviceRef) -> float:
        """The limit of a camera."""
        return self.own_fps.get(camera, self.usual_fps)


@dataclass(slots=True)
class _Pace:
    """How many more pictures of a camera may pass as of `at_s`; a second's worth at once, because networks bunch them."""

    fps: float
    left: float
    at_s: float

    @classmethod
    def begun(cls, fps: float, now_s: float) -> _Pace:
        return cls(fps, max(1.0, fps), now_s)

    def take(self, now_s: float) -> bool:
        self.left = min(max(1.0, self.fps), self.left + (now_s - self.at_s) * self.fps)
        self.at_s = now_s
        if self.left < 1.0:
            return False
        self.left -= 1.0
        return True


class FrameGate:
    """Lets pictures through to `on_frame`; `take` those of a message, `offer` those of any other source.

    Of a camera that sends more than its pace allows the newest waits in place of the one before and passes at a later
    `release`; what it replaced was skipped.
    """

    def __init__(
        self,
        clock: Clock,
        clocks: DeviceClocks,
        on_frame: OnFrame,
        counters: IntakeCounters,
        limits: PictureLimits | None = None,
        paces: Paces | None = None,
    ) -> None:
        self._clock = clock
        self._clocks = clocks
        self._on_frame = on_frame
        self._counters = counters
        self._limits = limits or PictureLimits()
        self._alive: dict[DeviceRef, Reading] = {}
        self._allowed = paces or Paces()
        self._paces: dict[DeviceRef, _Pace] = {}
        self._waiting: dict[DeviceRef, Frame] = {}

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
        self._alive[camera] = Reading(
            camera, DeviceKind.CAMERA, received_ms, ts_ms, device_ms=captured_ms, late=judged.late
        )
        frame = Frame(camera, ts_ms, received_ms, image, header.width, header.height)
        if self._waiting.pop(camera, None) is not None:
            self._counters.of_camera(camera).skipped += 1
        self._pass_or_wait(frame)

    def release(self) -> None:
        """Let those pass that have waited long enough; to be called every now and then."""
        waiting, self._waiting = self._waiting, {}
        for frame in waiting.values():
            self._pass_or_wait(frame)

    def _pass_or_wait(self, frame: Frame) -> None:
        now_s = self._clock.monotonic()
        pace = self._paces.get(frame.camera)
        if pace is None:
            pace = self._paces[frame.camera] = _Pace.begun(self._allowed.of(frame.camera), now_s)
        if pace.take(now_s):
            self._pass(frame)
        else:
            self._waiting[frame.camera] = frame

    def _pass(self, frame: Frame) -> None:
        self._counters.frames += 1
        figures = self._counters.of_camera(frame.camera)
        figures.frames += 1
        figures.captured_ms = frame.captured_ms
        self._on_frame(frame)

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
