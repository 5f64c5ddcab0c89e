"""A run on a real broker: devices come online, send what the fold says, obey, break off with their will, and leave."""

import asyncio
import contextlib

import aiomqtt
import msgspec
import pytest

from ingest.contract import Command, decode_telemetry, encode
from ingest.model import DeviceKind, DeviceRef
from shedwatch.clock import ManualClock, scaled
from simulators.publisher import BrokerAddress, Post, Publisher, speaks
from simulators.run import run
from simulators.scenario import parse

START_MS = 1_795_400_000_000
SCENARIO = """
name: small
duration_s: 60
sites:
  - id: a
    sheds:
      - id: s
        chargers: [{id: c1, ports: 2}, {id: c2, ports: 2}]
        sensors: [{id: smoke-1, kind: smoke}]
simulation:
  default: {hour: 19}
  a/s/c1#1: {stays: [{plug_s: -60, pack: lead-72v20, soc: 0.2}]}
faults:
  - {kind: charger_offline, device: a/s/c2, at_s: 20, until_s: 40}
"""
WITH_CAMERA = """
name: camera
duration_s: 12
sites: [{id: a, sheds: [{id: s, cameras: [{id: cam-1}]}]}]
simulation: {a/s/cam-1: {layout: row, fps: 2, width: 320, height: 180}}
faults:
  - {kind: camera_silent, device: a/s/cam-1, at_s: 4, until_s: 8}
"""


class Ear:
    """Everything that was said on the bus, and a mouth to give orders."""

    def __init__(self, client):
        self.client = client
        self.messages = []

    async def listen(self):
        await self.client.subscribe("sheds/#", qos=1)
        async for message in self.client.messages:
            self.messages.append(message)

    def of(self, ending):
        return [it for it in self.messages if str(it.topic).endswith(ending)]


@contextlib.asynccontextmanager
async def ear(url):
    async with BrokerAddress.parse(url).client(aiomqtt.ProtocolVersion.V5) as client:
        made = Ear(client)
        task = asyncio.create_task(made.listen())
        await asyncio.sleep(0.1)
        yield made
        await asyncio.sleep(0.2)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.mark.servers
async def test_devices_say_on_the_bus_what_the_fold_says(mosquitto):
    """Telemetry of every charger arrives in order and complete, stamped with the clock's time."""
    async with ear(mosquitto.url) as heard:
        report = await run(parse(SCENARIO, "small.yaml", START_MS), mosquitto.url, scaled(START_MS, 20.0), seed=1)
    told = [decode_telemetry(it.payload) for it in heard.of("c1/telemetry")]
    assert [it.telemetry.seq for it in told] == list(range(len(told)))
    assert len(told) in (6, 7)
    assert all(0 <= it.ts_ms - report.start_ms <= 60_000 for it in told)
    assert report.counts.dropped == 0


@pytest.mark.servers
async def test_broken_link_lets_the_broker_send_the_will(mosquitto):
    """online, then offline by the will while it is cut off, online again, offline when the simulation leaves."""
    async with ear(mosquitto.url) as heard:
        await run(parse(SCENARIO, "small.yaml", START_MS), mosquitto.url, scaled(START_MS, 20.0), seed=1)
    assert [it.payload for it in heard.of("c2/status")] == [b"online", b"offline", b"online", b"offline"]
    assert [it.payload for it in heard.of("c1/status")] == [b"online", b"offline"]
    seqs = [decode_telemetry(it.payload).telemetry.seq for it in heard.of("c2/telemetry")]
    assert len(seqs) < max(seqs) + 1


@pytest.mark.servers
async def test_order_on_the_bus_is_answered_and_obeyed(mosquitto):
    """A stop for a charging port is accepted, and the next telemetry shows no power."""
    async with ear(mosquitto.url) as heard:
        started = asyncio.get_running_loop().create_future()
        scenario = parse(SCENARIO, "small.yaml", START_MS)
        running = asyncio.create_task(run(scenario, mosquitto.url, scaled(START_MS, 20.0), seed=1, started=started))
        start_ms = await started
        await asyncio.sleep(0.5)
        order = Command("k7", "stop", start_ms + 60_000, 1)
        await heard.client.publish("sheds/a/s/charger/c1/command", encode(order), qos=1)
        await running
    assert [msgspec.json.decode(it.payload) for it in heard.of("c1/reply")] == [{"id": "k7", "accepted": True}]
    power = [decode_telemetry(it.payload).telemetry.ports[0].power_w for it in heard.of("c1/telemetry")]
    assert power[0] > 100.0
    assert power[-1] == 0.0


@pytest.mark.servers
@pytest.mark.slow
async def test_cameras_send_pictures_with_their_time(mosquitto):
    """JPEGs with the time of capture as a user property, none while the camera is silent, none late."""
    async with ear(mosquitto.url) as heard:
        report = await run(parse(WITH_CAMERA, "camera.yaml", START_MS), mosquitto.url, scaled(START_MS, 2.0), seed=1)
    frames = heard.of("cam-1/frame")
    taken_s = [(int(dict(it.properties.UserProperty)["ts"]) - report.start_ms) / 1000.0 for it in frames]
    assert all(it.payload.startswith(b"\xff\xd8") for it in frames)
    assert taken_s == sorted(set(taken_s))
    assert not [at_s for at_s in taken_s if 4.0 <= at_s < 8.0]
    assert len([at_s for at_s in taken_s if at_s >= 8.0]) >= 3
    assert [it.payload for it in heard.of("cam-1/status")] == [b"online", b"offline"]


