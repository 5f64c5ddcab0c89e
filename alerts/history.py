"""What was told of alerts: the recent part from memory, which the ledger may not have yet, and the rest from the ledger."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from alerts.desk import AlertQuery, DeskUnavailableError, UnknownAlertError
from alerts.feed import RECENT, Feed
from alerts.ledger.database import MAX_PAGE, Ledger, LedgerError, read_cursor, write_cursor
from alerts.model import Alert, AlertChange, Transition

_log = structlog.get_logger(__name__)

MAX_RESUMED = 5000
"""Changes a returning reader is given at most; who was away longer reads the lists."""


class History:
    """The feed's recent changes and the ledger's, as one."""

    def __init__(self, feed: Feed, ledger: Ledger) -> None:
        self._feed = feed
        self._ledger = ledger

    async def page(self, query: AlertQuery) -> tuple[Sequence[Alert], str | None]:
        """Alerts by the ledger, with the cursor of the next page. Raises DeskUnavailableError."""
        try:
            return await self._ledger.query(query)
        except LedgerError as error:
            raise DeskUnavailableError(str(error)) from error

    async def find(self, alert_id: str) -> Alert:
        """An alert as it was told last. Raises UnknownAlertError, DeskUnavailableError."""
        recent = [change.alert for change in self._feed.recent if change.alert.id == alert_id]
        if recent:
            return recent[-1]
        try:
            found = await self._ledger.find(alert_id)
        except LedgerError as error:
            raise DeskUnavailableError(str(error)) from error
        if found is None:
            raise UnknownAlertError(alert_id)
        return found

    async def log(self, alert_id: str) -> list[Transition]:
        """An alert's transitions, in order. Raises DeskUnavailableError where memory does not reach back to its start."""
        recent = (change.transition for change in self._feed.recent if change.alert.id == alert_id)
        kept = {entry.seq: entry for entry in recent}
        try:
            kept |= {entry.seq: entry for entry in await self._ledger.log(alert_id)}
        except LedgerError as error:
            if not any(entry.from_state is None for entry in kept.values()):
                raise DeskUnavailableError(str(error)) from error
        return [kept[seq] for seq in sorted(kept)]

    async def changes_after(self, seq: int, started_seq: int) -> list[AlertChange]:
        """Changes above `seq`, in order, as far as they can be had; those up to `started_seq` are of an earlier life."""
        recent = [change for change in self._feed.recent if change.transition.seq > seq]
        if seq >= started_seq and len(self._feed.recent) < RECENT:
            # All of this life is still in memory: nobody who follows it waits for the ledger.
            return recent
        known = {change.transition.seq: change for change in recent}
        try:
            known |= {change.transition.seq: change for change in await self._ledger.changes_after(seq, MAX_RESUMED)}
        except LedgerError as error:
            _log.warning("changes cannot be resumed from the ledger", reason=str(error))
        return [known[number] for number in sorted(known)]


def page_of(alerts: Sequence[Alert], query: AlertQuery) -> tuple[list[Alert], str | None]:
    """The alerts a query asks for, newest first, with the cursor of the next page: as the ledger does, from memory."""
    before = read_cursor(query.cursor) if query.cursor is not None else None
    wanted = [
        alert
        for alert in sorted(alerts, key=lambda alert: (alert.raised_ts, alert.id), reverse=True)
        if query.kind in (None, alert.kind)
        and query.severity in (None, alert.severity)
        and query.site in (None, alert.site)
        and query.shed in (None, alert.shed)
        and (query.since_ms is None or alert.raised_ts >= query.since_ms)
        and (before is None or (alert.raised_ts, alert.id) < before)
    ]
    limit = min(max(query.limit, 1), MAX_PAGE)
    return wanted[:limit], write_cursor(wanted[limit - 1]) if len(wanted) > limit else None
