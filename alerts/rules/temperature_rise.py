"""A port hotter than its load explains: a loose or corroded contact on its way to over-temperature.

A port that heats up over minutes raises this first (medium, then high), and `over_temperature` once it passes that
rule's limits; both stay open side by side, as two kinds of evidence.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from statistics import median

from alerts.messages import compose, duration, place, quantity
from alerts.model import Alert, AlertKey, AlertKind, Condition, Severity, Text
from alerts.rules.base import BaseRule, Hold, Surroundings, key_of, ref_of
from alerts.rules.hazards_electrical import TemperatureRise
from alerts.rules.level import number_of
from ingest.model import DeviceKind, DeviceRef, Reading


@dataclass(slots=True)
class _Port:
    settings: TemperatureRise
    temperature_c: float | None = None
    at_ms: int = 0
    current_a: float | None = None
    load_a2: float = 0.0
    load_ms: int = 0
    rise_c: float | None = None
    explained_c: float = 0.0
    allowed_c: float = 0.0
    history: deque[tuple[int, float]] = field(default_factory=deque)
    medium: Hold = field(default_factory=Hold)
    high: Hold = field(default_factory=Hold)


class TemperatureRiseRule(BaseRule):
    """Compares every port with its surroundings (see `hazards.TemperatureRise`)."""

    name = str(AlertKind.TEMPERATURE_RISE)

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._cases: dict[DeviceRef, tuple[float, int]] = {}
        self._ports: dict[DeviceRef, dict[int, _Port]] = {}

    def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:
        if reading.late or reading.kind is not DeviceKind.CHARGER:
            return ()
        temperature_c = number_of(reading, "temperature_c")
        if reading.port is None:
            if temperature_c is not None:
                self._cases[reading.device] = (temperature_c, now_ms)
            return ()
        port = self._port(reading.device, reading.port)
        current_a = number_of(reading, "current_a")
        port.current_a = port.current_a if current_a is None else current_a
        if temperature_c is None or not port.settings.enabled:
            return ()
        port.temperature_c, port.at_ms = temperature_c, now_ms
        return self._measure(reading.device, reading.port, port, now_ms)

    def tick(self, now_ms: int) -> Iterator[Condition]:
        for ref, ports in self._ports.items():
            for number, port in ports.items():
                if port.medium.pending or port.high.pending:
                    yield from self._judge(key_of(AlertKind.TEMPERATURE_RISE, ref, number), port, now_ms)

    def restore(self, alert: Alert, now_ms: int) -> bool:  # noqa: ARG002 - the port's signature
        key = alert.key
        if key.kind is not AlertKind.TEMPERATURE_RISE or key.port is None:
            return False
        port = self._port(ref_of(key), key.port)
        port.medium.active = port.settings.enabled
        return port.settings.enabled

    def _port(self, ref: DeviceRef, number: int) -> _Port:
        ports = self._ports.setdefault(ref, {})
        if number not in ports:
            ports[number] = _Port(self._around.book.of(AlertKind.TEMPERATURE_RISE, TemperatureRise, ref))
        return ports[number]

    def _measure(self, ref: DeviceRef, number: int, port: _Port, now_ms: int) -> list[Condition]:
        reference_c = self._reference(ref, number, port.settings, now_ms)
        if reference_c is None or port.temperature_c is None:
            return []
        own = port.settings
        port.rise_c = port.temperature_c - reference_c
        port.explained_c = own.per_a2_c * _load_a2(port, now_ms)
        port.allowed_c = own.excess_c + port.explained_c
        port.history.append((now_ms, port.rise_c))
        while now_ms - port.history[0][0] > own.fast_window_s * 1000:
            port.history.popleft()
        return self._judge(key_of(AlertKind.TEMPERATURE_RISE, ref, number), port, now_ms)

    def _reference(self, ref: DeviceRef, number: int, own: TemperatureRise, now_ms: int) -> float | None:
        oldest_ms = now_ms - own.reference_age_s * 1000
        case = self._cases.get(ref)
        if case is not None and case[1] >= oldest_ms:
            return case[0]
        others = [
            port.temperature_c
            for other, port in self._ports[ref].items()
            if other != number and port.temperature_c is not None and port.at_ms >= oldest_ms
        ]
        return median(others) if len(others) >= 2 else None

    def _judge(self, key: AlertKey, port: _Port, now_ms: int) -> list[Condition]:
        if port.rise_c is None:
            return []
        own, before = port.settings, port.medium.active
        gained_c = port.rise_c - min(rise_c for _, rise_c in port.history)
        fast = min(gained_c, port.rise_c) >= own.fast_rise_c + port.explained_c
        slack_c = own.hysteresis_c if before else 0.0
        above = port.rise_c >= port.allowed_c - slack_c
        port.medium.feed(above or fast, now_ms, own.on_delay_s, own.off_delay_s)
        high_c = port.allowed_c + own.high_margin_c - (own.hysteresis_c if port.high.active else 0.0)
        port.high.feed(port.rise_c >= high_c, now_ms, own.on_delay_s, own.off_delay_s)
        # While it is only held (hysteresis, off-delay) there is nothing to tell.
        telling = port.medium.active and (port.rise_c >= port.allowed_c or fast)
        if not telling and before == port.medium.active:
            return []
        return [self._condition(key, port, gained_c)]

    def _condition(self, key: AlertKey, port: _Port, gained_c: float) -> Condition:
        assert port.rise_c is not None and port.temperature_c is not None  # noqa: PT018 - judged only when measured
        own, heat = port.settings, quantity(port.temperature_c, "°C")
        value, limit = port.rise_c, port.allowed_c
        if port.rise_c >= port.allowed_c - own.hysteresis_c:
            rise, allowed = quantity(value, "°C"), quantity(limit, "°C")
            what = Text(
                f"温度 {heat}，比周围高 {rise}，按负载应不超过 {allowed}",
                f"temperature {heat}, {rise} over its surroundings where the load explains {allowed}",
            )
        else:
            value, limit = gained_c, own.fast_rise_c + port.explained_c
            gained, span = quantity(value, "°C"), duration(own.fast_window_s)
            what = Text(f"温度 {heat}，{span.zh}内升高 {gained}", f"temperature {heat}, {gained} gained in {span.en}")
        return Condition(
            key=key,
            active=port.medium.active,
            severity=Severity.HIGH if port.high.active else Severity.MEDIUM,
            message=compose(AlertKind.TEMPERATURE_RISE, place(self._around.topology, key), what),
            value=round(value, 1),
            threshold=round(limit, 1),
            unit="°C",
            details={"rule": self.name, "current_a": port.current_a, "gained_c": round(gained_c, 1)},
        )


def _load_a2(port: _Port, now_ms: int) -> float:
    """Square of the current that the socket's heat comes from: the present one, or what is left of a larger one."""
    own = port.settings
    current_a = own.unknown_current_a if port.current_a is None else port.current_a
    faded = port.load_a2 * math.exp(-max(now_ms - port.load_ms, 0) / (own.load_memory_s * 1000))
    port.load_a2, port.load_ms = max(current_a**2, faded), now_ms
    return port.load_a2
