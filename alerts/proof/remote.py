"""A proof desk for a process that shows alarms while another one keeps them: every question is passed on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from alerts.proof.model import ProofDesk, ProofError, ProofFigures, ProofOrder, ProofUnavailableError, RefusedProofError


class ProofAnswer(msgspec.Struct, frozen=True):
    """How it stands after an order or a question, or the name of an error with its message."""

    figures: ProofFigures | None = None
    error: str = ""
    message: str = ""

    def result(self) -> ProofFigures:
        """The figures. Raises the error that was told."""
        if self.figures is not None:
            return self.figures
        if self.error == RefusedProofError.__name__:
            raise RefusedProofError(self.message)
        raise ProofUnavailableError(self.message)


async def answer_of(desk: ProofDesk, order: ProofOrder | None) -> ProofAnswer:
    """Carry out an order, if there is one, and say how it stands."""
    try:
        if order is not None:
            await desk.prove(order)
        return ProofAnswer(await desk.figures())
    except ProofError as error:
        return ProofAnswer(None, type(error).__name__, str(error))


class RemoteProofDesk:
    """Implements `alerts.proof.model.ProofDesk`."""

    def __init__(self, pass_on: Callable[[ProofOrder | None], Awaitable[ProofAnswer]]) -> None:
        self._pass_on = pass_on

    async def prove(self, order: ProofOrder) -> None:
        (await self._pass_on(order)).result()

    async def figures(self) -> ProofFigures:
        return (await self._pass_on(None)).result()
