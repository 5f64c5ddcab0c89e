"""What the tests of simulated chargers have in common: a small charger, and what its messages say."""

from __future__ import annotations

import msgspec

from ingest.contract import Command, decode_event, decode_telemetry
from ingest.model import DeviceRef
from simulators.battery import PACKS
from simulators.charger import Charger, ChargerHabits
from simulators.cutoff import CutoffRules
from simulators.device import Surroundings
from simulators.habits import HABITS
from simulators.residents import Stay

REF = DeviceRef("site", "shed", "c1")
START_MS = 1_795_400_000_000
LONG = Stay(-600.0, None, PACKS["lead-72v20"], 0.2)


def charger(*stays, faults=(), ports=2, habit="prompt", drift_ppm=None, **rules):
    """A charger whose port 1 has these stays; the others stay empty."""
    return Charger(
        REF,
        ports,
        seed=3,
        start_ms=START_MS,
        surroundings=Surroundings("3", 18.0),
        faults=faults,
        fixed={number: stays if number == 1 else () for number in range(1, ports + 1)},
        habits=ChargerHabits(habit=HABITS[habit], rules=CutoffRules(**rules), drift_ppm=drift_ppm),
    )


def telemetry(messages):
    """The decoded telemetry among messages."""
    return [decode_telemetry(it.payload).telemetry for it in messages if it.topic.endswith("/telemetry")]


def events(messages):
    """The words of the events among messages."""
    return [decode_event(it.payload)[0].event for it in messages if it.topic.endswith("/event")]


def reasons(messages):
    """Why sessions ended."""
    pushed = [msgspec.json.decode(it.payload) for it in messages if it.topic.endswith("/event")]
    return [it["reason"] for it in pushed if it["event"] == "session_ended"]


def port_values(messages, name, port=1):
    """One field of one port, message by message."""
    return [getattr(it.ports[port - 1], name) for it in telemetry(messages)]


def command(word, port=None, expires_s=10_000.0, order="k1"):
    """An order of the service."""
    return Command(order, word, START_MS + int(expires_s * 1000), port)
