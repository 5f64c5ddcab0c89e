"""Load for benchmarks: a fleet of any size from one process, its messages made beforehand and published without waiting."""

import asyncio

import pytest
import yaml
from typer.testing import CliRunner

from ingest.contract import decode_telemetry, parse_topic
from shedwatch.cli import app
from shedwatch.configuration import parse as parse_configuration
from simulators.load import burst, drive, load_scenario, parse_size, prepare, write_sites
from simulators.pipeline import Pipeline, PipelineError, packets
from simulators.publisher import BrokerAddress

START_MS = 1_795_400_000_000


def test_size_is_read_and_nonsense_refused():
    """Chargers times ports."""
    assert parse_size("1000x12") == (1000, 12)
    for text in ("1000", "x12", "0x12", "10x65", "ten x 3"):
        with pytest.raises(ValueError, match="no size like 1000x12"):
            parse_size(text)


def test_prepared_messages_are_whole_reports_of_all_chargers_and_the_same_for_the_same_seed():
    """Every charger in turn, all its ports, nothing that a service would refuse."""
    scenario = load_scenario(12, 4)
    messages = prepare(scenario, 60, start_ms=START_MS)
    assert messages == prepare(scenario, 60, start_ms=START_MS)
    reports = [payload for topic, payload in messages if topic.endswith("/telemetry")]
    assert {parse_topic(topic).ref for topic, _ in messages} == {device.ref for device in scenario.devices}
    for payload in reports:
        decoded = decode_telemetry(payload)
        assert (decoded.refused, len(decoded.telemetry.ports)) == ((), 4)


def test_sites_of_a_load_are_a_configuration(tmp_path):
    """What is written is what a service needs to know the chargers."""
    write_sites(load_scenario(25, 10), tmp_path / "sites.yaml")
    text = (tmp_path / "sites.yaml").read_text(encoding="utf-8")
    assert sum(len(shed["chargers"]) for shed in yaml.safe_load(text)["sites"][0]["sheds"]) == 25
    assert len(list(parse_configuration(text, {}, name="sites.yaml", base=tmp_path).topology().devices())) == 25


def test_packets_number_their_messages_round_and_round():
    """Packet ids go from 1 to 65,535 and begin anew: none is 0, none is used twice within a window."""
    pieces = packets(("t", b"x") for _ in range(70_000))
    packet = len("t") + 2 + 2 + 1 + 2
    ids = [int.from_bytes(piece[at + 5 : at + 7]) for piece, _ in pieces for at in range(0, len(piece), packet)]
    assert ids[:2] == [1, 2]
    assert ids[65_534:65_537] == [65_535, 1, 2]
    assert len(ids) == sum(count for _, count in pieces) == 70_000


async def test_broker_that_is_not_there_is_said():
    """An error of its own, with the address."""
    with pytest.raises(PipelineError, match="no broker answers at"):
        async with Pipeline(BrokerAddress.parse("mqtt://127.0.0.1:1"), "nobody"):
            pass


def test_command_says_what_it_needs():
    """A load without a broker, and neither scenario nor load, are wrong usage."""
    for arguments, complaint in ((["--load", "10x2"], "--load needs --mqtt"), ([], "which scenario?")):
        result = CliRunner().invoke(app, ["simulate", *arguments])
        assert result.exit_code == 2
        assert complaint in result.output


@pytest.mark.servers
async def test_burst_reaches_a_subscriber_whole_and_in_order(mosquitto):
    """More messages than may be under way at once, none lost, none out of order."""
    import aiomqtt

    messages = prepare(load_scenario(5, 2), 5000, start_ms=START_MS)
    heard = []
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as ear:
        await ear.subscribe("sheds/#", qos=0)
        report = await burst(mosquitto.url, messages)
        async with asyncio.timeout(20.0):
            async for message in ear.messages:
                heard.append((str(message.topic), message.payload))
                if len(heard) == len(messages):
                    break
    assert report.messages == 5000
    assert heard == messages


@pytest.mark.servers
async def test_driven_fleet_keeps_its_pace(mosquitto):
    """Forty chargers at a message a second for three seconds: about 120 messages, each with the time it is sent at."""
    report = await drive(mosquitto.url, load_scenario(40, 2, every_s=1.0, seconds=3.0))
    assert 100 <= report.messages <= 150
    assert report.late_max_ms < 2000.0
