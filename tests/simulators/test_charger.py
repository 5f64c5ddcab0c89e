"""A charger: what its messages say as residents come and go, orders are given and things break."""

import itertools

import msgspec
import pytest

from ingest.contract import Reply, decode_telemetry
from simulators.battery import PACKS
from simulators.faults import Fault
from simulators.residents import Stay
from tests.simulators.chargers import LONG, REF, START_MS, charger, command, events, port_values, reasons, telemetry

FAST = Stay(5.0, 40_000.0, PACKS["lithium-60v20"], 0.9, pay_s=20.0)


def test_states_come_in_the_order_of_a_stay():
    """idle, plugged, charging, float, full, idle: each once, with its events."""
    messages = charger(FAST, max_session_s=36_000.0).advance(41_000.0)
    states = [state for state, _ in itertools.groupby(port_values(messages, "state"))]
    assert states == ["idle", "plugged", "charging", "float", "full", "idle"]
    assert events(messages) == ["session_started", "session_ended"]
    assert reasons(messages) == ["full"]


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


def test_order_that_the_broker_repeats_is_answered_again_and_obeyed_once():
    """A stop that comes twice does not end the session that a start began between them."""
    device = charger(LONG)
    device.advance(50.0)
    device.command(50.0, command("stop", 1))
    device.command(60.0, command("start", 1, order="k2"))
    device.advance(70.0)
    repeated = device.command(70.0, command("stop", 1))
    assert msgspec.json.decode(repeated[0].payload, type=Reply) == Reply("k1", True)
    assert port_values(repeated, "state") == ["charging"]


def test_poll_is_answered_with_everything_at_once():
    """Also by a charger whose habit it is to report every few minutes."""
    device = charger(LONG, habit="ap3000")
    device.advance(50.0)
    reply, *more = device.command(50.0, command("poll"))
    assert msgspec.json.decode(reply.payload, type=Reply).accepted
    assert telemetry(more)[0].leakage_ma is not None
    assert port_values(more, "power_w")[0] > 100.0


def test_breaker_that_sticks_accepts_the_order_and_power_stays():
    """The last resort of a cut-off can fail too: the reply is yes, the breaker stays closed, the meter runs on."""
    device = charger(LONG, faults=[Fault("breaker_stuck", REF, 0.0), Fault("relay_welded", REF, 0.0, port=1)])
    device.advance(50.0)
    device.command(50.0, command("stop", 1))
    device.advance(60.0)
    opened = device.command(60.0, command("breaker_open", order="k2"))
    assert msgspec.json.decode(opened[0].payload, type=Reply).accepted
    assert telemetry(opened)[0].breaker == "closed"
    assert port_values(opened, "power_w")[0] > 100.0


def test_welded_relay_feeds_a_bike_that_nobody_paid_for():
    """Whatever is plugged in gets power before any session, and after its session has ended."""
    late = Stay(100.0, None, PACKS["lead-72v20"], 0.2, pay_s=600.0)
    messages = charger(late, faults=[Fault("relay_welded", REF, 0.0, port=1)]).advance(400.0)
    assert port_values(messages, "state")[-1] == "plugged"
    assert port_values(messages, "power_w")[-1] > 100.0
    assert port_values(messages, "energy_wh")[-1] > 10.0


@pytest.mark.parametrize("kind", ["bad_contact", "relay_open", "load_short"])
def test_fault_that_the_charger_reports_stops_the_power_and_then_the_session(kind):
    """The port says fault and its word at once; after five minutes without load the charger ends the session."""
    device = charger(LONG, faults=[Fault(kind, REF, 100.0, 600.0, port=1)])
    messages = device.advance(700.0)
    index = next(i for i, it in enumerate(telemetry(messages)) if it.ports[0].fault)
    assert telemetry(messages)[index].ports[0].fault == kind
    assert port_values(messages, "state")[index] == "fault"
    assert port_values(messages, "power_w")[index] == 0.0
    assert reasons(messages) == ["no_load"]
    assert port_values(messages, "state")[-1] == "plugged"


