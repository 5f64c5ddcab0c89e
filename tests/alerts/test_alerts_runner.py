"""All rules together: which are asked about a reading makes no difference to what is said."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from alarm_samples import C1, NOW_MS, SMOKE, around, reading
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.model import Condition
from alerts.rules.base import BaseRule
from alerts.rules.catalogue import all_rules
from alerts.rules.runner import RuleSet
from ingest.model import Reading

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "voltage_v": st.sampled_from([150.0, 224.0, 280.0]),
    "temperature_c": st.sampled_from([25.0, 70.0, 95.0]),
    "leakage_ma": st.sampled_from([1.0, 40.0]),
    "smoke": st.booleans(),
    "breaker": st.sampled_from(["open", "closed"]),
    "power_w": st.sampled_from([100.0, 3000.0]),
    "current_a": st.sampled_from([0.5, 15.0]),
    "state": st.sampled_from(["charging", "fault", "idle"]),
    "fault": st.sampled_from(["relay_welded", "over_temperature"]),
}


@st.composite
def charger_readings(draw: st.DrawFn) -> Reading:
    """One of a charger or a port, with any of its fields, or a push, or a status."""
    what = draw(st.sampled_from(["values", "values", "values", "event", "online"]))
    port = draw(st.sampled_from([None, 1, 2]))
    if what == "event":
        return reading(C1, port, event=draw(st.sampled_from(["smoke", "door"])))
    if what == "online":
        return reading(C1, online=draw(st.booleans()))
    fields = draw(st.sets(st.sampled_from(sorted(VALUES))))
    return reading(C1, port, late=draw(st.booleans()), **{name: draw(VALUES[name]) for name in sorted(fields)})


sensor_readings = st.builds(lambda alarm: reading(SMOKE, alarm=alarm), st.booleans())


@settings(max_examples=60)
@given(st.lists(st.tuples(charger_readings() | sensor_readings, st.sampled_from([1, 15, 400])), max_size=12))
def test_rules_that_are_left_out_would_have_said_nothing(told: list[tuple[Reading, int]]) -> None:
    """Asking every rule about every reading comes to the same alarms."""
    together, alone = (
        RuleSet([rule for rule in all_rules(around()) if not rule.slow]),
        [rule for rule in all_rules(around()) if not rule.slow],
    )
    now_ms = NOW_MS
    for one, seconds in told:
        now_ms += seconds * 1000
        asked = together.reading(one, now_ms)
        all_said: list[Condition] = []
        for rule in alone:
            all_said += rule.reading(one, now_ms) if one.kind in rule.hears else ()
        assert asked == all_said
        assert together.tick(now_ms) == [said for rule in alone for said in rule.tick(now_ms)]

    assert not together.failures


def test_what_is_remembered_of_combinations_of_fields_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends ever new ones costs time and no memory."""
    monkeypatch.setattr("alerts.rules.runner._SUBJECTS", 10)
    rules = RuleSet(all_rules(around()))
    for number in range(100):
        rules.reading(reading(C1, 1, **{f"field_{number}": 1.0}), NOW_MS)

    assert len(rules._listeners) <= 10


def test_rules_that_judge_by_hours_are_asked_twice_a_minute_of_each_port() -> None:
    """However often a port reports, and whatever it reports in other messages."""
    asked: list[int | None] = []

    class Slow(BaseRule):
        name = "slow"
        fields = ("power_w",)
        slow = True

        def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:
            asked.append(reading.port)
            return ()

    rules = RuleSet([Slow()])
    for second in range(60):
        for port in (1, 2):
            rules.reading(reading(C1, port, power_w=1.0), NOW_MS + second * 1000)
            rules.reading(reading(C1, port, temperature_c=30.0), NOW_MS + second * 1000)
    assert sorted(port or 0 for port in asked) == [1, 1, 2, 2]
