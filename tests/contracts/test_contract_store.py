"""What every telemetry store keeps to: the embedded one, InfluxDB and VictoriaMetrics, each a real one.

What is appended to the embedded store goes through the outbox to the others, as in the service. InfluxDB is Debian's
1.6.7 behind a shim that gives it the v2 write path; a given InfluxDB 2.x or 3 is tested too where INFLUX_URL
(`influxdb://HOST:PORT/ORG/BUCKET`) and INFLUX_TOKEN name one. Each test then uses a site of its own in that bucket.
"""

from __future__ import annotations

import asyncio
import os
import random
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest.model import DeviceKind, DeviceRef, Reading, Value
from ingest.outbox import Shipper
from ingest.store.influx import InfluxStore
from ingest.store.port import AGGREGATES, Message, StoreError
from ingest.store.remote import RemoteStore
from ingest.store.remote_url import parse_remote_url
from ingest.store.retention import Retention
from ingest.store.spool import OutboxLimits
from ingest.store.sqlite import SqliteStore
from ingest.store.victoria import VictoriaStore
from shedwatch.clock import SystemClock
from tests.ingest.ingest_samples import NOW_MS
from tests.store_servers import TOKEN, InfluxTwo, Victoria, running, until

pytestmark = [pytest.mark.servers]

MINUTE_MS = 60_000


@dataclass
class Kept:
    """A store to be tested: `local` takes the readings, `reader` is asked."""

    local: SqliteStore
    reader: SqliteStore | RemoteStore
    shipper: Shipper | None
    victoria: Victoria | None
    site: str

    @property
    def device(self) -> DeviceRef:
        return DeviceRef(self.site, "shed-1", "c1")

    def message(self, ts_ms: int, port: int | None = 3, device: DeviceRef | None = None, **values: Value) -> Message:
        reading = Reading(device or self.device, DeviceKind.CHARGER, ts_ms, ts_ms, port, ts_ms, values)
        return Message((reading,), digest=hash((device, ts_ms, port, *values.items())) & (2**62 - 1))

    async def append(self, *messages: Message) -> None:
        """Append, and wait until the store that is asked has it."""
        await self.local.append(messages)
        if self.shipper is not None:
            await until(lambda: self.shipper.level.lines == 0)
        if self.victoria is not None:
            self.victoria.make_visible()

    async def every_value(self, field: str, port: int | None = 3) -> list[tuple[int, float]]:
        return await self.reader.history(self.device, port, field, NOW_MS - 3_600_000, NOW_MS + 3_600_000, 0, "last")


def influx_at(url: str, token: str) -> InfluxStore:
    return InfluxStore(parse_remote_url(url), lambda: token)


STORES = ["sqlite", "influxd-1.6.7", "victoria-metrics", *(["given-influxdb"] if "INFLUX_URL" in os.environ else [])]


@pytest.fixture(params=STORES)
async def kept(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kept]:
    """Each store in turn, empty."""
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        limits = None if request.param == "sqlite" else OutboxLimits()
        local = await SqliteStore.open(tmp_path / "t.db", clock, Retention(), limits)
        stack.push_async_callback(local.close)
        site = f"site-{uuid.uuid4().hex[:8]}"
        if request.param == "sqlite":
            yield Kept(local, local, None, None, site)
            return
        victoria = Victoria(tmp_path / "vm") if request.param == "victoria-metrics" else None
        remote: RemoteStore
        if victoria is not None:
            stack.enter_context(running(victoria))
            remote = VictoriaStore(parse_remote_url(f"victoria://127.0.0.1:{victoria.port}"), str)
        elif request.param == "given-influxdb":
            remote = influx_at(os.environ["INFLUX_URL"], os.environ["INFLUX_TOKEN"])
        else:
            influx = stack.enter_context(running(InfluxTwo(tmp_path / "influx")))
            remote = influx_at(influx.url, TOKEN)
        stack.push_async_callback(remote.close)
        shipper = Shipper(local.outbox, remote, clock, lambda *_: None)
        task = asyncio.create_task(shipper.run())
        yield Kept(local, remote, shipper, victoria, site)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_is_appended_can_be_read(kept: Kept) -> None:
    """Every value as it was, at its millisecond."""
    await kept.append(kept.message(NOW_MS, power_w=182.4), kept.message(NOW_MS + 1, power_w=-0.125))

    assert await kept.every_value("power_w") == [(NOW_MS, 182.4), (NOW_MS + 1, -0.125)]


