"""The store of a process that keeps nothing, because another one does (`--only`)."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.model import DeadLetter, DeviceRef
from ingest.store.port import Aggregate, Appended, LatestValue, Message, Refusal


class NoStore:
    """Implements `ingest.store.port.TelemetryStore` by letting everything go."""

    async def append(self, messages: Sequence[Message], refusals: Sequence[Refusal] = ()) -> Appended:  # noqa: ARG002
        return Appended(len(messages), 0)

    async def latest(self) -> dict[tuple[DeviceRef, int | None], dict[str, LatestValue]]:
        return {}

    async def history(
        self,
        device: DeviceRef,  # noqa: ARG002
        port: int | None,  # noqa: ARG002
        field: str,  # noqa: ARG002
        from_ms: int,  # noqa: ARG002
        to_ms: int,  # noqa: ARG002
        every_s: int,  # noqa: ARG002
        agg: Aggregate,  # noqa: ARG002
    ) -> list[tuple[int, float]]:
        return []

    async def dead_letters(self, limit: int, before_id: int | None = None) -> list[DeadLetter]:  # noqa: ARG002
        return []

    async def dead_letter_count(self) -> int:
        return 0

    async def close(self) -> None:
        return
