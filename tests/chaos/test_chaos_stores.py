"""A remote store that goes away, counted by sequence numbers in that store: nothing lost, nothing double.

A real Mosquitto, the intake with its embedded store in a process of its own, and a real database. As a rule 4,000
messages are published at 1,000 a second and the store is away for 2 s; with SHEDWATCH_CHAOS=full 30,000 and 10 s.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest.broker import Broker
from ingest.contract import encode
from shedwatch.clock import SystemClock
from tests.ingest.ingest_samples import TELEMETRY
from tests.servers import Mosquitto
from tests.store_servers import TOKEN, InfluxTwo, Victoria, running, until

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(300)]
ROOT = Path(__file__).resolve().parents[2]
FULL = os.environ.get("SHEDWATCH_CHAOS") == "full"
MESSAGES, AWAY_S = (30_000, 10.0) if FULL else (4_000, 2.0)
# Ten minutes at 500 a second.
OUTAGE_MESSAGES = 300_000 if FULL else 60_000
Kept = Callable[[], Counter[int]]

SERVICE = """
import asyncio, sys
from pathlib import Path
from ingest.broker import Broker
from ingest.intake import Intake
from ingest.outbox import Shipper
from shedwatch.clock import SystemClock
from shedwatch.settings import StoreSettings
from shedwatch.stores import make_remote, open_local
from tests.ingest.ingest_samples import TOPOLOGY

async def main():
    async def hear(_readings): pass
    clock, settings = SystemClock(), StoreSettings(url=sys.argv[3], token=sys.argv[4])
    store = await open_local(settings, Path(sys.argv[2]), clock)
    broker = Broker(sys.argv[1], "service", ["sheds/#"])
    intake = Intake(TOPOLOGY, store, clock, broker.inbox, on_readings=hear, on_frame=lambda frame: None)
    shipper = Shipper(store.outbox, make_remote(settings), clock, lambda *_: None)
    await asyncio.gather(broker.run(), intake.run(), store.maintain(), shipper.run())

