"""A value against rising (or falling) limits, with persistence and hysteresis: the work of most electrical hazards."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple

from alerts.messages import compose, exceeds, place
from alerts.model import Alert, AlertKind, Condition, Severity, Text
from alerts.rules.base import BaseRule, Calm, CalmWords, Hold, Surroundings, key_of, ref_of
from ingest.model import DeviceKind, DeviceRef, Reading


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


_Place = tuple[DeviceRef, int | None]
_UNWATCHED = Calm()


class _Subject(Calm):
    """What is remembered of one device or port."""

    __slots__ = ("_holds", "_sign", "limits", "place", "value")

    def __init__(self, place: _Place, limits: Limits, sign: int) -> None:
        super().__init__()
        self.place = place
        self.limits = limits
        self.value: float | None = None
        self._sign = sign
        self._holds: tuple[Hold, ...] = ()
        self.attend(busy=False)

    def attend(self, busy: bool) -> None:
        """Nearly always the mildest limit is not reached and nothing is running out; while `busy`, every value counts."""
        limit = self.limits.steps[0].limit
        if busy:
            self.become(math.inf, -math.inf)
        elif self._sign > 0:
            self.become(-math.inf, limit)
        else:
            self.become(limit, math.inf)

    @property
    def holds(self) -> tuple[Hold, ...]:
        """One a step; made at the first need, which for most never comes."""
        self._holds = self._holds or tuple(Hold() for _ in self.limits.steps)
        return self._holds

    @property
    def active(self) -> int:
        """How many steps are active, from the mildest; 0 for none."""
        return max((index for index, hold in enumerate(self.holds, 1) if hold.active), default=0)


class LevelRule(BaseRule):
    """Raises where the measured value of a charger or its port stays at or beyond a limit.

    Args:
        kind: what it raises; also its name.
        what: the value's name in messages.
        field: the value's field in readings.
        limits: the limits of a device or port, or None where it is not watched.
        falling: limits are lower limits.
    """

    hears = (DeviceKind.CHARGER,)

    def __init__(
        self,
        around: Surroundings,
        kind: AlertKind,
        what: Text,
        unit: str,
        field: str,
        limits: Callable[[DeviceRef, int | None], Limits | None],
        falling: bool = False,
    ) -> None:
        self.name = str(kind)
        self._around = around
        self._kind = kind
        self._what = what
        self._unit = unit
        self._field = field
        self.fields: Collection[str] = (field,)
        self._limits = limits
        self._sign = -1 if falling else 1
        self._subjects: dict[_Place, _Subject | None] = {}
        self._pending: dict[_Place, _Subject] = {}
        self._shared: dict[Limits, Limits] = {}

    def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:
        # Most readings of a charger say nothing of this field.
        if self._field not in reading.values or reading.late:
            return ()
        value = number_of(reading, self._field)
        return () if value is None else self.judge(reading.device, reading.port, value, now_ms)

    def calm(self, ref: DeviceRef, port: int | None, field: str) -> Calm | CalmWords | None:
        return self.calm_of(ref, port) if field == self._field else None

    def calm_of(self, ref: DeviceRef, port: int | None) -> Calm:
        """Where values of a device or port need not be judged."""
        return self._subject(ref, port) or _UNWATCHED

    def judge(self, ref: DeviceRef, port: int | None, value: float, now_ms: int) -> Iterable[Condition]:
        """Take the value of a device or port."""
        subject = self._subject(ref, port)
        if subject is None or subject.low < value < subject.high:
            return ()
        subject.value = value
        return self._judge(subject, value, now_ms)

    def tick(self, now_ms: int) -> Iterator[Condition]:
        for subject in tuple(self._pending.values()):
            if subject.value is not None:
                yield from self._judge(subject, subject.value, now_ms)

    def restore(self, alert: Alert, now_ms: int) -> bool:  # noqa: ARG002 - the port's signature
        key = alert.key
        if key.kind is not self._kind or alert.value is None:
            return False
        subject = self._subject(ref_of(key), key.port)
        if subject is None:
            return False
        subject.holds[0].active = True
        subject.attend(busy=True)
        return True

    def _subject(self, ref: DeviceRef, port: int | None) -> _Subject | None:
        place = (ref, port)
        try:
            return self._subjects[place]
        except KeyError:
            limits = self._limits(ref, port)
        # Tens of thousands of ports have a handful of different limits.
        shared = self._shared.setdefault(limits, limits) if limits else None
        subject = self._subjects[place] = _Subject(place, shared, self._sign) if shared else None
        return subject

    def _judge(self, subject: _Subject, value: float, now_ms: int) -> list[Condition]:
        before = subject.active
        for step, hold in zip(subject.limits.steps, subject.holds, strict=True):
            distance = self._distance(value, step)
            present = distance >= 0 or (hold.active and distance > -subject.limits.hysteresis)
            hold.feed(present, now_ms, step.on_delay_s, subject.limits.off_delay_s)
        if any(hold.pending for hold in subject.holds):
            self._pending[subject.place] = subject
        else:
            self._pending.pop(subject.place, None)
        subject.attend(busy=subject.place in self._pending or bool(subject.active))
        reached = sum(
            hold.active and self._distance(value, step) >= 0
            for step, hold in zip(subject.limits.steps, subject.holds, strict=True)
        )
        # While it is only held (hysteresis, off-delay) there is nothing to tell: no limit is exceeded by this value.
        if not reached and bool(before) == bool(subject.active):
            return []
        return [self._condition(subject, subject.limits.steps[max(reached, 1) - 1], value)]

    def _distance(self, value: float, step: Step) -> float:
        """How far beyond the limit; negative within it."""
        return (value - step.limit) * self._sign

    def _condition(self, subject: _Subject, step: Step, value: float) -> Condition:
        key = key_of(self._kind, *subject.place)
        what = exceeds(self._what, value, step.limit, self._unit, below=self._sign < 0)
        return Condition(
            key=key,
            active=bool(subject.active),
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
    if isinstance(value, float):
        return value
    return value if isinstance(value, int) and not isinstance(value, bool) else None
