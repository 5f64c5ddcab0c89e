"""An alarm desk over the ledger alone, for a process that shows alarms while another one keeps them.

Reads the ledger, follows it for changes, and passes orders on to the process that keeps the alarms.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog

from alerts.desk import (
    AlertQuery,
    DeskError,
    DeskUnavailableError,
    InvalidOrderError,
    Order,
    RefusedActionError,
    UnknownAlertError,
)
from alerts.feed import Feed, Subscription
from alerts.history import MAX_RESUMED, History
from alerts.ledger.database import Ledger, LedgerError
from alerts.load import DAY_MS, MAX_SEEDED, LoadFigures, LoadMeter
from alerts.model import Alert, AlertChange, Transition

_log = structlog.get_logger(__name__)

POLL_S = 0.2
RETRY_S = 2.0


class Answer(msgspec.Struct, frozen=True):
    """What became of an order: the alert, or the name of a desk error with its message and what it is about."""

    alert: Alert | None = None
    error: str = ""
    message: str = ""
    parameter: str = ""

    @classmethod
    def refusal(cls, error: DeskError) -> Answer:
        """The answer that tells an error of the desk."""
        return cls(None, type(error).__name__, str(error), getattr(error, "parameter", ""))

    def result(self) -> Alert:
        """The alert. Raises the desk error that was told."""
        if self.alert is not None:
            return self.alert
        if self.error == InvalidOrderError.__name__:
            raise InvalidOrderError(self.message, self.parameter)
        raise _ERRORS.get(self.error, DeskUnavailableError)(self.message)


_ERRORS: dict[str, type[DeskError]] = {error.__name__: error for error in (UnknownAlertError, RefusedActionError)}

PassOn = Callable[[Order], Awaitable[Answer]]


class LedgerDesk:
    """Implements `alerts.desk.AlarmDesk`. `run` follows the ledger and must be running."""

    def __init__(self, ledger: Ledger, pass_on: PassOn) -> None:
        self._ledger = ledger
        self._pass_on = pass_on
        self._feed = Feed()
        self._history = History(self._feed, ledger)
        self._load = LoadMeter()
        self._started_seq = 0
        self._open: dict[str, Alert] = {}
        self.reachable = False

    async def run(self) -> None:
        """Follow the ledger until cancelled."""
        seq = await self._start()
        while True:
            await asyncio.sleep(POLL_S)
            try:
                changes = await self._ledger.changes_after(seq, MAX_RESUMED)
            except LedgerError as error:
                self.reachable = False
                _log.warning("ledger cannot be followed", reason=str(error))
                await asyncio.sleep(RETRY_S)
                continue
            self.reachable = True
            for change in changes:
                seq = max(seq, change.transition.seq)
                self._take(change)

    async def _start(self) -> int:
        while True:
            try:
                await self._ledger.open()
                seq = self._started_seq = await self._ledger.last_seq()
                self._open = {alert.id: alert for alert in await self._ledger.open_alerts()}
                self._load.seed(await self._ledger.changes_since(time.time_ns() // 1_000_000 - DAY_MS, MAX_SEEDED))
            except LedgerError as error:
                _log.warning("ledger cannot be opened", reason=str(error))
                await asyncio.sleep(RETRY_S)
            else:
                self.reachable = True
                return seq

    def _take(self, change: AlertChange) -> None:
        if change.alert.open:
            self._open[change.alert.id] = change.alert
        else:
            self._open.pop(change.alert.id, None)
        self._load.take(change)
        self._feed.publish(change)

    async def query(self, query: AlertQuery) -> tuple[Sequence[Alert], str | None]:
        return await self._history.page(query)

    async def get(self, alert_id: str) -> Alert:
        return await self._history.find(alert_id)

    async def log(self, alert_id: str) -> Sequence[Transition]:
        await self.get(alert_id)
        return await self._history.log(alert_id)

    async def order(self, order: Order) -> Alert:
        return (await self._pass_on(order)).result()

    def open_alerts(self) -> Sequence[Alert]:
        return sorted(self._open.values(), key=lambda alert: (-alert.severity.rank, -alert.raised_ts))

    def load(self) -> LoadFigures:
        return self._load.figures(self.open_alerts(), time.time_ns() // 1_000_000)

    def changes(self, after_seq: int | None = None) -> Subscription:
        """Changes from now on, after those since `after_seq`."""
        if after_seq is None:
            return self._feed.subscribe()
        return self._feed.subscribe(lambda: self._history.changes_after(after_seq, self._started_seq))
