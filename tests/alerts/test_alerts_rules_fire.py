"""Smoke, flame, blocked ways out, and the detectors that are wired."""

from __future__ import annotations

from typing import Any

import pytest
from alarm_samples import C1, NOW_MS, SMOKE, WATER, around, condition, observation, reading
from msgspec.structs import replace

from alerts import lifecycle
from alerts.model import AlertKind, Condition
from alerts.rules.fire_sensors import FireSensorRule
from alerts.rules.sight import SightRule
from ingest.model import DeviceRef
from vision.model import ObservationKind as Seen

S = 1000


def see(rule: SightRule, kind: Seen, at_ms: int, active: bool = True, **more: Any) -> list[Condition]:
    return list(rule.observation(observation(kind, active, at_ms, **more), at_ms))


def hear(
    rule: FireSensorRule, ref: DeviceRef, at_ms: int = NOW_MS, port: int | None = None, **more: Any
) -> list[Condition]:
    return list(rule.reading(reading(ref, port, at_ms, **more), at_ms))


@pytest.mark.parametrize("kind", [Seen.SMOKE, Seen.FLAME])
def test_smoke_and_flame_are_critical_at_once_and_say_what_to_do(kind: Seen) -> None:
    """No delay after vision has voted; the message names the port, the camera and 119."""
    (said,) = see(SightRule(around()), kind, NOW_MS, zone="bay-3", port="c1#3", evidence=("a.jpg",))
    assert (said.severity, said.active, said.key.device, said.key.port) == ("critical", True, "cam-1", 3)
    assert (said.evidence, said.details["related"]) == (("a.jpg",), ("cuiping/shed-1/c1#3",))
    assert said.message.zh.startswith("1号车棚 c1 3号口（cam-1）")
    assert "不要靠近，立即疏散并拨打119" in said.message.zh
    assert "Do not approach" in said.message.en


def test_smoke_that_a_gust_takes_away_for_a_moment_is_one_alarm() -> None:
    """It clears only when it stayed away."""
    rule = SightRule(around())
    see(rule, Seen.SMOKE, NOW_MS)
    assert see(rule, Seen.SMOKE, NOW_MS + 10 * S, active=False, evidence=("end.jpg",)) == []
    assert list(rule.tick(NOW_MS + 20 * S)) == []
    assert [said.active for said in see(rule, Seen.SMOKE, NOW_MS + 22 * S)] == [True]
    see(rule, Seen.SMOKE, NOW_MS + 30 * S, active=False, evidence=("end.jpg",))
    assert [(said.active, said.evidence) for said in rule.tick(NOW_MS + 45 * S)] == [(False, ("end.jpg",))]


def test_smoke_does_not_end_because_the_camera_falls_silent() -> None:
    """A camera that burns must not report the fire as over; a restarted detector that forgot it, may."""
    rule = SightRule(around())
    see(rule, Seen.SMOKE, NOW_MS)
    for second in range(0, 3600, 5):
        assert list(rule.tick(NOW_MS + second * S)) == []
    ended = []
    for second in range(3600, 3630):
        rule.frame(observation(Seen.SMOKE).camera, NOW_MS + second * S)
        ended += list(rule.tick(NOW_MS + second * S))
    assert [said.active for said in ended] == [False]


def test_a_blocked_way_out_becomes_worse_when_nobody_clears_it() -> None:
    """Medium at first, high after ten minutes."""
    rule = SightRule(around())
    (said,) = see(rule, Seen.CORRIDOR_BLOCKED, NOW_MS, zone="corridor")
    assert said.severity == "medium"
    assert list(rule.tick(NOW_MS + 599 * S)) == []
    (worse,) = rule.tick(NOW_MS + 600 * S)
    assert (worse.severity, "10分钟" in worse.message.zh) == ("high", True)
    (still,) = see(rule, Seen.CORRIDOR_BLOCKED, NOW_MS + 605 * S, zone="corridor")
    assert still.severity == "high"


def test_what_smoke_leaves_is_no_blocked_way_out() -> None:
    """While a camera sees a fire, and for five minutes after, it starts no corridor alarm; then it may."""
    rule = SightRule(around())
    for second in (0, 60):
        see(rule, Seen.SMOKE, NOW_MS + second * S)
    assert see(rule, Seen.CORRIDOR_BLOCKED, NOW_MS + 100 * S, zone="corridor") == []
    assert see(rule, Seen.CORRIDOR_BLOCKED, NOW_MS + 359 * S, zone="corridor") == []
    (said,) = see(rule, Seen.CORRIDOR_BLOCKED, NOW_MS + 360 * S, zone="corridor")
    assert said.active


