"""Several ingest processes share the work: every message is once in the store, also when one of them is killed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.chaos.chaos import Service, client, publish, settled, until
from tests.servers import Mosquitto

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(300)]

MESSAGES = 4000


def name_of(number: int) -> str:
    return f"ingest-{number}"


async def test_two_processes_store_every_message_once(tmp_path: Path) -> None:
    """Each takes a part; one is killed on the way and comes back to what was its."""
    mosquitto = Mosquitto(tmp_path / "mosquitto", extra="log_type all")
    mosquitto.start()
    pair = [
        Service(tmp_path, mosquitto.url, name=f"-{number}", share="stores", client_id=name_of(number))
        for number in (1, 2)
    ]

    async def kill_one() -> None:
        pair[0].kill()
        await asyncio.sleep(0.5)
        pair[0].start()

    try:
        for service in pair:
            service.start()
        # Mosquitto says so when a session's subscriptions are there.
        await until(lambda: all(f"as {name_of(n)}-ingest (" in mosquitto.log for n in (1, 2)), 60)
        await asyncio.sleep(1.0)
        async with client(mosquitto.url, "devices") as devices:
            await publish(devices, MESSAGES, {MESSAGES // 2: kill_one})
            stored = await settled(pair[0], MESSAGES)
            refused = pair[0].refused()
    finally:
        for service in pair:
            service.kill()
        mosquitto.stop()

    sent_to = [mosquitto.log.count(f"Sending PUBLISH to {name_of(n)}-ingest (") for n in (1, 2)]
    assert stored == dict.fromkeys(range(MESSAGES), 1)
    assert refused == 0
    assert min(sent_to) > MESSAGES // 10
