"""A charger: what its messages say as residents come and go, orders are given and things break."""

import itertools

import msgspec
import pytest

from ingest.contract import Command, Reply, decode_event, decode_telemetry
from ingest.model import DeviceRef
from simulators.battery import PACKS
from simulators.charger import Charger, ChargerHabits
from simulators.device import Surroundings
from simulators.faults import Fault
from simulators.residents import Stay

REF = DeviceRef("site", "shed", "c1")
START_MS = 1_795_400_000_000
FAST = Stay(5.0, 40_000.0, PACKS["lithium-60v20"], 0.9, pay_s=20.0)
LONG = Stay(-600.0, None, PACKS["lead-72v20"], 0.2)


def charger(*stays, faults=(), ports=2, **habits):
    return Charger(
        REF,
        ports,
        seed=3,
        start_ms=START_MS,
        surroundings=Surroundings("3", 18.0),
        faults=faults,
        fixed={number: stays if number == 1 else () for number in range(1, ports + 1)},
        habits=ChargerHabits(**habits),
    )


def telemetry(messages):
    return [decode_telemetry(it.payload).telemetry for it in messages if it.topic.endswith("/telemetry")]


def events(messages):
    return [decode_event(it.payload)[0].event for it in messages if it.topic.endswith("/event")]


def port_values(messages, name, port=1):
    return [getattr(it.ports[port - 1], name) for it in telemetry(messages)]


def command(word, port=None, expires_s=10_000.0):
    return Command("k1", word, START_MS + int(expires_s * 1000), port)


def test_states_come_in_the_order_of_a_stay():
    """idle, plugged, charging, float, full, idle: each once, with its events."""
    messages = charger(FAST, max_session_s=36_000.0).advance(41_000.0)
    states = [state for state, _ in itertools.groupby(port_values(messages, "state"))]
    assert states == ["idle", "plugged", "charging", "float", "full", "idle"]
    assert events(messages) == ["session_started", "session_ended"]


def test_counters_only_count_up_within_a_session():
    """Sequence numbers rise by one; energy and session time never fall until the bike leaves."""
    messages = charger(LONG).advance(6000.0)
    seqs = [it.seq for it in telemetry(messages)]
    energy = port_values(messages, "energy_wh")
    seconds = port_values(messages, "session_s")
    assert seqs == list(range(len(seqs)))
    assert energy == sorted(energy)
    assert energy[-1] > energy[0]
    assert seconds == sorted(seconds)


def test_energy_on_the_wire_is_the_integral_of_power_on_the_wire():
    """What a service integrates from the telemetry agrees with the counter to 1 %."""
    messages = charger(LONG).advance(7200.0)
    power, energy = port_values(messages, "power_w"), port_values(messages, "energy_wh")
    integrated_wh = sum((a + b) / 2 for a, b in itertools.pairwise(power)) * 10.0 / 3600.0
    assert energy[-1] - energy[0] == pytest.approx(integrated_wh, rel=0.01)


def test_every_message_is_right_by_the_contract():
    """Nothing a charger sends is refused, and all times are within the scenario's."""
    for message in charger(LONG, FAST, ports=16).advance(900.0):
        if message.topic.endswith("/telemetry"):
            decoded = decode_telemetry(message.payload)
            assert (decoded.refused, decoded.unknown_fields) == ((), 0)
            assert decoded.ts_ms == START_MS + round(message.t_s * 1000)


def test_mains_are_those_of_a_city():
    """Voltage moves around 220 V within the usual seven to ten percent, and is not a constant."""
    volts = [it.voltage_v for it in telemetry(charger(LONG).advance(7200.0))]
    assert all(204.0 < value < 236.0 for value in volts)
    assert max(volts) - min(volts) > 1.0


def test_stop_takes_the_power_away_and_start_gives_it_back():
    """An order is answered and obeyed: the next telemetry shows it."""
    device = charger(LONG)
    device.advance(101.0)
    stopped = device.command(101.0, command("stop", 1))
    assert msgspec.json.decode(stopped[0].payload, type=Reply) == Reply("k1", True)
    assert port_values(stopped, "power_w") == [0.0]
    assert port_values(stopped, "state") == ["plugged"]
    device.advance(130.0)
    started = device.command(130.0, command("start", 1))
    assert port_values(started, "state") == ["charging"]
    assert port_values(started, "power_w")[0] > 100.0


