"""A stream's pictures have the time they were taken, also when they come late and all at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest.stream_clock import STEP_S, WINDOW_S, StreamClock


@given(st.lists(st.floats(0, 20), min_size=1, max_size=50), st.floats(-1e6, 1e6))
def test_a_picture_is_as_old_as_it_is_later_than_the_least_delayed(delays_s: list[float], origin_s: float) -> None:
    """Whatever the origin of the stream's clock, and never negative."""
    clock = StreamClock()
    for n, delay_s in enumerate(delays_s):
        age_s = clock.age_s(n / 10 - origin_s, 100.0 + n / 10 + delay_s)

        assert abs(age_s - (delay_s - min(delays_s[: n + 1]))) < 1e-6


def test_pictures_that_piled_up_are_shown_as_old_as_they_are() -> None:
    """The network stood still for eight seconds; then they come in one burst, and the last is of now."""
    clock = StreamClock()
    for n in range(50):
        clock.age_s(n / 10, 100.0 + n / 10)
    ages_s = [clock.age_s(5.0 + n / 10, 113.0) for n in range(81)]

    assert round(ages_s[0], 3) == 8.0
    assert round(ages_s[-1], 3) == 0.0


def test_clocks_that_drift_apart_make_no_picture_old() -> None:
    """A camera's clock that loses 100 ppm is seconds behind after a day."""
    clock = StreamClock()
    ages_s = [clock.age_s(n * (1 - 1e-4), float(n)) for n in range(86_400)]

    assert max(ages_s) < 2 * WINDOW_S * 1e-4 + 1e-6


def test_a_clock_that_was_set_begins_anew() -> None:
    """Forwards and back; no picture is taken for an hour old."""
    clock = StreamClock()
    clock.age_s(1000.0, 0.0)

    assert clock.age_s(1001.0 + 3600.0, 1.0) == 0.0
    assert clock.age_s(1002.0, 2.0) == 0.0
    assert clock.age_s(1003.0, 3.0 + STEP_S / 2) == STEP_S / 2


def test_a_stream_without_stamps_shows_pictures_of_now() -> None:
    """The time they were there is all that is known."""
    clock = StreamClock()

    assert [clock.age_s(0.0, now_s) for now_s in (0.0, 1.0, 29.0, 60.0)] == [0.0] * 4
