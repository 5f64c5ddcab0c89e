"""The embedded store: durable, without duplicates, never going back in time, and plain about a wrong file."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from ingest.model import DeviceKind, DeviceRef, Reading
from ingest.store.port import Appended, LatestValue, Message, Refusal, StoreError
from ingest.store.retention import DAY_MS, Retention
from ingest.store.schema import SchemaError
from ingest.store.sqlite import SqliteStore
from shedwatch.clock import ManualClock
from tests.ingest.ingest_samples import C1, NOW_MS, message, reading

MINUTE_MS = 60_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW_MS)


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(tmp_path / "data" / "telemetry.db", clock)
    yield opened
    await opened.close()


async def powers(store: SqliteStore) -> list[tuple[int, float]]:
    return await store.history(C1, 3, "power_w", 0, 2**53, 0, "last")


async def test_what_is_appended_can_be_read(store: SqliteStore) -> None:
    """As history and as the newest value."""
    appended = await store.append([message(NOW_MS, 182.4)])

    assert appended == Appended(1, 0)
    assert await powers(store) == [(NOW_MS, 182.4)]
    assert await store.latest() == {
        (C1, 3): {"power_w": LatestValue(182.4, NOW_MS, NOW_MS), "state": LatestValue("charging", NOW_MS, NOW_MS)}
    }


async def test_values_keep_their_types(store: SqliteStore) -> None:
    """Bools and words come back as such, and count as numbers in history."""
    values = {"smoke": False, "breaker": "open", "voltage_v": 221.5}
    await store.append([Message((reading(NOW_MS, port=None, values=values),), 1)])
    latest = (await store.latest())[C1, None]

    assert {name: newest.value for name, newest in latest.items()} == values
    assert await store.history(C1, None, "breaker", 0, 2**53, 0, "last") == [(NOW_MS, 1.0)]


async def test_the_same_message_again_changes_nothing(store: SqliteStore) -> None:
    """In a later commit and within one."""
    await store.append([message(NOW_MS)])
    again = await store.append([message(NOW_MS, redelivered=True), message(NOW_MS), message(NOW_MS + 10, 7.0)])

    assert again == Appended(1, 2)
    assert len(await powers(store)) == 2


async def test_another_message_of_the_same_time_is_kept_beside_it(store: SqliteStore) -> None:
    """At the next free millisecond, and recognised there when it comes again."""
    both = [message(NOW_MS, 1.0), message(NOW_MS, 2.0), message(NOW_MS + 1, 3.0)]
    first = await store.append(both)
    again = await store.append(both)

    assert (first, again) == (Appended(3, 0), Appended(0, 3))
    assert await powers(store) == [(NOW_MS, 1.0), (NOW_MS + 1, 2.0), (NOW_MS + 2, 3.0)]


async def test_devices_heard_for_the_first_time_beside_a_taken_millisecond_keep_their_series(
    store: SqliteStore,
) -> None:
    """The commit that begins anew for the one does not forget the others, nor those that come later."""
    await store.append([message(NOW_MS, 1.0)])
    first, second = DeviceRef(*C1[:2], "new-1"), DeviceRef(*C1[:2], "new-2")
    of_first = Message((msgspec.structs.replace(reading(NOW_MS, 5.0), device=first),), digest=501)
    of_second = Message((msgspec.structs.replace(reading(NOW_MS, 6.0), device=second),), digest=502)

    assert await store.append([message(NOW_MS, 2.0), of_first]) == Appended(2, 0)
    assert await store.append([of_second, of_first]) == Appended(1, 1)
    for device, power_w in ((first, 5.0), (second, 6.0)):
        assert await store.history(device, 3, "power_w", 0, 2**53, 0, "last") == [(NOW_MS, power_w)]
    assert await powers(store) == [(NOW_MS, 1.0), (NOW_MS + 1, 2.0)]


async def test_a_repetition_without_device_time_is_known_by_its_digest(store: SqliteStore) -> None:
    """It arrives later, so only the broker's DUP and the digest can tell."""

    def timeless(received_ms: int, redelivered: bool) -> Message:
        return Message((reading(received_ms, device_ms=None),), 77, redelivered)

    await store.append([timeless(NOW_MS, False)])
    assert await store.append([timeless(NOW_MS + 9_000, True)]) == Appended(0, 1)
    # Without DUP it is a reading that happens to look the same.
    assert await store.append([timeless(NOW_MS + 9_000, False)]) == Appended(1, 0)


async def test_a_clock_that_stands_still_loses_nothing(store: SqliteStore) -> None:
    """Thousands of messages of one and the same millisecond find their place."""
    later = [Message((reading(NOW_MS, float(n), received_ms=NOW_MS + n * 1000),), digest=n + 1) for n in range(1, 1300)]
    await store.append(later)

    assert len(await powers(store)) == 1299


