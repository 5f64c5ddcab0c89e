"""Slow faults and surroundings: rain, rust, cables, seasons, weeks; and a pack that fails along its timeline."""

import math
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.model import DeviceRef
from simulators.climate import Weather, season_c
from simulators.cutoff import EndReason
from simulators.effects import added_ohm, leak_ma
from simulators.faults import KINDS, Fault, FaultsOf, Target
from simulators.feeder import Feeder, FeederSpec
from simulators.fleet import Fleet, broker_outages, link_changes, talkers
from simulators.habits import HABITS
from simulators.residents import Calendar, stays
from simulators.runaway import TIMELINES
from simulators.scenario import parse
from tests.simulators.chargers import LONG, REF, START_MS, charger, port_values, telemetry

DAY_S = 86_400.0
SCENARIO = """
name: small
start: 2026-01-17T19:00:00+08:00
duration_s: 600
sites:
  - id: a
    sheds:
      - id: s
        chargers: [{id: c1, ports: 12}, {id: c2, ports: 10}, {id: c3, ports: 10}]
        sensors: [{id: smoke-1, kind: smoke}, {id: heat-1, kind: heat}, {id: cable-1, kind: temperature}]
        cameras:
          - {id: cam-1, zones: [{id: bay-1, kind: bay, polygon: [[0, 0], [1, 0], [1, 1]]}]}
simulation:
  a/s/cable-1: {cable_of: c1}
  a/s/c2: {habit: ap3000}
faults:
  - {kind: thermal_runaway, device: a/s/cam-1, zone: bay-1, at_s: 100, variant: fast}
  - {kind: gateway_down, shed: a/s, devices: [c1, smoke-1], at_s: 200, until_s: 300}
  - {kind: power_cut, shed: a/s, at_s: 250, until_s: 350}
  - {kind: charger_missing, device: a/s/c3, at_s: 0}
  - {kind: broker_restart, at_s: 400, until_s: 403}
"""


def scenario():
    return parse(SCENARIO, "small.yaml", START_MS)


def faults(*items):
    return FaultsOf(items, REF)


def test_rain_leakage_rises_wavers_and_dries():
    """Nothing before the rain, most of it after a while, and hours until it is dry."""
    of = faults(Fault("rain_leakage", REF, 1000.0, 8000.0))
    assert leak_ma(of, 999.0) == 0.0
    assert 30.0 < leak_ma(of, 1900.0) < 50.0
    wet = [leak_ma(of, 6000.0 + 10.0 * step) for step in range(40)]
    assert 45.0 < min(wet) < max(wet) < 75.0
    assert leak_ma(of, 11_600.0) == pytest.approx(60.0 / math.e, rel=0.1)


def test_ageing_wire_grows_over_days_and_wanders_on_the_way():
    """After half its days it has half its resistance, give or take; it never jumps."""
    fault = Fault("ageing_wire", REF, 0.0, port=1, figures={"peak_ohm": 1.0, "days": 10.0})
    of = FaultsOf([fault], REF, 1)
    ohms = [added_ohm(of, day * DAY_S) for day in range(12)]
    assert ohms[5] == pytest.approx(0.5, rel=0.2)
    assert ohms[-1] == pytest.approx(1.0, rel=0.2)
    minutes = [added_ohm(of, 5 * DAY_S + 60.0 * minute) for minute in range(600)]
    assert max(abs(b - a) for a, b in pairwise(minutes)) < 0.02


def test_ageing_wire_shows_in_the_heat_of_its_port_alone():
    """Two weeks of rust warm the socket by some kelvin more at the same current."""
    old = Fault("ageing_wire", REF, -14 * DAY_S, port=1)
    aged = port_values(charger(LONG, faults=[old]).advance(1200.0), "temperature_c")[-1]
    sound = port_values(charger(LONG).advance(1200.0), "temperature_c")[-1]
    assert aged - sound > 8.0


