"""A port is missing in its charger's telemetry while the charger goes on reporting: `telemetry_stale` of that port."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from alerts.messages import compose, duration, place
from alerts.model import Alert, AlertKey, AlertKind, Condition, Text
from alerts.rules.base import BaseRule, Hold, Surroundings, Take, key_of, ref_of
from alerts.rules.habit import Habit
from alerts.rules.hazards_presence import TelemetryStale
from ingest.model import DeviceKind, DeviceRef, Reading

_LOOK_EVERY_MS = 5000
"""Ports are looked at every five seconds: their limits are minutes, and a district has tens of thousands of them."""


@dataclass(slots=True)
class _Port:
    key: AlertKey
    limit_ms: float
    habit: Habit = field(default_factory=Habit)
    hold: Hold = field(default_factory=Hold)


@dataclass(slots=True)
class _Charger:
    """What is known of a charger; no port can have become too old before its telemetry reaches `due_ms`."""

    settings: TelemetryStale
    ports: dict[int, _Port]
    first_ms: int | None = None
    last_ms: int = 0
    due_ms: float = 0.0

    def hear(self, port: _Port, now_ms: int) -> None:
        """A port is in the telemetry."""
        if port.habit.heard(now_ms, port.limit_ms):
            own = self.settings
            unknown_s = max(own.unknown_limit_s, own.port_limit_s)
            port.limit_ms = port.habit.limit_ms(own.missed_intervals, unknown_s, own.floor_s, own.ceiling_s)
            self.due_ms = min(self.due_ms, now_ms + port.limit_ms)

    def heard_ms(self, port: _Port) -> int:
        """When the port was heard; before the first time, when the charger was."""
        return port.habit.last_ms if port.habit.last_ms is not None else self.first_ms or 0

    def next_ms(self) -> float:
        """`due_ms` as things stand: at once while a port is missing or was just now."""
        if any(port.hold.active or port.hold.pending for port in self.ports.values()):
            return 0.0
        return min((self.heard_ms(port) + port.limit_ms for port in self.ports.values()), default=math.inf)


class PortStaleRule(BaseRule):
    """Measures a port's age by its charger's newest telemetry, so that a silent charger ages no port."""

    name = "port_stale"
    hears = (DeviceKind.CHARGER,)

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._chargers: dict[DeviceRef, _Charger] = {}
        self._looked_ms: int | None = None

    def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:
        if not reading.values:
            return ()
        take, remembered = self.listener(reading, now_ms)
        return take(remembered, reading, now_ms)

    def listener(self, reading: Reading, now_ms: int) -> tuple[Take, Any]:  # noqa: ARG002 - the port's signature
        charger = self._charger(reading.device)
        if charger is None:
            return _nothing, None
        port = charger.ports.get(reading.port or 0)
        return (_take, charger) if port is None else (_take_port, (charger, port))

    def tick(self, now_ms: int) -> Iterator[Condition]:
        if self._looked_ms is not None and 0 <= now_ms - self._looked_ms < _LOOK_EVERY_MS:
            return
        self._looked_ms = now_ms
        for charger in self._chargers.values():
            if charger.first_ms is not None and charger.last_ms >= charger.due_ms:
                for port in charger.ports.values():
                    yield from self._judge(charger, port, now_ms)
                charger.due_ms = charger.next_ms()

    def restore(self, alert: Alert, now_ms: int) -> bool:  # noqa: ARG002 - the port's signature
        key = alert.key
        if key.kind is not AlertKind.TELEMETRY_STALE or key.port is None:
            return False
        charger = self._charger(ref_of(key))
        if charger is None or key.port not in charger.ports:
            return False
        charger.ports[key.port].hold.active = True
        charger.due_ms = 0.0
        return True

    def _charger(self, ref: DeviceRef) -> _Charger | None:
        if ref not in self._chargers:
            device = self._around.topology.find(ref)
            own = self._around.book.of(AlertKind.TELEMETRY_STALE, TelemetryStale, ref)
            if device is None or not own.enabled:
                return None
            numbers = range(1, device.ports + 1)
            keys = {number: key_of(AlertKind.TELEMETRY_STALE, ref, number) for number in numbers}
            ports = {number: _Port(key, own.port_limit_s * 1000) for number, key in keys.items()}
            self._chargers[ref] = _Charger(own, ports)
        return self._chargers[ref]

    def _judge(self, charger: _Charger, port: _Port, now_ms: int) -> Iterator[Condition]:
        own, key, hold = charger.settings, port.key, port.hold
        if port.habit.last_ms is None and hold.active:
            # Taken over from before a restart: it is missing until it is heard.
            return
        age_ms = charger.last_ms - charger.heard_ms(port)
        if hold.feed(age_ms > port.limit_ms, now_ms, own.on_delay_s, own.off_delay_s):
            span = duration(age_ms / 1000)
            yield Condition(
                key=key,
                active=hold.active,
                severity=own.port_severity,
                message=compose(
                    key.kind,
                    place(self._around.topology, key),
                    Text(f"{span.zh}没有数据，而充电桩在线", f"missing in its charger's telemetry for {span.en}"),
                ),
                threshold=round(port.limit_ms / 1000, 1),
                unit="s",
                details={"rule": self.name},
                heard_ms=port.habit.last_ms,
            )


def _take(charger: _Charger, reading: Reading, now_ms: int) -> Iterable[Condition]:
    """Hear values."""
    if reading.late:
        return ()
    if charger.first_ms is None:
        charger.first_ms = now_ms
    charger.last_ms = now_ms
    return ()


def _take_port(remembered: tuple[_Charger, _Port], reading: Reading, now_ms: int) -> Iterable[Condition]:
    """Hear values of a port."""
    charger, port = remembered
    if not reading.late:
        _take(charger, reading, now_ms)
        charger.hear(port, now_ms)
    return ()


def _nothing(_remembered: None, _reading: Reading, _now_ms: int) -> Iterable[Condition]:
    """It is not watched."""
    return ()