@pytest.mark.servers
async def test_broker_that_comes_back_finds_the_devices_again(mosquitto):
    """After a broker's restart devices reconnect by themselves, and what waited meanwhile is sent."""
    scenario = parse(SCENARIO.replace("duration_s: 60", "duration_s: 200"), "small.yaml", START_MS)
    started = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(run(scenario, mosquitto.url, scaled(START_MS, 20.0), seed=1, started=started))
    await started
    mosquitto.kill()
    await asyncio.sleep(0.3)
    mosquitto.start()
    async with ear(mosquitto.url) as heard:
        report = await running
    assert report.counts.connections > 3
    seqs = [decode_telemetry(it.payload).telemetry.seq for it in heard.of("c1/telemetry")]
    assert seqs == list(range(seqs[0], seqs[-1] + 1))
    assert seqs[0] <= 2


async def test_no_broker_is_told_at_once():
    """Without a broker a run fails instead of waiting for ever."""
    with pytest.raises(aiomqtt.MqttError):
        await run(parse(SCENARIO, "small.yaml", START_MS), "mqtt://127.0.0.1:9", scaled(START_MS, 20.0), cameras=False)


async def test_cameras_refuse_a_clock_they_cannot_share():
    """A manual clock cannot be read by another process."""
    with pytest.raises(ValueError, match="manual clock"):
        await run(parse(SCENARIO, "small.yaml", START_MS), "mqtt://127.0.0.1:9", ManualClock())


@pytest.mark.parametrize("url", ["127.0.0.1:1883", "http://127.0.0.1", "mqtt://"])
def test_url_of_another_kind_is_refused(url):
    """Only mqtt:// and mqtts:// with a host are addresses of a broker."""
    with pytest.raises(ValueError, match="mqtt://host:1883"):
        BrokerAddress.parse(url)


def test_url_may_hold_name_and_password():
    """Both are unquoted; the port follows the scheme."""
    address = BrokerAddress.parse("mqtts://us%40er:p%2Fw@broker")
    assert address == BrokerAddress("broker", 8883, "us@er", "p/w", True)


@pytest.mark.parametrize(("levels", "spoken"), [((4, 5), "V5"), ((4,), "V311")])
async def test_broker_is_spoken_to_in_the_newest_version_it_knows(levels, spoken):
    """A broker of MQTT 3.1.1 alone refuses version 5 and is then spoken to in its own."""

    async def answer(reader, writer):
        connect = await reader.read(200)
        # Fixed header, length, name "MQTT": the ninth byte is the protocol level.
        known = connect[8] in levels
        properties = b"\x00" if known and connect[8] == 5 else b""
        writer.write(bytes((0x20, 2 + len(properties), 0, 0 if known else 1)) + properties)
        await writer.drain()
        await reader.read(200)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert (await speaks(BrokerAddress("127.0.0.1", port))).name == spoken


async def test_what_does_not_fit_is_dropped_oldest_first_and_counted():
    """A device without connection keeps its newest messages; the loss is a number, not a secret."""
    ref = DeviceRef("a", "s", "c1")
    publisher = Publisher("mqtt://127.0.0.1:9", {ref: DeviceKind.CHARGER}, limit=2)
    publisher.link(ref, up=True)
    for number in range(5):
        publisher.send(ref, Post("t", str(number).encode()))
    assert publisher.counts.dropped == 3
    assert publisher.waiting(ref) == 2


async def test_device_that_is_cut_off_sends_nothing():
    """What a device without power would have said is never said."""
    ref = DeviceRef("a", "s", "c1")
    publisher = Publisher("mqtt://127.0.0.1:9", {ref: DeviceKind.CHARGER})
    publisher.link(ref, up=True)
    publisher.send(ref, Post("t", b"1"))
    publisher.link(ref, up=False)
    publisher.send(ref, Post("t", b"2"))
    assert publisher.waiting(ref) == 0


@pytest.mark.servers
async def test_last_gasp_leaves_before_the_connection_breaks(mosquitto):
    """Whatever was sent before the moment of the break arrives, however fast time runs; nothing after it does."""
    ref = DeviceRef("a", "s", "c1")
    async with ear(mosquitto.url) as heard, Publisher(mosquitto.url, {ref: DeviceKind.CHARGER}) as publisher:
        for number in range(50):
            publisher.send(ref, Post("sheds/a/s/charger/c1/event", b"%d" % number, qos=number % 2))
        publisher.link(ref, up=False)
        publisher.send(ref, Post("sheds/a/s/charger/c1/event", b"too late"))
        while not publisher.at_rest:
            await asyncio.sleep(0.01)
        assert publisher.connected == 0
    assert [int(it.payload) for it in heard.of("c1/event")] == list(range(50))
    assert [it.payload for it in heard.of("c1/status")] == [b"online", b"offline"]


@pytest.mark.servers
async def test_charger_cut_off_and_let_in_again_at_once_has_been_away(mosquitto):
    """The break is not forgotten because the way back came before it was done."""
    ref = DeviceRef("a", "s", "c1")
    async with ear(mosquitto.url) as heard, Publisher(mosquitto.url, {ref: DeviceKind.CHARGER}) as publisher:
        publisher.link(ref, up=False)
        publisher.link(ref, up=True)
        while not (publisher.at_rest and publisher.counts.connections == 2):
            await asyncio.sleep(0.01)
    assert [it.payload for it in heard.of("c1/status")] == [b"online", b"offline", b"online", b"offline"]
