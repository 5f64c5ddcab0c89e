"""Heat, current, power, leakage, voltage and reported faults: what is raised when, and what is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from alarm_samples import C1, C2, NOW_MS, around, condition, reading
from hypothesis import given
from hypothesis import strategies as st

from alerts import lifecycle
from alerts.model import Alert, AlertKind, Condition
from alerts.rules.base import BaseRule, Hold, Rule, Surroundings
from alerts.rules.charger_fault import ChargerFaultRule
from alerts.rules.leakage import leakage
from alerts.rules.lowest import SLICES
from alerts.rules.over_current import over_current
from alerts.rules.over_power import OverPowerRule
from alerts.rules.over_temperature import over_temperature
from alerts.rules.temperature_rise import TemperatureRiseRule
from alerts.rules.voltage import over_voltage, under_voltage
from ingest.model import Reading

Make = Callable[[Surroundings], Rule]


class Watched:
    """A rule under a clock that moves from step to step, and the last thing it said of each key."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.now_ms = NOW_MS
        self.said: list[Condition] = []

    def take(self, conditions: Iterable[Condition]) -> None:
        self.said += conditions

    def after(self, seconds: float, port: int | None = None, **values: Any) -> Watched:
        """Seconds pass, second by second, then a reading arrives."""
        self.wait(seconds)
        self.take(self.rule.reading(reading(C1, port, self.now_ms, **values), self.now_ms))
        return self

    def wait(self, seconds: float) -> Watched:
        for _ in range(int(seconds)):
            self.now_ms += 1000
            self.take(self.rule.tick(self.now_ms))
        return self

    @property
    def state(self) -> tuple[str, str | None] | None:
        """Kind and severity of what is active, by the last word on each key; None for nothing."""
        last = {condition.key: condition for condition in self.said}
        active = [condition for condition in last.values() if condition.active]
        assert len(active) <= 1
        return (str(active[0].key.kind), str(active[0].severity)) if active else None


def high(kind: str) -> tuple[str, str]:
    return (kind, "high")


# kind, rule, port, field, calm, first level, second level: (value, severity) each, and the delay of the first level
LEVELS = [
    ("over_temperature", over_temperature, 3, "temperature_c", 40.0, (66.0, "high"), (81.0, "critical"), 0),
    ("over_temperature", over_temperature, None, "temperature_c", 40.0, (66.0, "high"), (81.0, "critical"), 0),
    ("over_current", over_current, 3, "current_a", 4.0, (10.5, "high"), (17.0, "critical"), 30),
    ("over_power", OverPowerRule, 3, "power_w", 300.0, (2100.0, "high"), (3600.0, "critical"), 30),
    ("leakage", leakage, None, "leakage_ma", 2.0, (31.0, "high"), (120.0, "critical"), 10),
    ("over_voltage", over_voltage, None, "voltage_v", 225.0, (255.0, "medium"), (275.0, "high"), 20),
    ("under_voltage", under_voltage, None, "voltage_v", 225.0, (170.0, "medium"), (90.0, "high"), 20),
]
EACH_LEVEL = pytest.mark.parametrize(("kind", "make", "port", "field", "calm", "first", "second", "delay_s"), LEVELS)


@EACH_LEVEL
def test_a_level_is_raised_after_its_delay_and_worsens_at_the_next(
    kind: str, make: Make, port: int | None, field: str, calm: float, first: Any, second: Any, delay_s: int
) -> None:
    """Persistence before the first level, a short one before the second, clearing after a minute of calm."""
    seen = Watched(make(around()))
    seen.after(0, port, **{field: calm}).after(5, port, **{field: first[0]})
    if delay_s:
        assert seen.wait(delay_s - 1).state is None
        seen.wait(1)
    assert seen.state == (kind, first[1])
    seen.after(1, port, **{field: second[0]}).wait(10)
    assert seen.state == (kind, second[1])
    assert seen.said[-1].value == second[0]
    seen.after(1, port, **{field: calm}).wait(59)
    assert seen.state is not None
    assert seen.wait(1).state is None


