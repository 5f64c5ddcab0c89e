"""Doubles of what surrounds the alarm service: a clock that stands still, a ledger that can be down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from alarm_samples import TOPOLOGY
from sqlalchemy.ext.asyncio import AsyncConnection

from alerts.ledger.database import Ledger, LedgerError
from alerts.rules.settings import RuleBook
from alerts.service import AlarmService
from shedwatch.clock import ManualClock

# No picture ever comes in most tests, and no other device speaks.
QUIET: dict[str, Any] = {kind: {"enabled": False} for kind in ("camera_offline", "charger_offline", "telemetry_stale")}


class StillClock(ManualClock):
    """Moves only by `advance`; whoever sleeps wakes when it has moved far enough."""

    async def sleep(self, seconds: float) -> None:
        until = self.monotonic() + seconds
        while self.monotonic() < until:
            await asyncio.sleep(0.001)


class FragileLedger(Ledger):
    """A ledger whose database can be taken away."""

    down = False

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[AsyncConnection]:
        if self.down:
            raise LedgerError("taken away")
        async with super()._begin() as connection:
            yield connection


def service(ledger: Ledger | str, clock: ManualClock, **rules: Any) -> AlarmService:
    """An alarm service of the sample shed."""
    opened = Ledger(ledger) if isinstance(ledger, str) else ledger
    return AlarmService(TOPOLOGY, RuleBook.parse({"rules": QUIET | rules}), opened, clock, seed=1)


async def until(condition: Callable[[], object], clock: ManualClock | None = None, step_s: float = 0.0) -> None:
    """Wait until something is so; with a clock, time passes by `step_s` at every look."""
    async with asyncio.timeout(20):
        while not condition():
            if clock is not None:
                clock.advance(step_s)
            await asyncio.sleep(0.002)
