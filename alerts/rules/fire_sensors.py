"""Smoke heads, heat detectors, fuses, CO and water detectors: wired to a sensor, or to a charger that passes it on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from alerts.messages import compose, place
from alerts.model import Alert, AlertKey, AlertKind, Condition, Text
from alerts.rules.base import BaseRule, Calm, Hold, Surroundings, key_of, ref_of
from alerts.rules.hazards_fire import FireSensor
from ingest.model import DeviceKind, DeviceRef, Reading

_EVENTS = {
    "smoke": (AlertKind.SMOKE_SENSOR, Text("烟感报警", "smoke head in alarm")),
    "heat": (AlertKind.HEAT_SENSOR, Text("感温报警", "heat detector in alarm")),
    "fuse": (AlertKind.HEAT_SENSOR, Text("热熔丝熔断", "hot-melt fuse has melted")),
    "water": (AlertKind.WATER, Text("水浸报警", "water detected")),
}
# A CO detector reports a smouldering fire as a smoke head does.
_SENSORS = {
    "smoke": _EVENTS["smoke"],
    "heat": _EVENTS["heat"],
    "water": _EVENTS["water"],
    "co": (AlertKind.SMOKE_SENSOR, Text("一氧化碳报警", "CO detector in alarm")),
}
_KINDS = {AlertKind.SMOKE_SENSOR, AlertKind.HEAT_SENSOR, AlertKind.WATER}


@dataclass(slots=True)
class _Detector:
    settings: FireSensor
    what: Text
    alarm: bool = False
    event_until_ms: int = 0
    hold: Hold = field(default_factory=Hold)


class FireSensorRule(BaseRule):
    """Follows the `alarm` of sensors, the `smoke` of chargers, and the pushes `smoke`, `heat`, `fuse` and `water`."""

    name = "fire_sensors"
    hears = (DeviceKind.CHARGER, DeviceKind.SENSOR)
    fields = ("alarm", "smoke")

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._detectors: dict[AlertKey, _Detector] = {}
        self._calm: dict[AlertKey, Calm] = {}

    def calm(self, ref: DeviceRef, port: int | None, field: str) -> Calm | None:  # noqa: ARG002 - of the whole charger
        if field != "smoke":
            return None
        # Below one half: no smoke.
        key = key_of(AlertKind.SMOKE_SENSOR, ref)
        return self._calm.setdefault(key, Calm(high=-math.inf if key in self._detectors else 0.5))

    def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:
        if reading.late:
            return ()
        if reading.kind is DeviceKind.SENSOR:
            return self._sensor(reading, now_ms)
        if reading.event is not None or "smoke" in reading.values:
            return self._charger(reading, now_ms)
        return ()

    def tick(self, now_ms: int) -> Iterator[Condition]:
        for key, detector in self._detectors.items():
            if detector.hold.active or detector.hold.pending:
                yield from self._judge(key, detector, now_ms, told=False)

    def restore(self, alert: Alert, now_ms: int) -> bool:
        key = alert.key
        if key.kind not in _KINDS:
            return False
        word = next(word for word, (kind, _) in _EVENTS.items() if kind is key.kind)
        detector = self._detector(key, _EVENTS[word][1])
        if not detector.settings.enabled:
            return False
        device = self._around.topology.find(ref_of(key))
        # A sensor's contact is told again with its next report; a charger's push is not.
        detector.alarm = device is not None and device.kind is DeviceKind.SENSOR
        detector.event_until_ms = now_ms + round(detector.settings.event_hold_s * 1000)
        detector.hold.active = True
        return True

    def _sensor(self, reading: Reading, now_ms: int) -> Iterator[Condition]:
        alarm = reading.values.get("alarm")
        device = self._around.topology.find(reading.device)
        known = _SENSORS.get(device.sensor_kind) if device else None
        if isinstance(alarm, bool) and known is not None:
            kind, what = known
            yield from self._contact(key_of(kind, reading.device), what, alarm, now_ms)

    def _charger(self, reading: Reading, now_ms: int) -> Iterator[Condition]:
        if reading.event in _EVENTS:
            kind, what = _EVENTS[reading.event]
            key = key_of(kind, reading.device, reading.port)
            detector = self._detector(key, what)
            detector.event_until_ms = now_ms + round(detector.settings.event_hold_s * 1000)
            yield from self._judge(key, detector, now_ms)
        smoke = reading.values.get("smoke")
        if isinstance(smoke, bool):
            kind, what = _EVENTS["smoke"]
            yield from self._contact(key_of(kind, reading.device), what, smoke, now_ms)

    def _contact(self, key: AlertKey, what: Text, alarm: bool, now_ms: int) -> Iterator[Condition]:
        if not alarm and key not in self._detectors:
            return
        detector = self._detector(key, what)
        detector.alarm = alarm
        yield from self._judge(key, detector, now_ms)

    def _detector(self, key: AlertKey, what: Text) -> _Detector:
        if key not in self._detectors:
            if (calm := self._calm.get(key)) is not None:
                # Once it was in alarm, that it is not any more is news.
                calm.become(math.inf, -math.inf)
            self._detectors[key] = _Detector(self._around.book.of(key.kind, FireSensor, ref_of(key)), what)
        detector = self._detectors[key]
        detector.what = what
        return detector

    def _judge(self, key: AlertKey, detector: _Detector, now_ms: int, told: bool = True) -> Iterator[Condition]:
        own, before = detector.settings, detector.hold.active
        if not own.enabled:
            return
        present = detector.alarm or now_ms < detector.event_until_ms
        changed = detector.hold.feed(present, now_ms, own.on_delay_s, own.off_delay_s)
        if changed or (told and (before or detector.hold.active)):
            yield Condition(
                key=key,
                active=detector.hold.active,
                severity=own.severity,
                message=compose(key.kind, place(self._around.topology, key), detector.what),
                details={"rule": self.name},
            )
