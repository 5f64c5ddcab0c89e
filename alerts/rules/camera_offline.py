"""No picture comes from a camera, whatever its connection says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from alerts.messages import compose, duration, place
from alerts.model import Alert, AlertKind, Condition, Text
from alerts.rules.base import BaseRule, Hold, Surroundings, key_of, ref_of
from alerts.rules.habit import Habit
from alerts.rules.hazards_presence import CameraOffline
from ingest.model import DeviceKind, DeviceRef, Reading


@dataclass(slots=True)
class _Camera:
    settings: CameraOffline
    start_ms: int
    habit: Habit = field(default_factory=lambda: Habit(same_message_ms=1))
    said_offline: bool = False
    hold: Hold = field(default_factory=Hold)

    def limit_ms(self) -> float:
        own = self.settings
        unknown_s = max(own.start_grace_s, own.limit_s)
        return self.habit.limit_ms(own.missed_intervals, unknown_s, own.limit_s, own.ceiling_s)


class CameraOfflineRule(BaseRule):
    """Follows the arrival of each configured camera's pictures (`frame`) and its status."""

    name = str(AlertKind.CAMERA_OFFLINE)
    hears = (DeviceKind.CAMERA,)

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._configured = tuple(device.ref for device in around.topology.devices(DeviceKind.CAMERA))
        self._cameras: dict[DeviceRef, _Camera | None] = {}

    def frame(self, camera: DeviceRef, now_ms: int) -> None:
        known = self._camera(camera, now_ms)
        if known is not None:
            known.habit.heard(now_ms, known.limit_ms())
            known.said_offline = False

    def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:
        if reading.online is not None:
            camera = self._camera(reading.device, now_ms)
            if camera is not None:
                camera.said_offline = not reading.online
        return ()

    def tick(self, now_ms: int) -> Iterator[Condition]:
        for ref in self._configured:
            camera = self._camera(ref, now_ms)
            if camera is not None:
                yield from self._judge(ref, camera, now_ms)

    def restore(self, alert: Alert, now_ms: int) -> bool:
        key = alert.key
        camera = self._camera(ref_of(key), now_ms) if key.kind is AlertKind.CAMERA_OFFLINE else None
        if camera is None:
            return False
        camera.hold.active = True
        return True

    def _camera(self, ref: DeviceRef, now_ms: int) -> _Camera | None:
        if ref not in self._cameras:
            device = self._around.topology.find(ref)
            own = self._around.book.of(AlertKind.CAMERA_OFFLINE, CameraOffline, ref)
            watched = device is not None and device.kind is DeviceKind.CAMERA and own.enabled
            self._cameras[ref] = _Camera(own, now_ms) if watched else None
        return self._cameras[ref]

    def _judge(self, ref: DeviceRef, camera: _Camera, now_ms: int) -> Iterator[Condition]:
        own, last_ms, limit_ms = camera.settings, camera.habit.last_ms, camera.limit_ms()
        if last_ms is None and camera.hold.active:
            # Taken over from before a restart: offline until a picture comes.
            return
        silent_ms = now_ms - (camera.start_ms if last_ms is None else last_ms)
        silent = silent_ms > limit_ms
        on_s = 0.0 if silent else own.on_delay_s
        if camera.hold.feed(silent or camera.said_offline, now_ms, on_s, own.off_delay_s):
            key = key_of(AlertKind.CAMERA_OFFLINE, ref)
            span = duration(silent_ms / 1000)
            what = Text(f"离线，{span.zh}没有画面", f"offline, no picture for {span.en}")
            yield Condition(
                key=key,
                active=camera.hold.active,
                severity=own.severity,
                message=compose(key.kind, place(self._around.topology, key), what),
                threshold=round(limit_ms / 1000, 1),
                unit="s",
                details={"rule": self.name},
                heard_ms=last_ms,
            )