def test_a_corridor_alarm_that_stood_before_the_fire_goes_on() -> None:
    """Only the beginning is held back: whoever runs must know that the way was blocked."""
    rule = SightRule(around())
    see(rule, Seen.CORRIDOR_BLOCKED, NOW_MS, zone="corridor")
    see(rule, Seen.SMOKE, NOW_MS + 5 * S)
    (said,) = see(rule, Seen.CORRIDOR_BLOCKED, NOW_MS + 10 * S, zone="corridor")
    assert said.active


def test_the_value_of_a_fire_is_the_surest_look_at_it() -> None:
    """Not that of the frame in which it faded."""
    rule = SightRule(around())
    see(rule, Seen.SMOKE, NOW_MS, score=0.8)
    (said,) = see(rule, Seen.SMOKE, NOW_MS + 5 * S, score=0.1)
    assert said.value == 0.8


def test_zones_are_alarms_of_their_own() -> None:
    """Smoke in one bay does not hide smoke in another."""
    rule = SightRule(around())
    keys = {see(rule, Seen.SMOKE, NOW_MS, zone=zone)[0].key for zone in ("bay-1", "bay-2")}
    assert len(keys) == 2


def test_seen_smoke_of_an_earlier_life_goes_on_until_vision_takes_it_back() -> None:
    """A restart ends no fire."""
    rule = SightRule(around())
    alert = lifecycle.raised("a", condition(kind=AlertKind.SMOKE, port=None), NOW_MS)
    assert rule.restore(replace(alert, device="cam-1", zone="bay-1"), NOW_MS)
    assert see(rule, Seen.SMOKE, NOW_MS + S, active=False, zone="bay-1") == []
    assert [s.active for s in rule.tick(NOW_MS + 16 * S)] == [False]


@pytest.mark.parametrize(
    ("ref", "more", "kind", "severity"),
    [
        (SMOKE, {"alarm": True}, "smoke_sensor", "critical"),
        (WATER, {"alarm": True}, "water", "high"),
        (C1, {"smoke": True}, "smoke_sensor", "critical"),
        (C1, {"event": "smoke"}, "smoke_sensor", "critical"),
        (C1, {"event": "heat"}, "heat_sensor", "critical"),
        (C1, {"event": "fuse"}, "heat_sensor", "critical"),
        (C1, {"event": "water"}, "water", "high"),
    ],
)
def test_a_detector_is_an_alarm_at_once(ref: DeviceRef, more: dict[str, Any], kind: str, severity: str) -> None:
    """However it is wired; and never from a backlog."""
    (said,) = hear(FireSensorRule(around()), ref, **more)
    assert (said.key.kind, said.key.device, said.severity, said.active) == (kind, ref.device, severity, True)
    assert hear(FireSensorRule(around()), ref, late=True, **more) == []


@pytest.mark.parametrize(
    ("ref", "more"),
    [(SMOKE, {"alarm": False}), (SMOKE, {"value": 3.0}), (C1, {"smoke": False}), (C1, {"event": "door"})],
)
def test_what_is_no_alarm_is_none(ref: DeviceRef, more: dict[str, Any]) -> None:
    """Calm detectors and other events say nothing."""
    assert hear(FireSensorRule(around()), ref, **more) == []


def test_a_detector_that_is_calm_again_clears_and_one_that_is_silent_does_not() -> None:
    """A smoke head that burnt down has not become calm."""
    rule = FireSensorRule(around())
    hear(rule, SMOKE, alarm=True)
    assert list(rule.tick(NOW_MS + 86_400 * S)) == []
    hear(rule, SMOKE, NOW_MS + 86_401 * S, alarm=False)
    assert [said.active for said in rule.tick(NOW_MS + 86_461 * S)] == [False]


def test_a_push_lasts_ten_minutes_from_its_last_repetition() -> None:
    """Chargers tell that it began and never that it ended."""
    rule = FireSensorRule(around())
    hear(rule, C1, event="smoke")
    hear(rule, C1, NOW_MS + 300 * S, event="smoke")
    hear(rule, C1, NOW_MS + 310 * S, smoke=False)
    ends = [second for second in range(310, 1200) if list(rule.tick(NOW_MS + second * S))]
    assert ends == [960]


def test_after_a_restart_a_sensor_holds_its_alarm_and_a_push_runs_out() -> None:
    """What is told again with every report is waited for, what is told once is not."""
    for device, ends in (("smoke-1", False), ("c1", True)):
        rule = FireSensorRule(around())
        alert = lifecycle.raised("a", condition(kind=AlertKind.SMOKE_SENSOR, port=None), NOW_MS)
        assert rule.restore(replace(alert, device=device), NOW_MS)
        said = [s for second in range(0, 1000, 10) for s in rule.tick(NOW_MS + second * S)]
        assert bool(said) is ends