async def test_yes_or_no_and_words_count_as_numbers(kept: Kept) -> None:
    """Yes is 1, a word its place in the registry; and both can be averaged."""
    await kept.append(
        kept.message(NOW_MS, None, smoke=False, breaker="open"), kept.message(NOW_MS + 1, None, smoke=True)
    )
    mean = await kept.reader.history(kept.device, None, "smoke", NOW_MS, NOW_MS + 10, 3600, "mean")

    assert await kept.every_value("smoke", None) == [(NOW_MS, 0.0), (NOW_MS + 1, 1.0)]
    assert await kept.every_value("breaker", None) == [(NOW_MS, 1.0)]
    assert [value for _, value in mean] == [0.5]


async def test_the_newest_values_come_back_in_their_types(kept: Kept) -> None:
    """Of each field the newest, whenever that was; a late reading is not newer."""
    await kept.append(
        kept.message(NOW_MS, power_w=1.0, state="charging"),
        kept.message(NOW_MS + 5, power_w=2.5),
        kept.message(NOW_MS + 2, power_w=9.0),
        kept.message(NOW_MS, None, smoke=True),
    )
    latest = {key: found for key, found in (await kept.reader.latest()).items() if key[0] == kept.device}
    values = {key[1]: {name: (it.value, it.ts_ms) for name, it in found.items()} for key, found in latest.items()}

    assert values == {
        3: {"power_w": (2.5, NOW_MS + 5), "state": ("charging", NOW_MS)},
        None: {"smoke": (True, NOW_MS)},
    }


async def test_ports_devices_and_sheds_are_kept_apart(kept: Kept) -> None:
    """And the charger itself from its ports."""
    other = DeviceRef(kept.site, "shed-2", "c1")
    await kept.append(
        kept.message(NOW_MS, 3, temperature_c=1.0),
        kept.message(NOW_MS, 4, temperature_c=2.0),
        kept.message(NOW_MS, None, temperature_c=3.0),
        kept.message(NOW_MS, 3, other, temperature_c=4.0),
    )
    read = [await kept.every_value("temperature_c", port) for port in (3, 4, None)]

    assert read == [[(NOW_MS, 1.0)], [(NOW_MS, 2.0)], [(NOW_MS, 3.0)]]


async def test_a_message_that_comes_twice_is_kept_once(kept: Kept) -> None:
    """In later commits too; another message of the same time moves to the next free millisecond."""
    first = kept.message(NOW_MS, power_w=1.0)
    await kept.append(first, first)
    await kept.append(first, kept.message(NOW_MS, power_w=2.0))

    assert await kept.every_value("power_w") == [(NOW_MS, 1.0), (NOW_MS + 1, 2.0)]


async def test_lines_that_are_sent_twice_are_kept_once(kept: Kept) -> None:
    """As after a crash between the store's answer and our forgetting."""
    if kept.shipper is None:
        return  # nothing is sent to the embedded store
    await kept.append(kept.message(NOW_MS, power_w=1.0), kept.message(NOW_MS + 10, power_w=2.0))
    tags = f"site={kept.site},shed=shed-1,device=c1,port=3"
    lines = "\n".join(f"port,{tags} power_w={n}.0 {NOW_MS + at}" for n, at in ((1, 0), (2, 10), (3, 20)))
    for _ in range(2):
        await kept.reader.write(lines.encode())
    if kept.victoria is not None:
        kept.victoria.make_visible()

    assert await kept.every_value("power_w") == [(NOW_MS, 1.0), (NOW_MS + 10, 2.0), (NOW_MS + 20, 3.0)]
    counted = await kept.reader.history(kept.device, 3, "power_w", NOW_MS, NOW_MS + 100, 3600, "count")
    assert [value for _, value in counted] == [3.0]


