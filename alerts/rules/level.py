"""A value against rising (or falling) limits, with persistence and hysteresis: the work of most electrical hazards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from alerts.messages import compose, exceeds, place
from alerts.model import Alert, AlertKey, AlertKind, Condition, Severity, Text
from alerts.rules.base import BaseRule, Hold, Surroundings, key_of, ref_of
from ingest.model import DeviceRef, Reading


class Step(NamedTuple):
    """One limit: how bad it is to be at or beyond it, and how long that must last."""

    severity: Severity
    limit: float
    on_delay_s: float


class Limits(NamedTuple):
    """The steps of one device or port, mildest first."""

    steps: tuple[Step, ...]
    off_delay_s: float
    hysteresis: float


class _Subject:
    """What is remembered of one device or port."""

    __slots__ = ("busy", "holds", "limits", "value")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.holds = [Hold() for _ in limits.steps]
        self.value: float | None = None
        self.busy = False

    @property
    def active(self) -> int:
        """How many steps are active, from the mildest; 0 for none."""
        return max((index for index, hold in enumerate(self.holds, 1) if hold.active), default=0)


class LevelRule(BaseRule):
    """Raises where the measured value stays at or beyond a limit.

    Args:
        kind: what it raises; also its name.
        what: the value's name in messages.
        measure: the value in a reading, or None where it says nothing of it.
        limits: the limits of a device or port, or None where it is not watched.
        falling: limits are lower limits.
    """

    def __init__(
        self,
        around: Surroundings,
        kind: AlertKind,
        what: Text,
        unit: str,
        measure: Callable[[Reading, int], float | None],
        limits: Callable[[DeviceRef, int | None], Limits | None],
        falling: bool = False,
    ) -> None:
        self.name = str(kind)
        self._around = around
        self._kind = kind
        self._what = what
        self._unit = unit
        self._measure = measure
        self._limits = limits
        self._sign = -1 if falling else 1
        self._subjects: dict[AlertKey, _Subject | None] = {}
        self._pending: set[AlertKey] = set()

    def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:
        if reading.late:
            return ()
        value = self._measure(reading, now_ms)
        if value is None:
            return ()
        key = key_of(self._kind, reading.device, reading.port)
        subject = self._subject(key)
        if subject is None:
            return ()
        subject.value = value
        if not subject.busy and self._distance(value, subject.limits.steps[0]) < 0:
            # Nearly every reading: the mildest limit is not reached and nothing is running out.
            return ()
        return self._judge(key, subject, now_ms)

    def tick(self, now_ms: int) -> Iterator[Condition]:
        for key in tuple(self._pending):
            subject = self._subjects[key]
            if subject is not None:
                yield from self._judge(key, subject, now_ms)

    def restore(self, alert: Alert, now_ms: int) -> bool:  # noqa: ARG002 - the port's signature
        key = alert.key
        if key.kind is not self._kind or alert.value is None:
            return False
        subject = self._subject(key)
        if subject is None:
            return False
        subject.holds[0].active = subject.busy = True
        return True

    def _subject(self, key: AlertKey) -> _Subject | None:
        if key not in self._subjects:
            limits = self._limits(ref_of(key), key.port)
            self._subjects[key] = _Subject(limits) if limits else None
        return self._subjects[key]

    def _judge(self, key: AlertKey, subject: _Subject, now_ms: int) -> list[Condition]:
        before = subject.active
        if subject.value is None:
            return []
        for step, hold in zip(subject.limits.steps, subject.holds, strict=True):
            distance = self._distance(subject.value, step)
            present = distance >= 0 or (hold.active and distance > -subject.limits.hysteresis)
            hold.feed(present, now_ms, step.on_delay_s, subject.limits.off_delay_s)
        if any(hold.pending for hold in subject.holds):
            self._pending.add(key)
        else:
            self._pending.discard(key)
        subject.busy = key in self._pending or bool(subject.active)
        reached = sum(
            hold.active and self._distance(subject.value, step) >= 0
            for step, hold in zip(subject.limits.steps, subject.holds, strict=True)
        )
        # While it is only held (hysteresis, off-delay) there is nothing to tell: no limit is exceeded by this value.
        if not reached and bool(before) == bool(subject.active):
            return []
        return [self._condition(key, subject, bool(subject.active), max(reached, 1), subject.value)]

    def _distance(self, value: float, step: Step) -> float:
        """How far beyond the limit; negative within it."""
        return (value - step.limit) * self._sign

    def _condition(self, key: AlertKey, subject: _Subject, active: bool, level: int, value: float) -> Condition:
        step = subject.limits.steps[level - 1]
        what = exceeds(self._what, value, step.limit, self._unit, below=self._sign < 0)
        return Condition(
            key=key,
            active=active,
            severity=step.severity,
            message=compose(self._kind, place(self._around.topology, key), what),
            value=value,
            threshold=step.limit,
            unit=self._unit,
            details={"rule": self.name, "on_delay_s": step.on_delay_s},
        )


def number_of(reading: Reading, field: str) -> float | None:
    """A numeric field of a reading, or None."""
    value = reading.values.get(field)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
