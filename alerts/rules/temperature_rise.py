"""A port hotter than its load explains: a loose or corroded contact on its way to over-temperature.

A port that heats up over minutes raises this first (medium, then high), and `over_temperature` once it passes that
rule's limits; both stay open side by side, as two kinds of evidence.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from alerts.messages import compose, duration, place, quantity
from alerts.model import Alert, AlertKey, AlertKind, Condition, Severity, Text
from alerts.rules.base import BaseRule, Hold, Surroundings, Take, key_of, ref_of
from alerts.rules.hazards_electrical import TemperatureRise
from alerts.rules.level import number_of
from alerts.rules.lowest import LowestWithin
from ingest.model import DeviceKind, DeviceRef, Reading


@dataclass(slots=True)
class _Case:
    """What a charger's own sensor said last, and when."""

    temperature_c: float = 0.0
    at_ms: float = -math.inf


@dataclass(slots=True)
class _Port:
    """What is remembered of a port. A rise below `least_c` is no alarm whatever its load, and cannot end one if not `busy`."""

    key: AlertKey
    settings: TemperatureRise
    case: _Case
    lowest: LowestWithin
    least_c: float
    temperature_c: float | None = None
    at_ms: int = 0
    current_a: float | None = None
    load_a2: float = 0.0
    load_ms: int = 0
    busy: bool = False
    rise_c: float | None = None
    explained_c: float = 0.0
    allowed_c: float = 0.0
    medium: Hold = field(default_factory=Hold)
    high: Hold = field(default_factory=Hold)


