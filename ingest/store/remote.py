"""What a store elsewhere can do: take lines, say what became of them, be asked about the past."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ingest.model import DeviceRef
from ingest.store.port import Aggregate, LatestValue


class Answer(NamedTuple):
    """What a server said to a write.

    Attributes:
        status: of HTTP; 0 where there was no answer.
        body: its beginning as text; where there was no answer, why.
        retry_after_s: what the server asks us to wait.
    """

    status: int
    body: str = ""
    retry_after_s: float | None = None


class RemoteStore(Protocol):
    """A store beside the embedded one, fed from its outbox."""

    @property
    def name(self) -> str:
        """For people, without secrets: kind, host, port."""

    async def write(self, lines: bytes) -> Answer:
        """Send lines of line protocol, with times in milliseconds. Never raises for what server or network do."""

    async def is_there(self) -> bool:
        """Whether the server answers at all; asked while it takes nothing, so that its return is seen soon."""

    async def latest(self) -> dict[tuple[DeviceRef, int | None], dict[str, LatestValue]]:
        """As `TelemetryStore.latest`; the time of receipt is not kept there, the value's own stands for it.

        Raises:
            StoreError: the server does not answer, or with an error.
        """

    async def history(
        self, device: DeviceRef, port: int | None, field: str, from_ms: int, to_ms: int, every_s: int, agg: Aggregate
    ) -> list[tuple[int, float]]:
        """As `TelemetryStore.history`.

        Raises:
            StoreError: the server does not answer, or with an error.
            ValueError: no such field or aggregate, or `every_s` below 0.
        """

    async def close(self) -> None:
        """Let go of its connections."""
