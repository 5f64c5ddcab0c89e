"""All rules together, each on its own: one that fails is counted and named, and the others go on."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

import structlog

from alerts.model import Alert, Condition
from alerts.rules.base import BaseRule, Calm, Rule
from ingest.model import DeviceKind, DeviceRef, Reading
from vision.model import Observation

_log = structlog.get_logger(__name__)

T = TypeVar("T")

_Listener = tuple[Rule, str, Calm | None]

_SUBJECTS = 200_000
"""Devices and ports, each with the combinations of fields it sends, that are remembered: a city's."""

SLOW_MS = 30_000
"""How often a rule that judges by hours is asked about a port, at most."""

RECOVERED_MS = 600_000
"""A rule counts as sound again after ten minutes without a failure."""


class RuleSet:
    """Asks every rule, and keeps what failed."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(rules)
        # Most rules care for one of these only, and readings come by the ten thousand.
        readers = _caring(rules, "reading")
        self._readers = {kind: tuple(rule for rule in readers if kind in rule.hears) for kind in DeviceKind}
        self._seers = _caring(rules, "observation")
        self._watchers = _caring(rules, "frame")
        self._waiters = _caring(rules, "tick")
        self._listeners: dict[tuple[DeviceRef, int | None, tuple[str, ...]], _Listeners] = {}
        self.failures: Counter[str] = Counter()
        self._failing: dict[str, tuple[int, str]] = {}

    def reading(self, reading: Reading, now_ms: int) -> list[Condition]:
        """What all rules say to a reading."""
        values = reading.values
        if reading.event is not None or reading.online is not None or not values:
            return self._ask(self._readers[reading.kind], lambda rule: rule.reading(reading, now_ms), now_ms)
        numbers = cast("dict[str, float]", values)
        subject = (reading.device, reading.port, tuple(values))
        said: list[Condition] = []
        listeners = self._listeners.get(subject) or self._listen(reading, now_ms)
        for rule, field, calm in listeners.due(now_ms):
            # As `_ask` does, without its two calls a rule: this runs a hundred thousand times a second.
            try:
                if calm is None or not calm.low < numbers[field] < calm.high:
                    said += rule.reading(reading, now_ms)
            except Exception as error:  # noqa: BLE001 - supervised: a faulty rule must not take the others with it
                self._failed(rule, error, now_ms)
        return said

    def _listen(self, reading: Reading, now_ms: int) -> _Listeners:
        """Who cares for readings of this device or port that hold these fields, and from where on."""
        if len(self._listeners) >= _SUBJECTS:
            self._listeners.clear()
        listeners: list[_Listener] = []
        for rule in self._readers[reading.kind]:
            cared = [name for name in reading.values if name in rule.fields]
            if not rule.fields or len(cared) > 1:
                listeners.append((rule, "", None))
            elif cared:
                listeners.append((rule, cared[0], self._calm(rule, reading, cared[0], now_ms)))
        found = self._listeners[reading.device, reading.port, tuple(reading.values)] = _Listeners(listeners)
        return found

    def _calm(self, rule: Rule, reading: Reading, field: str, now_ms: int) -> Calm | None:
        return self._guard(rule, lambda rule: rule.calm(reading.device, reading.port, field), now_ms)

    def observation(self, observation: Observation, now_ms: int) -> list[Condition]:
        """What all rules say to an observation."""
        return self._ask(self._seers, lambda rule: rule.observation(observation, now_ms), now_ms)

    def frame(self, camera: DeviceRef, now_ms: int) -> None:
        """Tell all rules of a picture's arrival."""
        for rule in self._watchers:
            self._guard(rule, lambda rule: rule.frame(camera, now_ms), now_ms)

    def tick(self, now_ms: int) -> list[Condition]:
        """What all rules say now that time has passed."""
        return self._ask(self._waiters, lambda rule: rule.tick(now_ms), now_ms)

    def restore(self, alert: Alert, now_ms: int) -> list[str]:
        """Names of the rules that go on watching what an earlier life has raised."""
        return [
            rule.name for rule in self._rules if self._guard(rule, lambda rule: rule.restore(alert, now_ms), now_ms)
        ]

    def remember(self, now_ms: int) -> Iterator[tuple[str, Any]]:
        """What rules have learned and want to keep, rule by rule with its name."""
        for rule in self._rules:
            memory = self._guard(rule, lambda rule: rule.remember(), now_ms)
            if memory is not None:
                yield rule.name, memory

    def recall(self, memories: Mapping[str, Any], now_ms: int) -> None:
        """Give rules back what they kept; a rule that cannot read it begins anew."""
        for rule in self._rules:
            if rule.name in memories:
                self._guard(rule, lambda rule: rule.recall(memories[rule.name]), now_ms)

    def unsound(self, now_ms: int) -> dict[str, str]:
        """Rules that failed lately, with the reason; forgets those that recovered."""
        lately = {name: seen for name, seen in self._failing.items() if now_ms - seen[0] < RECOVERED_MS}
        self._failing = lately
        return {name: reason for name, (_, reason) in lately.items()}

    def _ask(
        self, rules: Sequence[Rule], question: Callable[[Rule], Iterable[Condition]], now_ms: int
    ) -> list[Condition]:
        said: list[Condition] = []
        for rule in rules:
            # What a rule said before it failed counts: a change of condition is said once.
            self._guard(rule, lambda rule: said.extend(question(rule)), now_ms)
        return said

    def _guard(self, rule: Rule, question: Callable[[Rule], T], now_ms: int) -> T | None:
        try:
            return question(rule)
        except Exception as error:  # noqa: BLE001 - supervised: a faulty rule must not take the others with it
            self._failed(rule, error, now_ms)
            return None

    def _failed(self, rule: Rule, error: Exception, now_ms: int) -> None:
        if rule.name not in self._failing:
            _log.error("rule failed", rule=rule.name, exc_info=error)
        self.failures[rule.name] += 1
        self._failing[rule.name] = (now_ms, f"{type(error).__name__}: {error}")


def _caring(rules: Sequence[Rule], what: str) -> tuple[Rule, ...]:
    return tuple(rule for rule in rules if getattr(type(rule), what) is not getattr(BaseRule, what, None))


class _Listeners:
    """The rules to be asked about readings of one device or port with one combination of fields."""

    __slots__ = ("_all", "_due_ms", "_quick")

    def __init__(self, all_of_them: Iterable[_Listener]) -> None:
        self._all = tuple(all_of_them)
        self._quick = tuple(listener for listener in self._all if not listener[0].slow)
        self._due_ms: float = 0 if len(self._quick) < len(self._all) else math.inf

    def due(self, now_ms: int) -> tuple[_Listener, ...]:
        """Those that are to be asked now."""
        if now_ms < self._due_ms:
            return self._quick
        self._due_ms = now_ms + SLOW_MS
        return self._all