async def test_late_readings_find_their_place(kept: Kept) -> None:
    """A backlog comes in any order."""
    moments = [NOW_MS + at * 1000 for at in range(50)]
    random.Random(5).shuffle(moments)
    await kept.append(*[kept.message(at, power_w=float(at % 977)) for at in moments[:20]])
    await kept.append(*[kept.message(at, power_w=float(at % 977)) for at in moments[20:]])

    assert await kept.every_value("power_w") == [(at, float(at % 977)) for at in sorted(moments)]


@pytest.mark.parametrize("every_s", [60, 7, 3600])
async def test_buckets_hold_what_lies_in_the_range_and_in_them(kept: Kept, every_s: int) -> None:
    """For each aggregate, with ends of the range in the middle of buckets; the answer is that of plain arithmetic."""
    rng, step_ms = random.Random(every_s), every_s * 1000
    values = {NOW_MS + rng.randrange(600_000): round(rng.uniform(-50, 50), 3) for _ in range(400)}
    await kept.append(*[kept.message(at, power_w=value) for at, value in values.items()])
    from_ms, to_ms = NOW_MS + 12_345, NOW_MS + 543_210
    buckets: dict[int, list[float]] = {}
    for at in sorted(values):
        if from_ms <= at < to_ms:
            buckets.setdefault(at // step_ms * step_ms, []).append(values[at])
    rules = {
        "mean": lambda them: sum(them) / len(them),
        "min": min,
        "max": max,
        "last": lambda them: them[-1],
        "count": len,
    }
    for agg in AGGREGATES:
        found = await kept.reader.history(kept.device, 3, "power_w", from_ms, to_ms, every_s, agg)

        assert [at for at, _ in found] == list(buckets)
        assert [value for _, value in found] == pytest.approx([rules[agg](them) for them in buckets.values()])


async def test_a_range_within_one_bucket_counts_only_what_is_in_it(kept: Kept) -> None:
    """From inclusive, to exclusive."""
    await kept.append(*[kept.message(NOW_MS + at, power_w=float(at)) for at in (0, 10, 20, 30)])
    found = await kept.reader.history(kept.device, 3, "power_w", NOW_MS + 10, NOW_MS + 30, 3600, "count")

    assert [value for _, value in found] == [2.0]


async def test_there_is_no_history_of_what_was_never_heard(kept: Kept) -> None:
    """An empty list, and an empty range is empty."""
    await kept.append(kept.message(NOW_MS, power_w=1.0))
    stranger = DeviceRef(kept.site, "shed-1", "c9")

    assert await kept.reader.history(stranger, 3, "power_w", NOW_MS - 10, NOW_MS + 10, 60, "mean") == []
    assert await kept.every_value("current_a") == []
    assert await kept.reader.history(kept.device, 3, "power_w", NOW_MS, NOW_MS, 60, "mean") == []


async def test_questions_without_an_answer_are_refused(kept: Kept) -> None:
    """Before anything is asked."""
    for field, every_s, agg in (("colour", 60, "mean"), ("power_w", -1, "mean"), ("power_w", 60, "sum")):
        with pytest.raises(ValueError, match=r"no field|no aggregate|every_s"):
            await kept.reader.history(kept.device, 3, field, 0, 1, every_s, agg)


async def test_what_is_no_influxdb_is_said_so_and_never_taken_for_one(tmp_path: Path) -> None:
    """VictoriaMetrics takes lines at InfluxDB's address, and answers every question with databases it does not have."""
    with running(Victoria(tmp_path / "vm")) as victoria:
        store = influx_at(f"influxdb://127.0.0.1:{victoria.port}/org/bucket", "")
        written = await store.write(b"port,site=a,shed=b,device=c,port=1 power_w=1.0 1795400000000")
        with pytest.raises(StoreError, match="configured as victoria://"):
            await store.history(DeviceRef("a", "b", "c"), 1, "power_w", 0, NOW_MS, 0, "last")
        with pytest.raises(StoreError, match="configured as victoria://"):
            await store.latest()
        await store.close()

    assert written.status == 204
