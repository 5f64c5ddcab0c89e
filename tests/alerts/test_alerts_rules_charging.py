"""What charges show over hours and days: overcharging, overlong sessions, worn contacts, welded relays, creeping leakage."""

from __future__ import annotations

from itertools import pairwise

import pytest
from alarm_days import DAY_S, HOUR_S, PACKS, Days, Stay, fault
from alarm_samples import C1, NOW_MS, around, condition, reading
from hypothesis import given
from hypothesis import strategies as st

from alerts import lifecycle
from alerts.model import AlertKind, Severity
from alerts.rules.contact_trend import ContactTrend, Sums
from alerts.rules.hazards_charging import NoTaper, SessionOverlong
from alerts.rules.no_taper import NoTaperRule
from alerts.rules.relay_welded import RelayWeldedRule
from alerts.rules.session_overlong import SessionOverlongRule
from alerts.rules.sessions import PortSessions, Session, Sessions
from simulators.battery import Charge


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "every_s"), [(3, 120.0), (4, 300.0), (5, 180.0), (6, 1800.0)])
def test_calm_days_raise_nothing_of_any_kind(seed: int, every_s: float) -> None:
    """Residents come and go with all sorts of packs; chargers report by the minute, or by the half hour."""
    assert Days(ports=12, seed=seed, every_s=every_s).live(2.5 * DAY_S).kinds == set()


@pytest.mark.parametrize("pack", PACKS)
def test_an_empty_pack_is_charged_without_an_alarm_and_one_that_never_tapers_is_told(pack: str) -> None:
    """The longest sound charge there is stays silent; a broken charger is told before its 8 hours are over."""
    stays = {1: [Stay(60.0, None, PACKS[pack], 0.0)], 2: [Stay(60.0, None, PACKS[pack], 0.4)]}
    days = Days(ports=2, fixed=stays, faults=[fault("no_taper", 0.0, None, port=2)]).live(16 * HOUR_S)
    assert {(str(key.kind), key.port) for key in {it.key for _, it in days.said}} == {("no_taper", 2)}
    assert 7 * HOUR_S < days.first_s(AlertKind.NO_TAPER) < 8 * HOUR_S
    assert days.active == {}
    (raised,) = {it.message.zh for _, it in days.said if it.active and it.value == 27_000}
    assert "满功率充电7小时30分钟" in raised


