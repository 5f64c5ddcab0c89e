"""How chargers report in the field: slowly, without resending, by a clock that lies; and what the radio does to it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.contract import decode_telemetry
from simulators.faults import Fault
from tests.simulators.chargers import LONG, REF, START_MS, charger, command, events, telemetry

SHED = type(REF)(REF.site, REF.shed, "")


def stamps(messages):
    return [decode_telemetry(it.payload).ts_ms for it in messages if it.topic.endswith("/telemetry")]


def test_ap3000_sends_states_every_three_minutes_power_every_five_and_the_host_every_thirty():
    """Each as a message of its own with its own fields only, none of them sent again when it is lost."""
    messages = charger(LONG, habit="ap3000").advance(7200.0)
    parts = {"state": [], "power": [], "host": []}
    for message, it in zip(messages, telemetry(messages), strict=True):
        part = "host" if not it.ports else "power" if it.ports[0].state is None else "state"
        parts[part].append(message.t_s)
        assert message.qos == 0
    for part, every_s in (("state", 180.0), ("power", 300.0), ("host", 1800.0)):
        gaps = [b - a for a, b in zip(parts[part][1:], parts[part][2:], strict=False)]
        assert gaps == pytest.approx([every_s] * len(gaps)), part
        assert len(gaps) >= 2


def test_prompt_charger_sends_again_what_was_lost_and_so_does_who_answers_an_order():
    """QoS 1 for everything of a prompt charger; of the field's only replies."""
    assert {it.qos for it in charger(LONG).advance(100.0)} == {1}
    device = charger(LONG, habit="ap3000")
    device.advance(50.0)
    assert [it.qos for it in device.command(50.0, command("poll"))] == [1, 0]


def test_clock_without_battery_boots_in_1970_and_is_set_three_minutes_later():
    """After a power cut stamps count from 1970, until the second request for the time is answered."""
    messages = charger(LONG, habit="x10p", faults=[Fault("power_cut", SHED, 100.0, 200.0)]).advance(600.0)
    after = [it for it in messages if it.t_s > 200.0 and it.topic.endswith("/telemetry")]
    booted_s = after[0].t_s
    for message, stamp in zip(after, stamps(after), strict=True):
        if message.t_s < booted_s + 180.0:
            assert stamp == pytest.approx((message.t_s - booted_s) * 1000.0, abs=1.0)
        else:
            assert stamp == pytest.approx(START_MS + message.t_s * 1000.0, abs=100.0)


def test_clock_that_nobody_sets_counts_from_1970():
    """The fault stands as long as it is on."""
    messages = charger(LONG, faults=[Fault("clock_1970", REF, 100.0, 200.0)]).advance(300.0)
    wrong = [it for it in messages if 100.0 <= it.t_s < 200.0]
    assert stamps(wrong) == [round((it.t_s - 100.0) * 1000.0) for it in wrong]
    assert stamps(messages)[-1] == START_MS + round(messages[-1].t_s * 1000.0)


def test_drift_grows_and_is_set_right_twice_a_day():
    """A crystal at 40 ppm is 1.7 s off after twelve hours, and never more."""
    sent = charger(LONG, habit="x10p", drift_ppm=40.0).advance(100_000.0)
    messages = [it for it in sent if it.topic.endswith("/telemetry")]
    wrong_ms = [stamp - (START_MS + it.t_s * 1000.0) for it, stamp in zip(messages, stamps(messages), strict=True)]
    assert max(wrong_ms) == pytest.approx(43_200.0 * 0.04, rel=0.01)
    assert min(wrong_ms) == pytest.approx(0.0, abs=5.0)


def test_dead_zone_ends_in_a_burst_of_old_telemetry_without_the_events():
    """What was measured meanwhile comes at once with its own stamps; what was pushed meanwhile is lost."""
    zone = [Fault("dead_zone", REF, 100.0, 400.0), Fault("water_event", REF, 200.0, 210.0)]
    messages = charger(LONG, faults=zone).advance(500.0)
    burst = [it for it in messages if 400.0 < it.t_s < 405.0 and stamps([it])[0] < START_MS + 400_000]
    assert not [it for it in messages if 100.0 <= it.t_s < 400.0]
    assert len(burst) == 30
    assert stamps(burst) == sorted(stamps(burst))
    assert stamps(burst)[0] < START_MS + 110_000
    assert events(messages) == []


def test_dead_zone_keeps_no_more_than_its_memory():
    """The oldest are dropped."""
    zone = Fault("dead_zone", REF, 100.0, 400.0, figures={"keeps": 5.0})
    messages = charger(LONG, faults=[zone]).advance(500.0)
    assert sorted(it.seq for it in telemetry(messages)) == [*range(10), *range(35, 50)]


@settings(max_examples=20, deadline=None)
@given(st.floats(0.1, 120.0))
def test_messages_that_overtake_each_other_are_all_there(spread_s):
    """None is lost or changed; only the order is another, and none is later than it may be."""
    calm = charger(LONG).advance(600.0)
    fault = Fault("out_of_order", REF, 0.0, 590.0, figures={"spread_s": spread_s})
    astray = charger(LONG, faults=[fault]).advance(800.0)
    made_at = {it.payload: it.t_s for it in calm}
    assert [it.t_s for it in astray] == sorted(it.t_s for it in astray)
    assert all(0.0 <= it.t_s - made_at[it.payload] <= spread_s for it in astray if it.payload in made_at)
    assert {it.payload for it in astray} >= {it.payload for it in calm if it.t_s < 590.0}


def test_duplicates_are_the_same_bytes_within_seconds():
    """Each message comes twice, as a broker or a modem repeats it."""
    messages = charger(LONG, faults=[Fault("duplicates", REF, 0.0, 300.0)]).advance(310.0)
    twice = [it.payload for it in messages if it.t_s < 300.0]
    assert len(twice) - len(set(twice)) >= 28