def test_welded_relay_accepts_the_stop_and_goes_on():
    """The reply says accepted; the power stays: only the meter tells."""
    device = charger(LONG, faults=[Fault("relay_welded", REF, 0.0, port=1)])
    device.advance(50.0)
    stopped = device.command(50.0, command("stop", 1))
    assert msgspec.json.decode(stopped[0].payload, type=Reply).accepted
    assert port_values(stopped, "power_w")[0] > 100.0
    device.advance(60.0)
    opened = device.command(60.0, command("breaker_open"))
    assert port_values(opened, "power_w") == [0.0]
    assert telemetry(opened)[0].breaker == "open"


@pytest.mark.parametrize(
    ("order", "reason"),
    [(command("stop", 9), "no such port"), (command("stop", 1, expires_s=5.0), "expired")],
)
def test_orders_that_cannot_be_obeyed_are_refused_with_the_reason(order, reason):
    """Nothing happens, and the reply says why."""
    device = charger(LONG)
    device.advance(50.0)
    sent = device.command(50.0, order)
    assert [msgspec.json.decode(it.payload, type=Reply).reason for it in sent] == [reason]


def test_loose_contact_heats_over_minutes_and_cools_when_pushed_home():
    """The port climbs past sixty degrees within five minutes and comes back; its neighbour does not move."""
    fault = Fault("loose_contact", REF, 100.0, 500.0, port=1, figures={"peak_ohm": 8.0, "ramp_s": 150.0})
    messages = charger(LONG, faults=[fault]).advance(1400.0)
    heat = port_values(messages, "temperature_c")
    assert heat[9] < 30.0
    assert 30.0 < heat[20] < 60.0
    assert max(heat) > 70.0
    assert heat[-1] < 30.0
    assert max(port_values(messages, "temperature_c", port=2)) < 30.0


def test_silent_charger_says_nothing_until_it_is_back():
    """Not a message, not a reply to an order, between the fault's beginning and its end."""
    device = charger(LONG, faults=[Fault("charger_silent", REF, 100.0, 200.0)])
    messages = device.advance(150.0) + device.command(150.0, command("poll")) + device.advance(300.0)
    times = [it.t_s for it in messages]
    assert not [t_s for t_s in times if 100.0 <= t_s < 200.0]
    assert max(times) > 200.0


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("leakage", lambda it: it.leakage_ma, 60.0),
        ("over_voltage", lambda it: it.voltage_v, 275.0),
        ("under_voltage", lambda it: it.voltage_v, 160.0),
    ],
)
def test_electrical_faults_show_in_their_value(kind, value, expected):
    """While the fault is on, its value is there; before and after it is not."""
    messages = charger(LONG, faults=[Fault(kind, REF, 100.0, 200.0)]).advance(300.0)
    values = [value(it) for it in telemetry(messages)]
    assert values[15] == pytest.approx(expected, abs=2.0)
    assert abs(values[5] - expected) > 20.0
    assert abs(values[-1] - expected) > 20.0


def test_wrong_clock_shows_in_the_stamp():
    """Eight hours off while the fault is on, as of a naive local time."""
    messages = charger(LONG, faults=[Fault("clock_skew", REF, 0.0)]).advance(20.0)
    decoded = decode_telemetry(messages[-1].payload)
    assert decoded.ts_ms == START_MS + round((messages[-1].t_s - 28_800.0) * 1000)


def test_pushed_event_comes_once():
    """A charger's own smoke detector pushes one event, as the field's at-most-once push does."""
    messages = charger(LONG, faults=[Fault("smoke_event", REF, 33.0, 90.0)]).advance(100.0)
    assert events(messages) == ["smoke"]


def test_session_is_ended_when_it_has_lasted_long_enough():
    """The charger takes the power away after its longest session; the counter keeps what was drawn."""
    messages = charger(LONG, max_session_s=1200.0).advance(1500.0)
    assert port_values(messages, "state")[-1] == "plugged"
    assert port_values(messages, "session_s")[-1] == 1200.0
    assert port_values(messages, "power_w")[-1] == 0.0


def test_second_load_on_a_port_shows_in_power_current_and_heat():
    """A heater on the port beside the charger: past the port's 2000 W and 10 A, and the socket warms up."""
    fault = Fault("over_power", REF, 100.0, 400.0, port=1)
    messages = charger(LONG, faults=[fault]).advance(380.0)
    assert port_values(messages, "power_w")[-1] > 2000.0
    assert 10.0 < port_values(messages, "current_a")[-1] < 16.0
    heat = port_values(messages, "temperature_c")
    assert heat[-1] > heat[5] + 20.0