class TestNoTaper:
    """Overcharging, as far as the socket shows it."""

    def test_a_port_that_knows_its_charges_tells_earlier(self) -> None:
        """After a dozen charges of three hours, five hours at the same power are too many."""
        rule, now_ms = NoTaperRule(around(), Sessions(around())), NOW_MS
        for _ in range(12):
            for minute in range(0, 240, 5):
                power_w = 200.0 if minute < 180 else 60.0
                now_ms += 300_000
                said = list(rule.reading(reading(C1, 3, now_ms, state="charging", power_w=power_w), now_ms))
                assert said == []
            now_ms += 300_000
            assert list(rule.reading(reading(C1, 3, now_ms, state="idle", power_w=0.0), now_ms)) == []
        begun_ms = now_ms
        while not said:
            now_ms += 300_000
            said = list(rule.reading(reading(C1, 3, now_ms, state="charging", power_w=205.0), now_ms))
        assert (now_ms - begun_ms) / 3_600_000 == pytest.approx(5.0, abs=0.2)
        assert said[0].details["similar_sessions"] == 12

    def test_power_that_comes_back_after_a_taper_is_told_and_ends_when_it_falls(self) -> None:
        """Ten minutes at full power after ten minutes at less than half: another charge of a full pack."""
        rule = NoTaperRule(around(), Sessions(around()))
        now_ms, said = NOW_MS, []
        for power_w, minutes in ((200.0, 120), (40.0, 40), (190.0, 20), (30.0, 15)):
            for _ in range(minutes):
                now_ms += 60_000
                said += rule.reading(reading(C1, 3, now_ms, state="charging", power_w=power_w), now_ms)
        assert {it.severity for it in said if it.active} == {Severity.MEDIUM}
        assert [it.active for it in said][-1] is False

    def test_a_charge_that_is_taken_over_in_the_middle_is_not_judged_by_what_was_not_seen(self) -> None:
        """A service that is started in the eighth hour of a tail claims no full power."""
        rule = NoTaperRule(around(), Sessions(around()))
        for minute in range(120):
            now_ms = NOW_MS + minute * 60_000
            more = {"session_s": 27_000.0 + minute * 60, "energy_wh": 1500.0, "power_w": 150.0 - minute * 0.2}
            assert list(rule.reading(reading(C1, 3, now_ms, state="charging", **more), now_ms)) == []

    def test_in_rush_is_no_peak(self) -> None:
        """One wild sample at plug-in must not make the whole charge look tapered."""
        port = PortSessions(NoTaper(), SessionOverlong())
        for minute, power_w in enumerate([900.0] + [200.0] * 60):
            port.take(reading(C1, 3, state="charging", power_w=power_w), NOW_MS + minute * 60_000)
        assert port.session is not None
        assert (port.session.peak_w, port.session.tapered) == (200.0, False)

    def test_a_restored_alert_ends_with_its_session(self) -> None:
        """A restart neither forgets an alert nor keeps it for ever."""
        rule = NoTaperRule(around(), Sessions(around()))
        alert = lifecycle.raised("a", condition(kind=AlertKind.NO_TAPER, value=27_100.0), NOW_MS)
        assert rule.restore(alert, NOW_MS)
        assert list(rule.reading(reading(C1, 3, state="charging", power_w=200.0), NOW_MS)) == []
        (said,) = rule.reading(reading(C1, 3, state="idle", power_w=0.0), NOW_MS)
        assert not said.active


class TestSessions:
    """The fold that both rules of a session share."""

    @given(
        st.sampled_from(sorted(PACKS)),
        st.floats(0.0, 0.99),
        st.sampled_from([10.0, 60.0, 180.0, 300.0]),
        st.integers(0, 9),
    )
    def test_no_sound_charge_is_overcharged_or_overlong(self, pack: str, soc: float, every_s: float, seed: int) -> None:
        """Whatever pack at whatever charge, reported at whatever pace, with 2 % of noise."""
        around_ = around()
        sessions = Sessions(around_)
        rules = NoTaperRule(around_, sessions), SessionOverlongRule(around_, sessions)
        charge = Charge(PACKS[pack], soc)
        steps = int(min(charge.tail_end_s + 5400.0, 34_000.0) / max(every_s, 60.0))
        for step in range(steps):
            t_s = step * max(every_s, 60.0)
            noise = 1.0 + 0.02 * (((step + seed) * 7919 % 13) / 6.0 - 1.0)
            now_ms = NOW_MS + round(t_s * 1000)
            it = reading(
                C1, 3, now_ms, state="charging", power_w=charge.power_w(t_s) * noise, energy_wh=charge.energy_wh(t_s)
            )
            assert [said for rule in rules for said in rule.reading(it, now_ms)] == []

    def test_a_session_that_begins_unseen_is_another_one(self) -> None:
        """The charger's own counters tell it, and so does an hour of silence where it has none."""
        port = PortSessions(NoTaper(), SessionOverlong())
        begun = []
        for minute, more in enumerate(
            [
                {"session_s": 3600.0, "energy_wh": 200.0},
                {"session_s": 3660.0, "energy_wh": 203.0},
                {"session_s": 10.0, "energy_wh": 203.0},
                {"session_s": 70.0, "energy_wh": 3.0},
            ]
        ):
            port.take(reading(C1, 3, state="charging", power_w=200.0, **more), NOW_MS + minute * 60_000)
            assert port.session is not None
            begun.append(port.session)
        assert [first is second for first, second in pairwise(begun)] == [True, False, False]
        port.take(reading(C1, 3, state="charging", power_w=200.0), NOW_MS + 7_200_000)
        assert port.session is not begun[-1]

    def test_memories_come_back_as_they_were(self) -> None:
        """A running session and the past ones outlive a restart."""
        days = Days(ports=4, seed=2).live(1.5 * DAY_S)
        now_ms = 0
        before = dict(days.rules.remember(now_ms))
        assert before["no_taper"]
        after = dict(days.restart().rules.remember(now_ms))
        assert {name: after[name] for name in ("no_taper", "contact_ageing", "leakage_trend")} == {
            name: before[name] for name in ("no_taper", "contact_ageing", "leakage_trend")
        }
        session = Session(5, 7)
        assert Session.unpack(session.pack()).pack() == session.pack()