asyncio.run(main())
"""


def start(code: str, *arguments: str, **options: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, **options
    )


@dataclass
class Service:
    """The ingesting process, which can be killed and started again."""

    arguments: tuple[str, ...]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = start(SERVICE, *self.arguments, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@contextmanager
def ingesting(mosquitto: Mosquitto, path: Path, url: str) -> Iterator[Service]:
    service = Service((mosquitto.url, str(path), url, TOKEN))
    service.start()
    try:
        yield service
    finally:
        service.kill()


def numbered(ts_ms: int, n: int) -> dict[str, object]:
    """The field with room for the largest numbers."""
    return {"ts": ts_ms, "ports": [{"port": 3, "state": "charging", "energy_wh": float(n)}]}


@asynccontextmanager
async def publishing(mosquitto: Mosquitto) -> AsyncIterator[asyncio.Task[None]]:
    """Message n has energy n and a millisecond of its own; 1,000 a second."""
    await until(lambda: "service" in mosquitto.log)
    publisher = Broker(mosquitto.url, "device", persistent=False)
    running_ = asyncio.create_task(publisher.run())
    await publisher.wait_online()

    async def publish() -> None:
        loop, clock = asyncio.get_running_loop(), SystemClock()
        begun, base_ms = loop.time(), clock.now_ms() - MESSAGES
        for n in range(MESSAGES):
            while not publisher.publish(TELEMETRY, encode(numbered(base_ms + n, n))):
                await asyncio.sleep(0.005)
            if n % 10 == 0:
                await asyncio.sleep(max(0.0, begun + n / 1000 - loop.time()))

    task = asyncio.create_task(publish())
    try:
        yield task
    finally:
        for it in (task, running_):
            it.cancel()
        await asyncio.gather(task, running_, return_exceptions=True)


def in_influx(server: InfluxTwo) -> Counter[int]:
    return Counter(int(row[1]) for row in server.influxd.query('SELECT energy_wh FROM "port"'))


def in_victoria(server: Victoria) -> Counter[int]:
    return Counter(int(value) for _, value in server.samples("port_energy_wh"))


async def judge(kept: Kept) -> None:
    """Wait until all are there, then a moment longer for what might come twice."""
    with suppress(TimeoutError):
        await until(lambda: len(kept()) >= MESSAGES, 120, every_s=0.5)
    await asyncio.sleep(1.0)
    found = kept()

    assert sorted(set(range(MESSAGES)) - found.keys()) == [], "lost"
    assert [n for n, times in found.items() if times > 1] == [], "double"


@pytest.mark.parametrize("killed", [False, True], ids=["store stopped", "store stopped and service killed"])
@pytest.mark.parametrize("kind", ["influx", "victoria"])
async def test_an_outage_of_the_store_loses_and_doubles_nothing(
    mosquitto: Mosquitto, tmp_path: Path, kind: str, killed: bool
) -> None:
    """Also where the service is killed in the middle of it."""
    server = InfluxTwo(tmp_path / "db") if kind == "influx" else Victoria(tmp_path / "db")
    url = server.url if isinstance(server, InfluxTwo) else f"victoria://127.0.0.1:{server.port}"
    with running(server), ingesting(mosquitto, tmp_path / "t.db", url) as service:
        async with publishing(mosquitto) as published:
            await asyncio.sleep(1.0)
            await asyncio.to_thread(server.stop)
            await asyncio.sleep(AWAY_S / 2)
            if killed:
                service.kill()
                service.start()
            await asyncio.sleep(AWAY_S / 2)
            await asyncio.to_thread(server.start)
            await published
            await judge(lambda: in_influx(server) if isinstance(server, InfluxTwo) else in_victoria(server))


async def test_a_token_that_is_revoked_and_restored_loses_and_doubles_nothing(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """The lines are held; other writers drop them at the first 401."""
    with running(InfluxTwo(tmp_path / "db")) as server, ingesting(mosquitto, tmp_path / "t.db", server.url):
        async with publishing(mosquitto) as published:
            await asyncio.sleep(1.0)
            server.shim.revoked = True
            await asyncio.sleep(AWAY_S)
            server.shim.revoked = False
            await published
            await judge(lambda: in_influx(server))


MEMORY = """
import asyncio, json, sys
from pathlib import Path
from ingest.outbox import Shipper
from shedwatch.clock import SystemClock
from shedwatch.settings import StoreSettings
from shedwatch.stores import make_remote, open_local
from tests.ingest.ingest_samples import message

def rss_kib():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1])

async def main():
    total, clock = int(sys.argv[3]), SystemClock()
    settings = StoreSettings(url=sys.argv[2])
    store = await open_local(settings, Path(sys.argv[1]), clock)
    shipper = Shipper(store.outbox, make_remote(settings), clock, lambda *_: None)
    tasks = [asyncio.create_task(work()) for work in (shipper.run, store.maintain)]
    base_ms, samples = clock.now_ms() - total, []
    for n in range(0, total, 250):
        await store.append([message(base_ms + n + m, float(m), digest=n + m + 1) for m in range(250)])
        if n * 20 % total < 250 * 20:
            samples.append(rss_kib())
    print(json.dumps({"rss_kib": samples, "waiting": store.outbox.level.lines}))
    for task in tasks:
        task.cancel()

asyncio.run(main())
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
async def test_ten_minutes_without_the_store_take_no_memory(tmp_path: Path) -> None:
    """As many messages as come in ten minutes at 500 a second, pushed as fast as the disk takes them."""
    process = start(
        MEMORY, str(tmp_path / "t.db"), "influxdb://127.0.0.1:1/o/b", str(OUTAGE_MESSAGES), stdout=subprocess.PIPE
    )
    output, _ = await asyncio.to_thread(process.communicate)
    said = json.loads(output.splitlines()[-1])
    # The embedded store's page cache fills first; it has a limit.
    settled = said["rss_kib"][len(said["rss_kib"]) // 2 :]

    assert said["waiting"] == OUTAGE_MESSAGES
    assert max(settled) <= 1.1 * min(settled)
