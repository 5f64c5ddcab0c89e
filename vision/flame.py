"""Flame: scenes in, a settled sighting for each bay that burns (or the whole picture) out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.affected import AffectedZones, Mask, share_box, shrunk
from vision.hotspots import LEAST_STEPS, HotSpot, HotSpots, Step
from vision.model import Image, ObservationKind, Scene, Sighting, Zone
from vision.nightfire import NightFire, is_infrared
from vision.voting import HIT_SCORE, ZoneVotes, met

MOST_FOR_GAPS = 0.12
"""Most that rare frames raise the disorder asked for: flames themselves lie not far above."""

Weighed = tuple[HotSpot, float, dict[str, float]]


@dataclass(frozen=True, slots=True)
class FlameSettings:
    """Thresholds of the flame detector, each with its reason.

    Attributes:
        disorder: share of the outline that must change from frame to frame beyond any shift. Flames lie at 0.4-0.8,
            swaying or walking coloured things below 0.3, lamps near 0.
        disorder_gap: how much more is asked for each second between frames, for walkers too change more in it;
            no more than 0.12 in all.
        growth, growing_px: a spot of some size that keeps growing, by this factor from each third of the window to the next, may also shift its
            centre and brighten all one way, as a fire that spreads does.
        outline_px, least_disorder: what changes is the outline, so its share falls with the root of the size: from this
            many pixels on less disorder is asked for, but never less than the least.
        hue_spread: how far green/red must range inside. A flame runs from red edge to yellow core; a lit surface
            of one colour has one ratio however it is shaded.
        one_way: highest share of change that goes one way (all brighter, then all darker), as switching lamps do.
        red_level: how bright the red channel must be at its bright end: a flame gives light.
        night_level: on a picture without colour, how bright the bright end of a spot must be: cameras overexpose flames.
        core: there, least share of a spot's brightness that must stay where it is: a fire stands on its base, while rain,
            insects and who walks by leave nothing bright behind them.
        familiar: there, most of a spot's brightness that may be usual in its place: what shines between leaves, or past
            people, was bright before; a fire is new.
        glow: there, grey levels by which its surroundings must have become brighter: a fire lights them, somebody in
            white before the infrared lamps does not.
        restless, restless_gap_s: or else, where frames are no farther apart than this, how much of its change of size must
            turn back from one to the next: 0.7-1 in flames, which flicker faster than frames follow, below 0.4 in limbs,
            which take several. Rarer frames do not show it, and ask for the glow.
        night_disorder: there, in place of `disorder`, for the other conditions keep out what walks and sways.
        wander: how far the centre may scatter, as a share of the spot's size: a fire stands, headlights travel.
        steadiness: share of frames in which the spot must still be there with 30 % of its usual mass.
        smallest_px: least mass in pixels of a picture 320 wide.
        judge_s: over how long the figures are gathered before they count; a spot below `small_px`, of which few
            pixels speak, twice as long.
        settle_s, share: how long, and in what share of the frames, they must then agree.
        hold_s: how long after the last agreeing frame the alarm stays.
    """

    disorder: float = 0.35
    disorder_gap: float = 0.4
    growth: float = 1.7
    growing_px: float = 100
    outline_px: float = 400
    least_disorder: float = 0.2
    hue_spread: float = 0.18
    one_way: float = 0.65
    red_level: float = 215
    night_level: float = 240
    core: float = 0.3
    familiar: float = 0.5
    glow: float = 3.0
    restless: float = 0.6
    restless_gap_s: float = 0.3
    night_disorder: float = 0.3
    wander: float = 0.25
    steadiness: float = 0.75
    smallest_px: float = 12
    small_px: float = 40
    judge_s: float = 1.4
    settle_s: float = 0.6
    share: float = 0.7
    hold_s: float = 5.0
    width_px: int = 320
    least_gap_ms: int = 55


class FlameDetector:
    """Watches one camera for flames. Colour alone never alarms: it must flicker as fire does and stay in its place.

    On a picture without colour, as infrared cameras give it, brightness takes the place of colour, and the spot must be
    new and light its surroundings.
    """

    def __init__(self, zones: Sequence[Zone], settings: FlameSettings = FlameSettings()) -> None:
        self._settings = settings
        self._zones = AffectedZones(zones)
        self._spots = HotSpots()
        self._night: NightFire | None = None
        self._suspected = False
        self._votes = ZoneVotes(ObservationKind.FLAME, settings.settle_s, settings.share, settings.hold_s)
        self._last: list[Sighting] = []
        self._last_ms: int | None = None

    def see(self, scene: Scene) -> list[Sighting]:
        since_ms = None if self._last_ms is None else scene.captured_ms - self._last_ms
        if since_ms is not None and since_ms < self._settings.least_gap_ms:
            return [sighting for sighting in self._last if sighting.active]
        self._last_ms = scene.captured_ms
        self._last = self._judge(scene)
        return self._last

    def _judge(self, scene: Scene) -> list[Sighting]:
        image = shrunk(scene.image, self._settings.width_px)
        shape = image.shape[:2]
        watched = self._zones.watched(shape)
        best: dict[str | None, Sighting] = {}
        for spot, score, measures in self._weighed(image, watched, scene.captured_ms):
            zone = self._zones.bay_of(spot.mask, (spot.box[1], spot.box[0]), shape, self._votes.alarmed)
            if zone not in best or score > best[zone].score:
                best[zone] = Sighting(ObservationKind.FLAME, False, score, zone, share_box(spot.box, shape), measures)
        return self._votes.settle(best, scene.captured_ms, scene.attentive)

    def _weighed(self, image: Image, watched: Mask, captured_ms: int) -> list[Weighed]:
        """The spots of a frame, each with how far the weakest of its conditions is met (0.5: just) and its figures."""
        coloured = [(spot, *self._weigh(spot)) for spot in self._spots.follow(image, watched, captured_ms)]
        if not is_infrared(image):
            self._night = None
            return coloured
        self._night = self._night or NightFire()
        spots = self._night.follow(image, watched, captured_ms, self._suspected)
        shining = [(spot, *self._weigh(spot, night)) for spot, night in spots]
        self._suspected = any(score >= HIT_SCORE for _, score, _ in shining)
        return coloured + shining

    def _weigh(self, spot: HotSpot, night: dict[str, float] | None = None) -> tuple[float, dict[str, float]]:
        """Score and figures of a spot, on an infrared picture with its `night` figures; 0 where too young to judge."""
        settings = self._settings
        lasted_s = (spot.steps[-1].captured_ms - spot.since_ms) / 1000
        if lasted_s < settings.judge_s or len(spot.steps) < LEAST_STEPS:
            return 0.0, {}
        measures = _figures(spot.steps) | {"lasted_s": lasted_s} | (night or {})
        if measures["mass_px"] < settings.small_px and lasted_s < 2 * settings.judge_s:
            return 0.0, measures
        growing = measures["growth"] >= settings.growth and measures["mass_px"] >= settings.growing_px
        certain = (
            (growing or measures["one_way"] <= settings.one_way)
            and measures["red_level"] >= (settings.red_level if night is None else settings.night_level)
            and measures["steadiness"] >= settings.steadiness
        )
        if not certain:
            return 0.0, measures
        if night is not None:
            return self._weigh_by_night(measures), measures
        return (
            min(
                met(measures["disorder"], self._disorder_needed(measures, self._disorder_usual(measures))),
                met(measures["hue_spread"], settings.hue_spread),
                1.0 if growing else met(settings.wander, measures["wander"]),
                met(measures["mass_px"], settings.smallest_px),
            ),
            measures,
        )

    def _weigh_by_night(self, measures: dict[str, float]) -> float:
        settings = self._settings
        return min(
            met(measures["disorder"], self._disorder_needed(measures, settings.night_disorder)),
            met(settings.wander, measures["wander"]),
            met(measures["mass_px"], settings.smallest_px),
            met(measures["core"], settings.core),
            met(settings.familiar, measures["familiar"]),
            max(met(max(0.0, measures["glow"]), settings.glow), met(self._flickers(measures), settings.restless)),
        )

    def _disorder_usual(self, measures: dict[str, float]) -> float:
        return (
            self._settings.night_disorder
            if self._flickers(measures) >= self._settings.restless
            else self._settings.disorder
        )

    def _flickers(self, measures: dict[str, float]) -> float:
        """How restless it is, 0 where frames are too rare to show it."""
        return measures["restless"] if measures["gap_s"] <= self._settings.restless_gap_s else 0.0

    def _disorder_needed(self, measures: dict[str, float], usual: float) -> float:
        settings = self._settings
        needed = usual + min(MOST_FOR_GAPS, settings.disorder_gap * max(0.0, measures["gap_s"] - 0.1))
        smaller = min(1.0, math.sqrt(settings.outline_px / max(1.0, measures["mass_px"])))
        return max(settings.least_disorder, needed * smaller)


def _figures(steps: Sequence[Step]) -> dict[str, float]:
    """What a spot's steps say together, by the names `FlameSettings` explains."""
    mass = np.array([step.mass_px for step in steps])
    grown = np.array([step.grown_px for step in steps])
    shrunk = np.array([step.shrunk_px for step in steps])
    centres = np.array([step.centre for step in steps])
    size = np.median([step.size for step in steps], axis=0)
    scatter = np.nanstd(centres, axis=0) / size if np.isfinite(centres).any() else np.ones(2)
    return {
        "disorder": float(np.median([step.disorder for step in steps])),
        "hue_spread": float(np.median([step.hue_spread for step in steps])),
        "one_way": float(np.abs(grown - shrunk).sum() / max((grown + shrunk).sum(), 1e-3)),
        "red_level": float(np.median([step.red_level for step in steps])),
        "wander": float(np.hypot(*scatter)),
        "steadiness": float((mass > 0.3 * np.median(mass)).mean()),
        "growth": _growth(mass),
        "restless": _restless(mass),
        "mass_px": float(np.median(mass)),
        "gap_s": float(np.median(np.diff([step.captured_ms for step in steps]))) / 1000,
    }


def _growth(mass: NDArray[np.float64]) -> float:
    """By how much a spot grew from each third of its steps to the next, whichever is less."""
    first, middle, last = (float(np.median(part)) for part in np.array_split(mass, 3))
    return min(middle / max(first, 1.0), last / max(middle, 1.0))


def _restless(mass: NDArray[np.float64]) -> float:
    """Share of the turns from growing to shrinking and back in all that a spot's size does from frame to frame, by their size.

    One leap, as when something comes into sight, counts as little more than what is usual.
    """
    change = np.diff(mass)
    usual = 2 * float(np.median(np.abs(change)))
    change = np.clip(change, -usual, usual)
    turns = change[1:] * change[:-1]
    return float(-turns[turns < 0].sum() / max(float(np.abs(turns).sum()), 1e-6))
