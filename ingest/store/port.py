"""What every telemetry store can do, whichever it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import msgspec

from ingest.model import DeadLetter, DeviceRef, Reading, Value

Aggregate = Literal["mean", "min", "max", "last", "count"]
AGGREGATES: tuple[Aggregate, ...] = ("mean", "min", "max", "last", "count")


class StoreError(Exception):
    """The store cannot do it now (disk full, locked, gone); nothing of the call was kept."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message, or a part of it, on its way to the dead letters.

    Attributes:
        size: the message's true length where `payload` is only its beginning, else None.
        kind: a word of `RefusalKind`.
        source: `site/shed/device` it came from, as far as that is known.
        unkept: how many of this source and kind were only counted since the last that was kept.
    """

    received_ms: int
    topic: str
    reason: str
    payload: bytes
    size: int | None = None
    kind: str = ""
    source: str = ""
    unkept: int = 0


class LatestValue(NamedTuple):
    """The newest value of a field and the times it belongs to."""

    value: Value
    ts_ms: int
    received_ms: int


class Appended(NamedTuple):
    """What a commit did."""

    stored: int
    duplicates: int


class Message(msgspec.Struct, frozen=True, gc=False):
    """The readings of one message, with what tells a repetition of it: a digest of topic and payload, and MQTT's DUP."""

    readings: Sequence[Reading]
    digest: int
    redelivered: bool = False


class TelemetryStore(Protocol):
    """Readings in by group commit, series out. Safe to use from any task of one event loop."""

    async def append(self, messages: Sequence[Message], refusals: Sequence[Refusal] = ()) -> Appended:
        """Commit all in one durable transaction; a repeated message changes nothing.

        Raises:
            StoreError: nothing was committed.
        """

    async def latest(self) -> dict[tuple[DeviceRef, int | None], dict[str, LatestValue]]:
        """The newest value of every field of every device and port."""

    async def history(
        self, device: DeviceRef, port: int | None, field: str, from_ms: int, to_ms: int, every_s: int, agg: Aggregate
    ) -> list[tuple[int, float]]:
        """`[ts_ms, value]` a bucket of `every_s` seconds that has values, `from_ms` inclusive, `to_ms` exclusive.

        Buckets begin at whole multiples of `every_s` since the epoch and are named by their beginning, so the first
        may be named earlier than `from_ms`; only values within the range count. `every_s` 0: every stored value as it
        is. Bools count as 0 and 1, enums as their index.

        Raises:
            ValueError: no such field or aggregate, or `every_s` below 0.
        """

    async def dead_letters(self, limit: int, before_id: int | None = None) -> list[DeadLetter]:
        """The newest refusals first."""

    async def dead_letter_count(self) -> int:
        """How many are kept."""

    async def close(self) -> None:
        """Let go of the file or connection; everything acknowledged stays."""
