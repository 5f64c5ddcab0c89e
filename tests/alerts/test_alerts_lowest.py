"""The lowest value of a window that moves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alerts.rules.lowest import SLICES, LowestWithin


@given(st.lists(st.tuples(st.integers(0, 40_000), st.integers(0, 50)), min_size=1, max_size=60))
def test_the_lowest_of_a_window_is_what_a_look_at_all_of_it_finds(steps: list[tuple[int, int]]) -> None:
    """Exactly, but that what is about to leave the window may count for a slice longer."""
    lowest, slice_ms, now_ms = LowestWithin(300_000), 300_000 / SLICES, 0
    history: list[tuple[int, int]] = []
    for passed_ms, value in steps:
        now_ms += passed_ms
        history.append((now_ms, value))
        lowest.add(value, now_ms)
        within = min(value for at_ms, value in history if now_ms - at_ms <= 300_000)
        longer = min(value for at_ms, value in history if now_ms - at_ms <= 300_000 + slice_ms)
        assert longer <= lowest.value <= within
    assert len(lowest) <= SLICES + 2
