"""A charger or a sensor is not heard: `charger_offline`, or `telemetry_stale` where it is there but tells nothing.

Both come from one memory, so that one silence never raises both. Time counts from the start for what was never heard.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from alerts.messages import compose, duration, place
from alerts.model import Alert, AlertKey, AlertKind, Condition, Severity, Text
from alerts.rules.base import BaseRule, Hold, Surroundings, Take, key_of, ref_of
from alerts.rules.habit import Habit
from alerts.rules.hazards_presence import ChargerOffline, TelemetryStale
from ingest.model import Device, DeviceKind, DeviceRef, Reading

_KINDS = (DeviceKind.CHARGER, DeviceKind.SENSOR)
_FIRE_SENSORS = frozenset({"smoke", "heat", "co"})


@dataclass(slots=True)
class _Line:
    """What is known of one device's connection.

    `live_ms` is when it last said something of that moment; a backlog or a kept status shows no more than that it was there once.
    """

    device: Device
    offline: ChargerOffline
    stale: TelemetryStale
    start_ms: int
    heard_ms: int
    telemetry_ms: int
    live_ms: int | None = None
    due_ms: float = 0.0
    said_offline: bool = False
    habit: Habit = field(default_factory=Habit)
    offline_hold: Hold = field(default_factory=Hold)
    stale_hold: Hold = field(default_factory=Hold)

    def silence_limit_ms(self) -> float:
        """How long a charger may be silent altogether."""
        return self._limit_ms(self.offline, self.offline.unknown_limit_s)

    def stale_limit_ms(self) -> float:
        """How old its telemetry may be."""
        own = self.stale
        return self._limit_ms(own, own.sensor_limit_s if self.device.kind is DeviceKind.SENSOR else own.unknown_limit_s)

    def _limit_ms(self, own: ChargerOffline | TelemetryStale, unknown_s: float) -> float:
        limit_ms = self.habit.limit_ms(own.missed_intervals, unknown_s, own.floor_s, own.ceiling_s)
        # A habit of an earlier life, and nothing heard in this one yet.
        return max(limit_ms, own.start_grace_s * 1000) if self.habit.last_ms is None else limit_ms

    def next_ms(self, now_ms: int) -> float:
        """When it has to be looked at again, if nothing is heard of it: at once while anything is the matter."""
        holds = (self.offline_hold, self.stale_hold)
        if self.said_offline or any(hold.active or hold.pending for hold in holds):
            return now_ms
        stale_ms = self.telemetry_ms + self.stale_limit_ms()
        if self.device.kind is DeviceKind.SENSOR:
            return stale_ms
        return min(self.heard_ms + self.silence_limit_ms(), stale_ms)


class SilenceRule(BaseRule):
    """Follows when each configured charger and sensor was heard, and by what."""

    name = "silence"
    hears = _KINDS

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._lines: dict[DeviceRef, _Line] = {}
        self._watched: tuple[_Line, ...] = ()
        self._recalled: dict[DeviceRef, list[int]] = {}

    def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:
        line = self._lines.get(reading.device) or self._line(reading.device, now_ms)
        if line is None:
            return ()
        if reading.online is False:
            line.said_offline = True
            line.due_ms = now_ms
            return ()
        if reading.values:
            return _take(line, reading, now_ms)
        line.heard_ms = now_ms
        line.said_offline = line.said_offline and reading.late
        if reading.online is None and not reading.late:
            line.live_ms = _spoken_ms(reading, now_ms)
        return ()

    def listener(self, reading: Reading, now_ms: int) -> tuple[Take, Any]:
        line = self._line(reading.device, now_ms)
        return super().listener(reading, now_ms) if line is None else (_take, line)

    def tick(self, now_ms: int) -> Iterator[Condition]:
        self._watched = self._watched or self._all(now_ms)
        for line in self._watched:
            if now_ms >= line.due_ms:
                yield from self._judge(line, now_ms)
                line.due_ms = line.next_ms(now_ms)

    def restore(self, alert: Alert, now_ms: int) -> bool:
        key = alert.key
        line = self._line(ref_of(key), now_ms) if key.port is None else None
        if line is None:
            return False
        if key.kind is AlertKind.CHARGER_OFFLINE and line.offline.enabled:
            # Offline until it is heard: the start alone is no sign of life.
            line.said_offline = line.offline_hold.active = True
            line.due_ms = now_ms
            return True
        if key.kind is AlertKind.TELEMETRY_STALE and line.stale.enabled:
            line.telemetry_ms = round(now_ms - line.stale_limit_ms() - 1)
            line.stale_hold.active = True
            line.due_ms = now_ms
            return True
        return False

    def remember(self) -> list[Any]:
        return [[*ref, line.habit.gaps_ms] for ref, line in self._lines.items() if line.habit.gaps_ms]

    def recall(self, memory: Any) -> None:
        known = {DeviceRef(site, shed, device): gaps_ms for site, shed, device, gaps_ms in memory}
        self._recalled = known
        for ref, line in self._lines.items():
            line.habit.recall(known.get(ref, line.habit.gaps_ms))

    def _all(self, now_ms: int) -> tuple[_Line, ...]:
        """Everything configured, chargers first; what was never heard is awaited from now on."""
        devices = (device for kind in _KINDS for device in self._around.topology.devices(kind))
        lines = (self._line(device.ref, now_ms) for device in devices)
        return tuple(line for line in lines if line is not None)

    def _line(self, ref: DeviceRef, now_ms: int) -> _Line | None:
        if ref not in self._lines:
            device = self._around.topology.find(ref)
            if device is None or device.kind not in _KINDS:
                return None
            self._lines[ref] = _Line(
                device,
                self._around.book.of(AlertKind.CHARGER_OFFLINE, ChargerOffline, ref),
                self._around.book.of(AlertKind.TELEMETRY_STALE, TelemetryStale, ref),
                start_ms=now_ms,
                heard_ms=now_ms,
                telemetry_ms=now_ms,
            )
            self._lines[ref].habit.recall(self._recalled.get(ref, ()))
        return self._lines[ref]

    def _judge(self, line: _Line, now_ms: int) -> Iterator[Condition]:
        silent = now_ms - line.heard_ms > line.silence_limit_ms()
        old = now_ms - line.telemetry_ms > line.stale_limit_ms()
        if line.device.kind is DeviceKind.SENSOR:
            yield from self._tell_stale(line, line.said_offline or old, now_ms)
            return
        own = line.offline
        on_s = 0.0 if silent else own.on_delay_s
        if line.offline_hold.feed(line.said_offline or silent, now_ms, on_s, own.off_delay_s) and own.enabled:
            yield self._offline(line, now_ms)
        gone = line.said_offline or silent or line.offline_hold.active
        yield from self._tell_stale(line, old and not gone, now_ms)
        if gone:
            # The whole silence is one alert; what is awaited of it starts anew when it is back.
            line.telemetry_ms = now_ms

    def _tell_stale(self, line: _Line, present: bool, now_ms: int) -> Iterator[Condition]:
        sensor = line.device.kind is DeviceKind.SENSOR
        # A sensor has no kind for being offline: its will counts after the time in which devices reconnect.
        on_s = line.offline.on_delay_s if sensor and line.said_offline else line.stale.on_delay_s
        if line.stale_hold.feed(present, now_ms, on_s, line.stale.off_delay_s) and line.stale.enabled:
            yield self._stale(line, now_ms)

    def _offline(self, line: _Line, now_ms: int) -> Condition:
        span = duration((now_ms - line.heard_ms) / 1000)
        if line.said_offline:
            what = Text("已离线", "offline")
        else:
            what = Text(f"已离线，{span.zh}没有任何消息", f"offline, not heard for {span.en}")
        key = key_of(AlertKind.CHARGER_OFFLINE, line.device.ref)
        return self._condition(
            line, key, line.offline_hold.active, line.offline.severity, what, line.silence_limit_ms()
        )

    def _stale(self, line: _Line, now_ms: int) -> Condition:
        sensor = line.device.kind is DeviceKind.SENSOR
        watches_fire = line.device.sensor_kind in _FIRE_SENSORS
        span = duration((now_ms - line.telemetry_ms) / 1000)
        blind = Text("，此处不再探测火灾", "; no fire is detected there") if watches_fire else Text("", "")
        if sensor and line.said_offline:
            what = Text(f"已离线{blind.zh}", f"offline{blind.en}")
        elif sensor:
            what = Text(f"已{span.zh}没有数据{blind.zh}", f"nothing sent for {span.en}{blind.en}")
        else:
            what = Text(f"在线，但{span.zh}没有数据", f"connected, but no telemetry for {span.en}")
        severity = line.stale.sensor_severity if watches_fire else line.stale.severity
        key = key_of(AlertKind.TELEMETRY_STALE, line.device.ref)
        return self._condition(line, key, line.stale_hold.active, severity, what, line.stale_limit_ms())

    def _condition(
        self, line: _Line, key: AlertKey, active: bool, severity: Severity, what: Text, limit_ms: float
    ) -> Condition:
        return Condition(
            key=key,
            active=active,
            severity=severity,
            message=compose(key.kind, place(self._around.topology, key), what),
            threshold=round(limit_ms / 1000, 1),
            unit="s",
            details={"rule": self.name},
            heard_ms=line.live_ms,
        )


def _spoken_ms(reading: Reading, now_ms: int) -> int:
    """When it was said, as far as its device's clock can be believed: brokers keep messages while a link is down."""
    return now_ms + min(0, reading.ts_ms - reading.received_ms)


def _take(line: _Line, reading: Reading, now_ms: int) -> Iterable[Condition]:
    """Hear values."""
    line.heard_ms = now_ms
    if reading.late:
        return ()
    line.said_offline = False
    line.telemetry_ms = now_ms
    habit = line.habit
    # The ports of one message are one arrival.
    if not habit.is_same_message(now_ms):
        line.live_ms = _spoken_ms(reading, now_ms)
        if habit.heard(now_ms, max(line.silence_limit_ms(), line.stale_limit_ms())):
            # It may be due earlier than was thought.
            line.due_ms = min(line.due_ms, line.next_ms(now_ms))
    return ()
