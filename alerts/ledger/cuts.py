"""Cuts in the ledger's database, so that each goes on after a restart and none is forgotten."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import select

from alerts.cutoff.model import Cut
from alerts.ledger.database import Ledger, _upsert
from alerts.ledger.schema import CUTS


class CutBook:
    """Reads and writes cuts; the ledger must be open. Every method raises LedgerError where the database cannot do it now."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def save(self, cut: Cut) -> None:
        """Keep a cut as it is now."""
        row = {"id": cut.id, "requested_ts": cut.requested_ts, "body": msgspec.to_builtins(cut)}
        async with self._ledger._begin() as connection:
            await _upsert(connection, CUTS, [row])

    async def find(self, cut_id: str) -> Cut | None:
        """One cut, or None."""
        found = await self._read(select(CUTS.c.body).where(CUTS.c.id == cut_id))
        return found[0] if found else None

    async def recent(self, limit: int) -> list[Cut]:
        """The newest first."""
        return await self._read(select(CUTS.c.body).order_by(CUTS.c.requested_ts.desc(), CUTS.c.id.desc()).limit(limit))

    async def since(self, from_ms: int) -> list[Cut]:
        """Those requested at or after a time, oldest first."""
        return await self._read(select(CUTS.c.body).where(CUTS.c.requested_ts >= from_ms).order_by(CUTS.c.requested_ts))

    async def _read(self, wanted: Any) -> list[Cut]:
        async with self._ledger._begin() as connection:
            rows = (await connection.execute(wanted)).scalars().all()
        return [msgspec.convert(row, Cut) for row in rows]
