"""The outbox's table: filled in the readings' own transaction, bounded, and its losses counted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ingest.model import DeviceKind, Reading
from ingest.store.port import Message, Refusal
from ingest.store.retention import Retention
from ingest.store.spool import OutboxFullError, OutboxLevel, OutboxLimits
from ingest.store.sqlite import SqliteStore
from shedwatch.clock import ManualClock
from tests.ingest.ingest_samples import C1, NOW_MS, message

ROOT = Path(__file__).resolve().parents[2]
LINE = "port,site=cuiping-beili,shed=shed-1,device=c1,port=3 power_w={power},state=2i {ts}"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW_MS)


async def opened(path: Path, clock: ManualClock, limits: OutboxLimits | None) -> SqliteStore:
    return await SqliteStore.open(path / "t.db", clock, Retention(), limits)


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[SqliteStore]:
    made = await opened(tmp_path, clock, OutboxLimits(max_bytes=20_000, max_age_ms=60_000))
    yield made
    await made.close()


async def waiting(store: SqliteStore) -> list[str]:
    parcel = await store.outbox.next(10**6, 10**9)
    return [] if parcel is None else [line.decode() for line in parcel.lines]


async def test_every_new_row_is_a_line_at_the_time_it_is_kept_at(store: SqliteStore) -> None:
    """A repeated message makes none, and one that had to move to a free millisecond has that one's."""
    await store.append([message(NOW_MS, 1.0), message(NOW_MS, 2.0)])
    await store.append([message(NOW_MS, 1.0)])

    assert await waiting(store) == [LINE.format(power=1.0, ts=NOW_MS), LINE.format(power=2.0, ts=NOW_MS + 1)]


async def test_events_and_changes_of_status_are_lines_too(store: SqliteStore) -> None:
    """Once each."""
    boot = Message((Reading(C1, DeviceKind.CHARGER, NOW_MS, NOW_MS, device_ms=NOW_MS, event="boot"),), 3)
    away = Message((Reading(C1, DeviceKind.CHARGER, NOW_MS, NOW_MS, online=False),), 4)
    await store.append([boot, boot, away, away])
    lines = [line.split(",")[-1] for line in await waiting(store)]

    assert lines == [f"word=boot count=1i {NOW_MS}", f"word=offline count=1i {NOW_MS}"]


async def test_without_a_remote_store_nothing_waits(tmp_path: Path, clock: ManualClock) -> None:
    """The embedded store alone does not pay for it."""
    store = await opened(tmp_path, clock, None)
    await store.append([message(NOW_MS)])
    rows = await store._read(lambda connection: connection.execute("SELECT count(*) FROM outbox").fetchone())
    await store.close()

    assert (store.outbox, rows) == (None, (0,))


async def test_a_commit_that_fails_leaves_no_line(store: SqliteStore) -> None:
    """Point and line are one transaction."""
    await store.append([message(NOW_MS)])
    await store._write(lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchone())
    with pytest.raises(Exception, match="full"):
        await store.append([message(NOW_MS + n, float(n)) for n in range(1, 5000)])

    assert len(await waiting(store)) == 1


async def test_a_parcel_is_bounded_and_the_oldest_first(store: SqliteStore) -> None:
    """Whole commits, at least one; what is settled is gone, and only that."""
    for n in range(5):
        await store.append([message(NOW_MS + 10 * n + m, float(m)) for m in range(4)])
    parcel = await store.outbox.next(9, 10**6)
    one = await store.outbox.next(1, 1)
    await store.outbox.settle(parcel.last_seq, [Refusal(NOW_MS, "store x", "why", parcel.lines[0])])
    rest = await waiting(store)

    assert (len(parcel.lines), len(one.lines), len(rest)) == (8, 4, 12)
    assert rest[0] == LINE.format(power=0.0, ts=NOW_MS + 20)
    assert [letter.topic for letter in await store.dead_letters(9)] == ["store x"]