async def test_an_older_reading_never_becomes_the_latest(store: SqliteStore) -> None:
    """A backlog fills charts only."""
    await store.append([message(NOW_MS, 5.0)])
    await store.append([message(NOW_MS - 60_000, 9.0)])

    assert (await store.latest())[C1, 3]["power_w"] == LatestValue(5.0, NOW_MS, NOW_MS)


async def test_latest_survives_a_restart(store: SqliteStore, clock: ManualClock) -> None:
    """And goes on from there."""
    await store.append([message(NOW_MS, 5.0)])
    await store.close()
    again = await SqliteStore.open(store.path, clock)
    await again.append([message(NOW_MS - 1, 4.0)])
    latest = await again.latest()
    await again.close()

    assert latest[C1, 3]["power_w"].value == 5.0


async def test_latest_survives_a_service_that_was_killed(store: SqliteStore, clock: ManualClock) -> None:
    """The table of newest values is written now and then; what a crash left out of it is among the raw rows."""
    await store.append([message(NOW_MS, 4.0)])
    await store._write(lambda _connection: store._writer_now().write_latest())
    values = {"power_w": 5.0, "state": "full", "smoke": True}
    await store.append([Message((reading(NOW_MS + 1, values=values),), 9)])
    survivor = await SqliteStore.open(store.path, clock)
    await survivor.append([])
    latest = await survivor.latest()
    await survivor.close()

    assert latest == await store.latest()
    assert {name: newest.value for name, newest in latest[C1, 3].items()} == values


async def test_other_processes_read_the_newest_values_within_about_a_second(
    store: SqliteStore, clock: ManualClock
) -> None:
    """From the file, without the writer's memory."""
    other = SqliteStore(store.path, clock, Retention())
    await store.append([message(NOW_MS, 1.0)])
    clock.advance(1.0)
    await store.append([message(NOW_MS + 1000, 2.0)])
    latest = await other.latest()
    await other.close()

    assert latest[C1, 3]["power_w"].value == 1.0


async def test_readings_of_ever_other_fields_are_all_kept(store: SqliteStore) -> None:
    """However many combinations devices think of, in one commit and in order of arrival."""
    names = ["voltage_v", "temperature_c", "leakage_ma", "signal_pct", "power_w", "current_a", "energy_wh"]
    chosen = [[name for bit, name in enumerate(names) if number >> bit & 1] for number in range(1, 128)]
    readings = [
        reading(NOW_MS + at, values={**{name: float(at) for name in some}, "state": "idle"})
        for at, some in enumerate(chosen)
    ]
    await store.append([Message((it,), digest=at) for at, it in enumerate(readings)])
    stored = {name: await store.history(C1, 3, name, 0, 2**53, 0, "last") for name in [*names, "state"]}

    assert stored["state"] == [(it.ts_ms, 0.0) for it in readings]
    for name in names:
        assert stored[name] == [(it.ts_ms, it.values[name]) for it in readings if name in it.values]


async def test_a_late_reading_has_its_minute_summarised_again(store: SqliteStore, clock: ManualClock) -> None:
    """Also where the same minute was marked, and summarised, before."""
    await store.append([message(NOW_MS, 10.0)])
    clock.advance(300)
    await store.summarise()
    await store.append([message(NOW_MS + 1, 20.0)])
    await store.summarise()
    rollup = await store._read(lambda connection: connection.execute("SELECT total FROM rollup").fetchall())

    assert (30.0,) in rollup


async def test_a_device_time_beyond_all_measure_is_dropped_and_the_reading_kept(store: SqliteStore) -> None:
    """It does not fit the file."""
    await store.append([Message((reading(NOW_MS, device_ms=10**30),), 5)])

    assert len(await powers(store)) == 1


async def test_events_and_changes_of_status_are_kept(store: SqliteStore) -> None:
    """A status that says the same again, as retained ones do, is no news."""

    def status(at_ms: int, online: bool) -> Message:
        return Message((Reading(C1, DeviceKind.CHARGER, at_ms, at_ms, online=online),), at_ms)

    boot = Message((Reading(C1, DeviceKind.CHARGER, NOW_MS, NOW_MS, device_ms=NOW_MS, event="boot"),), 3)
    await store.append([status(NOW_MS, True), status(NOW_MS + 1, True), boot, boot, status(NOW_MS + 2, False)])
    events = [(event.kind, event.word, event.ts_ms) for event in await store.events(0, 2**53)]

    assert events == [("event", "boot", NOW_MS), ("status", "online", NOW_MS), ("status", "offline", NOW_MS + 2)]


