"""Several ingest processes share the work: every message is once in the store, also when one of them is killed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chaos.chaos import FULL, Service, client, publish, settled, until
from tests.servers import Mosquitto
from tests.store_servers import TOKEN, InfluxTwo, Victoria, running

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(300)]

MESSAGES = 4000
Remote = InfluxTwo | Victoria


def name_of(number: int) -> str:
    return f"ingest-{number}"


@contextmanager
def busy_mosquitto(folder: Path) -> Iterator[Mosquitto]:
    """One that tells whom it sends what."""
    mosquitto = Mosquitto(folder / "mosquitto", extra="log_type all")
    mosquitto.start()
    try:
        yield mosquitto
    finally:
        mosquitto.stop()


@contextmanager
def sharing(mosquitto: Mosquitto, folders: list[Path], remote: dict[str, str] | None = None) -> Iterator[list[Service]]:
    """A process for each folder, not started; ended whatever happens."""
    services = [
        Service(folder, mosquitto.url, name=f"-{n}", remote=remote, share="stores", client_id=name_of(n))
        for n, folder in enumerate(folders, start=1)
    ]
    try:
        yield services
    finally:
        for service in services:
            service.kill()


async def subscribed(mosquitto: Mosquitto, number: int) -> None:
    """Mosquitto says so when a session's subscriptions are there."""
    await until(lambda: f"as {name_of(number)}-ingest (" in mosquitto.log, 60)
    await asyncio.sleep(1.0)


def sent_to(mosquitto: Mosquitto) -> list[int]:
    """How many messages each of the two was given."""
    return [mosquitto.log.count(f"Sending PUBLISH to {name_of(n)}-ingest (") for n in (1, 2)]


async def test_two_processes_store_every_message_once(tmp_path: Path) -> None:
    """Each takes a part; one is killed on the way and comes back to what was its."""
    with busy_mosquitto(tmp_path) as mosquitto, sharing(mosquitto, [tmp_path, tmp_path]) as pair:

        async def kill_one() -> None:
            pair[0].kill()
            await asyncio.sleep(0.5)
            pair[0].start()

        for number, service in enumerate(pair, start=1):
            service.start()
            await subscribed(mosquitto, number)
        async with client(mosquitto.url, "devices") as devices:
            await publish(devices, MESSAGES, {MESSAGES // 2: kill_one})
            stored = await settled(pair[0], MESSAGES)
        refused = pair[0].refused()

    assert stored == dict.fromkeys(range(MESSAGES), 1)
    assert refused == 0
    assert min(sent_to(mosquitto)) > MESSAGES // 10


def kept_in(server: Remote) -> Callable[[], Counter[int]]:
    """Sequence numbers in the other store, and how often each."""
    if isinstance(server, InfluxTwo):
        return lambda: Counter(int(row[1]) for row in server.influxd.query('SELECT energy_wh FROM "port"'))
    return lambda: Counter(int(value) for _, value in server.samples("port_energy_wh"))


CASES = [("influx", False), ("victoria", True), *([("influx", True), ("victoria", False)] if FULL else [])]


@pytest.mark.parametrize(("kind", "own_folders"), CASES)
async def test_another_store_gets_every_message_once_from_two_processes(
    tmp_path: Path, kind: str, own_folders: bool
) -> None:
    """The store is away, and the process that sends to it is killed meanwhile: with one outbox the other takes over."""
    server: Remote = InfluxTwo(tmp_path / "db") if kind == "influx" else Victoria(tmp_path / "db")
    remote = {"url": server.url, "token": TOKEN}
    folders = [tmp_path / f"machine-{n}" if own_folders else tmp_path for n in (1, 2)]
    for folder in folders:
        folder.mkdir(exist_ok=True)
    kept = kept_in(server)
    with (
        busy_mosquitto(tmp_path) as mosquitto,
        running(server),
        sharing(mosquitto, folders, remote) as (sender, other),
    ):
        taken_over: list[int] = []

        async def away() -> None:
            await asyncio.to_thread(server.stop)

        async def kill_the_sender() -> None:
            sender.kill()
            await asyncio.to_thread(server.start)
            if not own_folders:
                await until(lambda: "taken_over" in other.log, 30)
                before = sum(kept().values())
                await until(lambda: sum(kept().values()) > before, 30)
                taken_over.append(sum(kept().values()))
            sender.start()

        sender.start()
        await subscribed(mosquitto, 1)
        other.start()
        await subscribed(mosquitto, 2)
        async with client(mosquitto.url, "devices") as devices:
            await publish(devices, MESSAGES, {MESSAGES // 4: away, MESSAGES // 2: kill_the_sender})
            await until(lambda: len(kept()) >= MESSAGES, 90)
        # What might come twice would come within a moment.
        await asyncio.sleep(1.0)
        found = kept()

    assert found == dict.fromkeys(range(MESSAGES), 1)
    assert min(sent_to(mosquitto)) > MESSAGES // 10
    assert own_folders or taken_over
