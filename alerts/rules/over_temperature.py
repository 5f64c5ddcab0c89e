"""A port or a charger's case is too hot: two levels, each with its persistence; one wild sample is doubted.

Two makers have switched off their devices' own trips because single samples cut off sound charges. A port that is hotter
than it can have become since its last report is believed when the next report is as hot, or none comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from alerts.model import AlertKind, Condition, Severity, Text
from alerts.rules.base import Surroundings
from alerts.rules.hazards_electrical import OverTemperature
from alerts.rules.level import LevelRule, Limits, Step
from ingest.model import DeviceRef

Last = Callable[[DeviceRef, int | None], tuple[float, int] | None]
"""A port's temperature before this report, and when that was; None where it is not known."""


def over_temperature(around: Surroundings, last: Last = lambda _ref, _port: None) -> LevelRule:
    """The rule; watches `temperature_c` of chargers and their ports."""
    return _OverTemperatureRule(around, last)


class _OverTemperatureRule(LevelRule):
    def __init__(self, around: Surroundings, last: Last) -> None:
        what = Text("温度", "temperature")
        super().__init__(around, AlertKind.OVER_TEMPERATURE, what, "°C", "temperature_c", self._limits_of)
        self._last = last
        self._doubted: dict[tuple[DeviceRef, int | None], tuple[float, float]] = {}

    def judge(self, ref: DeviceRef, port: int | None, value: float, now_ms: int) -> Iterable[Condition]:
        subject = self._subject(ref, port)
        if subject is None or subject.low < value < subject.high:
            return ()
        doubted = self._doubted.pop((ref, port), None)
        if doubted is None and not subject.active and self._jumped(ref, port, value, now_ms):
            subject.attend(busy=True)
            self._doubted[ref, port] = value, now_ms + self._settings(ref).jump_wait_s * 1000
            return ()
        return super().judge(ref, port, value, now_ms)

    def tick(self, now_ms: int) -> Iterator[Condition]:
        for (ref, port), (value, until_ms) in tuple(self._doubted.items()):
            if now_ms >= until_ms:
                # Nothing came after it: what is silent may burn.
                del self._doubted[ref, port]
                yield from super().judge(ref, port, value, now_ms)
        yield from super().tick(now_ms)

    def _jumped(self, ref: DeviceRef, port: int | None, value: float, now_ms: int) -> bool:
        before = self._last(ref, port)
        if before is None:
            return False
        passed_s = max((now_ms - before[1]) / 1000, 0.001)
        return value - before[0] > self._settings(ref).jump_c_per_s * passed_s

    def _settings(self, ref: DeviceRef) -> OverTemperature:
        return self._around.book.of(AlertKind.OVER_TEMPERATURE, OverTemperature, ref)

    def _limits_of(self, ref: DeviceRef, port: int | None) -> Limits | None:
        own = self._settings(ref)
        if not own.enabled:
            return None
        high, critical = (own.high_c, own.critical_c) if port else (own.charger_high_c, own.charger_critical_c)
        steps = (
            Step(Severity.HIGH, high, own.on_delay_s),
            Step(Severity.CRITICAL, critical, min(own.critical_delay_s, own.on_delay_s)),
        )
        return Limits(steps, own.off_delay_s, own.hysteresis_c)
