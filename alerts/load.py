"""How much the alarms ask of the people: rate, flood, what stands, what repeats, how soon someone takes notice.

Fed with every change, kept for a day, in memory; what an earlier life told comes from the ledger (`seed`). Limits are those of
EEMUA 191 as commonly quoted: one alarm in ten minutes is manageable for an operator, more than ten are a flood.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

import msgspec

from alerts import lifecycle
from alerts.lifecycle import Action
from alerts.model import AlarmState, Alert, AlertChange, AlertKey, AlertKind, Severity

WINDOW_MS = 600_000
DAY_MS = 86_400_000
SHIFT_MS = 8 * 3_600_000
"""Whoever did something within a shift counts as an operator on duty."""

FLOOD_BEGINS = 10
FLOOD_ENDS = 5
"""More than ten announcements in ten minutes begin a flood, fewer than five end it."""

STALE_MS = DAY_MS
TOP = 10
MAX_KEPT = 20_000
"""Announcements remembered: a day of one in four seconds. Beyond it the oldest are left out of the day's figures."""

MAX_SEEDED = 10_000
"""Transitions of the last day that are read from the ledger at the start."""

_SYSTEM = "system"
_NOTICED = frozenset(
    {Action.ACKNOWLEDGE, Action.NOTICE, Action.SHELVE, Action.OUT_OF_SERVICE, Action.FALSE_ALARM, Action.CLOSE}
)


class Repeated(msgspec.Struct, frozen=True):
    """What was announced so often in the last day."""

    kind: AlertKind
    site: str
    shed: str
    device: str
    port: int | None
    zone: str | None
    count: int


class AlertGroup(msgspec.Struct, frozen=True):
    """The open alerts of one kind in one shed, without those put aside. `severity` is the worst of them."""

    site: str
    shed: str
    kind: AlertKind
    severity: Severity
    count: int
    unacknowledged: int
    active: int
    oldest_ts: int
    newest_ts: int


class LoadFigures(msgspec.Struct, frozen=True):
    """The load now. Times in epoch milliseconds, `_s` in seconds; rates count announcements, also repeated ones, and no tests.

    Attributes:
        announced_10min, per_operator_10min: in the last ten minutes, in all and for each of `operators`.
        operators: people who ordered something within the last eight hours, at least one.
        peak_10min: the fullest ten minutes of the last day.
        flood: whether there are more than anyone can read; `groups` is the list to work with then.
        standing: open alerts that are not put aside.
        stale: standing ones that have been active for more than a day.
        chattering: open alerts that are damped.
        acknowledge_median_s: from the announcement to the first person's notice, over the last day; null without any.
        by_severity: announcements of the last day.
        top: what was announced most in the last day, and `top_share`, its part of all.
    """

    at_ts: int
    announced_10min: int
    per_operator_10min: float
    operators: int
    announced_24h: int
    peak_10min: int
    flood: bool
    standing: int
    unacknowledged: int
    shelved: int
    suppressed: int
    out_of_service: int
    stale: int
    chattering: int
    acknowledged_24h: int
    acknowledge_median_s: float | None
    by_severity: dict[Severity, int]
    top: list[Repeated]
    top_share: float
    groups: list[AlertGroup]


class _Announced(NamedTuple):
    at_ms: int
    key: AlertKey
    severity: Severity


