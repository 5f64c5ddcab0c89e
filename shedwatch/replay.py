"""`shedwatch replay`: the stored history through given settings, against what the ledger says was told then.

Replayed is what the store keeps: telemetry, events and statuses. What cameras saw is not stored as pictures; the smoke and
flames that were told then are taken as they were, as evidence that confirms others. The days before the time asked for are
lived through as well, so that rules know the habits they knew then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alerts.bays import BayMap
from alerts.episodes import Difference, Episode, Episodes, compare, of_log
from alerts.fusion import Fusion
from alerts.ledger.database import Ledger
from alerts.means import MEANS, Means
from alerts.model import AlertKind, Condition
from alerts.rules.base import Surroundings
from alerts.rules.catalogue import all_rules
from alerts.rules.runner import RuleSet
from alerts.rules.sessions import Sessions
from alerts.rules.settings import RuleBook
from ingest.model import Reading
from ingest.store.past import Past
from shedwatch.progress import Tell
from shedwatch.settings import Settings

TICK_MS = 5_000
WARM_UP_MS = 86_400_000

_NOT_STORED = frozenset({"sight", "camera_blind", "camera_offline", "extinguishers"})
"""Rules of what the store does not keep."""
NOT_REPLAYED = frozenset(
    kind
    for kind in AlertKind
    if kind.startswith("camera_")
    or kind
    in (
        AlertKind.SMOKE,
        AlertKind.FLAME,
        AlertKind.CORRIDOR_BLOCKED,
        AlertKind.CUT_FAILED,
        AlertKind.EXTINGUISHER_DUE,
        AlertKind.EXTINGUISHER_MISSING,
        AlertKind.SERVICE_DEGRADED,
    )
)
"""Their alarms are left out of the comparison."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it."""

    from_ms: int
    to_ms: int
    begins_ms: int
    readings: int
    differences: list[Difference]
    failures: dict[str, int]

    @property
    def counts(self) -> Counter[str]:
        """How many of each verdict."""
        return Counter(difference.verdict for difference in self.differences)

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "from_ts": self.from_ms,
            "to_ts": self.to_ms,
            "begins_ts": self.begins_ms,
            "readings": self.readings,
            "summary": {word: self.counts[word] for word in ("appears", "vanishes", "moves", "stays")},
            "failures": self.failures,
            "items": [
                {"verdict": it.verdict, "then": _plain(it.then), "now": _plain(it.now)} for it in self.differences
            ],
        }


async def replay(settings: Settings, book: RuleBook, from_ms: int, to_ms: int, tell: Tell) -> Replayed:
    """Replay `from_ms` (inclusive) to `to_ms` (exclusive).

    Raises:
        StoreError: the store cannot be read.
        LedgerError: the ledger cannot be read.
    """
    with Past(settings.store_path()) as past:
        then = await _told_then(settings, from_ms, to_ms)
        oldest_ms = past.begins_ms()
        begins_ms = max(from_ms - WARM_UP_MS, min(oldest_ms if oldest_ms is not None else from_ms, from_ms))
        run = _Run(settings, book, [it for it in then if MEANS.get(it.key.kind) is Means.SEEN])
        total = max(1, (to_ms - begins_ms) // 3_600_000)
        for slice_ in past.slices(begins_ms, to_ms):
            run.live(slice_)
            tell((run.now_ms - begins_ms) // 3_600_000, total, "hours")
        run.tick_until(to_ms)
    now = [episode for episode in run.episodes.all() if episode.end_ms is None or episode.end_ms > from_ms]
    differences = compare([it for it in then if it.key.kind not in NOT_REPLAYED], now)
    return Replayed(from_ms, to_ms, begins_ms, run.readings, differences, dict(run.rules.failures))


class _Run:
    """All rules whose evidence is stored, living through readings."""

    def __init__(self, settings: Settings, book: RuleBook, seen: Iterable[Episode]) -> None:
        topology = settings.topology()
        around = Surroundings(topology, book)
        sessions = Sessions(around)
        self.rules = RuleSet([rule for rule in all_rules(around, sessions) if rule.name not in _NOT_STORED])
        self.episodes = Episodes()
        self.readings = 0
        self.now_ms = 0
        self._ticked_ms: int | None = None
        self._fusion = Fusion(topology, BayMap(topology, settings.zones()), sessions)
        self._known = {device.ref for device in topology.devices()}
        self._seen = sorted(_changes(seen), key=lambda change: -change[0])

    def live(self, readings: Iterable[Reading]) -> None:
        """What arrived, in order."""
        for reading in readings:
            if reading.device not in self._known:
                # Taken out of the configuration since.
                continue
            self.tick_until(reading.received_ms)
            self.readings += 1
            self.now_ms = reading.received_ms
            self._take(self.rules.reading(reading, reading.received_ms))

    def tick_until(self, now_ms: int) -> None:
        """Time passes."""
        ticked_ms = now_ms - TICK_MS if self._ticked_ms is None else self._ticked_ms
        while ticked_ms + TICK_MS <= now_ms:
            ticked_ms += TICK_MS
            self.now_ms = ticked_ms
            while self._seen and self._seen[-1][0] <= self.now_ms:
                for fused in self._fusion.take(self._seen.pop()[1], self.now_ms):
                    self._tell(fused)
            self._take(self.rules.tick(self.now_ms))
        self._ticked_ms = ticked_ms

    def _take(self, conditions: Iterable[Condition]) -> None:
        for condition in conditions:
            for fused in self._fusion.take(condition, self.now_ms):
                self._tell(fused)

    def _tell(self, condition: Condition) -> None:
        if condition.key.kind not in NOT_REPLAYED:
            self.episodes.take(condition, self.now_ms)


def _changes(seen: Iterable[Episode]) -> Iterator[tuple[int, Condition]]:
    for episode in seen:
        details = {"rule": "ledger"}
        yield episode.begin_ms, Condition(episode.key, True, episode.severity, episode.message, details=details)
        if episode.end_ms is not None:
            yield episode.end_ms, Condition(episode.key, False, episode.severity, episode.message, details=details)


async def _told_then(settings: Settings, from_ms: int, to_ms: int) -> list[Episode]:
    ledger = Ledger(settings.ledger_url())
    try:
        await ledger.open()
        episodes = of_log([(alert, line) for alert, line in await ledger.between(from_ms, to_ms) if not alert.test])
    finally:
        await ledger.close()
    return [it for it in episodes if it.begin_ms < to_ms and (it.end_ms is None or it.end_ms > from_ms)]


def _plain(episode: Episode | None) -> dict[str, Any] | None:
    if episode is None:
        return None
    return {
        **episode.key._asdict(),
        "severity": str(episode.severity),
        "begin_ts": episode.begin_ms,
        "end_ts": episode.end_ms,
        "message": {"zh": episode.message.zh, "en": episode.message.en},
    }


def rule_book(settings: Settings, rules: Path | None) -> RuleBook:
    """The rules of a file like the configuration's `alerts` section (`rules`, `overrides`), or those of the configuration.

    Raises:
        OSError, yaml.YAMLError, RuleSettingsError: it cannot be read, or says something wrong.
    """
    import yaml

    if rules is None:
        alerts = settings.alerts
        return RuleBook.parse({"rules": alerts.rules, "overrides": alerts.overrides}, settings.topology())
    data = yaml.safe_load(rules.read_text(encoding="utf-8")) or {}
    if isinstance(data, dict) and isinstance(data.get("alerts"), dict):
        data = {name: value for name, value in data["alerts"].items() if name in ("rules", "overrides")}
    return RuleBook.parse(data if isinstance(data, dict) else {"rules": data}, settings.topology())
