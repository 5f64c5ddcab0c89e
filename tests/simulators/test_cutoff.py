"""The charger's own rules: each ends the session it is for, at its time, and no other."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.battery import PACKS, Charge
from simulators.cutoff import CutoffRules, Fed, Load, end_by_power, float_from_s
from simulators.device import Surroundings
from simulators.faults import Fault, FaultsOf
from simulators.port import Port
from simulators.residents import Stay
from simulators.thermal import SocketSpec
from tests.simulators.chargers import REF

RULES = CutoffRules()
packs = st.sampled_from(sorted(PACKS.values(), key=lambda pack: pack.name))


def port(*stays, faults=(), rules=RULES):
    return Port(
        1, iter(stays), Surroundings("1", 18.0), FaultsOf(faults, REF, 1), socket=SocketSpec(), rules=rules, from_s=0.0
    )


def reasons(device, until_s):
    return [(event.t_s, event.reason) for event in device.advance(until_s) if event.word == "session_ended"]


@settings(max_examples=60)
@given(packs, st.floats(0.05, 0.75))
def test_full_pack_is_noticed_when_its_power_has_been_low_for_long_enough(pack, soc):
    """Float begins half an hour after the power fell to a fifth, or five minutes where that is later than three hours."""
    charge = Charge(pack, soc)
    float_s = float_from_s(RULES, Fed(0.0, 0.0, charge, 0.0, ()))
    quiet_s = charge.falls_to_s(0.2 * pack.peak_w)
    assert charge.power_w(quiet_s + 1.0) <= 0.2 * pack.peak_w
    assert charge.power_w(quiet_s - 60.0) > 0.2 * pack.peak_w
    assert float_s == pytest.approx(min(quiet_s + 1800.0, max(quiet_s, 10_800.0) + 300.0))
    assert end_by_power(RULES, Fed(0.0, 0.0, charge, 0.0, ())) == (float_s + 3600.0, "full")


@given(packs, st.floats(0.0, 0.99), st.floats(0.0, 700.0))
def test_falling_below_a_power_is_for_good(pack, soc, power_w):
    """From the time told on the pack never draws more; before it there was a time when it did."""
    charge = Charge(pack, soc)
    at_s = charge.falls_to_s(power_w)
    if math.isfinite(at_s):
        assert all(charge.power_w(at_s + after_s) <= power_w + 1e-6 for after_s in (0.001, 60.0, 3600.0, 1e6))
    else:
        assert charge.power_w(1e6) > power_w


def test_second_load_keeps_a_full_pack_from_being_noticed():
    """A heater on the port keeps the meter up until it is taken away."""
    charge = Charge(PACKS["lithium-60v20"], 0.5)
    alone_s = float_from_s(RULES, Fed(0.0, 0.0, charge, 0.0, ()))
    heated = Fed(0.0, 0.0, charge, 0.0, (Load(alone_s - 100.0, alone_s + 5000.0, 800.0),))
    assert float_from_s(RULES, heated) == pytest.approx(alone_s + 5300.0)


def test_pulled_plug_is_noticed_ten_seconds_later():
    """Until then the port is charging without drawing anything; then it is idle."""
    device = port(Stay(0.0, 1000.0, PACKS["lead-48v20"], 0.3, pay_s=0.0))
    device.advance(1005.0)
    assert (device.state(1005.0), device.power_w(1005.0)) == ("charging", 0.0)
    assert reasons(device, 1020.0) == [(1010.0, "unplugged")]
    assert (device.state(1020.0), device.energy_wh) == ("idle", 0.0)


def test_session_without_load_ends_after_five_minutes():
    """A plug that lost its contact."""
    device = port(
        Stay(0.0, None, PACKS["lead-48v20"], 0.3, pay_s=0.0), faults=[Fault("relay_open", REF, 500.0, 2000.0, port=1)]
    )
    assert reasons(device, 3000.0) == [(800.0, "no_load")]


def test_session_that_draws_next_to_nothing_is_refused_after_half_an_hour():
    """A full pack, or a telephone."""
    assert reasons(port(Stay(0.0, None, PACKS["lead-48v12"], 1.0, pay_s=0.0)), 4000.0) == [(1800.0, "low_power")]


def test_more_than_the_cap_ends_the_session_after_half_a_minute():
    """A cap of 2000 W cuts a heater; one of 3500 W lets it be."""
    heater = Fault("over_power", REF, 600.0, 900.0, port=1)
    stay = Stay(0.0, None, PACKS["lead-72v20"], 0.2, pay_s=0.0)
    capped = port(stay, faults=[heater], rules=CutoffRules(over_power_w=2000.0))
    assert reasons(capped, 1000.0) == [(630.0, "over_power")]
    assert reasons(port(stay, faults=[heater]), 1000.0) == []


def test_longest_time_ends_what_nothing_else_ends():
    """A charger that does not taper never looks full."""
    device = port(Stay(0.0, None, PACKS["lead-60v20"], 0.5, pay_s=0.0, tapers=False))
    assert reasons(device, 40_000.0) == [(28_800.0, "max_time")]


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    packs,
    st.floats(0.0, 0.99),
    st.lists(
        st.tuples(st.floats(10.0, 40_000.0), st.sampled_from(["stop", "start", "open", "close", "dark", "light"])),
        max_size=8,
    ),
    st.sampled_from([(), ("over_power",), ("loose_contact",), ("relay_welded",), ("bad_contact",), ("no_taper",)]),
)
def test_energy_is_the_integral_of_power_whatever_happens(pack, soc, orders, kinds):
    """Orders, outages and faults at any time: the meter agrees with the integrated power to 1 %, and counts only up."""
    faults = [Fault(kind, REF, 5000.0, 9000.0, port=1) for kind in kinds]
    device = port(Stay(0.0, None, pack, soc, pay_s=0.0), faults=faults)
    orders = sorted(orders)
    counted_wh = integrated_wh = 0.0
    edges = sorted({5000.0, 9000.0, *(t_s for t_s, _ in orders), *(20.0 * step for step in range(1, 2250))})
    before_s = 0.0
    for t_s in edges:
        device.advance(before_s)
        middle_s = (before_s + t_s) / 2.0
        device.advance(middle_s)
        integrated_wh += device.power_w(middle_s) * (t_s - before_s) / 3600.0
        reset_wh = device.energy_wh
        device.advance(t_s)
        assert device.energy_wh >= reset_wh or device.energy_wh < 1.0
        for word in [word for at_s, word in orders if at_s == t_s]:
            before_wh = device.energy_wh
            _give(device, word, t_s)
            # A session that starts anew counts from zero.
            counted_wh += before_wh - device.energy_wh
        before_s = t_s
    counted_wh += device.energy_wh
    assert counted_wh == pytest.approx(integrated_wh, rel=0.01, abs=2.0)


def _give(device, word, t_s):
    match word:
        case "stop":
            device.stop(t_s)
        case "start":
            if device.refusal(t_s) is None:
                device.start(t_s)
        case "open" | "close":
            device.breaker(word == "close", t_s)
        case "dark" | "light":
            device.mains(word == "light", t_s)
