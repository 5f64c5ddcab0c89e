"""Most readings are calm, and most rules are not asked about them: it makes no difference to what is said, nor to what is remembered."""

from __future__ import annotations

import math
from collections.abc import Iterable
from random import Random
from typing import Any

import pytest
from alarm_samples import C1, NOW_MS, around, condition, reading
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from alerts.engine import AlarmEngine, alert_ids
from alerts.model import Alert, AlertKind, Condition
from alerts.rules.base import Calm, CalmWords, Hold, Rule
from alerts.rules.catalogue import all_rules
from alerts.rules.clock_skew import ClockSkewRule
from alerts.rules.level import LevelRule
from alerts.rules.over_power import OverPowerRule
from alerts.rules.runner import RuleSet
from alerts.rules.temperature_rise import TemperatureRiseRule
from ingest.model import PORT_STATES, Reading

# Seconds to a quarter of an hour, so that delays, windows and ages run out at times.
STEPS_S = st.sampled_from([0, 0, 1, 4, 20, 61, 400, 1000])


def near(*limits: float) -> st.SearchStrategy[float]:
    """Values on both sides of limits and at them, and anything between."""
    at = [limit + distance for limit in limits for distance in (-3.5, -0.5, 0.0, 0.5)]
    return st.sampled_from(at) | st.floats(min(limits) / 4, max(limits) * 1.2, allow_nan=False)


PORT_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "state": st.sampled_from(PORT_STATES),
    "power_w": near(0.0, 5.0, 2000.0, 3500.0),
    "current_a": st.just(0.5) | near(0.15, 10.0, 16.0),
    "energy_wh": near(10.0, 900.0),
    "temperature_c": near(20.0, 33.0, 35.0, 38.0, 40.0, 45.0, 65.0, 80.0),
    "fault": st.sampled_from(["relay_welded", "over_temperature", "other"]),
}
CASE_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "voltage_v": near(100.0, 180.0, 250.0, 270.0),
    "temperature_c": st.just(20.0) | near(25.0, 60.0),
    "leakage_ma": near(30.0, 100.0),
    "smoke": st.booleans(),
    "breaker": st.sampled_from(["open", "closed"]),
}


@st.composite
def some_readings(draw: st.DrawFn) -> Reading:
    """Of one charger or one of three of its ports, with the fields that devices report together or with any others."""
    port = draw(st.sampled_from([None, 1, 1, 2, 3]))
    values = CASE_VALUES if port is None else PORT_VALUES
    usual = [name for name in values if name != "fault"]
    fields = draw(st.just(usual) | st.sets(st.sampled_from(sorted(values)), min_size=1).map(sorted))
    told: dict[str, Any] = {name: draw(values[name]) for name in fields}
    return reading(C1, port, late=draw(st.sampled_from([False, False, False, True])), **told)


class Thorough(RuleSet):
    """Asks every rule about every reading, each rule as if nothing could be left out."""

    def __init__(self) -> None:
        rules = all_rules(around())
        super().__init__([_Skew(around()) if isinstance(rule, ClockSkewRule) else rule for rule in rules])
        for rule in self._rules:
            if isinstance(rule, TemperatureRiseRule):
                _each_made_is(rule, "_port", least_c=-math.inf)
            if isinstance(rule, OverPowerRule):
                _each_made_is(rule, "_load", port_w=-math.inf)

    def _calm(self, rule: Rule, reading: Reading, field: str, now_ms: int) -> Calm | CalmWords | None:
        return None


def _each_made_is(rule: Rule, maker: str, **attributes: float) -> None:
    make = getattr(rule, maker)

    def made(*place: Any) -> Any:
        it = make(*place)
        for name, value in attributes.items():
            setattr(it, name, value)
        return it

    setattr(rule, maker, made)


class _Skew(ClockSkewRule):
    """The rule without its short way."""

    def _take(self, watch: Any, reading: Reading, now_ms: int) -> Iterable[Condition]:
        if reading.late or reading.device_ms is None or reading.received_ms == watch.message_ms:
            return ()
        own, hold = watch.settings, watch.hold
        assert isinstance(hold, Hold)
        watch.message_ms, skew_s = reading.received_ms, (reading.device_ms - reading.received_ms) / 1000
        wrong = abs(skew_s) > own.limit_s
        watch.wrong = watch.wrong + 1 if wrong else 0
        return self._judge(reading, watch, watch.wrong >= own.samples or (hold.active and wrong), skew_s, now_ms)


def alert(kind: AlertKind, port: int | None) -> Alert:
    """One of an earlier life, with a value that was measured."""
    change = AlarmEngine(alert_ids(Random(1)), NOW_MS).apply(condition(kind=kind, port=port, value=90.0), NOW_MS)
    assert change is not None
    return change.alert


