"""Against a real Mosquitto: sessions that last, acknowledgements by hand, back-pressure, and coming back."""

from __future__ import annotations

import asyncio
import random
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ingest.broker import Broker
from ingest.broker_socket import BrokerSocket
from ingest.inbox import Inbound, Inbox
from ingest.intake import Intake
from ingest.link import Link, LinkState, Protocol
from ingest.model import Frame
from ingest.store.sqlite import SqliteStore
from shedwatch.clock import SystemClock
from shedwatch.supervise import Supervisor
from tests.ingest.ingest_samples import C1, FRAME, TELEMETRY, TOPOLOGY, charging, inbound, png
from tests.servers import Mosquitto, find_server, free_port

pytestmark = [pytest.mark.servers, pytest.mark.xdist_group("mosquitto")]

STATUS = "sheds/service/main/status"


@asynccontextmanager
async def connected(url: str, client_id: str, *topics: str, **options: Any) -> AsyncIterator[Broker]:
    broker = Broker(url, client_id, topics, rng=random.Random(1), **options)
    task = asyncio.create_task(broker.run())
    try:
        await asyncio.wait_for(broker.wait_online(), 15)
        yield broker
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def take(broker: Broker, count: int) -> list[Inbound]:
    taken: list[Inbound] = []
    async with asyncio.timeout(20):
        while len(taken) < count:
            taken += await broker.inbox.take(count - len(taken))
    return taken


async def until(condition: Callable[[], bool], limit_s: float = 20) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.01)


async def end_tasks(*names: str) -> None:
    """Whoever wants to run them otherwise."""
    for task in asyncio.all_tasks():
        if getattr(task.get_coro(), "__qualname__", "") in names:
            task.cancel()
            await asyncio.wait({task})


def mosquitto_pub(server: Mosquitto, *arguments: str, stdin: bytes = b"") -> None:
    command = [find_server("mosquitto_pub"), "-h", "127.0.0.1", "-p", str(server.port), "-q", "1", *arguments]
    subprocess.run(command, input=stdin, check=True, timeout=30)


async def publish_all(broker: Broker, topic: str, payloads: list[bytes]) -> None:
    for payload in payloads:
        while not broker.publish(topic, payload):
            await asyncio.sleep(0.005)
    client = broker._client
    assert client is not None
    await until(lambda: not client._out_messages)


@pytest.mark.parametrize("protocol", list(Protocol))
async def test_what_came_while_away_is_delivered_and_unacknowledged_messages_come_again(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch, protocol: Protocol
) -> None:
    """With both versions of MQTT; only what was acknowledged is gone."""
    monkeypatch.setattr("ingest.broker.Link", partial(Link, protocol=protocol))
    async with connected(mosquitto.url, "service", "t/#") as service:
        assert service.health.protocol is protocol
    async with connected(mosquitto.url, "device", persistent=False) as device:
        await publish_all(device, "t/1", [b"a", b"b", b"c"])
    async with connected(mosquitto.url, "service", "t/#") as service:
        first = await take(service, 3)
        first[0].ack()
        first[2].ack()
        await asyncio.sleep(0.2)
    async with connected(mosquitto.url, "service", "t/#") as service:
        second = await take(service, 2)

    assert [message.payload for message in first] == [b"a", b"b", b"c"]
    # c was done, but acknowledgements are given in order and b was not.
    assert [message.payload for message in second] == [b"b", b"c"]
    assert all(message.dup for message in second)


async def test_an_acknowledgement_of_an_earlier_connection_does_nothing(mosquitto: Mosquitto) -> None:
    """Its number belongs to another message now."""
    async with connected(mosquitto.url, "service", "t/#") as service:
        async with connected(mosquitto.url, "device", persistent=False) as device:
            await publish_all(device, "t/1", [b"a"])
        old = (await take(service, 1))[0]
        service._socket.hang_up()
        service._end(service._link.lost("test"))
        again = (await take(service, 1))[0]
        old.ack()
        await asyncio.sleep(0.2)
    async with connected(mosquitto.url, "service", "t/#") as service:
        still_there = await take(service, 1)

    assert (again.dup, still_there[0].payload) == (True, b"a")


async def test_it_comes_back_after_the_broker_was_restarted(mosquitto: Mosquitto) -> None:
    """Subscribed as before, and says online anew; what was published meanwhile is sent then."""
    async with connected(mosquitto.url, "service", "t/#", STATUS, status_topic=STATUS) as service:
        await take(service, 1)
        mosquitto.stop()
        await until(lambda: not service.online)
        assert service.health.reason
        assert service.publish("t/kept", b"1")
        assert service.publish("t/state", b"old", retain=True)
        assert service.publish("t/state", b"new", retain=True)
        assert not service.publish("t/lost", b"2", qos=0)
        mosquitto.start()
        seen: set[tuple[str, bytes]] = set()
        while not {(STATUS, b"online"), ("t/kept", b"1"), ("t/state", b"new")} <= seen:
            seen |= {(message.topic, message.payload) for message in await take(service, 1)}

    assert not {("t/state", b"old"), ("t/lost", b"2")} & seen
    assert service.counters.publish_refused == 1


