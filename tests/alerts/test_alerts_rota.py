"""Who is on duty at which minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from alerts.notify.directory import Directory
from alerts.notify.port import Person
from alerts.notify.rota import Override, Rota, Shift, first_gap

ZONE = ZoneInfo("Asia/Shanghai")
DAY = Shift(time(8), time(20), ("wang",))
NIGHT = Shift(time(20), time(8), ("li",))
ROTA = Rota("duty", (DAY, NIGHT), ZONE, fallback=("chief",))


def at(text: str) -> int:
    """Local time to epoch milliseconds."""
    return round(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1000)


def test_a_shift_begins_at_its_hour_and_the_next_follows_without_a_gap() -> None:
    """The end belongs to the next."""
    assert ROTA.on_duty(at("2026-11-26 07:59:59")) == ("li",)
    assert ROTA.on_duty(at("2026-11-26 08:00:00")) == ("wang",)
    assert ROTA.on_duty(at("2026-11-26 19:59:59")) == ("wang",)
    assert ROTA.on_duty(at("2026-11-26 20:00:00")) == ("li",)


def test_a_night_shift_belongs_to_the_day_it_begins_on() -> None:
    """Saturday's early hours are Friday's night."""
    fridays = Shift(time(20), time(8), ("li",), days=frozenset({4}))
    rota = Rota("duty", (fridays,), ZONE)
    assert rota.on_duty(at("2026-11-28 03:00")) == ("li",)
    assert rota.on_duty(at("2026-11-27 03:00")) == ()


def test_holidays_have_shifts_of_their_own() -> None:
    """National day: the weekday's people are at home."""
    weekday = Shift(time(0), time(0), ("wang",), holidays=False)
    holiday = Shift(time(0), time(0), ("zhao",), days=frozenset())
    rota = Rota("duty", (weekday, holiday), ZONE, holidays=frozenset({date(2026, 10, 1)}))
    assert rota.on_duty(at("2026-10-01 12:00")) == ("zhao",)
    assert rota.on_duty(at("2026-10-02 12:00")) == ("wang",)


def test_an_override_goes_before_every_shift() -> None:
    """A swap of an afternoon."""
    swap = Override(at("2026-11-26 14:00"), at("2026-11-26 18:00"), ("sun",))
    rota = Rota("duty", (DAY, NIGHT), ZONE, overrides=(swap,))
    assert [rota.on_duty(at(f"2026-11-26 {hour}:00")) for hour in (13, 14, 17, 18)] == [
        ("wang",),
        ("sun",),
        ("sun",),
        ("wang",),
    ]


def test_a_gap_calls_the_fallback_and_is_found_beforehand() -> None:
    """Nobody on duty is a mistake in a plan, and not known at three in the morning first."""
    rota = Rota("duty", (DAY,), ZONE)
    assert rota.on_duty(at("2026-11-26 23:00")) == ()
    gap = first_gap([DAY])
    assert gap is not None
    assert (gap.weekday(), gap.time()) == (0, time(0))
    assert first_gap([DAY, NIGHT]) is None
    assert Rota("duty", (DAY,), ZONE, fallback=("chief",)).on_duty(at("2026-11-26 23:00")) == ("chief",)


@given(st.integers(1_700_000_000, 1_900_000_000))
def test_two_shifts_of_twelve_hours_leave_nobody_out_and_no_two_at_once(now_s: int) -> None:
    """Any second of any day."""
    assert ROTA.on_duty(now_s * 1000) in (("wang",), ("li",))
    local = datetime.fromtimestamp(now_s, UTC).astimezone(ZONE)
    assert (ROTA.on_duty(now_s * 1000) == ("wang",)) == (8 <= local.hour < 20)


def test_a_step_can_name_people_and_duties() -> None:
    """Each person once, whoever names them."""
    people = {name: Person(name, name.title()) for name in ("wang", "li", "chief")}
    directory = Directory(people, {"duty": ROTA})
    assert directory.on_call(("duty", "wang", "chief"), at("2026-11-26 09:00")) == ("wang", "chief")
    assert [person.id for person in directory.find(("wang", "gone"))] == ["wang"]