@given(st.floats(1.0, 60.0), st.floats(0.0, 2.0), st.floats(10.0, 20_000.0))
def test_cable_follows_the_analytic_solution_of_its_two_elements(current_a, ohm, seconds):
    """From cold, with a constant load: the sum of two exponentials, whatever the steps."""
    spec = FeederSpec()
    feeder = Feeder(
        spec,
        0.0,
        current_a=lambda t_s: current_a if t_s > 0.0 else 0.0,
        added_ohm=lambda _: ohm,
        air_c=lambda _: 20.0,
    )
    feeder.advance(seconds / 3.0)
    feeder.advance(seconds)
    heat = current_a * current_a
    cable_k = heat * spec.ohm * spec.cable_k_per_w * (1.0 - math.exp(-seconds / spec.cable_s))
    terminal_k = heat * ohm * spec.terminal_k_per_w * (1.0 - math.exp(-seconds / spec.terminal_s))
    assert feeder.temperature_c == pytest.approx(20.0 + cable_k + terminal_k)
    assert feeder.drop_v(seconds) == pytest.approx(current_a * (spec.ohm + ohm))


def test_ageing_terminal_of_the_incoming_cable_sags_the_voltage_and_warms_the_cabinet():
    """Under the same load; without load it shows nothing."""
    old = Fault("ageing_feeder", REF, -14 * DAY_S, figures={"peak_ohm": 2.0, "days": 14.0})
    aged, sound = (
        telemetry(charger(LONG, faults=[old]).advance(1800.0))[-1],
        telemetry(charger(LONG).advance(1800.0))[-1],
    )
    assert sound.voltage_v - aged.voltage_v > 2.0
    assert aged.temperature_c - sound.temperature_c > 1.0


def test_winter_is_cold_and_weather_moves_over_days():
    """January below freezing at night, July hot; spells of some kelvin, never a jump."""
    assert season_c(17.0) < 0.0
    assert season_c(205.0) > 25.0
    means = [Weather("1", 17.0).mean_c(hour * 3600.0) for hour in range(24 * 30)]
    assert 2.0 < max(means) - min(means) < 10.0
    assert max(abs(b - a) for a, b in pairwise(means)) < 0.5


def test_start_on_a_winter_evening_is_cold_and_a_saturday():
    """A scenario with a date has that day's air and week; one that starts whenever has neither."""
    assert scenario().weekday == 5
    cabinet = telemetry(
        [
            it
            for it in Fleet(scenario(), seed=1, start_ms=scenario().start_ms).advance(20.0)
            if "c1/tele" in getattr(it, "topic", "")
        ]
    )
    assert cabinet[0].temperature_c < 12.0
    undated = parse(SCENARIO.replace("start: 2026-01-17T19:00:00+08:00", "start: now"), "small.yaml", START_MS)
    assert (undated.day_of_year, undated.weekday) == (None, 2)


def test_week_has_its_own_shape():
    """On Saturday people come by day more than on Wednesday, and leave later in the morning."""

    def arrivals(weekday, hours):
        calendar = Calendar(0.0, weekday)
        first, last = hours
        return sum(calendar.rate_per_h(hour * 3600.0) for hour in range(first, last))

    assert arrivals(5, (9, 17)) > 1.3 * arrivals(2, (9, 17))
    assert arrivals(5, (17, 22)) < arrivals(2, (17, 22))
    assert Calendar(20.0, 4).leaves_h(0.0) > Calendar(20.0, 2).leaves_h(0.0)
    assert Calendar(20.0, 6).leaves_h(0.0) == Calendar(20.0, 2).leaves_h(0.0)


