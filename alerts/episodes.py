"""When a hazard was there: conditions, or a ledger's log, folded into episodes, and two accounts of one time compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from alerts.lifecycle import Action
from alerts.model import Alert, AlertKey, Condition, Severity, Text, Transition

Verdict = Literal["appears", "vanishes", "moves", "stays"]

NEAR_MS = 1_800_000
"""Two episodes of one key are the same where they overlap or begin within half an hour of each other."""
MOVED_MS = 10_000
"""A beginning that differs by more has moved; rules look every second, a replay every few."""


class Episode(NamedTuple):
    """A hazard of one key from when it was raised until it cleared (None: it was still there)."""

    key: AlertKey
    begin_ms: int
    end_ms: int | None
    severity: Severity
    message: Text

    def near(self, other: Episode) -> bool:
        """Whether both may be one."""
        if abs(self.begin_ms - other.begin_ms) <= NEAR_MS:
            return True
        first, second = sorted((self, other), key=lambda one: one.begin_ms)
        return first.end_ms is None or second.begin_ms < first.end_ms


class Difference(NamedTuple):
    """What becomes of an episode: `then` by the ledger, `now` by the replay."""

    verdict: Verdict
    then: Episode | None
    now: Episode | None

    @property
    def begin_ms(self) -> int:
        """Where it stands in time."""
        one = self.then or self.now
        assert one is not None
        return one.begin_ms


class Episodes:
    """Folds what rules say; a key is there as long as one rule says so."""

    def __init__(self) -> None:
        self._open: dict[AlertKey, Episode] = {}
        self._sources: dict[AlertKey, set[str]] = {}
        self._ended: list[Episode] = []

    def take(self, condition: Condition, now_ms: int) -> None:
        """Take what a rule says of a key now."""
        key, source = condition.key, str(condition.details.get("rule", condition.key.kind))
        if condition.active:
            self._sources.setdefault(key, set()).add(source)
            known = self._open.get(key)
            if known is None:
                self._open[key] = Episode(key, now_ms, None, condition.severity, condition.message)
            elif condition.severity.rank > known.severity.rank:
                self._open[key] = known._replace(severity=condition.severity, message=condition.message)
            return
        sources = self._sources.get(key, set())
        sources.discard(source)
        if not sources and key in self._open:
            self._ended.append(self._open.pop(key)._replace(end_ms=now_ms))

    def all(self) -> list[Episode]:
        """Those that have ended and those that are there, by their beginning."""
        return sorted((*self._ended, *self._open.values()), key=lambda one: (one.begin_ms, one.key.kind))


def of_log(entries: Iterable[tuple[Alert, Transition]]) -> list[Episode]:
    """Episodes of alerts, from their transitions in order. All of an alert's get the worst severity it had."""
    begun: dict[str, int] = {}
    found: list[Episode] = []
    alerts: dict[str, Alert] = {}
    for alert, transition in entries:
        alerts[alert.id] = alert
        raises = transition.action in (Action.RAISE, Action.RENEW, Action.SUPPRESS)
        if raises and alert.id not in begun:
            begun[alert.id] = transition.at_ms
        elif transition.action in (Action.CLEAR, Action.MERGE) and alert.id in begun:
            found.append(_episode(alert, begun.pop(alert.id), transition.at_ms))
    found += [_episode(alerts[alert_id], begin_ms, None) for alert_id, begin_ms in begun.items()]
    return sorted(found, key=lambda one: (one.begin_ms, one.key.kind))


def compare(then: Iterable[Episode], now: Iterable[Episode]) -> list[Difference]:
    """What of one account becomes what of the other, in time; each episode is matched once, the nearest first."""
    left: dict[AlertKey, list[Episode]] = {}
    for episode in now:
        left.setdefault(episode.key, []).append(episode)
    differences: list[Difference] = []
    for episode in then:
        candidates = [one for one in left.get(episode.key, ()) if one.near(episode)]
        if not candidates:
            differences.append(Difference("vanishes", episode, None))
            continue
        match = min(candidates, key=lambda one: abs(one.begin_ms - episode.begin_ms))
        left[episode.key].remove(match)
        same = abs(match.begin_ms - episode.begin_ms) <= MOVED_MS and match.severity is episode.severity
        differences.append(Difference("stays" if same else "moves", episode, match))
    differences += [Difference("appears", None, one) for rest in left.values() for one in rest]
    return sorted(differences, key=lambda one: one.begin_ms)


def _episode(alert: Alert, begin_ms: int, end_ms: int | None) -> Episode:
    return Episode(alert.key, begin_ms, end_ms, alert.severity, alert.message)
