"""Scores alarms against labelled events. Pure: times in, figures out.

An alarm of the right kind (and zone) from 2 s before an event's start to 5 s after its end finds it; each event counts
once. `corridor_blocked` is scored in clips with a `blocked` event and in `negative` ones: outside of every event's time
it is false. `smoke` and `flame` are scored in every clip: before its first smoke or flame event, and in clips without
one, each is false; after it neither is. False alarms of one kind and zone count at most once in 10 s.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from vision.catalogue import ALARM_OF, Category, Clip, Event
from vision.model import ObservationKind

EARLY_S = 2.0
LATE_S = 5.0
FALSE_EVERY_S = 10.0

_BURNING = (Category.SMOKE, Category.FLAME)


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm raised at a time of the clip. `zone`: id of the zone it was raised for, None for the whole picture."""

    kind: ObservationKind
    t_s: float
    zone: str | None
    score: float


@dataclass(frozen=True, slots=True)
class Score:
    """Figures of one category, of one clip or summed.

    Attributes:
        delays_s: from an event's start to the first alarm that found it; below 0 where it was called early.
        clean_s: shown time during which an alarm would be false; the measure of `fp`.
    """

    tp: int = 0
    fn: int = 0
    fp: int = 0
    delays_s: tuple[float, ...] = ()
    clean_s: float = 0.0

    def __add__(self, other: Score) -> Score:
        return Score(
            self.tp + other.tp,
            self.fn + other.fn,
            self.fp + other.fp,
            self.delays_s + other.delays_s,
            self.clean_s + other.clean_s,
        )


@dataclass(frozen=True, slots=True)
class Shown:
    """What the detectors were shown of a clip and what they said: times in seconds of the clip.

    `zone_ids`: id of the corridor zone made for each event polygon of the clip; others are judged on the whole picture.
    """

    clip: Clip
    from_s: float
    to_s: float
    alarms: tuple[Alarm, ...] = ()
    zone_ids: dict[Event, str] = field(default_factory=dict)


def is_scored(clip: Clip, category: Category) -> bool:
    """Whether alarms of the category count in this clip at all."""
    return category in _BURNING or clip.has((category, Category.NEGATIVE))


def score(shown: Shown, category: Category) -> Score:
    """The figures of one category in one clip; all zero where it is not scored there."""
    if not is_scored(shown.clip, category):
        return Score()
    alarms = [alarm for alarm in shown.alarms if alarm.kind is ALARM_OF[category]]
    events = shown.clip.of(category)
    firsts = [min((a.t_s for a in alarms if _finds(a, event, shown)), default=None) for event in events]
    delays = tuple(first - e.start_s for first, e in zip(firsts, events, strict=True) if first is not None)
    false = [
        a for a in alarms if _could_be_false(a.t_s, shown, category) and not any(_finds(a, e, shown) for e in events)
    ]
    return Score(
        tp=len(delays),
        fn=len(events) - len(delays),
        fp=count_false(false),
        delays_s=delays,
        clean_s=_clean_s(shown, category),
    )


def count_false(alarms: Iterable[Alarm]) -> int:
    """How many of these false alarms count: for one kind and zone, one that follows a counted one by 10 s or more."""
    counted: dict[tuple[ObservationKind, str | None], float] = {}
    count = 0
    for alarm in sorted(alarms, key=lambda each: each.t_s):
        key = (alarm.kind, alarm.zone)
        if alarm.t_s - counted.get(key, -math.inf) >= FALSE_EVERY_S:
            counted[key] = alarm.t_s
            count += 1
    return count


def summary(category_score: Score) -> dict[str, float | int | None]:
    """One category's figures as the evaluation's JSON has them; None where there is nothing to divide by."""
    events = category_score.tp + category_score.fn
    raised = category_score.tp + category_score.fp
    return {
        "events": events,
        "tp": category_score.tp,
        "fn": category_score.fn,
        "fp": category_score.fp,
        "recall": _ratio(category_score.tp, events),
        "precision": _ratio(category_score.tp, raised),
        "delay_p50_s": percentile(category_score.delays_s, 50),
        "delay_p95_s": percentile(category_score.delays_s, 95),
        "false_per_hour": _ratio(category_score.fp * 3600.0, category_score.clean_s),
    }


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Nearest-rank percentile, rounded to milliseconds; None of nothing."""
    if not values:
        return None
    rank = max(1, math.ceil(len(values) * percent / 100))
    return round(sorted(values)[rank - 1], 3)


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole > 0 else None


def _finds(alarm: Alarm, event: Event, shown: Shown) -> bool:
    end_s = math.inf if event.end_s is None else event.end_s + LATE_S
    zone = shown.zone_ids.get(event)
    return event.start_s - EARLY_S <= alarm.t_s <= end_s and (zone is None or zone == alarm.zone)


def _first_fire_s(clip: Clip) -> float:
    return min((event.start_s for event in clip.events if event.category in _BURNING), default=math.inf)


def _could_be_false(t_s: float, shown: Shown, category: Category) -> bool:
    return category is Category.BLOCKED or t_s < _first_fire_s(shown.clip)


def _clean_s(shown: Shown, category: Category) -> float:
    """Shown time outside every event's time (blocked), or before the first fire (smoke, flame)."""
    if category in _BURNING:
        return max(0.0, min(shown.to_s, _first_fire_s(shown.clip)) - shown.from_s)
    clean_s, at_s = 0.0, shown.from_s
    for event in sorted(shown.clip.of(category), key=lambda each: each.start_s):
        clean_s += max(0.0, min(event.start_s - EARLY_S, shown.to_s) - at_s)
        at_s = max(at_s, shown.to_s if event.end_s is None else event.end_s + LATE_S)
    return clean_s + max(0.0, shown.to_s - at_s)