async def test_the_level_says_how_much_waits_and_since_when(store: SqliteStore, clock: ManualClock) -> None:
    """And still does after a restart."""
    await store.append([message(NOW_MS, 1.0)])
    clock.advance(5)
    await store.append([message(NOW_MS + 1, 1.0)])
    level = store.outbox.level
    again = await SqliteStore.open(store.path, clock, Retention(), OutboxLimits())
    await again.outbox.expire()
    restarted = again.outbox.level
    await again.close()

    assert level == restarted == OutboxLevel(2, 2 * len(LINE.format(power=1.0, ts=NOW_MS)), NOW_MS, 0)


async def test_at_the_limit_the_oldest_lines_are_given_up_and_counted(store: SqliteStore) -> None:
    """The rows themselves stay in the embedded store."""
    for n in range(40):
        await store.append([message(NOW_MS + 100 * n + m, float(m)) for m in range(10)])
    level = store.outbox.level

    assert 0 < level.dropped < 400
    assert level.dropped + level.lines == 400
    assert level.size <= 20_000
    assert len(await waiting(store)) == level.lines
    assert len(await store.history(C1, 3, "power_w", 0, 2**53, 0, "last")) == 400


async def test_what_is_too_old_is_given_up(store: SqliteStore, clock: ManualClock) -> None:
    """Also where nothing new comes."""
    await store.append([message(NOW_MS)])
    clock.advance(59)
    await store.outbox.expire()
    before = store.outbox.level.lines
    clock.advance(2)
    await store.outbox.expire()

    assert (before, store.outbox.level) == (1, OutboxLevel(0, 0, None, 1))


async def test_where_nothing_may_be_given_up_no_more_is_taken(tmp_path: Path, clock: ManualClock) -> None:
    """The readings stay at the broker until the remote store has taken some."""
    store = await opened(tmp_path, clock, OutboxLimits(max_bytes=1000, on_full="stop"))
    for n in range(9):
        await store.append([message(NOW_MS + n)])
    with pytest.raises(OutboxFullError, match="the outbox is full"):
        for n in range(9, 40):
            await store.append([message(NOW_MS + n)])
    held = await waiting(store)
    await store.outbox.expire()
    await store.outbox.settle((await store.outbox.next(10**6, 10**9)).last_seq, [])
    appended = await store.append([message(NOW_MS + 40)])
    await store.close()

    assert (appended.stored, store.outbox.level.dropped) == (1, 0)
    assert len(held) >= 9


WRITER = """
import asyncio, sys
from pathlib import Path
from ingest.store.retention import Retention
from ingest.store.spool import OutboxLimits
from ingest.store.sqlite import SqliteStore
from shedwatch.clock import SystemClock
from tests.ingest.ingest_samples import NOW_MS, message

async def main():
    store = await SqliteStore.open(Path(sys.argv[1]), SystemClock(), Retention(), OutboxLimits())
    for batch in range(100_000):
        await store.append([message(NOW_MS + batch * 100 + n, float(n), digest=n) for n in range(100)])
        print(batch, flush=True)

asyncio.run(main())
"""


@pytest.mark.slow
async def test_row_and_line_survive_a_kill_together(tmp_path: Path, clock: ManualClock) -> None:
    """Every row has its line and every line its row, and nothing that was committed is missing."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "t.db")],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert process.stdout is not None
    committed = [int(process.stdout.readline()) for _ in range(40)]
    process.send_signal(signal.SIGKILL)
    committed += [int(line) for line in process.stdout.read().split(b"\n")[:-1]]
    process.stdout.close()
    process.wait()
    store = await opened(tmp_path, clock, OutboxLimits())
    rows = [ts_ms for ts_ms, _ in await store.history(C1, 3, "power_w", 0, 2**53, 0, "last")]
    lines = [int(line.rpartition(" ")[2]) for line in await waiting(store)]
    await store.close()

    assert lines == rows
    assert len(rows) // 100 in (committed[-1] + 1, committed[-1] + 2)
