"""Packs on chargers: the meter's energy is the integral of the power, and charge goes CC, CV, float."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.battery import PACKS, Charge

packs = st.sampled_from(sorted(PACKS.values(), key=lambda pack: pack.name))
socs = st.floats(0.0, 0.99)


def integral_wh(charge: Charge, until_s: float, steps: int = 1500) -> float:
    width_s = until_s / steps
    return sum(charge.power_w((index + 0.5) * width_s) for index in range(steps)) * width_s / 3600.0


@settings(max_examples=60)
@given(packs, socs, st.floats(60.0, 50_000.0))
def test_energy_is_the_integral_of_power(pack, soc, until_s):
    """Whatever the pack and the time, the energy counter agrees with the integrated power to 1 %."""
    charge = Charge(pack, soc)
    assert charge.energy_wh(until_s) == pytest.approx(integral_wh(charge, until_s), rel=0.01)


@pytest.mark.parametrize("pack", PACKS.values(), ids=PACKS)
def test_empty_pack_takes_what_its_capacity_says(pack):
    """From empty to float a pack takes up its rated charge: energy into the pack is near capacity times voltage."""
    charge = Charge(pack, 0.0)
    assert charge.soc_at(charge.tail_end_s) == pytest.approx(1.0, abs=0.005)
    into_pack_wh = charge.energy_wh(charge.tail_end_s) * pack.efficiency * pack.coulombic
    assert into_pack_wh == pytest.approx(pack.capacity_ah * (pack.low_v + pack.limit_v) / 2.0, rel=0.12)


@pytest.mark.parametrize("pack", PACKS.values(), ids=PACKS)
def test_charging_takes_hours_as_in_the_field(pack):
    """An empty pack is full within four to eleven hours."""
    assert 4.0 < Charge(pack, 0.0).tail_end_s / 3600.0 < 11.0


@given(packs, socs)
def test_power_never_jumps_up_and_the_tail_falls(pack, soc):
    """Power rises slowly to the limit, falls through the tail without a step, and drops to float."""
    charge = Charge(pack, soc)
    edge_s = charge.bulk_s
    assert charge.power_w(edge_s + 1.0) <= pack.peak_w + 1e-6
    if edge_s > 0.0 and soc < pack.limit_soc:
        assert charge.power_w(edge_s - 1e-3) == pytest.approx(charge.power_w(edge_s), rel=1e-3)
    tail = [charge.power_w(edge_s + (charge.tail_end_s - edge_s) * part) for part in (0.0, 0.3, 0.6, 0.99)]
    assert tail == sorted(tail, reverse=True)
    assert charge.power_w(charge.tail_end_s + 1.0) <= 0.25 * pack.peak_w


@given(packs, socs, st.lists(st.floats(0.0, 60_000.0), min_size=2, max_size=6))
def test_phases_come_in_order_and_energy_never_falls(pack, soc, times):
    """Bulk, tail, float: never back; the counter only counts up."""
    charge = Charge(pack, soc)
    order = ["bulk", "tail", "float"]
    times = sorted(times)
    phases = [order.index(charge.phase(t_s)) for t_s in times]
    energies = [charge.energy_wh(t_s) for t_s in times]
    assert phases == sorted(phases)
    assert energies == sorted(energies)


@given(packs, st.floats(0.8, 0.99))
def test_pack_plugged_in_late_in_its_tail_draws_what_it_would_have(pack, soc):
    """A pack that comes nearly full begins in the tail at the current that belongs to its state of charge."""
    through = Charge(pack, pack.limit_soc)
    late = Charge(pack, max(soc, pack.limit_soc))
    assert late.bulk_s == 0.0
    same_soc_s = through.tail_end_s - late.tail_end_s
    assert late.power_w(0.0) == pytest.approx(through.power_w(same_soc_s), rel=1e-6)


def test_charger_that_does_not_taper_goes_on():
    """A broken charger stays in constant current for ever, and its counter with it."""
    charge = Charge(PACKS["lead-60v20"], 0.5, tapers=False)
    assert math.isinf(charge.tail_end_s)
    assert charge.phase(100_000.0) == "bulk"
    assert charge.energy_wh(100_000.0) == pytest.approx(integral_wh(charge, 100_000.0), rel=0.01)
