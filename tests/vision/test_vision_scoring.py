"""How alarms are scored against labelled events, also against a second, slower reading of the rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.catalogue import ALARM_OF, Category, Clip, Event
from vision.model import ObservationKind
from vision.scoring import Alarm, Score, Shown, count_false, percentile, score, summary

BLOCKED, SMOKE, FLAME = ObservationKind.CORRIDOR_BLOCKED, ObservationKind.SMOKE, ObservationKind.FLAME


def alarm(kind, t_s, zone=None):
    return Alarm(kind, t_s, zone, 0.9)


def shown(events, alarms, *, negative=False, to_s=100.0, zone_ids=None):
    return Shown(Clip("a", tuple(events), negative), 0.0, to_s, tuple(alarms), zone_ids or {})


@pytest.mark.parametrize(("t_s", "found"), [(7.9, False), (8.0, True), (12.0, True), (25.0, True), (25.1, False)])
def test_an_alarm_from_two_seconds_before_to_five_after_finds_an_event(t_s, found):
    """The event lasts from 10 to 20."""
    result = score(shown([Event(Category.BLOCKED, 10, 20)], [alarm(BLOCKED, t_s)]), Category.BLOCKED)
    assert (result.tp, result.fn, result.fp) == ((1, 0, 0) if found else (0, 1, 1))


def test_an_event_without_end_lasts_to_the_end_of_the_clip_and_counts_once():
    """The first alarm gives the delay, others neither help nor harm."""
    result = score(
        shown([Event(Category.BLOCKED, 10, None)], [alarm(BLOCKED, 60), alarm(BLOCKED, 21)]), Category.BLOCKED
    )
    assert (result.tp, result.fp, result.delays_s) == (1, 0, (11,))


def test_blocked_is_not_scored_in_clips_of_fire():
    """Nobody has labelled what stands about in them."""
    clip = shown([Event(Category.SMOKE, 10, None)], [alarm(BLOCKED, 5)])
    assert score(clip, Category.BLOCKED) == Score()


def test_smoke_and_flame_before_the_first_fire_are_false_and_afterwards_neither_is():
    """Where there is smoke there may be flame that nobody labelled."""
    alarms = [alarm(SMOKE, 5), alarm(FLAME, 6), alarm(FLAME, 40), alarm(SMOKE, 12)]
    clip = shown([Event(Category.SMOKE, 10, None)], alarms)
    assert score(clip, Category.SMOKE) == Score(tp=1, fp=1, delays_s=(2,), clean_s=10.0)
    assert score(clip, Category.FLAME) == Score(fp=1, clean_s=10.0)


def test_an_early_alarm_within_tolerance_is_right_not_false():
    """One second before the label is the label's own uncertainty."""
    assert score(shown([Event(Category.FLAME, 10, None)], [alarm(FLAME, 9)]), Category.FLAME).fp == 0


def test_an_alarm_for_another_zone_does_not_find_the_event():
    """Two events in two zones are told apart."""
    left, right = Event(Category.BLOCKED, 10, None), Event(Category.BLOCKED, 10, None, ((0, 0), (1, 0), (1, 1)))
    zone_ids = {left: "corridor-1", right: "corridor-2"}
    result = score(shown([left, right], [alarm(BLOCKED, 22, "corridor-2")], zone_ids=zone_ids), Category.BLOCKED)
    assert (result.tp, result.fn, result.fp) == (1, 1, 0)


def test_false_alarms_of_a_kind_and_zone_count_once_in_ten_seconds():
    """A flickering detector is counted by time, each zone for itself."""
    alarms = [alarm(SMOKE, t, "a") for t in (0, 4, 9.9, 10, 19, 20)] + [alarm(SMOKE, 4, "b"), alarm(FLAME, 4, "a")]
    assert count_false(alarms) == 3 + 1 + 1


times = st.integers(0, 60).map(float)
zones = st.sampled_from([None, "z"])
alarm_lists = st.lists(st.builds(alarm, st.sampled_from(list(ALARM_OF.values())), times, zones), max_size=12)
event_lists = st.lists(
    st.builds(
        lambda category, start_s, length_s: Event(category, start_s, None if length_s is None else start_s + length_s),
        st.sampled_from(list(ALARM_OF)),
        times,
        st.none() | times,
    ),
    max_size=4,
)


def by_hand(clip, category):
    """The rules once more, written as they are worded."""
    kind = ALARM_OF[category]
    windows = [
        (event.start_s - 2, 1e9 if event.end_s is None else event.end_s + 5)
        for event in clip.clip.events
        if event.category is category
    ]
    fires = [event.start_s for event in clip.clip.events if event.category is not Category.BLOCKED]
    tp = sum(any(a.kind is kind and low <= a.t_s <= high for a in clip.alarms) for low, high in windows)
    fp = 0
    for zone in (None, "z"):
        due_s = 0.0
        for t_s in sorted(a.t_s for a in clip.alarms if a.kind is kind and a.zone == zone):
            excused = any(low <= t_s <= high for low, high in windows)
            if category is not Category.BLOCKED:
                excused = excused or any(t_s >= start_s for start_s in fires)
            if not excused and t_s >= due_s:
                fp, due_s = fp + 1, t_s + 10
    return tp, len(windows) - tp, fp


@given(event_lists, alarm_lists, st.booleans(), st.sampled_from(list(ALARM_OF)))
def test_the_figures_are_those_of_a_second_reading(events, alarms, negative, category):
    """Any events, any alarms."""
    clip = shown(events, alarms, negative=negative)
    result = score(clip, category)
    if category is Category.BLOCKED and not negative and not any(e.category is category for e in events):
        assert result == Score()
    else:
        assert (result.tp, result.fn, result.fp) == by_hand(clip, category)
        assert 0.0 <= result.clean_s <= 100.0


def test_a_summary_has_ratios_and_percentiles_or_none_where_there_is_nothing():
    """Nearest rank; false alarms by the hour of footage in which an alarm would be false."""
    assert summary(Score(tp=3, fn=1, fp=1, delays_s=(4.0, 1.0, 9.0), clean_s=1800.0)) == {
        "events": 4,
        "tp": 3,
        "fn": 1,
        "fp": 1,
        "recall": 0.75,
        "precision": 0.75,
        "delay_p50_s": 4.0,
        "delay_p95_s": 9.0,
        "false_per_hour": 2.0,
    }
    empty = summary(Score())
    assert {name for name, value in empty.items() if value is None} == {
        "recall",
        "precision",
        "delay_p50_s",
        "delay_p95_s",
        "false_per_hour",
    }
    assert percentile([5.0, 1.0, 3.0, 2.0], 50) == 2.0
