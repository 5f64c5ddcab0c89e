"""A cut-off desk for a process that shows alarms while another one cuts: reads the ledger, passes orders on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from alerts.cutoff.model import (
    Cut,
    CutError,
    CutOrder,
    CutUnavailableError,
    RefusedCutError,
    UnknownCutError,
    UnknownPortError,
)
from alerts.ledger.cuts import CutBook
from alerts.ledger.database import LedgerError


class CutAnswer(msgspec.Struct, frozen=True):
    """What became of an order: the cut, or the name of an error with its message."""

    cut: Cut | None = None
    error: str = ""
    message: str = ""

    @classmethod
    def refusal(cls, error: CutError) -> CutAnswer:
        """The answer that tells an error."""
        return cls(None, type(error).__name__, str(error))

    def result(self) -> Cut:
        """The cut. Raises the error that was told."""
        if self.cut is not None:
            return self.cut
        raise _ERRORS.get(self.error, CutUnavailableError)(self.message)


_ERRORS: dict[str, type[CutError]] = {error.__name__: error for error in (UnknownPortError, RefusedCutError)}


class RemoteCutDesk:
    """Implements `alerts.cutoff.model.CutDesk`."""

    def __init__(self, book: CutBook, pass_on: Callable[[CutOrder], Awaitable[CutAnswer]]) -> None:
        self._book = book
        self._pass_on = pass_on

    async def cut(self, order: CutOrder) -> Cut:
        return (await self._pass_on(order)).result()

    async def find(self, cut_id: str) -> Cut:
        try:
            found = await self._book.find(cut_id)
        except LedgerError as error:
            raise CutUnavailableError(str(error)) from error
        if found is None:
            raise UnknownCutError(cut_id)
        return found

    async def recent(self, limit: int) -> Sequence[Cut]:
        try:
            return await self._book.recent(limit)
        except LedgerError as error:
            raise CutUnavailableError(str(error)) from error