async def test_its_will_and_its_goodbye_say_offline(mosquitto: Mosquitto) -> None:
    """After a crash as after an orderly end."""
    async with connected(mosquitto.url, "watcher", STATUS, persistent=False) as watcher:
        async with connected(mosquitto.url, "service", status_topic=STATUS):
            online = await take(watcher, 1)
        goodbye = await take(watcher, 1)
        async with connected(mosquitto.url, "service", status_topic=STATUS) as service:
            await take(watcher, 1)
            service._socket.hang_up()
            will = await take(watcher, 1)

    assert [m.payload for m in online + goodbye + will] == [b"online", b"offline", b"offline"]


async def test_a_full_inbox_stops_reading_and_loses_nothing(mosquitto: Mosquitto) -> None:
    """The connection outlives it, and everything arrives in order."""
    async with (
        connected(mosquitto.url, "device", persistent=False) as device,
        connected(mosquitto.url, "service", "t/#", inbox=Inbox(max_messages=50)) as service,
    ):
        await publish_all(device, "t/1", [b"%d" % n for n in range(1000)])
        await asyncio.sleep(0.3)
        stopped_at = len(service.inbox)
        messages = []
        for _ in range(1000):
            message = (await take(service, 1))[0]
            message.ack()
            messages.append(int(message.payload))

    assert stopped_at == 50
    assert messages == list(range(1000))
    assert service.counters.pauses > 1


async def test_wrong_credentials_are_said_and_tried_again(tmp_path: Path) -> None:
    """Without the password in the words."""
    server = Mosquitto(tmp_path / "mosquitto", anonymous=False)
    server.start()
    try:
        broker = Broker(f"mqtt://shed:secret@127.0.0.1:{server.port}", "service")
        task = asyncio.create_task(broker.run())
        await until(lambda: "uthori" in broker.health.reason)
        reason = broker.health.reason
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    finally:
        server.stop()

    assert "secret" not in reason


async def test_the_user_property_ts_is_the_time_of_capture(mosquitto: Mosquitto) -> None:
    """As a camera sends it with version 5; with 3.1.1 there is none."""
    async with connected(mosquitto.url, "service", "t/#") as service:
        mosquitto_pub(
            mosquitto, "-t", "t/1", "-m", "x", "-V", "5", "-D", "publish", "user-property", "ts", "1795412345678"
        )
        mosquitto_pub(mosquitto, "-t", "t/1", "-m", "x")
        messages = await take(service, 2)

    assert [message.sent_ts for message in messages] == ["1795412345678", None]


@asynccontextmanager
async def house(url: str, path: Path, frames: list[Frame]) -> AsyncIterator[tuple[Broker, Intake, SqliteStore]]:
    store = await SqliteStore.open(path)

    async def hear(_readings: object) -> None:
        return

    async with connected(url, "service", "sheds/#") as broker:
        intake = Intake(TOPOLOGY, store, SystemClock(), broker.inbox, on_readings=hear, on_frame=frames.append)
        task = asyncio.create_task(intake.run())
        try:
            yield broker, intake, store
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await store.close()


