"""All rules together, each on its own: one that fails is counted and named, and the others go on."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import structlog

from alerts.model import Alert, Condition
from alerts.rules.base import BaseRule, Calm, CalmWords, Rule, Take
from ingest.model import DeviceKind, DeviceRef, Reading
from vision.model import Observation

_log = structlog.get_logger(__name__)

T = TypeVar("T")

_Listener = tuple[Rule, Take, Any, str, Calm | CalmWords | None]
"""A rule, what takes a reading for it and what that remembers; the field to look at first, and where its value is calm."""

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
        self._shared: dict[Any, Any] = {}
        self.failures: Counter[str] = Counter()
        self._failing: dict[str, tuple[int, str]] = {}

    def reading(self, reading: Reading, now_ms: int) -> list[Condition]:
        """What all rules say to a reading."""
        return list(self.readings((reading,), now_ms))

    def readings(self, readings: Iterable[Reading], now_ms: int) -> Iterator[Condition]:
        """What all rules say to readings, one after the other: a reading is looked at when what was said before it is taken."""
        known = self._listeners
        for reading in readings:
            values = reading.values
            if reading.event is not None or reading.online is not None or not values:
                yield from self._ask(self._readers[reading.kind], lambda rule: rule.reading(reading, now_ms), now_ms)  # noqa: B023 - asked at once
                continue
            listeners = known.get((reading.device, reading.port, tuple(values))) or self._listen(reading, now_ms)
            if now_ms >= listeners.due_ms or not listeners.is_calm(values):
                yield from self._ask_each(listeners.due(now_ms), reading, now_ms)
                continue
            # Nearly all readings. As `_ask` does, without its two calls a rule.
            said: list[Condition] = []
            for (rule, take), remembered in zip(listeners.always, listeners.remembered, strict=True):
                try:
                    if told := take(remembered, reading, now_ms):
                        said += told
                except Exception as error:  # noqa: BLE001 - supervised: a faulty rule must not take the others with it
                    self._failed(rule, error, now_ms)
            if said:
                yield from said

    def _ask_each(self, listeners: Iterable[_Listener], reading: Reading, now_ms: int) -> list[Condition]:
        """Ask all in their order, but those for whom its value is calm."""
        values: Mapping[str, Any] = reading.values
        said: list[Condition] = []
        for rule, take, remembered, field, calm in listeners:
            try:
                if calm is None or not calm.covers(values[field]):
                    said += take(remembered, reading, now_ms)
            except Exception as error:  # noqa: BLE001 - supervised: likewise
                self._failed(rule, error, now_ms)
        return said

    def _listen(self, reading: Reading, now_ms: int) -> _Listeners:
        """Who cares for readings of this device or port that hold these fields, and from where on."""
        if len(self._listeners) >= _SUBJECTS:
            for known in self._listeners.values():
                known.let_go()
            self._listeners.clear()
            self._shared.clear()
        listeners: list[_Listener] = []
        for rule in self._readers[reading.kind]:
            cared = [name for name in reading.values if name in rule.fields]
            if rule.fields and not cared:
                continue
            listener = self._guard(rule, lambda rule: rule.listener(reading, now_ms), now_ms)
            take, remembered = listener or (type(rule).reading, rule)
            calm = self._calm(rule, reading, cared[0], now_ms) if len(cared) == 1 else None
            listeners.append((rule, take, remembered, cared[0] if calm else "", calm))
        found = self._listeners[reading.device, reading.port, tuple(reading.values)] = _Listeners(
            listeners, self._shared
        )
        return found

    def _calm(self, rule: Rule, reading: Reading, field: str, now_ms: int) -> Calm | CalmWords | None:
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
    """The rules to be asked about readings of one device or port with one combination of fields.

    A district has tens of thousands of these, and to fetch what is not in the processor's cache takes longer than to judge it.
    So what is the same for many is one object: `shared` is where it is found.

    Attributes:
        always: rules that have to be asked whatever the values are, with what takes a reading for them.
        remembered: what each of these remembers of this device or port.
        due_ms: when slow rules are to be asked again.
    """

    __slots__ = ("_all", "_bands", "_shared", "_words", "always", "due_ms", "remembered")

    def __init__(self, all_of_them: Iterable[_Listener], shared: dict[Any, Any]) -> None:
        self._all = tuple(all_of_them)
        self._shared = shared
        quick = self._quick()
        always = tuple((rule, take) for rule, take, _, _, calm in quick if calm is None)
        self.always = self._one(always)
        self.remembered = tuple(remembered for _, _, remembered, _, calm in quick if calm is None)
        self.due_ms: float = 0 if len(quick) < len(self._all) else math.inf
        self._bands: tuple[tuple[str, float, float], ...] | None = None
        self._words: tuple[tuple[str, frozenset[str]], ...] = ()
        for _, _, _, _, calm in quick:
            if calm is not None:
                calm.tell = (*calm.tell, self._look_again)

    def is_calm(self, values: Mapping[str, Any]) -> bool:
        """Whether only those that are `always` asked have to be, apart from slow ones."""
        bands = self._bands
        if bands is None:
            bands = self._settle()
        try:
            for field, low, high in bands:
                if not low < values[field] < high:
                    return False
            for field, words in self._words:
                if values[field] not in words:
                    return False
        except TypeError:
            # Nothing that can be compared: each rule is asked by itself, and fails by itself.
            return False
        return True

    def due(self, now_ms: int) -> tuple[_Listener, ...]:
        """Those that are to be asked now, where their values are not calm."""
        if now_ms < self.due_ms:
            return self._quick()
        self.due_ms = now_ms + SLOW_MS
        return self._all

    def let_go(self) -> None:
        """Hear of no changes any more; nor does anybody else who has asked about the same."""
        for _, _, _, _, calm in self._all:
            if calm is not None:
                calm.tell = ()

    def _quick(self) -> tuple[_Listener, ...]:
        return tuple(listener for listener in self._all if not listener[0].slow)

    def _look_again(self) -> None:
        self._bands = None

    def _settle(self) -> tuple[tuple[str, float, float], ...]:
        """Find where the values of each field are calm to all rules."""
        bands: dict[str, tuple[float, float]] = {}
        words: dict[str, frozenset[str]] = {}
        for _, _, _, field, calm in self._quick():
            if isinstance(calm, Calm):
                low, high = bands.get(field, (-math.inf, math.inf))
                bands[field] = max(low, calm.low), min(high, calm.high)
            elif calm is not None:
                words[field] = words[field] & calm.words if field in words else calm.words
        self._words = self._one(tuple(words.items()))
        self._bands = found = self._one(tuple((field, *band) for field, band in bands.items()))
        return found

    def _one(self, what: T) -> T:
        """The one object that is equal to this."""
        same: T = self._shared.setdefault(what, what)
        return same
