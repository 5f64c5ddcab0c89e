"""Silence and blindness: who is not heard, and what cannot be seen."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import pytest
from alarm_samples import C1, CAM, EXT, NOW_MS, SMOKE, TOPOLOGY, around, condition, observation, reading
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alerts import lifecycle
from alerts.model import AlertKey, AlertKind, Condition
from alerts.rules.base import Rule, Surroundings
from alerts.rules.camera_blind import CameraBlindRule
from alerts.rules.camera_offline import CameraOfflineRule
from alerts.rules.clock_skew import ClockSkewRule
from alerts.rules.extinguishers import ExtinguisherRule
from alerts.rules.habit import Habit
from alerts.rules.port_stale import PortStaleRule
from alerts.rules.silence import SilenceRule
from ingest.model import Device, DeviceKind, DeviceRef, Shed, Site, Topology
from vision.model import ObservationKind as Seen


class Watched:
    """A rule under a clock that is moved second by second, and what is active by its words."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.now_ms = NOW_MS
        self.last: dict[AlertKey, Condition] = {}
        self.take(rule.tick(self.now_ms))

    def take(self, conditions: Iterable[Condition]) -> None:
        for said in conditions:
            self.last[said.key] = said

    def wait(self, seconds: float) -> Watched:
        for _ in range(int(seconds)):
            self.now_ms += 1000
            self.take(self.rule.tick(self.now_ms))
        return self

    def hear(self, ref: DeviceRef = C1, port: int | None = None, **more: Any) -> Watched:
        self.take(self.rule.reading(reading(ref, port, self.now_ms, **more), self.now_ms))
        return self

    def every(self, seconds: int, times: int, ref: DeviceRef = C1, **more: Any) -> Watched:
        for _ in range(times):
            self.wait(seconds).hear(ref, **more)
        return self

    def frames(self, every_s: int, times: int) -> Watched:
        for _ in range(times):
            self.wait(every_s)
            self.rule.frame(CAM, self.now_ms)
        return self

    def see(self, kind: Seen, active: bool = True) -> Watched:
        self.take(self.rule.observation(observation(kind, active, self.now_ms), self.now_ms))
        return self

    def active(self, device: str | None = None) -> set[str]:
        """Kinds (with port) that are active."""
        return {
            f"{key.kind}#{key.port}" if key.port else str(key.kind)
            for key, said in self.last.items()
            if said.active and device in (None, key.device)
        }


