"""A device's clock is wrong by more than messages are ever delayed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from alerts.messages import compose, duration, place
from alerts.model import Alert, AlertKind, Condition, Text
from alerts.rules.base import BaseRule, Hold, Surroundings, Take, key_of, ref_of
from alerts.rules.hazards_presence import ClockSkew
from ingest.model import DeviceRef, Reading

_NEVER_SET_MS = 978_307_200_000
"""2001-01-01: a time before it comes from a clock that starts at 1970 or 2000 and was never set."""


@dataclass(slots=True)
class _Watch:
    settings: ClockSkew
    message_ms: int = 0
    wrong: int = 0
    hold: Hold = field(default_factory=Hold)


class ClockSkewRule(BaseRule):
    """Compares the device's time with the time of arrival, message by message; a backlog is old, not skewed."""

    name = str(AlertKind.CLOCK_SKEW)

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._watches: dict[DeviceRef, _Watch] = {}

    def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:
        return self._take(self._watch(reading.device), reading, now_ms)

    def listener(self, reading: Reading, now_ms: int) -> tuple[Take, Any]:  # noqa: ARG002 - the port's signature
        return self._take, self._watch(reading.device)

    def _take(self, watch: _Watch, reading: Reading, now_ms: int) -> Iterable[Condition]:
        received_ms, device_ms = reading.received_ms, reading.device_ms
        if received_ms == watch.message_ms or device_ms is None or reading.late or not watch.settings.enabled:
            return ()
        watch.message_ms = received_ms
        skew_s = (device_ms - received_ms) / 1000
        if abs(skew_s) <= watch.settings.limit_s and not watch.wrong and not watch.hold.active:
            # Nearly every message; a delay runs only after wrong ones or while it is active.
            return ()
        wrong = abs(skew_s) > watch.settings.limit_s
        watch.wrong = watch.wrong + 1 if wrong else 0
        own = watch.settings
        present = watch.wrong >= own.samples or (watch.hold.active and wrong)
        return self._judge(reading, watch, present, skew_s, now_ms)

    def restore(self, alert: Alert, now_ms: int) -> bool:  # noqa: ARG002 - the port's signature
        key = alert.key
        if key.kind is not AlertKind.CLOCK_SKEW:
            return False
        watch = self._watch(ref_of(key))
        watch.hold.active = watch.settings.enabled
        return watch.settings.enabled

    def _watch(self, ref: DeviceRef) -> _Watch:
        if ref not in self._watches:
            self._watches[ref] = _Watch(self._around.book.of(AlertKind.CLOCK_SKEW, ClockSkew, ref))
        return self._watches[ref]

    def _judge(self, reading: Reading, watch: _Watch, present: bool, skew_s: float, now_ms: int) -> Iterator[Condition]:
        own = watch.settings
        if not watch.hold.feed(present, now_ms, own.on_delay_s, own.off_delay_s):
            return
        key = key_of(AlertKind.CLOCK_SKEW, reading.device)
        span = duration(abs(skew_s))
        if (reading.device_ms or 0) < _NEVER_SET_MS:
            what = Text("时钟未设置（1970年）", "clock was never set (1970)")
        elif skew_s > 0:
            what = Text(f"时钟快{span.zh}", f"clock {span.en} ahead")
        else:
            what = Text(f"时钟慢{span.zh}", f"clock {span.en} behind")
        yield Condition(
            key=key,
            active=watch.hold.active,
            severity=own.severity,
            message=compose(key.kind, place(self._around.topology, key), what),
            value=round(skew_s, 1),
            threshold=own.limit_s,
            unit="s",
            details={"rule": self.name},
        )