@EACH_LEVEL
def test_a_level_that_does_not_last_a_backlog_and_a_disabled_kind_raise_nothing(
    kind: str, make: Make, port: int | None, field: str, calm: float, first: Any, second: Any, delay_s: int
) -> None:
    """A spike, old data, and what the operator has switched off stay silent."""
    spike = Watched(make(around(**{kind: {"on_delay_s": delay_s or 30}})))
    spike.after(0, port, **{field: first[0]}).after((delay_s or 30) - 1, port, **{field: calm}).wait(60)
    assert spike.said == []
    backlog = Watched(make(around()))
    backlog.after(0, port, late=True, **{field: second[0]}).after(1, port, late=True, **{field: second[0]}).wait(60)
    assert backlog.said == []
    disabled = Watched(make(around(**{kind: {"enabled": False}})))
    disabled.after(0, port, **{field: second[0]}).wait(60)
    assert disabled.said == []


@EACH_LEVEL
def test_a_restored_alert_goes_on_while_the_value_is_high_and_clears_when_it_is_calm(
    kind: str, make: Make, port: int | None, field: str, calm: float, first: Any, second: Any, delay_s: int
) -> None:
    """A restart neither forgets an alert nor keeps it for ever."""
    alert = lifecycle.raised("a", condition(kind=AlertKind(kind), port=port, value=first[0]), NOW_MS)
    seen = Watched(make(around()))
    assert seen.rule.restore(alert, NOW_MS)
    seen.after(1, port, **{field: first[0]})
    assert seen.state == (kind, first[1])
    assert seen.after(1, port, **{field: calm}).wait(60).state is None


def test_a_value_at_the_limit_does_not_chatter() -> None:
    """Within the hysteresis below the limit an alert stays, above it comes back no second time."""
    seen = Watched(over_temperature(around()))
    seen.after(0, 3, temperature_c=65.0).wait(31)
    for celsius in (64.0, 65.0, 63.0, 66.0, 62.5):
        seen.after(60, 3, temperature_c=celsius)
        assert seen.state == high("over_temperature")
    assert seen.after(60, 3, temperature_c=61.9).wait(60).state is None


def test_limits_are_those_of_the_device() -> None:
    """An override for one charger holds for it and for no other."""
    surroundings = around(over_temperature={"high_c": 50, "on_delay_s": 0})
    rule = over_temperature(surroundings)
    assert list(rule.reading(reading(C1, 1, temperature_c=52.0), NOW_MS))
    near = Surroundings(
        surroundings.topology,
        type(surroundings.book).parse(
            {
                "overrides": [
                    {"match": "cuiping/shed-1/c2", "rules": {"over_temperature": {"high_c": 50, "on_delay_s": 0}}}
                ]
            }
        ),
    )
    rule = over_temperature(near)
    assert not list(rule.reading(reading(C1, 1, temperature_c=52.0), NOW_MS))
    assert list(rule.reading(reading(C2, 1, temperature_c=52.0), NOW_MS))


def test_the_ports_of_a_charger_together_can_be_too_much() -> None:
    """Four ports within their own limit add up to more than the charger's."""
    seen = Watched(OverPowerRule(around(over_power={"charger_high_w": 6000})))
    for port in (1, 2, 3, 4):
        seen.after(0, port, power_w=1600.0)
    seen.wait(30)
    assert seen.state == high("over_power")
    assert (seen.said[-1].key.port, seen.said[-1].value) == (None, 6400.0)
    assert "6.4 kW" in seen.said[-1].message.zh


def test_a_supply_that_was_switched_off_is_not_too_low() -> None:
    """With the breaker open there is no voltage to be judged."""
    seen = Watched(under_voltage(around()))
    seen.after(0, breaker="open", voltage_v=0.0).after(10, voltage_v=0.0).wait(60)
    assert seen.said == []
    assert seen.after(1, breaker="closed", voltage_v=0.0).wait(30).state == high("under_voltage")