async def test_refusals_are_dead_letters_with_a_bounded_beginning(store: SqliteStore) -> None:
    """Newest first, page by page."""
    refusals = [Refusal(NOW_MS + n, f"t{n}", "because", b"x" * 70_000) for n in range(3)]
    await store.append([], refusals)
    newest = await store.dead_letters(2)
    rest = await store.dead_letters(2, newest[-1].id)

    assert [letter.topic for letter in newest + rest] == ["t2", "t1", "t0"]
    assert (len(newest[0].payload), newest[0].size) == (65_536, 70_000)
    assert await store.dead_letter_count() == 3


async def test_only_the_newest_dead_letters_are_kept(tmp_path: Path, clock: ManualClock) -> None:
    """A flood of nonsense cannot fill the disk."""
    store = await SqliteStore.open(tmp_path / "t.db", clock, Retention(dead_letters=5))
    await store.append([], [Refusal(NOW_MS, f"t{n}", "because", b"") for n in range(12)])
    await store.trim()
    kept = [letter.topic for letter in await store.dead_letters(100)]
    await store.close()

    assert kept == ["t11", "t10", "t9", "t8", "t7"]


async def test_old_raw_rows_go_and_their_summaries_stay(store: SqliteStore, clock: ManualClock) -> None:
    """Charts by the minute reach back a year, charts by the reading eight days."""
    await store.append([message(NOW_MS, 10.0), message(NOW_MS + 1000, 20.0)])
    clock.advance(9 * DAY_MS / 1000)
    await store.append([message(clock.now_ms(), 30.0)])
    await store.summarise()
    await store.trim()
    by_minute = await store.history(C1, 3, "power_w", 0, 2**53, 60, "mean")
    by_half_minute = await store.history(C1, 3, "power_w", 0, 2**53, 30, "mean")

    assert [value for _, value in await powers(store)] == [30.0]
    assert [value for _, value in by_minute] == [15.0, 30.0]
    assert [value for _, value in by_half_minute] == [15.0, 30.0]


async def test_readings_are_committed_between_the_steps_of_retention(store: SqliteStore, clock: ManualClock) -> None:
    """Giving up what is old never holds the writer for longer than one small step."""
    hours = [message(NOW_MS + hour * 3_600_000, float(hour)) for hour in range(60)]
    await store.append(hours)
    clock.advance(12 * DAY_MS / 1000)
    await store.summarise()
    trimming = asyncio.create_task(store.trim())
    between = 0
    while not trimming.done():
        await store.append([message(clock.now_ms() + between, 1.0)])
        between += 1
    await trimming

    assert between >= 50
    assert len(await powers(store)) == between


async def test_summaries_and_events_go_after_a_year(store: SqliteStore, clock: ManualClock) -> None:
    """Nothing grows for ever."""
    event = Message((Reading(C1, DeviceKind.CHARGER, NOW_MS, NOW_MS, event="boot"),), 3)
    await store.append([message(NOW_MS), event])
    clock.advance(367 * DAY_MS / 1000)
    await store.summarise()
    await store.trim()

    assert await store.history(C1, 3, "power_w", 0, 2**53, 60, "mean") == []
    assert await store.events(0, 2**53) == []


async def test_a_full_disk_is_a_store_error_and_passes(store: SqliteStore) -> None:
    """Nothing of the call is kept; when there is room again the same call succeeds."""
    await store.append([message(NOW_MS)])
    await store._write(lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchone())
    batch = [message(NOW_MS + n, float(n)) for n in range(1, 5000)]
    with pytest.raises(StoreError, match="full"):
        await store.append(batch)
    before = len(await powers(store))
    appended = await store.append(batch)

    assert before == 1
    assert appended == Appended(4999, 0)


