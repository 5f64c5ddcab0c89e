"""Broker restarted, service killed, disk full: nothing that a device's broker acknowledged is lost, nothing is stored twice.

Counted by sequence numbers in the store. `SHEDWATCH_CHAOS=full` sends thirty thousand messages in each case.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.chaos import FULL, Service, client, publish, settled, until
from tests.servers import Mosquitto

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(600)]

MESSAGES = 30_000 if FULL else 5_000
KILLS = 20 if FULL else 4
OUTAGE_S = 10.0 if FULL else 2.0
SMALL_DISK_MIB = 48


def once(count: int) -> dict[int, int]:
    return dict.fromkeys(range(count), 1)


async def listening(mosquitto: Mosquitto, service: Service) -> None:
    """Wait until its session is there: only then the broker keeps messages for it."""
    service.start()
    await until(lambda: "broker_online" in service.log and "as shedwatch-ingest" in mosquitto.log, 60)
    await asyncio.sleep(0.5)


async def test_a_broker_that_is_restarted_costs_nothing(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """With persistence on: what it had acknowledged to devices is delivered after its restart."""
    service = Service(tmp_path, mosquitto.url)

    async def restart() -> None:
        await asyncio.to_thread(mosquitto.stop)
        await asyncio.sleep(OUTAGE_S)
        await asyncio.to_thread(mosquitto.start)

    try:
        await listening(mosquitto, service)
        async with client(mosquitto.url, "devices") as devices:
            await publish(devices, MESSAGES, {MESSAGES // 3: restart})
            stored = await settled(service, MESSAGES)
    finally:
        service.kill()

    assert stored == once(MESSAGES)
    assert service.refused() == 0


async def test_a_service_that_is_killed_at_random_moments_loses_and_repeats_nothing(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """Again and again, in the middle of whatever it does."""
    service, rng = Service(tmp_path, mosquitto.url), random.Random(4)

    async def killing() -> None:
        for _ in range(KILLS):
            await asyncio.sleep(rng.uniform(0.0, MESSAGES / 1000 / KILLS))
            service.kill()
            service.start()
            await until(lambda: "broker_online" in service.log[-4000:], 60)

    try:
        await listening(mosquitto, service)
        async with client(mosquitto.url, "devices") as devices:
            await publish(devices, MESSAGES, {100: killing})
            stored = await settled(service, MESSAGES)
    finally:
        service.kill()

    assert stored == once(MESSAGES)
    assert service.refused() == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, small enough to be filled."""
    if os.geteuid() != 0:
        pytest.skip("a small file system can be mounted by root only")
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_MIB}m", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave no byte free."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65_536))
        except OSError:
            return ballast


async def test_a_full_disk_is_an_alarm_and_mends_itself(mosquitto: Mosquitto, small_disk: Path, tmp_path: Path) -> None:
    """Nothing is acknowledged meanwhile, and everything is stored when there is room again."""
    service = Service(tmp_path, mosquitto.url, parts="ingest,alerts")
    service.store = small_disk / "telemetry.db"

    async def filling() -> None:
        ballast = await asyncio.to_thread(fill, small_disk)
        await until(lambda: "intake" in service.troubles(active=True), 60)
        before = len(service.stored())
        await asyncio.sleep(OUTAGE_S)
        assert len(service.stored()) == before < MESSAGES
        ballast.unlink()

    service.start()
    try:
        await until(lambda: "as shedwatch-alerts-ingest" in mosquitto.log, 60)
        await asyncio.sleep(0.5)
        async with client(mosquitto.url, "devices") as devices:
            await publish(devices, MESSAGES, {MESSAGES // 3: filling})
            stored = await settled(service, MESSAGES)
        await until(lambda: "intake" in service.troubles(active=False), 60)
    finally:
        service.kill()

    assert stored == once(MESSAGES)
