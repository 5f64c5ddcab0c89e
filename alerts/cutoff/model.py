"""A cut: what was to be switched off, by whom, and how far it has come.

    requested   the order is on its way to the charger
    accepted    the charger says it will; that alone proves nothing
    verified    the current is zero, as measured after the order
    escalated   the port did not switch off: its charger's breaker is ordered to open
    failed      neither did it: only people can, and `cut_failed` calls them

Errors:
    CutError(Exception)
    ├── UnknownCutError: no cut with this id
    ├── UnknownPortError: no such charger or port
    ├── RefusedCutError: an interlock does not allow it; the message says why and what would
    └── CutUnavailableError: the process that cuts does not answer
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from ingest.model import DeviceRef


class CutError(Exception):
    """Root of what the cut-off refuses."""


class UnknownCutError(CutError):
    """No cut with this id."""


class UnknownPortError(CutError):
    """No such charger or port."""


class RefusedCutError(CutError):
    """An interlock does not allow it."""


class CutUnavailableError(CutError):
    """The process that cuts does not answer."""


class CutState(StrEnum):
    """How far a cut has come, in the words of the public contract."""

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    VERIFIED = "verified"
    FAILED = "failed"
    ESCALATED = "escalated"


SETTLED = frozenset({CutState.VERIFIED, CutState.FAILED})
"""Nothing more is ordered; a verified cut is still watched for a while."""


class CutStep(msgspec.Struct, frozen=True):
    """One line of a cut's log."""

    ts: int
    state: CutState
    note: str


class Cut(msgspec.Struct, frozen=True):
    """A cut as the API shows it. Times are epoch milliseconds UTC.

    Attributes:
        port: the port; None for the whole charger, by its breaker.
        automatic: ordered by a policy and not by a person.
        command_id: of the order that is on its way; a reply is known by it.
        sent_ts: when that order was last sent. `step_ts`: when it was sent first.
        watch_until_ts: until then a current that comes back is an alarm.
    """

    id: str
    site: str
    shed: str
    device: str
    port: int | None
    who: str
    reason: str
    automatic: bool
    state: CutState
    requested_ts: int
    command_id: str
    sent_ts: int
    step_ts: int
    breaker_allowed: bool = True
    alert_id: str | None = None
    accepted_ts: int | None = None
    escalated_ts: int | None = None
    verified_ts: int | None = None
    failed_ts: int | None = None
    watch_until_ts: int | None = None
    power_w: float | None = None
    current_a: float | None = None
    log: tuple[CutStep, ...] = ()

    @property
    def charger(self) -> DeviceRef:
        """The charger it is about."""
        return DeviceRef(self.site, self.shed, self.device)

    @property
    def by_breaker(self) -> bool:
        """Whether the order that counts now is the breaker's."""
        return self.port is None or self.escalated_ts is not None

    @property
    def settled(self) -> bool:
        """Whether nothing more will be ordered."""
        return self.state in SETTLED


class CutOrder(msgspec.Struct, frozen=True):
    """What somebody wants switched off; `port` None for the whole charger."""

    site: str
    shed: str
    device: str
    port: int | None
    who: str
    reason: str = ""
    alert_id: str | None = None


class CutDesk(Protocol):
    """What the API may ask of the cut-off."""

    async def cut(self, order: CutOrder) -> Cut:
        """Begin a cut, or give the one that runs for that port. Raises CutError."""

    async def find(self, cut_id: str) -> Cut:
        """One cut. Raises UnknownCutError, CutUnavailableError."""

    async def recent(self, limit: int) -> Sequence[Cut]:
        """The newest cuts first. Raises CutUnavailableError."""
