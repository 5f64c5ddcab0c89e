"""Flame: scenes in, a settled sighting for each bay that burns (or the whole picture) out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.affected import AffectedZones, share_box, shrunk
from vision.hotspots import LEAST_STEPS, HotSpot, HotSpots, Step
from vision.model import ObservationKind, Scene, Sighting, Zone
from vision.voting import ZoneVotes, met

MOST_FOR_GAPS = 0.12
"""Most that rare frames raise the disorder asked for: flames themselves lie not far above."""


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
    """Watches one camera for flames. Colour alone never alarms: it must flicker as fire does and stay in its place."""

    def __init__(self, zones: Sequence[Zone], settings: FlameSettings = FlameSettings()) -> None:
        self._settings = settings
        self._zones = AffectedZones(zones)
        self._spots = HotSpots()
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
        spots = self._spots.follow(image, self._zones.watched(shape), scene.captured_ms)
        best: dict[str | None, Sighting] = {}
        for spot in spots:
            score, measures = self._weigh(spot)
            zone = self._zones.bay_of(spot.mask, (spot.box[1], spot.box[0]), shape, self._votes.alarmed)
            if zone not in best or score > best[zone].score:
                best[zone] = Sighting(ObservationKind.FLAME, False, score, zone, share_box(spot.box, shape), measures)
        return self._votes.settle(best, scene.captured_ms, scene.attentive)

    def _weigh(self, spot: HotSpot) -> tuple[float, dict[str, float]]:
        """How far the weakest of the conditions is met (0.5: just), and the figures; 0 for a spot too young to judge."""
        settings = self._settings
        lasted_s = (spot.steps[-1].captured_ms - spot.since_ms) / 1000
        if lasted_s < settings.judge_s or len(spot.steps) < LEAST_STEPS:
            return 0.0, {}
        measures = _figures(spot.steps) | {"lasted_s": lasted_s}
        if measures["mass_px"] < settings.small_px and lasted_s < 2 * settings.judge_s:
            return 0.0, measures
        growing = measures["growth"] >= settings.growth and measures["mass_px"] >= settings.growing_px
        certain = (
            (growing or measures["one_way"] <= settings.one_way)
            and measures["red_level"] >= settings.red_level
            and measures["steadiness"] >= settings.steadiness
        )
        if not certain:
            return 0.0, measures
        return (
            min(
                met(measures["disorder"], self._disorder_needed(measures)),
                met(measures["hue_spread"], settings.hue_spread),
                1.0 if growing else met(settings.wander, measures["wander"]),
                met(measures["mass_px"], settings.smallest_px),
            ),
            measures,
        )

    def _disorder_needed(self, measures: dict[str, float]) -> float:
        settings = self._settings
        needed = settings.disorder + min(MOST_FOR_GAPS, settings.disorder_gap * max(0.0, measures["gap_s"] - 0.1))
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
        "mass_px": float(np.median(mass)),
        "gap_s": float(np.median(np.diff([step.captured_ms for step in steps]))) / 1000,
    }


def _growth(mass: NDArray[np.float64]) -> float:
    """By how much a spot grew from each third of its steps to the next, whichever is less."""
    first, middle, last = (float(np.median(part)) for part in np.array_split(mass, 3))
    return min(middle / max(first, 1.0), last / max(middle, 1.0))