def test_neighbourhood_of_120_ports_is_taken_as_the_field_is():
    """Over a week: fullest in the night, emptiest late in the morning, never all taken for long, never empty."""
    from random import Random

    hours = range(7 * 24)
    taken = [0] * len(hours)
    for seed in range(120):
        for stay in stays(Random(f"{seed}"), Calendar(0.0, 0)):
            if stay.plug_s > hours[-1] * 3600.0:
                break
            for hour in hours:
                taken[hour] += stay.plug_s <= hour * 3600.0 < stay.unplug_s
    night = [taken[24 * day + 23] / 120 for day in range(1, 7)]
    morning = [taken[24 * day + 10] / 120 for day in range(1, 5)]
    assert all(0.6 <= share <= 0.95 for share in night)
    assert all(0.1 <= share <= 0.5 for share in morning)


@pytest.mark.parametrize("variant", TIMELINES)
def test_runaway_is_smoke_heads_and_flames_at_their_times_and_nothing_electrical(variant):
    """One fault becomes the parts its timeline has, each with the runaway as its cause."""
    parts = parse(SCENARIO.replace("variant: fast", f"variant: {variant}"), "small.yaml", START_MS).faults
    line = TIMELINES[variant]
    found = {(it.kind, it.device.device): it.at_s - 100.0 for it in parts if it.cause == f"thermal_runaway {variant}"}
    assert found == {
        ("smoke", "cam-1"): 0.0,
        ("sensor_alarm", "smoke-1"): line.smoke_head_s,
        ("flame", "cam-1"): line.flame_s,
        ("sensor_alarm", "heat-1"): line.heat_head_s,
    }
    assert line.smoke_head_s < line.flame_s < line.heat_head_s
    assert not [it for it in parts if it.kind == "thermal_runaway"]


def test_fast_runaway_leaves_less_than_a_minute_and_a_slow_one_three():
    """As filmed: from the first wisp to the blast."""
    assert TIMELINES["fast"].flame_s < 60.0
    assert TIMELINES["slow"].flame_s == 180.0


def test_gateway_takes_its_devices_along_and_no_camera():
    """A link that is broken twice comes back when both are over."""
    changes = {}
    for change in link_changes(scenario(), tuple({it.kind for it in scenario().devices})):
        changes.setdefault(change.device.device, []).append((change.t_s, change.up))
    assert changes["c1"] == changes["smoke-1"] == [(200.0, False), (350.0, True)]
    assert changes["c2"] == changes["cam-1"] == [(250.0, False), (350.0, True)]


def test_device_that_is_missing_never_connects():
    """It is configured and not there: no link, no message."""
    missing = DeviceRef("a", "s", "c3")
    assert missing not in talkers(scenario())
    items = Fleet(scenario(), seed=1, start_ms=START_MS).advance(600.0)
    assert not [it for it in items if it.device == missing]


def test_broker_restarts_are_told_to_whoever_runs_it():
    """Three seconds without a broker."""
    assert broker_outages(scenario()) == [(400.0, 403.0)]


def test_probe_on_a_cable_tells_the_cables_heat():
    """A temperature sensor with `cable_of` is warmer than the air by what its charger draws."""
    items = Fleet(scenario(), seed=1, start_ms=START_MS).advance(200.0)
    values = [it.payload for it in items if getattr(it, "topic", "").endswith("cable-1/telemetry")]
    assert len(values) > 4


def test_every_alert_kind_of_a_fault_is_one_of_the_contract():
    """Ground truth speaks the service's words; each kind says where it stands."""
    from simulators.expectations import ALERT_KINDS

    for name, kind in KINDS.items():
        assert set(kind.truth) <= ALERT_KINDS, name
        assert kind.target in Target, name


def test_page_about_the_twin_has_the_model_of_every_fault_habit_and_reason():
    """docs/twin.md names every kind of fault that stands at chargers, sensors, sheds or the broker."""
    page = (Path(__file__).parents[2] / "docs" / "twin.md").read_text(encoding="utf-8")
    cameras = {Target.CAMERA, Target.BAY}
    electrical = {name for name, kind in KINDS.items() if kind.target not in cameras} | {"thermal_runaway"}
    words = [*electrical, *HABITS, *get_args(EndReason)]
    assert [word for word in words if f"`{word}`" not in page] == []
