"""The local broker for the demo: either kind starts, serves, and never outlives who started it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.broker import Broker
from ingest.embedded_broker import EmbeddedBroker, EmbeddedBrokerError, Kind, find_mosquitto
from shedwatch.supervise import Supervisor
from tests.servers import free_port

pytestmark = [pytest.mark.servers, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("kind", ["mosquitto", "amqtt"])
async def test_messages_go_through_it(tmp_path: Path, kind: Kind) -> None:
    """With our own client, whichever version of MQTT the broker knows."""
    if kind == "mosquitto" and find_mosquitto() is None:
        pytest.skip("mosquitto is not installed; tools/install-servers installs it")
    async with EmbeddedBroker(tmp_path / "broker", prefer=kind) as embedded:
        broker = Broker(embedded.url, "service", ["t/#"])
        task = asyncio.create_task(broker.run())
        await asyncio.wait_for(broker.wait_online(), 20)
        # amqtt speaks 3.1.1 only; the client of the first attempt is let go of within a second and must not be noticed.
        await asyncio.sleep(1.2)
        payloads = [b"%d" % n for n in range(200)]
        for payload in payloads:
            broker.publish("t/1", payload)
        received: list[bytes] = []
        while len(received) < 200:
            for message in await asyncio.wait_for(broker.inbox.take(200), 10):
                received.append(message.payload)
                message.ack()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert received == payloads
    assert not answers(embedded.port)


async def test_a_taken_port_is_said(tmp_path: Path) -> None:
    """With the broker's own words, not after a timeout."""
    port = free_port()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(EmbeddedBrokerError, match="ended at once"):
            await EmbeddedBroker(tmp_path, port).start()


HOLDER = """
import asyncio, sys
from pathlib import Path
from ingest.embedded_broker import EmbeddedBroker

async def main():
    broker = EmbeddedBroker(Path(sys.argv[1]), prefer=sys.argv[2])
    await broker.start()
    print(broker.port, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a child that its parent died")
@pytest.mark.parametrize("kind", ["mosquitto", "amqtt"])
def test_it_dies_with_its_parent(tmp_path: Path, kind: Kind) -> None:
    """Even when the parent is killed and can clean up nothing."""
    if kind == "mosquitto" and find_mosquitto() is None:
        pytest.skip("mosquitto is not installed; tools/install-servers installs it")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path), kind],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert holder.stdout is not None
    port = int(holder.stdout.readline())
    alive = answers(port)
    holder.send_signal(signal.SIGKILL)
    holder.stdout.close()
    holder.wait()
    for _ in range(100):
        if not answers(port):
            break
        asyncio.run(asyncio.sleep(0.05))

    assert alive
    assert not answers(port)


async def test_one_that_dies_is_started_again_where_it_was(tmp_path: Path) -> None:
    """By whoever attends to it, on the same port."""
    told: list[tuple[str, str, str]] = []
    async with EmbeddedBroker(tmp_path / "broker") as embedded:
        supervisor, url = Supervisor(lambda *report: told.append(report)), embedded.url
        supervisor.keep("broker", embedded.attend)
        await asyncio.sleep(0.1)
        assert embedded._process is not None
        embedded._process.kill()
        async with asyncio.timeout(20):
            while not told or not answers(embedded.port):
                await asyncio.sleep(0.05)
        await supervisor.end()

    assert embedded.url == url
    assert "ended with status" in told[0][2]
