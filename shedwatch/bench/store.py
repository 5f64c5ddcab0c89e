"""Readings a second into the embedded store by itself, against a bare `executemany` of the same rows into the same table.

Ours makes rows of readings, keeps each once, notes newest values and the minutes to be summarised, and commits as often
as the reference, which does nothing but insert rows that are ready. Both reach the disk at each commit (WAL, FULL).
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from ingest.inbox import Inbound
from ingest.model import DeviceRef
from ingest.store.port import Message
from ingest.store.retention import Retention
from ingest.store.rows import ALL_COLUMNS, COLUMNS, KEYS, Row
from ingest.store.schema import connect_writer
from ingest.store.spool import OutboxLimits
from ingest.store.sqlite import SqliteStore
from ingest.timekeeping import DeviceClocks
from ingest.translate import Translator, digest_of
from shedwatch.bench.fleet import Fleet
from shedwatch.bench.report import Report, Run, interleave
from shedwatch.clock import SystemClock
from shedwatch.progress import Tell

FLEET = Fleet(sheds=20, chargers=10, ports=10)
Batches = Sequence[Sequence[Message]]
_INSERT = f"INSERT INTO raw ({', '.join(KEYS + COLUMNS)}) VALUES ({', '.join('?' * (len(KEYS) + len(COLUMNS)))})"  # noqa: S608 - columns of the registry


@dataclass(frozen=True, slots=True)
class StoreScale:
    """How much is run."""

    messages: int = 30_000
    commit: int = 1000
    pairs: int = 5


def run(tell: Tell | None = None, scale: StoreScale = StoreScale()) -> Report:
    """Each run into a new file."""
    batches = _batches(scale)
    readings = sum(len(message.readings) for batch in batches for message in batch)
    with tempfile.TemporaryDirectory(prefix="shedwatch-bench-") as folder:
        files = (Path(folder) / f"{number}.db" for number in count())
        rows = _rows(batches)
        pairs = interleave(
            lambda: _ours(batches, files),
            lambda: _insert(rows, next(files), len(batches)),
            scale.pairs,
            tell,
        )
    return Report(
        "store",
        f"{readings} readings of {scale.messages} messages into the embedded store, {scale.commit} messages a commit: "
        "rows made, each kept once, newest values and minutes to be summarised noted",
        "sqlite3.executemany of the same rows, ready made, into the same table with as many commits",
        "readings/s",
        "higher",
        pairs,
    )


def _ours(batches: Batches, files: Iterator[Path]) -> Run:
    readings = sum(len(message.readings) for batch in batches for message in batch)
    took_s = asyncio.run(_append(batches, next(files), None))
    with_outbox_s = asyncio.run(_append(batches, next(files), OutboxLimits()))
    return Run(readings / took_s, {"with_outbox_readings_per_s": readings / with_outbox_s})


async def _append(batches: Batches, file: Path, outbox: OutboxLimits | None) -> float:
    """Seconds it took."""
    store = await SqliteStore.open(file, SystemClock(), Retention(), outbox)
    try:
        begun = time.perf_counter()
        for batch in batches:
            await store.append(batch)
        return time.perf_counter() - begun
    finally:
        await store.close()


def _rows(batches: Batches) -> list[Row]:
    """In the order of the messages, with every column."""
    series: dict[tuple[DeviceRef, int | None], int] = {}
    return [
        ALL_COLUMNS.row(reading, series.setdefault((reading.device, reading.port), len(series) + 1), message.digest)
        for batch in batches
        for message in batch
        for reading in message.readings
    ]


def _insert(rows: Sequence[Row], file: Path, commits: int) -> Run:
    connection = connect_writer(file)
    try:
        size = -(-len(rows) // commits)
        begun = time.perf_counter()
        for at in range(0, len(rows), size):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_INSERT, rows[at : at + size])
            connection.execute("COMMIT")
        return Run(len(rows) / (time.perf_counter() - begun))
    finally:
        connection.close()


def _batches(scale: StoreScale) -> Batches:
    """Messages as the intake hands them over."""
    translator, now_ms = Translator(FLEET.topology(), DeviceClocks()), SystemClock().now_ms()
    messages = []
    for topic, payload in FLEET.single_ports(scale.messages, now_ms):
        inbound = Inbound(topic, payload, len(payload), None, dup=False, retain=False, ack=lambda: None)
        readings = translator.translate(inbound, *translator.address(topic), now_ms).readings
        messages.append(Message(readings, digest_of(topic, payload)))
    return [messages[at : at + scale.commit] for at in range(0, len(messages), scale.commit)]
