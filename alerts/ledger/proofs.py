"""Proofs in the ledger's database, so that it is known after a restart when the way to people was last proven."""

from __future__ import annotations

import msgspec
from sqlalchemy import select

from alerts.ledger.database import Ledger, _upsert
from alerts.ledger.schema import ALERTS, PROOFS
from alerts.proof.model import Proof


class ProofBook:
    """Reads and writes proofs; the ledger must be open. Every method raises LedgerError where the database cannot do it now."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def save(self, proof: Proof) -> None:
        """Keep a proof as it is now."""
        row = {"id": proof.id, "begun_ts": proof.begun_ts, "body": msgspec.to_builtins(proof)}
        async with self._ledger._begin() as connection:
            await _upsert(connection, PROOFS, [row])

    async def recent(self, limit: int) -> list[Proof]:
        """The newest first."""
        wanted = select(PROOFS.c.body).order_by(PROOFS.c.begun_ts.desc(), PROOFS.c.id.desc()).limit(limit)
        async with self._ledger._begin() as connection:
            rows = (await connection.execute(wanted)).scalars().all()
        return [msgspec.convert(row, Proof) for row in rows]

    async def has_alert(self, alert_id: str) -> bool:
        """Whether an alert is written down."""
        async with self._ledger._begin() as connection:
            return bool(await connection.scalar(select(ALERTS.c.id).where(ALERTS.c.id == alert_id)))
