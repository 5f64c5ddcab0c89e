"""All rules together, each on its own: one that fails is counted and named, and the others go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import structlog

from alerts.model import Alert, Condition
from alerts.rules.base import BaseRule, Rule
from ingest.model import DeviceKind, DeviceRef, Reading
from vision.model import Observation

_log = structlog.get_logger(__name__)

T = TypeVar("T")

_COMBINATIONS = 1000
"""Combinations of fields remembered; a maker's firmware sends a handful."""

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
        self._readers = {kind: _Readers(rule for rule in readers if kind in rule.hears) for kind in DeviceKind}
        self._seers = _caring(rules, "observation")
        self._watchers = _caring(rules, "frame")
        self._waiters = _caring(rules, "tick")
        self.failures: Counter[str] = Counter()
        self._failing: dict[str, tuple[int, str]] = {}

    def reading(self, reading: Reading, now_ms: int) -> list[Condition]:
        """What all rules say to a reading."""
        said: list[Condition] = []
        readers = self._readers[reading.kind]
        plain = reading.event is None and reading.online is None
        asked = readers[tuple(reading.values)] if plain else readers.all
        for rule in asked.all if asked.due(reading, now_ms) else asked.quick:
            # As `_ask` does, without its two calls a rule: this runs a hundred thousand times a second.
            try:
                said += rule.reading(reading, now_ms)
            except Exception as error:  # noqa: BLE001 - supervised: a faulty rule must not take the others with it
                self._failed(rule, error, now_ms)
        return said

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


class _Asked:
    """The rules to be asked about readings with one combination of fields."""

    __slots__ = ("_due_ms", "all", "quick")

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.all = tuple(rules)
        self.quick = tuple(rule for rule in self.all if not rule.slow)
        self._due_ms: dict[tuple[DeviceRef, int | None], int] = {}

    def due(self, reading: Reading, now_ms: int) -> bool:
        """Whether the slow ones are to be asked too."""
        if len(self.quick) == len(self.all):
            return False
        place = (reading.device, reading.port)
        if now_ms < self._due_ms.get(place, now_ms):
            return False
        self._due_ms[place] = now_ms + SLOW_MS
        return True


class _Readers(dict[tuple[str, ...], _Asked]):
    """The rules for one kind of device, by the fields that a reading holds."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        super().__init__()
        self.all = _Asked(rules)

    def __missing__(self, fields: tuple[str, ...]) -> _Asked:
        if len(self) >= _COMBINATIONS:
            self.clear()
        present = set(fields)
        self[fields] = found = _Asked(
            rule for rule in self.all.all if not (present and rule.fields) or not present.isdisjoint(rule.fields)
        )
        return found