class TemperatureRiseRule(BaseRule):
    """Compares every port with its surroundings (see `hazards.TemperatureRise`)."""

    name = str(AlertKind.TEMPERATURE_RISE)
    hears = (DeviceKind.CHARGER,)
    fields = ("temperature_c", "current_a")

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._cases: dict[DeviceRef, _Case] = {}
        self._ports: dict[DeviceRef, dict[int, _Port]] = {}
        self._pending: dict[AlertKey, _Port] = {}

    def listener(self, reading: Reading, now_ms: int) -> tuple[Take, Any]:  # noqa: ARG002 - the port's signature
        if reading.port is None:
            return _hear_case, self._case(reading.device)
        return self._hear_port, self._port(reading.device, reading.port)

    def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:
        take, remembered = self.listener(reading, now_ms)
        return take(remembered, reading, now_ms)

    def _hear_port(self, port: _Port, reading: Reading, now_ms: int) -> Iterable[Condition]:
        if reading.late:
            return ()
        current_a = number_of(reading, "current_a")
        if current_a is not None:
            port.current_a = current_a
        temperature_c = number_of(reading, "temperature_c")
        if temperature_c is None or not port.settings.enabled:
            return ()
        port.temperature_c, port.at_ms = temperature_c, now_ms
        return self._measure(reading.device, port, temperature_c, now_ms)

    def last(self, ref: DeviceRef, number: int | None) -> tuple[float, int] | None:
        """A port's, or a charger's own, temperature at its last report, and when that was."""
        if number is None:
            case = self._cases.get(ref)
            return (case.temperature_c, round(case.at_ms)) if case is not None and case.at_ms > -math.inf else None
        port = self._ports.get(ref, {}).get(number)
        return (port.temperature_c, port.at_ms) if port is not None and port.temperature_c is not None else None

    def tick(self, now_ms: int) -> Iterator[Condition]:
        for port in tuple(self._pending.values()):
            yield from self._judge(port, now_ms)

    def restore(self, alert: Alert, now_ms: int) -> bool:  # noqa: ARG002 - the port's signature
        key = alert.key
        if key.kind is not AlertKind.TEMPERATURE_RISE or key.port is None:
            return False
        port = self._port(ref_of(key), key.port)
        port.medium.active = port.busy = port.settings.enabled
        return port.settings.enabled

    def _port(self, ref: DeviceRef, number: int) -> _Port:
        try:
            return self._ports[ref][number]
        except KeyError:
            own = self._around.book.of(AlertKind.TEMPERATURE_RISE, TemperatureRise, ref)
        key = key_of(AlertKind.TEMPERATURE_RISE, ref, number)
        lowest, least_c = LowestWithin(own.fast_window_s * 1000), min(own.excess_c, own.fast_rise_c)
        port = _Port(key, own, self._case(ref), lowest, least_c)
        return self._ports.setdefault(ref, {}).setdefault(number, port)

    def _case(self, ref: DeviceRef) -> _Case:
        return self._cases.setdefault(ref, _Case())

    def _measure(self, ref: DeviceRef, port: _Port, temperature_c: float, now_ms: int) -> Iterable[Condition]:
        own = port.settings
        oldest_ms = now_ms - own.reference_age_s * 1000
        case = port.case
        reference_c = case.temperature_c if case.at_ms >= oldest_ms else self._others_c(ref, port, oldest_ms)
        if reference_c is None:
            return ()
        rise_c = temperature_c - reference_c
        load_a2 = _load_a2(port, now_ms)
        port.lowest.add(rise_c, now_ms)
        if rise_c < port.least_c and not port.busy:
            # Nearly every reading.
            return ()
        port.rise_c = rise_c
        port.explained_c = own.per_a2_c * load_a2
        port.allowed_c = own.excess_c + port.explained_c
        return self._judge(port, now_ms)

    def _others_c(self, ref: DeviceRef, port: _Port, oldest_ms: float) -> float | None:
        others = [
            other.temperature_c
            for other in self._ports[ref].values()
            if other is not port and other.temperature_c is not None and other.at_ms >= oldest_ms
        ]
        return median(others) if len(others) >= 2 else None

    def _judge(self, port: _Port, now_ms: int) -> list[Condition]:
        if port.rise_c is None:
            return []
        own, before = port.settings, port.medium.active
        gained_c = port.rise_c - port.lowest.value
        fast = min(gained_c, port.rise_c) >= own.fast_rise_c + port.explained_c
        slack_c = own.hysteresis_c if before else 0.0
        above = port.rise_c >= port.allowed_c - slack_c
        if not (above or fast or port.busy):
            # Nothing is reached and nothing is running out.
            return []
        port.medium.feed(above or fast, now_ms, own.on_delay_s, own.off_delay_s)
        high_c = port.allowed_c + own.high_margin_c - (own.hysteresis_c if port.high.active else 0.0)
        port.high.feed(port.rise_c >= high_c, now_ms, own.on_delay_s, own.off_delay_s)
        if port.medium.pending or port.high.pending:
            self._pending[port.key] = port
        else:
            self._pending.pop(port.key, None)
        port.busy = port.key in self._pending or port.medium.active or port.high.active
        # While it is only held (hysteresis, off-delay) there is nothing to tell.
        telling = port.medium.active and (port.rise_c >= port.allowed_c or fast)
        if not telling and before == port.medium.active:
            return []
        return [self._condition(port, gained_c)]

    def _condition(self, port: _Port, gained_c: float) -> Condition:
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
            key=port.key,
            active=port.medium.active,
            severity=Severity.HIGH if port.high.active else Severity.MEDIUM,
            message=compose(AlertKind.TEMPERATURE_RISE, place(self._around.topology, port.key), what),
            value=round(value, 1),
            threshold=round(limit, 1),
            unit="°C",
            details={"rule": self.name, "current_a": port.current_a, "gained_c": round(gained_c, 1)},
        )


def _hear_case(case: _Case, reading: Reading, now_ms: int) -> Iterable[Condition]:
    temperature_c = number_of(reading, "temperature_c")
    if temperature_c is not None and not reading.late:
        case.temperature_c, case.at_ms = temperature_c, now_ms
    return ()


def _load_a2(port: _Port, now_ms: int) -> float:
    """Square of the current that the socket's heat comes from: the present one, or what is left of a larger one."""
    own = port.settings
    current_a = own.unknown_current_a if port.current_a is None else port.current_a
    load_a2 = current_a * current_a
    if load_a2 < port.load_a2:
        faded = port.load_a2 * math.exp(-max(now_ms - port.load_ms, 0) / (own.load_memory_s * 1000))
        load_a2 = max(load_a2, faded)
    port.load_a2, port.load_ms = load_a2, now_ms
    return load_a2
