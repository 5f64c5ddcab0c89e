"""A connection that one end believes in: found out by what does not come back, given up, made anew, and alarmed of."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.broker import Broker
from ingest.link import LinkState
from shedwatch.clock import SystemClock
from shedwatch.configuration import from_data
from shedwatch.service import Service
from tests.chaos.chaos import SITES, client
from tests.half_open import Way, proxy
from tests.servers import Mosquitto

pytestmark = [pytest.mark.servers, pytest.mark.slow]

BEAT = "sheds/service/main/heartbeat/service"
TOPIC = "sheds/north/shed-1/charger/c1/telemetry"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("BEAT_EVERY_S", 0.5), ("DEAF_AFTER_S", 2.5), ("GIVE_UP_AFTER_S", 5.0)):
        monkeypatch.setattr(f"ingest.heartbeat.{name}", seconds)


async def until(condition: Callable[[], object], limit_s: float = 20) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("way", ["down", "up"])
async def test_a_half_open_connection_is_given_up_and_nothing_is_lost(mosquitto: Mosquitto, way: Way) -> None:
    """Named states say so: proving, online, deaf, waiting, and online again."""
    states: list[LinkState] = []

    async def watch(broker: Broker) -> None:
        while True:
            state = broker.health.state
            if not states or states[-1] is not state:
                states.append(state)
            await asyncio.sleep(0.002)

    async with proxy(mosquitto.port) as before, client(mosquitto.url, "devices") as devices:
        service = Broker(f"mqtt://127.0.0.1:{before.port}", "service", ["sheds/north/#"], heartbeat_topic=BEAT)
        tasks = [asyncio.create_task(service.run()), asyncio.create_task(watch(service))]
        await until(lambda: states and states[-1] is LinkState.ONLINE)
        before.mute(way)
        if way == "down":
            for n in range(50):
                devices.publish(TOPIC, b"%d" % n)
        await until(lambda: LinkState.WAITING in states)
        if way == "up":
            for n in range(50):
                devices.publish(TOPIC, b"%d" % n)
        await until(lambda: states[-1] is LinkState.ONLINE)
        await until(lambda: len(service.inbox) >= 50)
        messages = await service.inbox.take(100)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    named = [state for state in states if state not in (LinkState.IDLE, LinkState.OPENING, LinkState.GREETING)]
    assert named[:5] == [LinkState.PROVING, LinkState.ONLINE, LinkState.DEAF, LinkState.WAITING, LinkState.PROVING]
    assert named[-2:] == [LinkState.PROVING, LinkState.ONLINE] or named[-1] is LinkState.STOPPED
    assert [message.payload for message in messages] == [b"%d" % n for n in range(50)]
    assert service.counters.given_up == 1


async def test_a_half_open_connection_of_the_service_is_an_alarm(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Raised while it is deaf, and over when the new connection brings something."""
    stop = asyncio.Event()
    async with proxy(mosquitto.port) as before:
        data = {
            "sites": SITES,
            "mqtt": {"url": f"mqtt://127.0.0.1:{before.port}"},
            "alerts": {"rules": {"service_degraded": {"on_delay_s": 0, "off_delay_s": 0}}},
            "data_dir": ".",
        }
        service = Service(from_data(data, os.environ, base=tmp_path), frozenset({"ingest", "alerts"}), SystemClock())
        running = asyncio.create_task(service.run(stop))

        def alarm() -> list[str]:
            alarms = service._alarms.open_alerts() if service._alarms else []
            return [alert.message.en for alert in alarms if alert.device == "mqtt-main" and alert.active]

        await until(lambda: service._house.figures.brokers and service._bus.online)
        await until(lambda: not alarm())
        before.mute("down")
        await until(alarm)
        said = alarm()[0]
        await until(lambda: service._bus.online and not alarm())
        stop.set()
        await running

    assert "nothing comes back, not even our own heartbeat" in said
