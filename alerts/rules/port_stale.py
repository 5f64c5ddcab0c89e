"""A port is missing in its charger's telemetry while the charger goes on reporting: `telemetry_stale` of that port."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from alerts.messages import compose, duration, place
from alerts.model import Alert, AlertKind, Condition, Text
from alerts.rules.base import BaseRule, Hold, Surroundings, key_of, ref_of
from alerts.rules.habit import Habit
from alerts.rules.hazards_presence import TelemetryStale
from ingest.model import DeviceKind, DeviceRef, Reading

_LOOK_EVERY_MS = 5000
"""Ports are looked at every five seconds: their limits are minutes, and a district has tens of thousands of them."""


@dataclass(slots=True)
class _Charger:
    settings: TelemetryStale
    ports: dict[int, Habit]
    holds: dict[int, Hold] = field(default_factory=dict)
    first_ms: int | None = None
    last_ms: int = 0


class PortStaleRule(BaseRule):
    """Measures a port's age by its charger's newest telemetry, so that a silent charger ages no port."""

    name = "port_stale"

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._chargers: dict[DeviceRef, _Charger] = {}
        self._looked_ms: int | None = None

    def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:
        if reading.late or reading.kind is not DeviceKind.CHARGER or not reading.values:
            return ()
        charger = self._charger(reading.device)
        if charger is None:
            return ()
        charger.first_ms = now_ms if charger.first_ms is None else charger.first_ms
        charger.last_ms = now_ms
        if reading.port in charger.ports:
            charger.ports[reading.port].heard(now_ms, self._limit_ms(charger, reading.port))
        return ()

    def tick(self, now_ms: int) -> Iterator[Condition]:
        if self._looked_ms is not None and 0 <= now_ms - self._looked_ms < _LOOK_EVERY_MS:
            return
        self._looked_ms = now_ms
        for ref, charger in self._chargers.items():
            if charger.first_ms is not None:
                for number in charger.ports:
                    yield from self._judge(ref, charger, number, now_ms)

    def restore(self, alert: Alert, now_ms: int) -> bool:  # noqa: ARG002 - the port's signature
        key = alert.key
        if key.kind is not AlertKind.TELEMETRY_STALE or key.port is None:
            return False
        charger = self._charger(ref_of(key))
        if charger is None or key.port not in charger.ports:
            return False
        charger.holds[key.port] = Hold(active=True)
        return True

    def _charger(self, ref: DeviceRef) -> _Charger | None:
        if ref not in self._chargers:
            device = self._around.topology.find(ref)
            own = self._around.book.of(AlertKind.TELEMETRY_STALE, TelemetryStale, ref)
            if device is None or not own.enabled:
                return None
            self._chargers[ref] = _Charger(own, {number: Habit() for number in range(1, device.ports + 1)})
        return self._chargers[ref]

    @staticmethod
    def _limit_ms(charger: _Charger, number: int) -> float:
        own = charger.settings
        habit = charger.ports[number]
        unknown_s = own.port_limit_s if habit.last_ms is None else max(own.unknown_limit_s, own.port_limit_s)
        return habit.limit_ms(own.missed_intervals, unknown_s, own.floor_s, own.ceiling_s)

    def _judge(self, ref: DeviceRef, charger: _Charger, number: int, now_ms: int) -> Iterator[Condition]:
        last_ms = charger.ports[number].last_ms
        hold = charger.holds.setdefault(number, Hold())
        if last_ms is None and hold.active:
            # Taken over from before a restart: it is missing until it is heard.
            return
        age_ms = charger.last_ms - (last_ms if last_ms is not None else charger.first_ms or 0)
        limit_ms = self._limit_ms(charger, number)
        own = charger.settings
        if hold.feed(age_ms > limit_ms, now_ms, own.on_delay_s, own.off_delay_s):
            key = key_of(AlertKind.TELEMETRY_STALE, ref, number)
            span = duration(age_ms / 1000)
            yield Condition(
                key=key,
                active=hold.active,
                severity=own.port_severity,
                message=compose(
                    key.kind,
                    place(self._around.topology, key),
                    Text(f"{span.zh}没有数据，而充电桩在线", f"is missing in its charger's telemetry for {span.en}"),
                ),
                threshold=round(limit_ms / 1000, 1),
                unit="s",
                details={"rule": self.name},
            )
