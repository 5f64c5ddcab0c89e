"""One proof while it runs: which stages were passed when, and waiting for the next."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from msgspec.structs import replace

from alerts.proof.model import Proof, Stage
from shedwatch.clock import Clock


class StageMissedError(Exception):
    """A stage was not passed; the track has it."""


class Track:
    """The stages of a proof in their order. `passed` may be called for any of them at any time, the first call counts."""

    def __init__(self, proof: Proof, stages: Sequence[str], clock: Clock) -> None:
        self.proof = replace(proof, stages=tuple(Stage(name) for name in stages))
        self._clock = clock
        self._events = {name: asyncio.Event() for name in stages}
        self._parts: dict[str, dict[str, None]] = {}
        self._lacking: dict[str, str] = {}

    def at(self, name: str) -> int | None:
        """When a stage was passed, or None."""
        return next((stage.at_ts for stage in self.proof.stages if stage.name == name), None)

    def passed(self, name: str, at_ms: int | None = None, detail: str = "") -> None:
        """A stage is passed, now where no time is given."""
        if name in self._events and self.at(name) is None:
            at_ts = self._clock.now_ms() if at_ms is None else at_ms
            self._put(Stage(name, at_ts, detail=detail))
            self._events[name].set()

    def passed_by(self, name: str, part: str, parts: Collection[str]) -> None:
        """One of several that all have to pass a stage has done so; the stage names them."""
        passed = self._parts.setdefault(name, {})
        passed[part] = None
        lacking = [one for one in parts if one not in passed]
        self._lacking[name] = f" by {', '.join(lacking)}" if lacking else ""
        if not lacking:
            self.passed(name, detail=", ".join(passed))

    def partly(self, name: str) -> bool:
        """Whether at least one of several has passed a stage."""
        return bool(self._parts.get(name))

    def missed(self, name: str, why: str) -> None:
        """A stage was not passed, and will not be."""
        if self.at(name) is None:
            self._put(Stage(name, error=why))

    async def reach(self, name: str, within_s: float) -> None:
        """Wait until a stage is passed, in seconds of the service's clock. Raises StageMissedError."""
        waiting = asyncio.ensure_future(self._events[name].wait())
        over = asyncio.ensure_future(self._clock.sleep(within_s))
        try:
            await asyncio.wait((waiting, over), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            over.cancel()
        if self.at(name) is None:
            self.missed(name, f"not within {within_s:g} s{self._lacking.get(name, '')}")
            raise StageMissedError(name)

    def done(self) -> Proof:
        """The proof as it ends now."""
        ok = all(stage.at_ts is not None for stage in self.proof.stages)
        self.proof = replace(self.proof, done_ts=self._clock.now_ms(), ok=ok)
        return self.proof

    def _put(self, stage: Stage) -> None:
        stages = tuple(stage if one.name == stage.name else one for one in self.proof.stages)
        self.proof = replace(self.proof, stages=stages)