async def test_a_locked_file_is_a_store_error_and_passes(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program's lock, such as a copying tool's, is waited out by trying again."""
    await store._write(lambda connection: connection.execute("PRAGMA busy_timeout = 20").fetchone())
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        await store.append([message(NOW_MS)])
    other.execute("ROLLBACK")
    other.close()

    assert await store.append([message(NOW_MS)]) == Appended(1, 0)


async def test_reading_goes_on_while_a_commit_is_held_up(store: SqliteStore) -> None:
    """Readers have connections and threads of their own."""
    await store.append([message(NOW_MS)])
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    commit = asyncio.create_task(store.append([message(NOW_MS + 1)]))
    read = await asyncio.wait_for(powers(store), 2)
    other.execute("ROLLBACK")
    other.close()
    await commit

    assert len(read) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("CREATE TABLE t (x)", "another program"),
        ("PRAGMA application_id = 1397245252; PRAGMA user_version = 99; CREATE TABLE t (x)", "newer version"),
        ("PRAGMA application_id = 1397245252; PRAGMA user_version = 0; CREATE TABLE t (x)", "older version"),
    ],
)
async def test_a_file_that_is_not_ours_is_left_alone(tmp_path: Path, content: str, reason: str) -> None:
    """The message says what it is instead."""
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.executescript(content)
    connection.close()
    before = path.read_bytes()

    with pytest.raises(SchemaError, match=reason):
        await SqliteStore.open(path)
    assert path.read_bytes() == before


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """Not overwritten."""
    path = tmp_path / "notes.txt"
    path.write_text("not a database, just a long enough text " * 30)

    with pytest.raises(SchemaError, match="not an SQLite file"):
        await SqliteStore.open(path)


async def test_a_folder_that_cannot_be_written_is_a_store_error(tmp_path: Path) -> None:
    """Said at the start, with the path."""
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match="file"):
        await SqliteStore.open(tmp_path / "file" / "t.db")


@pytest.mark.parametrize(
    ("field", "every_s", "agg"), [("colour", 60, "mean"), ("power_w", -1, "mean"), ("power_w", 60, "sum")]
)
async def test_questions_without_an_answer_are_refused(store: SqliteStore, field: str, every_s: int, agg: str) -> None:
    """Before they become part of a query."""
    with pytest.raises(ValueError, match=r"no field|no aggregate|every_s"):
        await store.history(C1, 3, field, 0, 1, every_s, agg)  # type: ignore[arg-type]


async def test_a_device_never_heard_of_has_no_history(store: SqliteStore) -> None:
    """An empty list, not an error."""
    assert await store.history(DeviceRef("a", "b", "c"), None, "power_w", 0, 2**53, 60, "mean") == []


async def test_a_file_from_before_a_field_existed_gets_its_column(store: SqliteStore, clock: ManualClock) -> None:
    """The registry of fields grows; what was stored stays."""
    await store.append([message(NOW_MS, 1.0)])
    await store.close()
    connection = sqlite3.connect(store.path)
    connection.execute("ALTER TABLE raw DROP COLUMN alarm")
    connection.execute("ALTER TABLE raw DROP COLUMN leakage_ma")
    connection.commit()
    connection.close()
    again = await SqliteStore.open(store.path, clock)
    values = {"power_w": 2.0, "leakage_ma": 7.0, "alarm": True}
    await again.append([Message((reading(NOW_MS + 1, values=values),), 9)])
    stored = [await again.history(C1, 3, field, 0, 2**53, 0, "last") for field in ("power_w", "leakage_ma", "alarm")]
    await again.close()

    assert stored == [[(NOW_MS, 1.0), (NOW_MS + 1, 2.0)], [(NOW_MS + 1, 7.0)], [(NOW_MS + 1, 1.0)]]


WRITER = """
import asyncio, sys
from pathlib import Path
from ingest.store.sqlite import SqliteStore
from tests.ingest.ingest_samples import NOW_MS, message

async def main():
    store = await SqliteStore.open(Path(sys.argv[1]))
    for batch in range(100_000):
        await store.append([message(NOW_MS + batch * 100 + n, float(n), digest=n) for n in range(100)])
        print(batch, flush=True)

asyncio.run(main())
"""


@pytest.mark.slow
async def test_no_committed_batch_is_lost_when_the_writer_is_killed(tmp_path: Path) -> None:
    """Every batch whose commit returned is there after a kill -9, complete, and no batch is there in part."""
    path = tmp_path / "t.db"
    root = Path(__file__).resolve().parents[2]
    for committed_at_least in (3, 40):
        path.unlink(missing_ok=True)
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)],
            stdout=subprocess.PIPE,
            cwd=root,
            env={**os.environ, "PYTHONPATH": "."},
        )
        assert process.stdout is not None
        batches = [int(process.stdout.readline()) for _ in range(committed_at_least)]
        process.send_signal(signal.SIGKILL)
        batches += [int(line) for line in process.stdout.read().split(b"\n")[:-1]]
        process.stdout.close()
        process.wait()
        store = await SqliteStore.open(path)
        rows = await powers(store)
        await store.close()

        assert len(rows) % 100 == 0
        assert len(rows) // 100 in (batches[-1] + 1, batches[-1] + 2)


async def test_a_backlog_that_pours_in_does_not_have_its_minutes_summarised_for_ever(
    store: SqliteStore, clock: ManualClock
) -> None:
    """What becomes due while summaries are made is left to the next time."""
    stop = asyncio.Event()

    async def pour() -> None:
        late_ms, n = NOW_MS - 3_600_000, 0
        while not stop.is_set():
            n += 1
            await store.append([message(late_ms + n, float(n))])

    await store.append([message(NOW_MS - 3_600_000, 0.0)])
    pouring = asyncio.create_task(pour())
    await asyncio.wait_for(store.summarise(), 5)
    stop.set()
    await pouring
    await store.summarise()

    assert await store._read(lambda connection: connection.execute("SELECT count(*) FROM dirty").fetchone()) == (0,)