def test_start_is_refused_with_the_reason_while_something_is_wrong():
    """Nothing plugged in, a fault of the port, smoke at the charger, mains beyond what it bears."""
    device = charger(
        LONG,
        faults=[
            Fault("load_short", REF, 100.0, 200.0, port=1),
            Fault("smoke_event", REF, 300.0, 400.0),
            Fault("over_voltage", REF, 500.0, 600.0),
        ],
    )
    refused = []
    for number, (t_s, port) in enumerate([(50.0, 2), (150.0, 1), (350.0, 1), (550.0, 1), (650.0, 1)]):
        device.advance(t_s)
        reply = device.command(t_s, command("start", port, order=f"k{number}"))[0]
        refused.append(msgspec.json.decode(reply.payload, type=Reply).reason)
    assert refused == ["nothing plugged in", "fault load_short", "smoke alarm", "mains voltage", None]


def test_power_cut_pauses_the_session_and_the_charger_boots():
    """Nothing is sent and nothing flows meanwhile; then it boots, counts messages anew, and the session goes on."""
    cut = Fault("power_cut", type(REF)(REF.site, REF.shed, ""), 100.0, 400.0, figures={"last_gasp": 1.0})
    messages = charger(LONG, faults=[cut]).advance(700.0)
    assert events(messages) == ["power_cut", "boot"]
    assert not [it for it in messages if 100.0 < it.t_s < 403.0]
    before, after = telemetry(messages)[8], telemetry(messages)[-1]
    assert telemetry([it for it in messages if it.t_s > 400.0])[0].seq == 0
    lived_s = (after.ts - before.ts) / 1000.0 - 300.0
    assert after.ports[0].session_s - before.ports[0].session_s == pytest.approx(lived_s, abs=2.0)
    drawn_wh = after.ports[0].energy_wh - before.ports[0].energy_wh
    assert drawn_wh == pytest.approx(after.ports[0].power_w * lived_s / 3600.0, rel=0.03)


def test_mains_beyond_what_the_charger_bears_ends_its_sessions():
    """275 V is past its block at 270 V, 160 V is not past that at 100 V."""
    assert reasons(charger(LONG, faults=[Fault("over_voltage", REF, 100.0, 200.0)]).advance(300.0)) == ["over_voltage"]
    assert reasons(charger(LONG, faults=[Fault("under_voltage", REF, 100.0, 200.0)]).advance(300.0)) == []


def test_overlong_session_goes_on_past_every_rule():
    """With the fault neither a full pack nor the longest time ends the session; without it both do."""
    fault = Fault("session_overlong", REF, 0.0, port=1)
    messages = charger(FAST, faults=[fault], max_session_s=12_000.0).advance(20_000.0)
    assert reasons(messages) == []
    assert port_values(messages, "session_s")[-1] > 19_000.0
    assert reasons(charger(FAST, max_session_s=12_000.0).advance(20_000.0)) == ["full"]


def test_charger_that_stops_tapering_goes_back_to_constant_current():
    """A pack in its tail takes its full current again: what the field calls a bump after full."""
    tail = Stay(-20_000.0, None, PACKS["lead-48v12"], 0.3)
    fault = Fault("no_taper", REF, 1000.0, port=1)
    power = port_values(charger(tail, faults=[fault], max_session_s=60_000.0).advance(1500.0), "power_w")
    assert power[95] < 0.7 * PACKS["lead-48v12"].peak_w
    assert power[-1] == pytest.approx(PACKS["lead-48v12"].peak_w, rel=0.02)


def test_probe_of_a_port_can_be_missing_stuck_or_noisy():
    """The field is gone, stays where it was, or scatters; the heat itself is what it was."""
    faults = [Fault("loose_contact", REF, 0.0, port=1)]
    whole = port_values(charger(LONG, faults=faults).advance(600.0), "temperature_c")
    assert set(
        port_values(
            charger(LONG, faults=[*faults, Fault("probe_missing", REF, 0.0, port=1)]).advance(60.0), "temperature_c"
        )
    ) == {None}
    stuck = port_values(
        charger(LONG, faults=[*faults, Fault("probe_stuck", REF, 100.0, 400.0, port=1)]).advance(600.0), "temperature_c"
    )
    assert len(set(stuck[11:39])) == 1
    assert stuck[-1] == whole[-1]
    noisy = port_values(charger(LONG, faults=[Fault("probe_noisy", REF, 0.0, port=1)]).advance(600.0), "temperature_c")
    assert max(noisy) - min(noisy) > 10.0


def test_smoke_at_the_charger_is_pushed_once_and_stays_in_its_telemetry():
    """Who missed the push finds it in the next report."""
    values = [
        it.smoke for it in telemetry(charger(LONG, faults=[Fault("smoke_event", REF, 33.0, 90.0)]).advance(150.0))
    ]
    assert [state for state, _ in itertools.groupby(values)] == [False, True, False]
