"""The deployed bus: a device writes its own topics and reads its own commands, and nobody can be somebody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ingest.broker import Broker
from ingest.contract import parse_topic
from ingest.link import LinkState
from tests.secured_bus import DEPLOY, SecuredBus
from tests.servers import find_server

pytestmark = [pytest.mark.servers, pytest.mark.slow]

C1, C2, CAMERA, HEAD = (f"north/shed-1/{name}" for name in ("c1", "c2", "cam-1", "smoke-1"))
OWN = "sheds/north/shed-1/charger/c1"
OTHER = "sheds/north/shed-1/charger/c2"


class Client:
    """Somebody on the bus, and what they heard."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.heard: list[tuple[str, bytes]] = []

    async def listen(self) -> None:
        while True:
            for message in await self.broker.inbox.take(100):
                self.heard.append((message.topic, message.payload))
                message.ack()

    async def hears(self, topic: str, payload: bytes) -> None:
        """Wait for a message."""
        async with asyncio.timeout(10):
            while (topic, payload) not in self.heard:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def client(url: str, client_id: str, *subscriptions: str, online: bool = True) -> AsyncIterator[Client]:
    made = Client(Broker(url, client_id, subscriptions, persistent=client_id == "shedwatch"))
    tasks = [asyncio.create_task(made.broker.run()), asyncio.create_task(made.listen())]
    try:
        if online:
            await asyncio.wait_for(made.broker.wait_online(), 10)
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_device_writes_its_own_topics_only(secured_bus: SecuredBus) -> None:
    """What it sends in another's name, or in the service's, reaches nobody."""
    foreign = [
        f"{OTHER}/telemetry",
        f"{OTHER}/status",
        f"{OWN}/command",
        f"{OTHER}/command",
        "sheds/north/shed-1/alert/a1",
        "sheds/north/shed-1/siren",
        "sheds/service/shedwatch/status",
        "sheds/service/shedwatch/order",
        "sheds/north/shed-1/camera/cam-1/frame",
        "elsewhere",
    ]
    async with (
        client(secured_bus.service(), "shedwatch", "sheds/#") as service,
        client(secured_bus.device(C1), "c1") as c1,
    ):
        for topic in foreign:
            c1.broker.publish(topic, b"foreign", qos=1, retain=topic.endswith("status"))
        own = [f"{OWN}/{channel}" for channel in ("telemetry", "event", "status", "reply")]
        for topic in own:
            c1.broker.publish(topic, b"own")
        await service.hears(own[-1], b"own")

    assert [(topic, payload) for topic, payload in service.heard if not topic.startswith("sheds/service")] == [
        (topic, b"own") for topic in own
    ]


async def test_a_device_reads_its_own_commands_only(secured_bus: SecuredBus) -> None:
    """However it asks for those of others."""
    async with (
        client(secured_bus.service(), "shedwatch") as service,
        client(secured_bus.device(C2), "c2", f"{OWN}/command", "sheds/+/+/charger/+/command", "sheds/#", "#") as c2,
        client(secured_bus.device(HEAD), "head", "sheds/#", f"{OWN}/command") as head,
        client(secured_bus.device(C1), "c1", f"{OWN}/command") as c1,
    ):
        service.broker.publish(f"{OWN}/command", b"stop")
        service.broker.publish("sheds/north/shed-1/alert/a1", b"fire", retain=True)
        service.broker.publish(f"{OTHER}/command", b"start")
        await c1.hears(f"{OWN}/command", b"stop")
        await c2.hears(f"{OTHER}/command", b"start")

    assert {topic for topic, _ in c2.heard} == {f"{OTHER}/command"}
    assert {topic for topic, _ in c1.heard} == {f"{OWN}/command"}
    assert head.heard == []


