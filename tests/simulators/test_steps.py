"""Steps of a lock-step run: never before what is due, never past the end, and on the grid where that is possible."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.steps import next_step_s

SECONDS = st.floats(0.0, 1e6)


@given(SECONDS, st.sampled_from([0.01, 0.1, 0.5, 1.0, 5.0]), SECONDS)
def test_step_reaches_what_is_due_within_its_grain_and_stops_at_the_end(due_s, grain_s, until_s):
    """A step that stopped short of what is due would be made for ever."""
    step_s = next_step_s(due_s, grain_s, until_s)
    assert step_s <= until_s
    if due_s < until_s:
        assert due_s <= step_s <= due_s + grain_s + 1e-6


@pytest.mark.parametrize(
    ("due_s", "step_s"), [(0.3, 0.3), (0.30000000000000004, 0.3), (0.31, 0.4), (12.3000000000004, 12.3), (7.0, 7.0)]
)
def test_tenths_that_are_none_in_binary_stay_where_they_are(due_s, step_s):
    """Rounding never adds a step."""
    assert next_step_s(due_s, 0.1, 100.0) == pytest.approx(step_s)
