"""A contact that heats more, day by day, at the same current: wear with weeks of lead, told before it glows."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import Any

from alerts.messages import compose, place, quantity
from alerts.model import Alert, AlertKey, AlertKind, Condition, Severity, Text
from alerts.rules.base import BaseRule, Surroundings, key_of, ref_of
from alerts.rules.contact_trend import ContactTrend
from alerts.rules.hazards_charging import ContactAgeing
from alerts.rules.level import number_of
from ingest.model import DeviceKind, DeviceRef, Reading

_DAY_MS = 86_400_000
_NO_CURRENT_A = 0.05
"""What a meter shows of nothing."""
_SIBLINGS = 3
"""So many other ports of a charger tell what they share."""


class _Port:
    __slots__ = ("active", "drift_c", "key", "own", "sampled_ms", "steady_a", "steady_ms", "temperature", "trend")

    def __init__(self, key: AlertKey, own: ContactAgeing) -> None:
        self.key = key
        self.own = own
        self.trend = ContactTrend(own.recent_days, own.half_life_days)
        self.temperature: tuple[float, int] | None = None
        self.steady_a = 0.0
        self.steady_ms: int | None = None
        self.sampled_ms = 0
        self.drift_c: float | None = None
        self.active = False

    def steady(self, current_a: float, now_ms: int) -> float | None:
        """The current where it has been steady for long enough and a sample is due: 0 for none; else None."""
        own = self.own
        current_a = 0.0 if current_a < _NO_CURRENT_A else current_a
        if self.steady_ms is None or abs(current_a - self.steady_a) > own.steady_ratio * self.steady_a:
            self.steady_a, self.steady_ms = current_a, now_ms
        if now_ms - self.steady_ms < own.steady_s * 1000 or now_ms - self.sampled_ms < own.sample_s * 1000:
            return None
        return None if 0.0 < current_a < own.min_current_a else current_a


class ContactAgeingRule(BaseRule):
    """Learns each port's rise for its current over days (see `hazards_charging.ContactAgeing`); outlives a restart."""

    name = str(AlertKind.CONTACT_AGEING)
    hears = (DeviceKind.CHARGER,)
    fields = ("temperature_c",)
    slow = True

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._cases: dict[DeviceRef, tuple[float, int]] = {}
        self._chargers: dict[DeviceRef, dict[int, _Port]] = {}

    def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:
        temperature_c = number_of(reading, "temperature_c")
        if temperature_c is None or reading.late:
            return ()
        if reading.port is None:
            self._cases[reading.device] = (temperature_c, now_ms)
            return ()
        port = self._port(reading.device, reading.port)
        port.temperature = (temperature_c, now_ms)
        current_a = number_of(reading, "current_a")
        steady_a = None if current_a is None else port.steady(current_a, now_ms)
        if steady_a is None or not port.own.enabled:
            return ()
        reference_c = self._reference(reading.device, port, now_ms)
        if reference_c is None:
            return ()
        port.sampled_ms = now_ms
        port.trend.add(now_ms // _DAY_MS, steady_a, temperature_c - reference_c)
        return self._judge(reading.device, port)

    def restore(self, alert: Alert, now_ms: int) -> bool:  # noqa: ARG002 - the port's signature
        key = alert.key
        if key.kind is not AlertKind.CONTACT_AGEING or key.port is None:
            return False
        port = self._port(ref_of(key), key.port)
        port.active = port.own.enabled
        return port.own.enabled

    def remember(self) -> list[Any]:
        return [
            [*ref, number, *port.trend.pack()]
            for ref, ports in self._chargers.items()
            for number, port in ports.items()
            if port.trend.recent
        ]

    def recall(self, memory: Any) -> None:
        for site, shed, device, number, *trend in memory:
            ref = DeviceRef(site, shed, device)
            if self._around.topology.find(ref) is not None:
                self._port(ref, number).trend.unpack(*trend)

    def _port(self, ref: DeviceRef, number: int) -> _Port:
        ports = self._chargers.setdefault(ref, {})
        if number not in ports:
            own = self._around.book.of(AlertKind.CONTACT_AGEING, ContactAgeing, ref)
            ports[number] = _Port(key_of(AlertKind.CONTACT_AGEING, ref, number), own)
        return ports[number]

    def _reference(self, ref: DeviceRef, port: _Port, now_ms: int) -> float | None:
        oldest_ms = now_ms - port.own.reference_age_s * 1000
        case = self._cases.get(ref)
        if case is not None and case[1] >= oldest_ms:
            return case[0]
        known = [other.temperature for other in self._chargers[ref].values() if other is not port and other.temperature]
        others = [celsius for celsius, at_ms in known if at_ms >= oldest_ms]
        return median(others) if len(others) >= _SIBLINGS else None

    def _judge(self, ref: DeviceRef, port: _Port) -> list[Condition]:
        own = port.own
        found = port.trend.drift(own.min_samples, own.learn_days)
        port.drift_c = found[0] if found else None
        if found is None:
            return []
        others = [it.drift_c for it in self._chargers[ref].values() if it is not port and it.drift_c is not None]
        drift_c, load_a2 = found
        if len(others) >= _SIBLINGS:
            drift_c -= median(others)
        before, worn_c = port.active, min(own.limit_c, own.per_a2_c * load_a2)
        limit_c = max(own.floor_c, worn_c)
        port.active = drift_c >= (own.hold_ratio * worn_c if before else limit_c)
        if drift_c < limit_c and port.active == before:
            return []
        return [self._condition(port, drift_c, load_a2, limit_c)]

    def _condition(self, port: _Port, drift_c: float, load_a2: float, limit_c: float) -> Condition:
        own = port.own
        more, at = quantity(drift_c, "°C"), quantity(load_a2**0.5, "A")
        what = Text(
            f"同样电流（{at}）下温升比以前高 {more}，触点在老化",
            f"heats {more} more than it used to at {at}, its contact ages",
        )
        return Condition(
            key=port.key,
            active=port.active,
            severity=Severity.HIGH if drift_c >= own.high_factor * limit_c else own.severity,
            message=compose(port.key.kind, place(self._around.topology, port.key), what),
            value=round(drift_c, 1),
            threshold=round(limit_c, 1),
            unit="°C",
            details={"rule": self.name, "per_a2_c": round(drift_c / load_a2, 2), "days": port.trend.days},
        )