RESTORED = st.lists(
    st.builds(
        alert,
        st.sampled_from(
            [
                AlertKind.OVER_TEMPERATURE,
                AlertKind.TEMPERATURE_RISE,
                AlertKind.OVER_POWER,
                AlertKind.OVER_CURRENT,
                AlertKind.RELAY_WELDED,
                AlertKind.CHARGER_FAULT,
                AlertKind.CLOCK_SKEW,
                AlertKind.TELEMETRY_STALE,
                AlertKind.SMOKE_SENSOR,
                AlertKind.UNDER_VOLTAGE,
            ]
        ),
        st.sampled_from([None, 1, 2]),
    ),
    max_size=3,
)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, list[Reading], int | None]]:
    """Steps in seconds, what is reported then, and by how much the device's clock is wrong.

    Out of a handful of reports: what lasts is told again and again.
    """
    reports = draw(st.lists(some_readings(), min_size=2, max_size=5))
    told = st.lists(st.sampled_from(reports), max_size=4)
    return draw(
        st.lists(st.tuples(STEPS_S, told, st.sampled_from([None, 0, 0, 400_000, -400_000])), min_size=1, max_size=14)
    )


def the_whole(told: list[tuple[int, list[Reading], int | None]], restored: list[Alert]) -> None:
    """Run both through it, and compare what they say at every step."""
    quick, thorough = RuleSet(all_rules(around())), Thorough()
    now_ms = NOW_MS
    for number, (seconds, readings, skew_ms) in enumerate(told):
        if number == len(told) // 2:
            for one in restored:
                assert quick.restore(one, now_ms) == thorough.restore(one, now_ms)
        now_ms += seconds * 1000
        device_ms = None if skew_ms is None else now_ms + skew_ms
        batch = [replace(it, received_ms=now_ms, ts_ms=now_ms, device_ms=device_ms) for it in readings]
        assert list(quick.readings(batch, now_ms)) == list(thorough.readings(batch, now_ms))
        assert quick.tick(now_ms) == thorough.tick(now_ms)
        assert list(quick.remember(now_ms)) == list(thorough.remember(now_ms))
    assert not quick.failures
    assert not thorough.failures


@settings(max_examples=20)
@given(histories(), RESTORED)
def test_what_is_left_out_while_all_is_calm_would_have_said_nothing(
    told: list[tuple[int, list[Reading], int | None]], restored: list[Alert]
) -> None:
    """Now and later: what was left out is not missed by anything that comes after it either."""
    the_whole(told, restored)


AT_REST = {"state": "charging", "power_w": 180.0, "current_a": 0.5, "temperature_c": 20.0}


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("temperature_c", range(20, 90)),
        ("current_a", range(0, 24, 1)),
        ("power_w", range(0, 4500, 250)),
        ("state", PORT_STATES),
    ],
)
def test_what_is_left_out_before_and_after_a_time_of_any_value_would_have_said_nothing(
    field: str, values: Iterable[Any]
) -> None:
    """A port at rest, two minutes of the value, and at rest again."""
    case = reading(C1, None, temperature_c=20.0)
    for value in values:
        reports = [AT_REST] * 2 + [AT_REST | {field: value}] * 6 + [AT_REST] * 6
        the_whole([(20, [case, reading(C1, 1, **report)], 0) for report in reports], [])


@pytest.mark.slow
@settings(max_examples=400)
@given(histories(), RESTORED)
def test_what_is_left_out_would_have_said_nothing_in_thousands_of_histories(
    told: list[tuple[int, list[Reading], int | None]], restored: list[Alert]
) -> None:
    """As above."""
    the_whole(told, restored)


def test_most_readings_are_calm() -> None:
    """Or all of this would be for nothing: at rest, rules with a limit are not asked at all, and are from the limit on."""
    rules = RuleSet(all_rules(around()))
    asked: list[str] = []
    for rule in rules._rules:
        if isinstance(rule, LevelRule):
            _note_judgements(rule, asked)
    for second in range(0, 90, 10):
        assert not list(rules.readings([reading(C1, 1, **AT_REST)], NOW_MS + second * 1000))
    assert not asked
    list(rules.readings([reading(C1, 1, **AT_REST | {"current_a": 12.0})], NOW_MS + 90_000))
    assert asked == ["over_current"]
    # Until its delay is over and all is well again, each value counts.
    list(rules.readings([reading(C1, 1, **AT_REST)], NOW_MS + 91_000))
    list(rules.readings([reading(C1, 1, **AT_REST)], NOW_MS + 92_000))
    assert asked == ["over_current"] * 2


def _note_judgements(rule: LevelRule, asked: list[str]) -> None:
    judge = rule._judge

    def noting(*of: Any) -> list[Condition]:
        asked.append(rule.name)
        return judge(*of)

    rule._judge = noting  # type: ignore[method-assign]


def test_a_rule_that_fails_while_all_is_calm_takes_no_other_with_it() -> None:
    """It is counted and named, and what comes after it is heard."""
    rules = RuleSet(all_rules(around()))

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    faulty = next(rule for rule in rules._rules if rule.name == "temperature_rise")
    faulty.listener = lambda *_: (fail, None)  # type: ignore[method-assign, assignment, return-value]
    for second in range(3):
        list(rules.readings([reading(C1, 1, temperature_c=30.0, state="charging")], NOW_MS + second * 1000))

    assert rules.failures == {"temperature_rise": 3}
