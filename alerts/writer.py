"""Into the ledger, in order and for as long as it takes, while nobody has to wait.

Everything queued is written in one transaction. While the ledger is down, changes wait in memory, up to a bound.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice

import structlog

from alerts.ledger.database import Ledger, LedgerError, LedgerRefusalError, NoticeRow
from alerts.model import AlertChange
from shedwatch.clock import Clock

_log = structlog.get_logger(__name__)

MAX_WAITING = 50_000
"""Entries kept while the ledger is down: days of ordinary operation, tens of megabytes. Beyond it the oldest go."""

MAX_TOGETHER = 500
RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass(slots=True)
class _Entry:
    changes: Sequence[AlertChange] = ()
    notices: Sequence[NoticeRow] = ()
    marks: dict[str, int] = field(default_factory=dict)
    written: asyncio.Event = field(default_factory=asyncio.Event)


class LedgerWriter:
    """One task that writes what was put in.

    Args:
        tell: called with None when the ledger works, with the reason when it does not.

    Attributes:
        failing: whether the last attempt failed.
        dropped: entries given up because too many were waiting.
        refused: entries the ledger will never take.
    """

    def __init__(self, ledger: Ledger, clock: Clock, tell: Callable[[str | None], None]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._tell = tell
        self._entries: deque[_Entry] = deque()
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.failing = False
        self.dropped = 0
        self.refused = 0

    @property
    def waiting(self) -> int:
        """Entries not yet in the ledger."""
        return len(self._entries)

    def put(
        self,
        changes: Sequence[AlertChange] = (),
        notices: Sequence[NoticeRow] = (),
        marks: dict[str, int] | None = None,
    ) -> asyncio.Event:
        """Queue something to be kept; the event tells when it is."""
        entry = _Entry(changes, notices, marks or {})
        if len(self._entries) >= MAX_WAITING:
            self._entries.popleft()
            self.dropped += 1
        self._entries.append(entry)
        self._idle.clear()
        self._news.set()
        return entry.written

    async def drain(self) -> None:
        """Wait until everything is in the ledger."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write for ever; cancel to stop."""
        failures = 0
        while True:
            await self._news.wait()
            entries = list(islice(self._entries, MAX_TOGETHER))
            try:
                await self._write(entries)
            except LedgerRefusalError as error:
                await self._refused(entries, error)
                continue
            except LedgerError as error:
                self.failing = True
                self._tell(str(error))
                if not failures:
                    _log.warning("ledger cannot be written, alarms go on", reason=str(error))
                await self._clock.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
                failures += 1
                continue
            if failures:
                _log.info("ledger is written again", waiting=len(self._entries))
            failures = 0
            self.failing = False
            self._tell(None)
            self._done(entries)

    async def _write(self, entries: Sequence[_Entry]) -> None:
        marks: dict[str, int] = {}
        for entry in entries:
            marks.update(entry.marks)
        try:
            await self._ledger.append(
                [change for entry in entries for change in entry.changes],
                list({notice.id: notice for entry in entries for notice in entry.notices}.values()),
                marks,
            )
        except (TypeError, ValueError) as error:
            # No fault of the database: something in an entry cannot be written at all, now or later.
            raise LedgerRefusalError(f"{type(error).__name__}: {error}") from error

    async def _refused(self, entries: Sequence[_Entry], error: LedgerRefusalError) -> None:
        # One entry that can never be written must not hold up the others: find it by writing them one by one.
        for entry in entries:
            try:
                await self._write([entry])
            except LedgerRefusalError:
                self.refused += 1
                _log.error("ledger refuses an entry for ever, left out", reason=str(error), changes=len(entry.changes))
            except LedgerError:
                return
            self._done([entry])

    def _done(self, entries: Sequence[_Entry]) -> None:
        for entry in entries:
            # The bound may have pushed some of them out meanwhile.
            if self._entries and self._entries[0] is entry:
                self._entries.popleft()
            entry.written.set()
        if not self._entries:
            self._news.clear()
            self._idle.set()