class TestSessionOverlong:
    """Full for long, and still not switched off."""

    def test_a_full_pack_that_stays_on_is_told_by_its_energy(self) -> None:
        """An hour of charging and then float: five hours beyond what the energy warrants."""
        rule, said, minute = SessionOverlongRule(around(), Sessions(around())), [], 0
        while not said:
            minute += 5
            now_ms = NOW_MS + minute * 60_000
            power_w = 200.0 if minute <= 60 else 8.0
            energy_wh = min(minute, 60) / 60 * 200.0 + max(0, minute - 60) / 60 * 8.0
            more = {"session_s": minute * 60.0, "energy_wh": energy_wh, "power_w": power_w}
            said = list(rule.reading(reading(C1, 3, now_ms, state="float", **more), now_ms))
        assert 6.0 < minute / 60 < 6.6
        assert "早已充满仍未断电" in said[0].message.zh
        (ended,) = rule.reading(reading(C1, 3, state="full", power_w=0.0), NOW_MS + minute * 60_000 + 1)
        assert not ended.active

    @pytest.mark.parametrize("more", [{}, {"energy_wh": 0.0}])
    def test_a_session_that_cannot_be_measured_is_judged_by_its_length_alone(self, more: dict[str, float]) -> None:
        """Eleven hours, whatever its energy."""
        rule, hours = SessionOverlongRule(around(), Sessions(around())), []
        for hour in range(14):
            now_ms = NOW_MS + hour * 3_600_000
            it = reading(C1, 3, now_ms, state="charging", session_s=hour * 3600.0, **more)
            hours += [hour for said in rule.reading(it, now_ms) if said.active]
        assert hours[:1] == [11]


class TestContactAgeing:
    """ΔT/I² over days."""

    @pytest.mark.slow
    def test_a_contact_that_wears_is_told_days_before_it_is_hot(self) -> None:
        """1.2 Ω within ten days: told by its drift alone, through a restart in the middle."""
        days = Days(
            ports=6, seed=3, faults=[fault("loose_contact", 2 * DAY_S, None, 2, peak_ohm=1.2, ramp_s=10 * DAY_S)]
        )
        days.live(5 * DAY_S).restart().live(4 * DAY_S)
        assert {(str(it.key.kind), it.key.port) for _, it in days.said} == {("contact_ageing", 2)}
        assert list(days.active)
        assert 4 * DAY_S < days.first_s(AlertKind.CONTACT_AGEING) < 8 * DAY_S
        assert "触点在老化" in days.said[-1][1].message.zh

    @given(
        st.floats(0.3, 2.5),
        st.floats(0.3, 2.5),
        st.floats(-6.0, 6.0),
        st.floats(-6.0, 6.0),
        st.floats(0.1, 1.5),
        st.integers(0, 1000),
    )
    def test_neither_load_nor_a_sensor_that_was_moved_is_drift(
        self, before_a2: float, after_a2: float, before_c: float, after_c: float, per_a2_c: float, seed: int
    ) -> None:
        """Other packs, another place of the sensor, a sensor of 1 °C: the contact is what it was."""
        trend = ContactTrend(recent_days=2, half_life_days=45.0)
        for day in range(8):
            base_c, a2 = (before_c, before_a2) if day < 5 else (after_c, after_a2)
            for sample in range(20):
                load_a2 = a2 * (0.8 + 0.02 * ((sample * 7 + seed) % 20))
                trend.add(day, load_a2**0.5, float(round(base_c + 2.0 + per_a2_c * load_a2)))
                trend.add(day, 0.0, float(round(base_c)))
        found = trend.drift(min_samples=12, learn_days=3)
        assert found is not None
        assert abs(found[0]) < 3.0

    def test_the_line_is_that_of_the_samples_and_a_sound_one_where_loads_hardly_differ(self) -> None:
        """Least squares over sums."""
        wide, narrow = Sums(), Sums()
        for sample in range(200):
            wide.add((1.0 + sample % 5) ** 0.5, 3.0 + 2.0 * (1.0 + sample % 5))
            narrow.add(1.0, 5.0)
        assert wide.line() == pytest.approx((3.0, 2.0), abs=0.35)
        assert narrow.line() == pytest.approx((4.5, 0.5))


