"""The embedded store and a remote one as one: what the embedded store keeps is read there, what is older is read elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from ingest.model import DeadLetter, DeviceRef
from ingest.store.port import Aggregate, Appended, LatestValue, Message, Refusal, StoreError
from ingest.store.remote import RemoteStore
from ingest.store.retention import DAY_MS, Retention
from ingest.store.rows import check_query
from ingest.store.sqlite import SqliteStore
from shedwatch.clock import Clock

log = structlog.get_logger(__name__)

# A remote store that does not answer is not waited for again at every request.
AWAY_S = 30.0


class TieredStore:
    """`TelemetryStore`. The page and everything recent never wait for the remote store; `close` closes that one only.

    Ranges are cut where the embedded store's retention ends: by the minute and coarser at its summaries', finer ones at
    its raw rows'. Where the remote store is away, what the embedded one has is the answer.
    """

    def __init__(self, local: SqliteStore, remote: RemoteStore, clock: Clock, retention: Retention) -> None:
        self._local = local
        self._remote = remote
        self._clock = clock
        self._retention = retention
        self._away_until_s = 0.0

    async def append(self, messages: Sequence[Message], refusals: Sequence[Refusal] = ()) -> Appended:
        return await self._local.append(messages, refusals)

    async def latest(self) -> dict[tuple[DeviceRef, int | None], dict[str, LatestValue]]:
        return await self._local.latest()

    async def history(
        self, device: DeviceRef, port: int | None, field: str, from_ms: int, to_ms: int, every_s: int, agg: Aggregate
    ) -> list[tuple[int, float]]:
        check_query(field, every_s, agg)
        cut_ms = min(self._cut_ms(every_s), to_ms)
        older: list[tuple[int, float]] = []
        if from_ms < cut_ms and self._clock.monotonic() >= self._away_until_s:
            try:
                older = await self._remote.history(device, port, field, from_ms, cut_ms, every_s, agg)
            except StoreError as error:
                self._away_until_s = self._clock.monotonic() + AWAY_S
                log.warning("history_without_remote_store", reason=str(error))
        begin_ms = cut_ms if older else from_ms
        return older + await self._local.history(device, port, field, begin_ms, to_ms, every_s, agg)

    async def dead_letters(self, limit: int, before_id: int | None = None) -> list[DeadLetter]:
        return await self._local.dead_letters(limit, before_id)

    async def dead_letter_count(self) -> int:
        return await self._local.dead_letter_count()

    async def close(self) -> None:
        await self._remote.close()

    def _cut_ms(self, every_s: int) -> int:
        """From when on the embedded store has everything, at a bucket's beginning."""
        by_minute = every_s > 0 and every_s % 60 == 0
        days = self._retention.rollup_days if by_minute else self._retention.raw_days
        step_ms = every_s * 1000 or 1
        return -(-(self._clock.now_ms() - days * DAY_MS) // step_ms) * step_ms