async def test_thirty_megabytes_are_a_dead_letter_while_others_flow(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Neither as telemetry nor as a picture do they hold anything up, and only their beginning is kept."""
    huge = bytes(30_000_000)
    frames: list[Frame] = []
    async with house(mosquitto.url, tmp_path / "t.db", frames) as (_, intake, store):
        async with connected(mosquitto.url, "device", persistent=False) as device:
            device.publish(TELEMETRY, huge)
            device.publish(FRAME, huge)
            for n in range(20):
                device.publish(TELEMETRY, inbound(TELEMETRY, charging(SystemClock().now_ms() + n, float(n))).payload)
            device.publish(FRAME, png(64, 48))
            await until(lambda: intake.counters.stored == 20 and len(frames) == 1)
            await until(lambda: intake.queue_depth == 0)
        letters = await store.dead_letters(10)

    assert {(letter.topic, letter.size, len(letter.payload)) for letter in letters} == {
        (TELEMETRY, 30_000_000, 4096), (FRAME, 30_000_000, 4096)
    }  # fmt: skip
    assert all("30000000 bytes" in letter.reason for letter in letters)


async def test_a_crash_between_commit_and_acknowledgement_stores_nothing_twice(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole window of messages comes again with DUP, with device times and without, and changes nothing."""
    now_ms = SystemClock().now_ms()
    payloads = [charging(now_ms + n, float(n)) for n in range(50)] + [charging(None, float(n)) for n in range(50)]
    async with connected(mosquitto.url, "service", "sheds/#"):
        pass
    async with connected(mosquitto.url, "device", persistent=False) as device:
        await publish_all(device, TELEMETRY, [inbound(TELEMETRY, payload).payload for payload in payloads])
    with monkeypatch.context() as patch:
        patch.setattr(BrokerSocket, "acknowledge", lambda _socket: None)
        async with house(mosquitto.url, tmp_path / "t.db", []) as (_, intake, _):
            await until(lambda: intake.counters.stored == 100)
    async with house(mosquitto.url, tmp_path / "t.db", []) as (_, intake, store):
        await until(lambda: intake.counters.duplicates == 100)
        points = await store.history(C1, 3, "power_w", 0, 2**53, 0, "last")

    assert sorted(value for _, value in points) == sorted([float(n) for n in range(50)] * 2)


@pytest.mark.slow
async def test_what_a_failing_reader_had_taken_comes_again(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection's own reading fails, then the intake in the middle of its work: both go on, and nothing is missing."""
    count = 3000
    put_all, supervisor = Inbox.put_all, Supervisor()

    def failing_put(inbox: Inbox, messages: Sequence[Inbound]) -> None:
        if len(messages) > 1 and supervisor.failures["mqtt"] == 0:
            raise RuntimeError("reading")
        put_all(inbox, messages)

    monkeypatch.setattr(Inbox, "put_all", failing_put)
    async with house(mosquitto.url, tmp_path / "t.db", []) as (broker, intake, store):
        await end_tasks("Broker.run", "Intake.run")
        pop = intake._refusals.pop

        def failing_pop() -> Any:
            if intake.counters.received > count // 2 and supervisor.failures["intake"] == 0:
                raise RuntimeError("refusals")
            return pop()

        intake._refusals.pop = failing_pop  # type: ignore[method-assign]
        supervisor.keep("mqtt", broker.run)
        supervisor.keep("intake", lambda: broker.read_by(intake.run))
        await broker.wait_online()
        async with connected(mosquitto.url, "device", persistent=False) as device:
            payloads = [charging(SystemClock().now_ms() - count + n, float(n)) for n in range(count)]
            await publish_all(device, TELEMETRY, [inbound(TELEMETRY, payload).payload for payload in payloads])
            # What a commit under way had stored when the intake failed is counted by nobody.
            async with asyncio.timeout(20):
                points: list[tuple[int, float]] = []
                while len(points) < count or intake.queue_depth:
                    await asyncio.sleep(0.05)
                    points = await store.history(C1, 3, "power_w", 0, 2**53, 0, "last")
        await supervisor.end()

    assert supervisor.failures == {"mqtt": 1, "intake": 1}
    assert sorted(value for _, value in points) == [float(n) for n in range(count)]


async def test_a_port_where_nobody_listens_is_said() -> None:
    """In the health of the connection."""
    broker = Broker(f"mqtt://127.0.0.1:{free_port()}", "service")
    task = asyncio.create_task(broker.run())
    await until(lambda: broker.health.state is LinkState.WAITING)
    reason = broker.health.reason
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert "refused" in reason
    assert broker.health.state is LinkState.STOPPED


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A certificate of 127.0.0.1 that signs itself, in `cert.pem` and `key.pem`."""
    command = "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=shed"
    command += " -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([find_server("openssl"), *command.split()], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


@pytest.mark.slow
async def test_tls_is_spoken_and_the_certificate_checked(certificates: Path) -> None:
    """Large messages and small go through it; a broker with an unknown certificate is not trusted."""
    files = f"certfile {certificates}/cert.pem\nkeyfile {certificates}/key.pem"
    server = Mosquitto(certificates / "mosquitto", extra=files)
    server.start()
    try:
        address = f"mqtts://127.0.0.1:{server.port}"
        payloads = [bytes([n % 256]) * (200_000 if n % 50 == 0 else 20) for n in range(300)]
        async with connected(f"{address}?ca={certificates}/cert.pem", "service", "t/#") as service:
            for payload in payloads:
                service.publish("t/1", payload)
            messages = await take(service, len(payloads))
            for message in messages:
                message.ack()
        stranger = Broker(address, "stranger")
        task = asyncio.create_task(stranger.run())
        await until(lambda: "certificate verify failed" in stranger.health.reason)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    finally:
        server.stop()

    assert [message.payload for message in messages] == payloads


async def test_a_connection_that_brings_nothing_back_is_deaf_and_heals(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Open, answering pings, and without its subscription: only our own heartbeat finds out. It never reaches the inbox."""
    monkeypatch.setattr("ingest.heartbeat.BEAT_EVERY_S", 0.5)
    monkeypatch.setattr("ingest.heartbeat.DEAF_AFTER_S", 3.0)
    beat = "sheds/service/main/heartbeat/service"
    async with connected(mosquitto.url, "service", "t/#", heartbeat_topic=beat) as service:
        await until(lambda: service.counters.received >= 2)
        well = service.health.deaf_s
        assert service._client is not None
        service._client.unsubscribe(beat)
        await until(lambda: service.health.deaf_s is not None)
        deaf = service.online
        service._client.subscribe(beat, 1)
        await until(lambda: service.health.deaf_s is None)
        heard = len(service.inbox)

    assert (well, deaf, heard) == (None, True, 0)