class TestRelayWelded:
    """Current where there should be none."""

    @pytest.mark.parametrize("state", ["idle", "plugged", "full", "off"])
    def test_power_at_a_port_that_is_off_is_told_at_the_second_report(self, state: str) -> None:
        """One report may be behind; two are not. It ends when the current has gone for a minute."""
        rule, said = RelayWeldedRule(around()), []
        for second in range(0, 60, 10):
            said += rule.reading(reading(C1, 3, state=state, power_w=180.0, current_a=0.8), NOW_MS + second * 1000)
            if second < 10:
                assert said == []
        assert said[0].severity is Severity.HIGH
        assert "180 W" in said[0].message.en
        for second in range(60, 140, 10):
            said += rule.reading(reading(C1, 3, state=state, power_w=0.0), NOW_MS + second * 1000)
            said += rule.tick(NOW_MS + second * 1000 + 500)
        assert not said[-1].active

    @pytest.mark.parametrize(
        ("state", "power_w", "current_a"), [("charging", 200.0, 0.9), ("float", 9.0, 0.1), ("full", 2.5, 0.05)]
    )
    def test_power_where_it_belongs_and_standby_are_no_weld(self, state: str, power_w: float, current_a: float) -> None:
        """A meter's error and a charger's filter are none either."""
        rule = RelayWeldedRule(around())
        for second in range(0, 600, 10):
            it = reading(C1, 3, state=state, power_w=power_w, current_a=current_a)
            assert [*rule.reading(it, NOW_MS + second * 1000), *rule.tick(NOW_MS + second * 1000)] == []

    def test_a_port_whose_bike_is_full_and_still_draws_is_found_in_the_day(self) -> None:
        """The simulators' welded relay, at the slow native report."""
        days = Days(ports=4, seed=3, faults=[fault("relay_welded", 0.0, None, 2)]).live(2 * DAY_S)
        assert {(str(it.key.kind), it.key.port) for _, it in days.said} == {("relay_welded", 2)}


def test_leakage_that_creeps_up_is_told_below_the_trip_and_through_a_restart() -> None:
    """16 mA more than usual for two hours; a quarter of an hour of it says nothing."""
    short = Days(ports=3, faults=[fault("leakage", 1.5 * DAY_S, 1.5 * DAY_S + 900, ma=16.0)]).live(2 * DAY_S)
    assert short.kinds == set()
    days = Days(ports=3, faults=[fault("leakage", 1.5 * DAY_S, None, ma=16.0)]).live(1.4 * DAY_S).restart()
    days.live(0.4 * DAY_S)
    assert {(str(key.kind), str(it.severity)) for key, it in days.active.items()} == {("leakage", "medium")}
    assert days.first_s(AlertKind.LEAKAGE) < 1.5 * DAY_S + 3 * HOUR_S
