"""What every rule is made of: the port, on- and off-delay (`Hold`), and what rules are told of their surroundings.

Time in rules (`now_ms`) is steady: it never steps when the wall clock is set, so a jump of the clock neither raises nor
clears anything. Silence never clears a condition; a value stands until the next one contradicts it, so that an on-delay
runs out also between the reports of a charger that reports every five minutes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from alerts.model import Alert, AlertKey, AlertKind, Condition
from alerts.register import Register
from alerts.rules.settings import RuleBook
from ingest.model import DeviceKind, DeviceRef, Reading, Topology
from vision.model import Observation


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands where, the settings that hold there, and the register of extinguishers."""

    topology: Topology
    book: RuleBook
    register: Register = field(default_factory=Register)


Take = Callable[[Any, Reading, int], Iterable[Condition]]
"""Takes a reading at a time, given what a rule remembers of its device or port."""


class _Watched:
    """What others have made something of, and want to hear of when it changes."""

    __slots__ = ("tell",)

    def __init__(self) -> None:
        self.tell: tuple[Callable[[], None], ...] = ()

    def _changed(self) -> None:
        for tell in self.tell:
            tell()


class Calm(_Watched):
    """Values above `low` and below `high` say nothing to a rule. It widens and empties the range as it sees fit."""

    __slots__ = ("high", "low")

    def __init__(self, low: float = -math.inf, high: float = math.inf) -> None:
        super().__init__()
        self.low = low
        self.high = high

    def become(self, low: float, high: float) -> None:
        """From now on this is the range."""
        if (low, high) != (self.low, self.high):
            self.low, self.high = low, high
            self._changed()

    def covers(self, value: Any) -> bool:
        """Whether a value says nothing."""
        return bool(self.low < value < self.high)


class CalmWords(_Watched):
    """Words that say nothing to a rule, for fields that hold words."""

    __slots__ = ("words",)

    def __init__(self, words: frozenset[str]) -> None:
        super().__init__()
        self.words = words

    def become(self, words: frozenset[str]) -> None:
        """From now on these are the words."""
        if words != self.words:
            self.words = words
            self._changed()

    def covers(self, value: Any) -> bool:
        """Whether a word says nothing."""
        return value in self.words


class Rule(Protocol):
    """One hazard. Keeps small memories per device or port and says what is so; never does I/O."""

    name: str

    @property
    def hears(self) -> Collection[DeviceKind]:
        """Kinds of the devices whose readings it is asked about."""

    @property
    def fields(self) -> Collection[str]:
        """It is not asked about readings that hold values, but of none of these fields; empty: about all."""

    @property
    def slow(self) -> bool:
        """Whether it judges by hours, so that being asked of a port twice a minute is enough."""

    def calm(self, ref: DeviceRef, port: int | None, field: str) -> Calm | CalmWords | None:
        """Where values of a device's or port's field need not be told; None for nowhere, now and later.

        Asked for readings that hold this one of `fields`.
        """

    def listener(self, reading: Reading, now_ms: int) -> tuple[Take, Any]:
        """What takes all values of this reading's device or port as `reading` does, and what it remembers of that.

        Found once, so that no reading has to look it up; the first is the same for all devices, or for many.
        """

    def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:
        """Take one reading."""

    def observation(self, observation: Observation, now_ms: int) -> Iterable[Condition]:
        """Take one observation of a camera."""

    def frame(self, camera: DeviceRef, now_ms: int) -> None:
        """A picture of this camera has arrived."""

    def tick(self, now_ms: int) -> Iterable[Condition]:
        """Time has passed."""

    def restore(self, alert: Alert, now_ms: int) -> bool:
        """Take an active alert of an earlier life for what this rule said last; False where it did not say it."""

    def remember(self) -> Any:
        """What it learned over hours and days, in plain values, to outlive this process; None for nothing."""

    def recall(self, memory: Any) -> None:
        """Take back what `remember` gave in an earlier life."""


class BaseRule:
    """A rule that is interested in nothing; the others override what they need."""

    name = ""
    hears: Collection[DeviceKind] = tuple(DeviceKind)
    fields: Collection[str] = ()
    slow = False

    def calm(self, ref: DeviceRef, port: int | None, field: str) -> Calm | CalmWords | None:  # noqa: ARG002 - the port's signature
        return None

    def listener(self, reading: Reading, now_ms: int) -> tuple[Take, Any]:  # noqa: ARG002 - likewise
        return type(self).reading, self

    def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:  # noqa: ARG002 - the port's signature
        return ()

    def observation(self, observation: Observation, now_ms: int) -> Iterable[Condition]:  # noqa: ARG002 - likewise
        return ()

    def frame(self, camera: DeviceRef, now_ms: int) -> None:
        """See `Rule.frame`."""

    def tick(self, now_ms: int) -> Iterable[Condition]:  # noqa: ARG002 - likewise
        return ()

    def restore(self, alert: Alert, now_ms: int) -> bool:  # noqa: ARG002 - likewise
        return False

    def remember(self) -> Any:
        """See `Rule.remember`."""
        return None

    def recall(self, memory: Any) -> None:
        """See `Rule.recall`."""


class Hold:
    """On-delay and off-delay of one condition: `active` follows what is fed once that has lasted."""

    __slots__ = ("_since_ms", "active")

    def __init__(self, active: bool = False) -> None:
        self.active = active
        self._since_ms: int | None = None

    @property
    def pending(self) -> bool:
        """Whether a delay is running."""
        return self._since_ms is not None

    def feed(self, present: bool, now_ms: int, on_s: float, off_s: float) -> bool:
        """Take what is so now; True where `active` has changed by it."""
        if present == self.active:
            self._since_ms = None
            return False
        if self._since_ms is None:
            self._since_ms = now_ms
        if now_ms - self._since_ms < (on_s if present else off_s) * 1000:
            return False
        self.active = present
        self._since_ms = None
        return True


def key_of(kind: AlertKind, ref: DeviceRef, port: int | None = None, zone: str | None = None) -> AlertKey:
    """The key of a device's, port's or zone's alert."""
    return AlertKey(kind, ref.site, ref.shed, ref.device, port, zone)


def ref_of(key: AlertKey) -> DeviceRef:
    """The device a key is about."""
    return DeviceRef(key.site, key.shed, key.device)