@pytest.mark.parametrize(
    "who", ["nobody", "wrong password", "unknown name", "another's password", "a stranger's certificate"]
)
async def test_who_cannot_prove_themselves_stays_out(secured_bus: SecuredBus, who: str) -> None:
    """And a device does not speak to a broker it cannot verify."""
    url = {
        "nobody": f"mqtts://localhost:{secured_bus.tls_port}?ca={secured_bus.local / 'ca.pem'}",
        "wrong password": secured_bus.device(C1, "wrong"),
        "unknown name": secured_bus.device("north/shed-1/c9", "wrong"),
        "another's password": secured_bus.device(C1, secured_bus.passwords[C2]),
        "a stranger's certificate": secured_bus.device(C1).partition("?")[0],
    }[who]
    async with client(url, "c1", online=False) as one:
        async with asyncio.timeout(10):
            while one.broker.health.state is not LinkState.WAITING:
                await asyncio.sleep(0.02)
        reason = one.broker.health.reason

    assert not one.broker.counters.connects
    assert ("certificate verify failed" if who == "a stranger's certificate" else "uthori") in reason
    assert secured_bus.passwords[C2] not in reason


async def test_nobody_takes_the_services_session(secured_bus: SecuredBus) -> None:
    """A device that calls itself by the service's client id is still only itself."""
    async with (
        client(secured_bus.service(), "shedwatch", f"{OWN}/#") as service,
        client(secured_bus.device(C1), "shedwatch") as thief,
    ):
        thief.broker.publish(f"{OWN}/event", b"boot")
        await service.hears(f"{OWN}/event", b"boot")

    assert service.broker.counters.connects == 1


async def test_what_is_sent_while_the_service_is_away_waits_also_over_a_restart(secured_bus: SecuredBus) -> None:
    """The shipped limits and rights hold for a session that is only on the broker's disk, too."""
    async with client(secured_bus.service(), "shedwatch", "sheds/+/+/charger/+/+"):
        pass
    async with client(secured_bus.device(C1), "c1") as c1:
        for n in range(1500):
            c1.broker.publish(f"{OWN}/telemetry", b"%d" % n)
        async with asyncio.timeout(20):
            while c1.broker._client is None or c1.broker._client._out_messages:
                await asyncio.sleep(0.05)
    secured_bus.stop()
    secured_bus.start()
    async with client(secured_bus.device(C1), "c1") as c1:
        c1.broker.publish(f"{OWN}/telemetry", b"after")
        async with client(secured_bus.service(), "shedwatch", "sheds/+/+/charger/+/+") as service:
            await service.hears(f"{OWN}/telemetry", b"after")

    assert [payload for _, payload in service.heard] == [b"%d" % n for n in range(1500)] + [b"after"]


async def test_a_device_may_prove_itself_by_certificate(secured_bus: SecuredBus) -> None:
    """With the lines of the shipped file that are for that; its common name is its name."""
    find_server("openssl")
    secured_bus.stop()
    secured_bus.uncommented = [
        "cafile /mosquitto/config/local/ca.pem",
        "require_certificate true",
        "use_identity_as_username true",
    ]
    process = await asyncio.create_subprocess_exec(DEPLOY / "make-certificates", secured_bus.local, "--client", C1)
    assert await process.wait() == 0
    secured_bus.start()
    bare = secured_bus.device(C2)
    ours = f"mqtts://localhost:{secured_bus.tls_port}?ca={secured_bus.local}/ca.pem&cert={secured_bus.local}/client.pem&key={secured_bus.local}/client.key"
    async with (
        client(secured_bus.service(), "shedwatch", "sheds/#") as service,
        client(ours, "c1") as c1,
        client(bare, "c2", online=False) as c2,
    ):
        c1.broker.publish(f"{OTHER}/event", b"foreign")
        c1.broker.publish(f"{OWN}/event", b"own")
        await service.hears(f"{OWN}/event", b"own")

    assert not c2.broker.counters.connects
    assert (f"{OTHER}/event", b"foreign") not in service.heard


