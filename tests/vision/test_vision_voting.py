"""Voting over time: what convinces, and what convinces sooner where danger is known."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vision.voting import Vote

SPACED = st.lists(st.tuples(st.integers(40, 400), st.booleans()), max_size=80)


def first_yes(frames: list[tuple[int, bool]], attentive: bool) -> int | None:
    """When the vote first says yes."""
    vote, now_ms = Vote(window_s=1.0, share=0.7, hold_s=3.0), 0
    for gap_ms, hit in frames:
        now_ms += gap_ms
        if vote.cast(now_ms, hit, attentive):
            return now_ms
    return None


@given(SPACED)
def test_attention_never_says_yes_later(frames: list[tuple[int, bool]]) -> None:
    """Whatever comes."""
    calm, attentive = first_yes(frames, False), first_yes(frames, True)
    assert calm is None or (attentive is not None and attentive <= calm)


def test_attention_is_convinced_in_half_of_the_time() -> None:
    """Ten frames a second, all hits."""
    frames = [(100, True)] * 20
    calm, attentive = first_yes(frames, False), first_yes(frames, True)
    assert (attentive, calm) == (600, 1100)


def test_attention_still_wants_three_frames() -> None:
    """No single frame ever decides."""
    assert first_yes([(1000, True), (1000, True)], True) is None
