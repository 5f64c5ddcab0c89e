"""The alarm desk: what the API, and any other front end, may ask of the alarms and order about them.

Errors:
    DeskError(Exception)
    ├── UnknownAlertError: no alert with this id
    ├── RefusedActionError: the alert's state does not allow it; the message says why and what would
    ├── InvalidOrderError: what the order says cannot be; `parameter` names the part, the message says what can
    └── DeskUnavailableError: the ledger cannot be reached now
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

from alerts.load import LoadFigures
from alerts.model import Alert, AlertChange, Transition


class DeskError(Exception):
    """Root of what the desk refuses."""


class UnknownAlertError(DeskError):
    """No alert with this id."""


class RefusedActionError(DeskError):
    """The alert's state does not allow the action."""


class InvalidOrderError(DeskError):
    """A part of the order is missing or out of its bounds."""

    def __init__(self, message: str, parameter: str = "") -> None:
        super().__init__(message)
        self.parameter = parameter


class DeskUnavailableError(DeskError):
    """The ledger cannot be reached now."""


OrderAction = Literal[
    "acknowledge", "comment", "assign", "shelve", "unshelve", "out_of_service", "false_alarm", "close"
]
"""What people may order about an alert."""


class Order(msgspec.Struct, frozen=True):
    """What a person wants done about an alert; what each action needs is said by `alerts.orders`.

    `seen_ts`: when they looked; what was raised, got worse or came back after that is not acknowledged by it.
    """

    action: OrderAction
    alert_id: str
    who: str
    note: str = ""
    minutes: int | None = None
    cause: str | None = None
    assignee: str | None = None
    seen_ts: int | None = None


@dataclass(frozen=True, slots=True)
class AlertQuery:
    """Filter of a list of alerts, newest first. `since_ms` compares with `raised_ts`."""

    state: Literal["open", "closed", "all"] = "open"
    kind: str | None = None
    severity: str | None = None
    site: str | None = None
    shed: str | None = None
    since_ms: int | None = None
    limit: int = 100
    cursor: str | None = None


class AlarmDesk(Protocol):
    """Queries and orders. Every order is logged with who gave it."""

    async def query(self, query: AlertQuery) -> tuple[Sequence[Alert], str | None]:
        """Alerts that match, and the cursor of the next page or None.

        Raises:
            ValueError: a cursor this desk never gave out.
        """

    async def get(self, alert_id: str) -> Alert:
        """One alert. Raises UnknownAlertError."""

    async def log(self, alert_id: str) -> Sequence[Transition]:
        """Its transitions, oldest first. Raises UnknownAlertError."""

    async def order(self, order: Order) -> Alert:
        """Carry out what a person wants done. Raises UnknownAlertError, RefusedActionError, InvalidOrderError."""

    def open_alerts(self) -> Sequence[Alert]:
        """All open alerts from memory, worst first."""

    def load(self) -> LoadFigures:
        """How much the alarms ask of the people now, from memory."""

    def changes(self, after_seq: int | None = None) -> AsyncIterator[AlertChange]:
        """Changes from now on; with `after_seq`, first those that came after it (as far as they are kept)."""
