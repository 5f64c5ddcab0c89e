"""The promise of the intake, kept through kills and outages: every acknowledged reading is stored, and stored once."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.broker import Broker
from ingest.contract import encode
from ingest.store.sqlite import SqliteStore
from shedwatch.clock import SystemClock
from tests.ingest.ingest_samples import C1, TELEMETRY, charging
from tests.servers import Mosquitto

pytestmark = [pytest.mark.servers, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
MESSAGES = 3000

CONSUMER = """
import asyncio, sys
from pathlib import Path
from ingest.broker import Broker
from ingest.intake import Intake
from ingest.store.sqlite import SqliteStore
from shedwatch.clock import SystemClock
from tests.ingest.ingest_samples import TOPOLOGY

async def main():
    async def hear(_readings): pass
    store = await SqliteStore.open(Path(sys.argv[2]))
    broker = Broker(sys.argv[1], "service", ["sheds/#"])
    intake = Intake(TOPOLOGY, store, SystemClock(), broker.inbox, on_readings=hear, on_frame=lambda frame: None)
    await asyncio.gather(broker.run(), intake.run(), store.maintain())

asyncio.run(main())
"""


def start_consumer(url: str, path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", CONSUMER, url, str(path)],
        stdout=subprocess.DEVNULL,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


async def count(path: Path) -> int:
    store = await SqliteStore.open(path)
    try:
        return len(await store.history(C1, 3, "power_w", 0, 2**53, 0, "last"))
    finally:
        await store.close()


async def settled(path: Path, wanted: int) -> None:
    async with asyncio.timeout(60):
        while await count(path) < wanted:
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("with_device_time", [True, False])
async def test_nothing_is_lost_or_stored_twice_while_the_service_is_killed_again_and_again(
    mosquitto: Mosquitto, tmp_path: Path, with_device_time: bool
) -> None:
    """Three times at random moments, with the publisher never stopping, and the store locked for a while."""
    path, rng = tmp_path / "t.db", random.Random(7)
    consumer = start_consumer(mosquitto.url, path)
    try:
        async with asyncio.timeout(20):
            while "service" not in mosquitto.log:
                await asyncio.sleep(0.05)
        publisher = Broker(mosquitto.url, "device", persistent=False)
        task = asyncio.create_task(publisher.run())
        await publisher.wait_online()
        base_ms = SystemClock().now_ms() - MESSAGES
        kills = set(rng.sample(range(200, MESSAGES - 200), 3))
        for n in range(MESSAGES):
            payload = encode(charging(base_ms + n if with_device_time else None, float(n)))
            while not publisher.publish(TELEMETRY, payload):
                await asyncio.sleep(0.005)
            if n % 20 == 0:
                await asyncio.sleep(0.005)
            if n in kills:
                consumer.send_signal(signal.SIGKILL)
                consumer.wait()
                consumer = start_consumer(mosquitto.url, path)
        await settled(path, MESSAGES)
        await asyncio.sleep(0.5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    finally:
        consumer.kill()
        consumer.wait()
    store = await SqliteStore.open(path)
    values = [value for _, value in await store.history(C1, 3, "power_w", 0, 2**53, 0, "last")]
    refused = await store.dead_letter_count()
    await store.close()

    assert sorted(values) == [float(n) for n in range(MESSAGES)]
    assert refused == 0