def test_accounts_are_kept_made_renewed_and_dropped(secured_bus: SecuredBus) -> None:
    """Each password is shown once; the files are for their owner's eyes."""
    first = (secured_bus.local / "passwords").read_text()
    again = secured_bus.broker_config()
    kept = (secured_bus.local / "passwords").read_text()
    renewed = secured_bus.broker_config("--renew", C2)
    text = secured_bus.config.read_text().replace("id: c1", "id: c7")
    secured_bus.config.write_text(text)
    fresh = secured_bus.broker_config()
    acl = (secured_bus.local / "acl").read_text()

    assert set(secured_bus.passwords) == {C1, C2, CAMERA, HEAD}
    assert (again, kept) == ({}, first)
    assert set(renewed) == {C2}
    assert renewed[C2] != secured_bus.passwords[C2]
    assert set(fresh) == {"north/shed-1/c7"}
    assert "user north/shed-1/c1\n" not in acl
    assert C1 + ":" not in (secured_bus.local / "passwords").read_text()
    for name in ("acl", "passwords", "service.password"):
        assert (secured_bus.local / name).stat().st_mode & 0o077 == 0
    for password in secured_bus.passwords.values():
        assert password not in first


async def test_others_may_be_let_in(secured_bus: SecuredBus) -> None:
    """A siren, or the property's own system: their lines are kept, their users get an account."""
    (secured_bus.local / "acl.extra").write_text("user siren\ntopic read sheds/north/shed-1/siren\n")
    (siren,) = secured_bus.broker_config().items()
    secured_bus.stop()
    secured_bus.start()
    async with (
        client(secured_bus.service(), "shedwatch") as service,
        client(secured_bus.device(*siren), "siren", "#") as one,
    ):
        service.broker.publish(f"{OWN}/command", b"stop")
        service.broker.publish("sheds/north/shed-1/alert/a1", b"fire")
        service.broker.publish("sheds/north/shed-1/siren", b"on", retain=True)
        await one.hears("sheds/north/shed-1/siren", b"on")

    assert [topic for topic, _ in one.heard] == ["sheds/north/shed-1/siren"]
    assert secured_bus.broker_config() == {}


async def test_a_gateway_speaks_for_its_devices_only(secured_bus: SecuredBus) -> None:
    """For all of them, with one account; they have none of their own any more, and it is nobody else's voice."""
    members = [C1, HEAD]
    secured_bus.configure(mqtt={"gateways": [{"id": "gw-1", "members": members}]})
    (gateway,) = secured_bus.broker_config().items()
    secured_bus.stop()
    secured_bus.start()
    own = [f"{OWN}/telemetry", f"{OWN}/status", f"{OWN}/reply", "sheds/north/shed-1/sensor/smoke-1/telemetry"]
    foreign = [
        f"{OTHER}/telemetry",
        f"{OWN}/command",
        "sheds/north/shed-1/camera/cam-1/frame",
        "sheds/north/shed-1/siren",
        "sheds/service/shedwatch/status",
    ]
    commands = [f"{OTHER}/command", f"{OWN}/command"]
    async with (
        client(secured_bus.service(), "shedwatch", "sheds/north/#") as service,
        client(secured_bus.device(*gateway), "gw", "sheds/#", f"{OWN}/command", f"{OTHER}/command") as gw,
        client(secured_bus.device(C1), "c1", online=False) as c1,
    ):
        for topic in [*foreign, *own]:
            gw.broker.publish(topic, b"by the gateway")
        await service.hears(own[-1], b"by the gateway")
        for topic in commands:
            service.broker.publish(topic, b"stop")
        await gw.hears(f"{OWN}/command", b"stop")

    assert gateway[0] == "gateway/gw-1"
    assert [topic for topic, payload in service.heard if payload == b"by the gateway"] == own
    assert {topic for topic, _ in gw.heard} == {f"{OWN}/command"}
    assert not c1.broker.counters.connects


def test_every_right_is_one_of_the_contract(secured_bus: SecuredBus) -> None:
    """Nothing a device may write would be refused as a topic nobody has."""
    for line in (secured_bus.local / "acl").read_text().partition("\n\n")[2].splitlines():
        if line.startswith("topic write"):
            parse_topic(line.split()[2])