class TestSilence:
    """Chargers and sensors that are not heard."""

    def test_an_alarm_of_silence_says_when_the_device_last_spoke_of_that_moment(self) -> None:
        """A backlog, a status that the broker kept, and a message that waited for the link are no words of now."""
        watched = Watched(SilenceRule(around())).every(10, 6, voltage_v=220.0)
        spoke_ms = watched.now_ms
        watched.wait(5).hear(online=True)
        watched.hear(voltage_v=220.0, late=True).hear(event="boot", late=True)
        waited = replace(reading(C1, None, watched.now_ms, voltage_v=220.0), ts_ms=watched.now_ms - 4000)
        watched.take(watched.rule.reading(waited, watched.now_ms))
        (said,) = watched.wait(40).last.values()
        assert said.active
        assert said.heard_ms == spoke_ms + 1000

    def test_a_charger_that_was_never_heard_in_this_life_spoke_at_no_time(self) -> None:
        """The start alone is no word of it."""
        watched = Watched(SilenceRule(around(charger_offline={"unknown_limit_s": 60}))).wait(430)
        assert {said.heard_ms for said in watched.last.values()} == {None}

    @pytest.mark.parametrize(("interval_s", "limit_s"), [(5, 30), (60, 150), (180, 450), (1800, 4500)])
    def test_a_charger_is_offline_when_it_is_silent_for_longer_than_its_habit(
        self, interval_s: int, limit_s: int
    ) -> None:
        """Two missed reports and a half, at least 30 seconds."""
        seen = Watched(
            SilenceRule(around(charger_offline={"unknown_limit_s": 4000}, telemetry_stale={"enabled": False}))
        )
        seen.every(interval_s, 8, power_w=1.0).wait(limit_s)
        assert "charger_offline" not in seen.active("c1")
        assert "charger_offline" in seen.wait(2).active("c1")
        assert "charger_offline" not in seen.hear(power_w=1.0).wait(11).active("c1")

    def test_a_charger_that_was_never_heard_is_offline_some_minutes_after_the_start(self) -> None:
        """Silence counts from the start; the slowest report in the field is awaited once."""
        seen = Watched(SilenceRule(around())).wait(2400)
        assert seen.active("c1") == set()
        assert seen.wait(2).active("c1") == {"charger_offline"}

    @pytest.mark.parametrize("interval_s", [10, 180, 300, 1800])
    def test_no_habit_is_an_alarm_from_the_first_report_on(self, interval_s: int) -> None:
        """Every few seconds, every heartbeat, every power report, every half hour."""
        seen = Watched(SilenceRule(around(telemetry_stale={"sensor_limit_s": 20_000})))
        for _ in range(6):
            seen.every(interval_s, 1, power_w=1.0)
            assert seen.active("c1") == set()

    def test_a_charger_that_was_told_to_report_less_often_is_learned_anew(self) -> None:
        """From every 10 seconds to every 5 minutes: a few alarms, then its new habit."""
        seen = Watched(SilenceRule(around())).every(10, 10, power_w=1.0).every(300, 4, power_w=1.0)
        for _ in range(5):
            assert seen.wait(290).active("c1") == set()
            seen.wait(10).hear(power_w=1.0)
        assert seen.wait(752).active("c1") == {"charger_offline"}

    def test_a_habit_outlives_a_restart_and_devices_are_given_time_to_come_back(self) -> None:
        """Known from the first second on, and seven minutes for the connection to come up."""
        before = SilenceRule(around())
        Watched(before).every(60, 6, power_w=1.0)
        after = SilenceRule(around())
        after.recall(before.remember())
        seen = Watched(after).wait(420)
        assert seen.active("c1") == set()
        assert seen.wait(2).active("c1") == {"charger_offline"}
        assert seen.hear(power_w=1.0).wait(149).active("c1") == set()
        assert seen.wait(3).active("c1") == {"charger_offline"}

    def test_a_will_counts_after_the_time_of_a_reconnect_and_any_message_takes_it_back(self) -> None:
        """Also a retained `offline` that nobody overwrote."""
        seen = Watched(SilenceRule(around())).every(60, 5, power_w=1.0).hear(online=False).wait(19)
        assert seen.active("c1") == set()
        assert seen.wait(2).active("c1") == {"charger_offline"}
        assert seen.hear(power_w=1.0).wait(11).active("c1") == set()

    def test_a_short_reconnect_is_no_alarm(self) -> None:
        """Offline and online within twenty seconds."""
        seen = Watched(SilenceRule(around())).every(60, 5, power_w=1.0)
        assert seen.hear(online=False).wait(15).hear(online=True).wait(60).active("c1") == set()

    def test_connected_but_not_receiving_is_stale_and_not_offline(self) -> None:
        """A charger that is heard, yet sends no telemetry."""
        seen = Watched(SilenceRule(around())).every(60, 5, power_w=1.0)
        seen.every(30, 6, event="door")
        assert seen.active("c1") == {"telemetry_stale"}
        assert seen.hear(power_w=1.0).wait(11).active("c1") == set()

    def test_one_silence_never_raises_both(self) -> None:
        """At no second of a long silence, and not after it, are both active; a stale charger that leaves is offline."""
        seen = Watched(SilenceRule(around())).every(60, 5, power_w=1.0).every(30, 6, event="door")
        for _ in range(600):
            seen.wait(1)
            assert len(seen.active("c1")) <= 2
        assert seen.active("c1") == {"charger_offline"}
        assert seen.hear(online=True).wait(12).active("c1") == set()

    def test_a_backlog_is_a_sign_of_life_but_no_telemetry(self) -> None:
        """Old data proves the connection and nothing about now."""
        seen = Watched(SilenceRule(around())).every(60, 5, power_w=1.0)
        assert seen.every(30, 6, late=True, power_w=1.0).active("c1") == {"telemetry_stale"}

    def test_a_smoke_head_that_is_gone_is_a_high_alarm(self) -> None:
        """A missing detector is a blind spot."""
        seen = Watched(SilenceRule(around())).every(60, 6, SMOKE, alarm=False).wait(152)
        assert seen.active("smoke-1") == {"telemetry_stale"}
        key = AlertKey(AlertKind.TELEMETRY_STALE, *SMOKE)
        assert (seen.last[key].severity, "此处不再探测火灾" in seen.last[key].message.zh) == ("high", True)
        assert seen.hear(SMOKE, alarm=False).wait(11).active("smoke-1") == set()

    def test_an_offline_charger_stays_so_over_a_restart_until_it_is_heard(self) -> None:
        """The start of the service is no sign of life."""
        alert = lifecycle.raised("a", condition(kind=AlertKind.CHARGER_OFFLINE, port=None), NOW_MS)
        rule = SilenceRule(around())
        assert rule.restore(alert, NOW_MS)
        seen = Watched(rule).wait(100)
        assert AlertKey(AlertKind.CHARGER_OFFLINE, *C1) not in seen.last
        seen.hear(power_w=1.0).wait(11)
        assert not seen.last[AlertKey(AlertKind.CHARGER_OFFLINE, *C1)].active