class TestTemperatureRise:
    """A port that is hotter than its load explains."""

    def test_a_loose_contact_is_seen_before_it_is_over_temperature(self) -> None:
        """Two degrees a minute over the charger's case: raised below 65 °C, medium first and then high."""
        rise, level = Watched(TemperatureRiseRule(around())), Watched(over_temperature(around()))
        first_c = None
        severities = []
        for minute in range(40):
            celsius = 30.0 + 2.5 * minute
            for seen in (rise, level):
                seen.after(30, temperature_c=28.0)
                seen.after(30, 3, temperature_c=celsius, current_a=1.0)
            if rise.state is not None:
                first_c = first_c or celsius
                severities.append(rise.state[1])
        assert first_c is not None
        assert first_c < 55.0
        assert severities == sorted(severities, key=["medium", "high"].index)
        assert severities[-1] == "high"
        assert level.state == ("over_temperature", "critical")

    @pytest.mark.parametrize(
        ("current_a", "warm_c", "raised"), [(1.0, 55.0, True), (5.0, 55.0, False), (5.0, 65.0, True)]
    )
    def test_the_load_explains_some_heat(self, current_a: float, warm_c: float, raised: bool) -> None:
        """What is too warm at one ampere is right at five."""
        seen = Watched(TemperatureRiseRule(around(temperature_rise={"fast_rise_c": 100})))
        for _ in range(10):
            seen.after(30, temperature_c=30.0).after(0, 3, temperature_c=warm_c, current_a=current_a)
        assert (seen.state is not None) is raised

    def test_a_port_that_warms_up_as_ports_do_is_not_raised(self) -> None:
        """Eight degrees in twenty minutes of charging at 2.5 A."""
        seen = Watched(TemperatureRiseRule(around()))
        for minute in range(60):
            seen.after(30, temperature_c=30.0)
            seen.after(30, 3, temperature_c=30.0 + min(8.0, 0.4 * minute), current_a=2.5)
        assert seen.said == []

    def test_the_heat_of_a_load_that_has_ended_is_explained_too(self) -> None:
        """Ten amperes for an hour, then the plug is pulled: the warm socket cools down without an alarm."""
        seen = Watched(TemperatureRiseRule(around()))
        rise_c = 0.0
        for minute in range(120):
            current_a = 10.0 if minute < 60 else 0.0
            rise_c += (40.0 * (current_a / 10.0) ** 2 - rise_c) * (1 - 2.718 ** (-1 / 12))
            seen.after(30, temperature_c=30.0).after(30, 3, temperature_c=30.0 + rise_c, current_a=current_a)
        assert seen.said == []

    def test_a_fast_rise_is_told_as_one(self) -> None:
        """Before the allowed excess is reached, the message names the gain."""
        seen = Watched(TemperatureRiseRule(around()))
        for step in range(14):
            seen.after(5, temperature_c=30.0).after(10, 3, temperature_c=32.0 + 1.3 * step, current_a=1.0)
        first = seen.said[0]
        assert (first.active, first.severity, first.threshold) == (True, "medium", 12.5)
        assert "5分钟内升高" in first.message.zh

    def test_without_a_case_temperature_the_other_ports_are_the_reference(self) -> None:
        """A hot day warms all ports; only the one that stands out is raised."""
        seen = Watched(TemperatureRiseRule(around(temperature_rise={"fast_rise_c": 100})))
        for _ in range(5):
            for port, celsius in ((1, 45.0), (2, 46.0), (3, 44.0), (4, 75.0)):
                seen.after(10, port, temperature_c=celsius, current_a=1.0)
        assert {condition.key.port for condition in seen.said} == {4}

    def test_a_single_port_without_reference_is_not_judged(self) -> None:
        """Nothing is known that it could be compared with."""
        seen = Watched(TemperatureRiseRule(around()))
        for _ in range(10):
            seen.after(30, 3, temperature_c=60.0)
        assert seen.said == []


