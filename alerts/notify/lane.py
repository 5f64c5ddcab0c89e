"""One channel's queue: in order within an alert, the worst first between alerts, with backoff. No I/O of its own."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from alerts.ledger.database import NoticeRow
from alerts.model import Alert
from alerts.notify.rows import Told, told_of

FIRST_RETRY_S = 2.0
LAST_RETRY_S = 60.0
"""Attempts are never further apart than a minute: a notice of a fire that is late by half an hour is worth nothing."""

GIVE_UP_MS = 86_400_000
"""A day: whoever was not reached by then reads the alert list."""


MERGE_FROM = 6
"""So many notices in a queue are a flood: they are told together by shed, so that people can still read them."""

MAX_COMPANIONS = 8
"""More lines than that nobody reads on a phone."""


@dataclass(slots=True, eq=False)
class Waiting:
    """A notice that waits to be sent; `due_s` in monotonic seconds."""

    row: NoticeRow
    told: Told
    due_s: float = 0.0

    @property
    def alert(self) -> Alert:
        """The alert as it was when the notice was made."""
        return self.told.alert


class Lane:
    """What waits for one channel.

    A notice that fails steps back behind those of other alerts, so that one that never gets through holds up only its
    own alert; a channel that fails is asked less and less often until it answers.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._by_alert: dict[str, list[Waiting]] = {}
        self._known: set[str] = set()
        self._paused_until_s = 0.0
        self.failures = 0

    def __len__(self) -> int:
        return sum(len(waiting) for waiting in self._by_alert.values())

    def add(self, row: NoticeRow) -> None:
        """Queue a notice, unless it is queued already."""
        if row.id not in self._known:
            self._known.add(row.id)
            insort(
                self._by_alert.setdefault(row.alert_id, []), Waiting(row, told_of(row)), key=lambda other: other.row.seq
            )

    def due(self, now_s: float) -> Waiting | None:
        """The notice to be sent now, or None; a test after whatever is real."""
        if now_s < self._paused_until_s:
            return None
        ready = [head for head in self._heads() if head.due_s <= now_s]
        return min(ready, key=lambda head: (head.alert.test, -head.alert.severity.rank, head.row.seq), default=None)

    def companions(self, waiting: Waiting) -> list[Waiting]:
        """Notices that may be told in the message of this one, where many wait: of the same shed and no worse.

        Telling them now delays nothing: each would have had to wait for a message of its own.
        """
        if len(self) < MERGE_FROM or waiting.told.level is not None:
            return []
        alert = waiting.alert
        return [
            head
            for head in self._heads()
            if head is not waiting
            and head.told.level is None
            and (head.alert.site, head.alert.shed) == (alert.site, alert.shed)
            and head.alert.severity.rank <= alert.severity.rank
        ][:MAX_COMPANIONS]

    def wait_s(self, now_s: float) -> float:
        """How long until something may be due; call it only while something waits."""
        return max(self._paused_until_s, min(head.due_s for head in self._heads())) - now_s

    def done(self, waiting: Waiting, delivered: bool) -> None:
        """The notice is sent, or given up."""
        queue = self._by_alert[waiting.row.alert_id]
        queue.remove(waiting)
        self._known.discard(waiting.row.id)
        if not queue:
            del self._by_alert[waiting.row.alert_id]
        if delivered:
            if self.failures > 1:
                # The channel was away and is back: what it missed need not wait any longer.
                for head in self._heads():
                    head.due_s = 0.0
            self.failures = 0
            self._paused_until_s = 0.0

    def withdraw(self, alert_id: str) -> list[NoticeRow]:
        """Take back the calls that still wait for an alert: somebody has it in hand. Gives their rows."""
        calls = [waiting for waiting in self._by_alert.get(alert_id, ()) if waiting.told.level is not None]
        for waiting in calls:
            self.done(waiting, delivered=False)
        return [waiting.row for waiting in calls]

    def failed(self, waiting: Waiting, attempts: int, now_s: float, retry_after_s: float | None) -> None:
        """The notice is to be tried again later."""
        self.failures += 1
        waiting.due_s = now_s + max(self._backoff_s(attempts), retry_after_s or 0.0)
        self._paused_until_s = now_s + max(self._backoff_s(self.failures) / 2, retry_after_s or 0.0)

    def pause(self, until_s: float) -> None:
        """The channel takes nothing before that time; nothing has failed."""
        self._paused_until_s = max(self._paused_until_s, until_s)

    def _heads(self) -> Iterator[Waiting]:
        return (queue[0] for queue in self._by_alert.values())

    def _backoff_s(self, attempts: int) -> float:
        # Jitter keeps several services from returning to a receiver all at the same time.
        longest: float = min(FIRST_RETRY_S * 2 ** min(attempts - 1, 10), LAST_RETRY_S)
        return longest * self._random.uniform(0.5, 1.0)