class TestPortStale:
    """Ports missing in their charger's telemetry."""

    def test_a_port_that_drops_out_while_the_others_report_is_stale(self) -> None:
        """By its own habit."""
        seen = Watched(PortStaleRule(around()))
        for minute in range(40):
            seen.wait(60).hear(temperature_c=30.0)
            for port in (1, 2, 3, 4):
                if port != 2 or minute < 10:
                    seen.hear(port=port, power_w=1.0)
        assert seen.active() == {"telemetry_stale#2"}
        assert seen.hear(port=2, power_w=1.0).wait(20).active() == set()

    def test_a_configured_port_that_is_never_heard_is_stale_after_forty_minutes(self) -> None:
        """The configuration says four ports, the charger reports three."""
        seen = Watched(PortStaleRule(around()))
        for _ in range(43):
            seen.wait(60)
            for port in (1, 2, 3):
                seen.hear(port=port, power_w=1.0)
        assert seen.active() == {"telemetry_stale#4"}

    def test_a_silent_charger_ages_no_port(self) -> None:
        """That is one alarm of the charger, not one of each port."""
        seen = Watched(PortStaleRule(around()))
        for _ in range(10):
            seen.wait(60)
            for port in (1, 2, 3, 4):
                seen.hear(port=port, power_w=1.0)
        assert seen.wait(7200).active() == set()


class TestClockSkew:
    """Devices whose clock is wrong."""

    @pytest.mark.parametrize(
        ("skew_s", "words"),
        [(8 * 3600, "快8小时"), (-8 * 3600, "慢8小时"), (-NOW_MS / 1000 + 28_800, "未设置"), (86_400 * 40, "快40天")],
    )
    def test_a_wrong_clock_is_told_after_three_messages(self, skew_s: float, words: str) -> None:
        """An eight-hour stamp, a clock of 1970, a future one."""
        seen = Watched(ClockSkewRule(around()))
        for count in range(3):
            assert seen.active() == set(), count
            seen.wait(5)
            for port in (None, 1, 2):
                seen.hear(port=port, device_ms=seen.now_ms + round(skew_s * 1000), power_w=1.0)
        assert seen.active() == {"clock_skew"}
        assert words in next(iter(seen.last.values())).message.zh
        for _ in range(3):
            seen.wait(61).hear(device_ms=seen.now_ms, power_w=1.0)
        assert seen.active() == set()

    def test_a_delay_and_a_backlog_are_no_wrong_clock(self) -> None:
        """Buffered bursts arrive old, not skewed."""
        seen = Watched(ClockSkewRule(around()))
        for _ in range(20):
            seen.wait(5).hear(device_ms=seen.now_ms - 200_000, power_w=1.0)
            seen.wait(5).hear(device_ms=seen.now_ms - 9_000_000, late=True, power_w=1.0)
        assert seen.last == {}