class TestChargerFault:
    """Faults the charger reports."""

    @pytest.mark.parametrize(
        ("fault", "expected"),
        [
            ("relay_welded", ("relay_welded", "high")),
            ("load_short", ("charger_fault", "high")),
            ("bad_contact", ("charger_fault", "medium")),
            ("card_reader", ("charger_fault", "low")),
            ("over_temperature", ("over_temperature", "high")),
            ("leakage", ("leakage", "high")),
        ],
    )
    def test_a_fault_is_raised_as_the_kind_it_belongs_to(self, fault: str, expected: tuple[str, str]) -> None:
        """And ends when a later report of the port has none."""
        seen = Watched(ChargerFaultRule(around()))
        seen.after(0, 3, state="fault", fault=fault).wait(10)
        assert seen.state == expected
        seen.after(1, 3, power_w=3.0).wait(100)
        assert seen.state == expected
        assert seen.after(1, 3, state="idle").wait(60).state is None

    def test_a_fault_that_is_gone_with_the_next_message_is_not_raised(self) -> None:
        """Pre-checks at plug-in come and go."""
        seen = Watched(ChargerFaultRule(around()))
        seen.after(0, 3, state="fault", fault="bad_contact").after(9, 3, state="charging").wait(60)
        assert seen.said == []

    def test_a_welded_relay_is_raised_at_once(self) -> None:
        """It stays live whatever it is told."""
        assert Watched(ChargerFaultRule(around())).after(0, 3, state="off", fault="relay_welded").state is not None

    def test_a_fault_state_without_a_word_is_a_fault(self) -> None:
        """Some firmware says only that something is wrong."""
        assert Watched(ChargerFaultRule(around())).after(0, 3, state="fault").wait(10).state == (
            "charger_fault",
            "medium",
        )

    def test_a_fault_that_becomes_another_worsens_the_same_alert(self) -> None:
        """From a bad contact to a short circuit: one key, a higher severity."""
        seen = Watched(ChargerFaultRule(around()))
        seen.after(0, 3, state="fault", fault="bad_contact").wait(10)
        assert seen.after(1, 3, state="fault", fault="load_short").state == ("charger_fault", "high")

    @pytest.mark.parametrize(("value", "own"), [(None, True), (70.0, False)])
    def test_after_a_restart_it_takes_up_what_it_reported_and_leaves_what_was_measured(
        self, value: float | None, own: bool
    ) -> None:
        """Of one kind, the alert with a value is the measuring rule's."""
        alert: Alert = lifecycle.raised("a", condition(value=value), NOW_MS)
        assert ChargerFaultRule(around()).restore(alert, NOW_MS) is own
        assert over_temperature(around()).restore(alert, NOW_MS) is not own


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20_000)), max_size=40), st.integers(0, 30), st.integers(0, 30))
def test_a_hold_changes_only_after_what_is_fed_has_lasted(steps: list[tuple[bool, int]], on_s: int, off_s: int) -> None:
    """Whatever the sequence: a change means that the same was fed for the whole delay."""
    hold, now_ms = Hold(), 0
    fed_since: tuple[bool, int] | None = None
    for present, passed_ms in steps:
        now_ms += passed_ms
        if fed_since is None or fed_since[0] != present:
            fed_since = (present, now_ms)
        before = hold.active
        changed = hold.feed(present, now_ms, on_s, off_s)
        assert changed == (hold.active != before)
        lasted_s = (now_ms - fed_since[1]) / 1000
        assert hold.active == present or lasted_s < (on_s if present else off_s)
        if changed:
            assert lasted_s >= (on_s if present else off_s)


def test_no_message_calls_a_value_too_high_that_is_not() -> None:
    """While an alert is only held, by hysteresis or off-delay, nothing is told; the clearing names the calm value."""
    seen = Watched(over_temperature(around()))
    seen.after(0, 3, temperature_c=85.0).wait(31)
    told = len(seen.said)
    for celsius in (64.0, 40.0):
        seen.after(5, 3, temperature_c=celsius)
    assert len(seen.said) == told
    seen.after(5, 3, temperature_c=70.0)
    assert (seen.said[-1].severity, seen.said[-1].threshold) == ("high", 65.0)
    seen.after(5, 3, temperature_c=40.0).wait(60)
    assert (seen.said[-1].active, seen.said[-1].value) == (False, 40.0)


def test_a_port_that_floods_costs_no_more_with_every_message() -> None:
    """A hundred thousand readings within the window, each hotter than the last: few are remembered, and each is quick."""
    rule = TemperatureRiseRule(around(temperature_rise={"excess_c": 1000, "fast_rise_c": 1000}))
    rule.reading(reading(C1, temperature_c=20.0), NOW_MS)
    lowest = rule._port(C1, 3).lowest
    looks: list[int] = []
    for count in range(100_000):
        at_ms = NOW_MS + count * 3
        rule.reading(reading(C1, 3, at_ms, temperature_c=30.0 + count / 1000), at_ms)
        if count % 10_000 == 0:
            looks.append(len(lowest))
    assert looks == sorted(looks)
    assert max(*looks, len(lowest)) <= SLICES + 2
    assert lowest.value == 10.0