class LoadMeter:
    """Counts what is told."""

    def __init__(self) -> None:
        self._announced: deque[_Announced] = deque(maxlen=MAX_KEPT)
        self._waits: deque[tuple[int, float]] = deque(maxlen=MAX_KEPT)
        self._waiting: dict[str, int] = {}
        self._people: dict[str, int] = {}
        self._damped: dict[str, int] = {}
        self._flood = False
        self._seq = 0

    def seed(self, changes: Iterable[AlertChange]) -> None:
        """Take what was told before, in order."""
        for change in changes:
            self.take(change)

    def take(self, change: AlertChange) -> None:
        """Count a change; one that was counted before is not counted again."""
        alert, line = change.alert, change.transition
        if line.seq <= self._seq:
            return
        self._seq = line.seq
        if alert.test:
            # A proof asks nothing of anybody.
            return
        if lifecycle.announces(line):
            self._announced.append(_Announced(line.at_ms, alert.key, alert.severity))
            self._waiting.setdefault(alert.id, line.at_ms)
        elif line.action == Action.DAMP:
            self._damped[alert.id] = line.at_ms
        elif line.action in _NOTICED and (since_ms := self._waiting.pop(alert.id, None)) is not None:
            self._waits.append((line.at_ms, (line.at_ms - since_ms) / 1000))
        if line.who != _SYSTEM:
            self._people[line.who] = line.at_ms
        if not alert.open:
            self._waiting.pop(alert.id, None)

    def figures(self, open_alerts: Sequence[Alert], now_ms: int) -> LoadFigures:
        """The load now; `open_alerts` as they are."""
        self._forget(now_ms)
        lately = sum(one.at_ms > now_ms - WINDOW_MS for one in self._announced)
        self._flood = lately > FLOOD_BEGINS or (self._flood and lately >= FLOOD_ENDS)
        operators = max(1, len(self._people))
        open_alerts = [alert for alert in open_alerts if not alert.test]
        standing = [alert for alert in open_alerts if alert.state not in lifecycle.ASIDE]
        states = Counter(alert.state for alert in open_alerts)
        repeated = Counter(one.key for one in self._announced).most_common(TOP)
        waits = [wait_s for _, wait_s in self._waits]
        severities = Counter(one.severity for one in self._announced)
        return LoadFigures(
            at_ts=now_ms,
            announced_10min=lately,
            per_operator_10min=round(lately / operators, 2),
            operators=operators,
            announced_24h=len(self._announced),
            peak_10min=_peak([one.at_ms for one in self._announced]),
            flood=self._flood,
            standing=len(standing),
            unacknowledged=states[AlarmState.UNACKNOWLEDGED] + states[AlarmState.RETURNED_UNACKNOWLEDGED],
            shelved=states[AlarmState.SHELVED],
            suppressed=states[AlarmState.SUPPRESSED],
            out_of_service=states[AlarmState.OUT_OF_SERVICE],
            stale=sum(alert.active and now_ms - alert.raised_ts > STALE_MS for alert in standing),
            chattering=sum(alert.id in self._damped for alert in open_alerts),
            acknowledged_24h=len(waits),
            acknowledge_median_s=round(median(waits), 1) if waits else None,
            by_severity={severity: severities[severity] for severity in Severity},
            top=[Repeated(*key, count) for key, count in repeated if count > 1],
            top_share=round(sum(count for _, count in repeated) / max(1, len(self._announced)), 3),
            groups=groups_of(standing),
        )

    def _forget(self, now_ms: int) -> None:
        while self._announced and self._announced[0].at_ms <= now_ms - DAY_MS:
            self._announced.popleft()
        while self._waits and self._waits[0][0] <= now_ms - DAY_MS:
            self._waits.popleft()
        self._people = {who: at_ms for who, at_ms in self._people.items() if at_ms > now_ms - SHIFT_MS}
        self._damped = {alert_id: at_ms for alert_id, at_ms in self._damped.items() if at_ms > now_ms - DAY_MS}


def groups_of(alerts: Iterable[Alert]) -> list[AlertGroup]:
    """Alerts by shed and kind: what is worst and waits for someone first, then the largest."""
    found: dict[tuple[str, str, AlertKind], list[Alert]] = {}
    for alert in alerts:
        found.setdefault((alert.site, alert.shed, alert.kind), []).append(alert)
    groups = [_group(*place, members) for place, members in found.items()]
    return sorted(groups, key=lambda one: (-one.severity.rank, one.unacknowledged == 0, -one.count, -one.newest_ts))


def _group(site: str, shed: str, kind: AlertKind, members: Sequence[Alert]) -> AlertGroup:
    waiting = (AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED_UNACKNOWLEDGED)
    return AlertGroup(
        site=site,
        shed=shed,
        kind=kind,
        severity=max((alert.severity for alert in members), key=lambda severity: severity.rank),
        count=len(members),
        unacknowledged=sum(alert.state in waiting for alert in members),
        active=sum(alert.active for alert in members),
        oldest_ts=min(alert.raised_ts for alert in members),
        newest_ts=max(alert.raised_ts for alert in members),
    )


def _peak(times: Sequence[int]) -> int:
    """The most that lie within ten minutes; `times` rise."""
    most, first = 0, 0
    for last, at_ms in enumerate(times):
        while times[first] <= at_ms - WINDOW_MS:
            first += 1
        most = max(most, last - first + 1)
    return most