class TestCameraOffline:
    """Cameras of which no picture comes."""

    def test_a_camera_without_pictures_is_offline_and_back_with_the_first(self) -> None:
        """Twenty seconds, whatever its connection says."""
        seen = Watched(CameraOfflineRule(around())).frames(1, 30).wait(20)
        assert seen.active() == set()
        assert seen.wait(1).active() == {"camera_offline"}
        assert seen.hear(CAM, online=True).wait(10).active() == {"camera_offline"}
        assert seen.frames(1, 7).active() == set()

    def test_a_slow_camera_gets_three_of_its_intervals(self) -> None:
        """A picture a minute is no fault."""
        seen = Watched(CameraOfflineRule(around(camera_offline={"start_grace_s": 90}))).frames(60, 6).wait(179)
        assert seen.active() == set()
        assert seen.wait(2).active() == {"camera_offline"}

    def test_a_camera_that_never_came_is_offline_after_the_grace(self) -> None:
        """Cameras may take a minute to connect."""
        seen = Watched(CameraOfflineRule(around())).wait(60)
        assert seen.active() == set()
        assert seen.wait(1).active() == {"camera_offline"}

    def test_its_will_is_believed_after_ten_seconds(self) -> None:
        """And pictures are believed more than a will."""
        seen = Watched(CameraOfflineRule(around())).frames(1, 10).hear(CAM, online=False).wait(11)
        assert seen.active() == {"camera_offline"}
        assert seen.frames(1, 7).active() == set()


class TestCameraBlind:
    """Pictures that show nothing."""

    def test_one_cause_is_one_alarm(self) -> None:
        """A covered lens is dark and blurred too: only `covered` is raised."""
        seen = Watched(CameraBlindRule(around()))
        seen.see(Seen.CAMERA_BLURRED).wait(1).see(Seen.CAMERA_DARK).wait(1).see(Seen.CAMERA_COVERED).wait(5)
        assert seen.active() == {"camera_covered"}

    def test_a_sign_that_outlasts_the_more_telling_one_comes_forward(self) -> None:
        """The cover is gone, and left the lens out of focus."""
        seen = Watched(CameraBlindRule(around())).see(Seen.CAMERA_BLURRED).see(Seen.CAMERA_COVERED).wait(5)
        seen.see(Seen.CAMERA_COVERED, active=False).wait(12)
        assert seen.active() == {"camera_blurred"}

    def test_headlights_are_no_alarm(self) -> None:
        """A sign that goes within three seconds."""
        seen = Watched(CameraBlindRule(around())).see(Seen.CAMERA_DARK).wait(2).see(Seen.CAMERA_DARK, active=False)
        assert seen.wait(30).active() == set()

    def test_what_a_restarted_detector_has_forgotten_ends_while_pictures_arrive(self) -> None:
        """But not while the camera is silent."""
        seen = Watched(CameraBlindRule(around())).see(Seen.CAMERA_COVERED).wait(400)
        assert seen.active() == {"camera_covered"}
        assert seen.frames(1, 15).active() == set()


@pytest.mark.parametrize(("inspected", "due"), [(date(2026, 10, 1), False), (date(2025, 10, 1), True), (None, False)])
def test_an_extinguisher_is_due_a_year_after_its_inspection(inspected: date | None, due: bool) -> None:
    """And nothing is claimed of one without a date."""
    device = TOPOLOGY.find(EXT)
    assert device is not None
    own = Device(EXT, DeviceKind.EXTINGUISHER, device.name, inspected=inspected)
    site = TOPOLOGY.sites[0]
    topology = Topology((Site(site.id, site.name, (Shed(site.id, "shed-1", site.sheds[0].name, (own,)),)),))
    seen = Watched(ExtinguisherRule(Surroundings(topology, around().book)))
    assert seen.active() == ({"extinguisher_due"} if due else set())


def test_an_inspection_ends_the_alert_of_an_earlier_life() -> None:
    """The new date is in the configuration, the service restarted."""
    alert = lifecycle.raised("a", condition(kind=AlertKind.EXTINGUISHER_DUE, port=None), NOW_MS)
    alert = replace(alert, device="ext-1")
    rule = ExtinguisherRule(around())
    assert rule.restore(alert, NOW_MS)
    assert [said.active for said in rule.tick(NOW_MS)] == [False]


@given(st.lists(st.integers(1000, 600_000), min_size=5, max_size=40))
def test_a_habit_lies_within_what_was_heard_and_one_hiccup_is_none(gaps_ms: list[int]) -> None:
    """The limit follows the usual gap, not the largest."""
    habit, now_ms = Habit(), 0
    habit.heard(now_ms, 600_000)
    for gap_ms in gaps_ms:
        now_ms += gap_ms
        habit.heard(now_ms, 600_000)
    recent = sorted(gaps_ms[-16:])
    assert habit.gap_ms == recent[-2]
    assert 30_000 <= habit.limit_ms(2.5, 420, 30, 4500) <= 4_500_000