def test_the_load_of_a_charger_follows_its_ports_and_forgets_what_is_old() -> None:
    """The running sum is what adding up all ports gives, whatever came before, and drops ports that fell silent."""
    rule = OverPowerRule(around(over_power={"charger_high_w": 0.1, "on_delay_s": 0, "off_delay_s": 0, "sum_age_s": 60}))
    said: list[Condition] = []
    for count in range(3000):
        at_ms = NOW_MS + count * 10
        said = list(rule.reading(reading(C1, 1 + count % 3, at_ms, power_w=0.1 * (1 + count % 7)), at_ms))
    assert said[-1].key.port is None
    assert said[-1].value == pytest.approx(0.1 * sum(1 + count % 7 for count in (2997, 2998, 2999)), abs=1e-12)
    (alone,) = rule.reading(reading(C1, 4, NOW_MS + 200_000, power_w=5.0), NOW_MS + 200_000)
    assert (alone.key.port, alone.value) == (None, 5.0)


class Both(BaseRule):
    """The two rules of heat, as the catalogue puts them together; what the rise says is left out."""

    def __init__(self, surroundings: Surroundings) -> None:
        self.rise = TemperatureRiseRule(surroundings)
        self.level = over_temperature(surroundings, self.rise.last)

    def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:
        said = list(self.level.reading(reading, now_ms))
        list(self.rise.reading(reading, now_ms))
        return said

    def tick(self, now_ms: int) -> Iterable[Condition]:
        return self.level.tick(now_ms)


class TestDoubt:
    """Single wild samples, for which two makers have switched their trips off."""

    def test_one_wild_sample_of_a_port_that_reports_often_is_no_alarm(self) -> None:
        """35 °C, 120 °C, 35 °C within twenty seconds: a wire that touched something."""
        seen = Watched(Both(around()))
        seen.after(0, 3, temperature_c=35.0).after(10, 3, temperature_c=120.0).wait(9).after(1, 3, temperature_c=35.0)
        assert seen.wait(120).said == []

    def test_a_second_sample_confirms_it_at_once(self) -> None:
        """Both levels, as bad as the second."""
        seen = Watched(Both(around()))
        seen.after(0, 3, temperature_c=35.0).after(10, 3, temperature_c=120.0)
        assert seen.state is None
        assert seen.after(10, 3, temperature_c=95.0).state == ("over_temperature", "critical")

    def test_silence_after_it_confirms_it_too(self) -> None:
        """A charger that burns says no more."""
        seen = Watched(Both(around()))
        seen.after(0, 3, temperature_c=35.0).after(10, 3, temperature_c=120.0).wait(19)
        assert seen.state is None
        assert seen.wait(1).state == ("over_temperature", "critical")

    @pytest.mark.parametrize(("pause_s", "celsius"), [(300, 120.0), (10, 64.9 + 0.2), (0, 90.0)])
    def test_what_a_socket_can_do_is_believed_at_once(self, pause_s: int, celsius: float) -> None:
        """After minutes, by small steps, and a first report of all."""
        seen = Watched(Both(around()))
        if pause_s:
            seen.after(0, 3, temperature_c=40.0)
        seen.after(pause_s, 3, temperature_c=celsius)
        assert seen.state is not None


@EACH_LEVEL
@given(data=st.data())
def test_levels_neither_chatter_nor_sleep(
    kind: str, make: Make, port: int | None, field: str, calm: float, first: Any, second: Any, delay_s: int, data: Any
) -> None:
    """Noise within the limit raises nothing; within the hysteresis it neither clears nor raises; worse is never milder."""
    rule = make(around())
    limit = first[0]
    span = abs(limit - calm)
    sign = 1.0 if limit > calm else -1.0
    now_ms, said = NOW_MS, []

    def report(value: float) -> None:
        nonlocal now_ms
        now_ms += 60_000
        said.extend(rule.reading(reading(C1, port, now_ms, **{field: value}), now_ms))
        said.extend(rule.tick(now_ms + 31_000))

    noise = st.lists(st.floats(0.0, 0.9), min_size=1, max_size=10)
    for share in data.draw(noise):
        report(calm + sign * share * span * 0.9)
    assert said == []
    report(limit)
    report(limit)
    assert [it.active for it in said[-1:]] == [True]
    raised = len(said)
    for share in data.draw(noise):
        # Not below the limit by more than the hysteresis, whatever the kind's is.
        report(limit - sign * share * 0.05)
    assert all(it.active for it in said[raised:])
    mild = max((it.severity.rank for it in said), default=0)
    report(second[0])
    report(second[0])
    assert said[-1].severity.rank >= mild
