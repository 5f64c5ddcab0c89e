"""Flame-like light that changes: frames in, tracked `HotSpot`s with the figures of their movement out.

A membership map says how much each pixel looks like flame: by its colour (luminous, red >= green >= blue; Celik &
Demirel, "Fire detection in video sequences using a generic color model", 2009), or where the picture has none by its
brightness (`vision.nightfire`). Only where it keeps changing is a spot made of it, so steady lamps and coloured walls
never become one. Between two frames a spot is then asked what a flame alone does:
change its outline in a way no shift explains, some parts growing while others shrink (Töreyin et al., "Computer vision
based method for real-time fire and flame detection", 2006, judge the same flicker by wavelets).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.model import Image

FloatMap = NDArray[np.float32]
MEMORY_S = 0.8
"""Over which activity is averaged: several periods of a flame's 2-10 Hz flicker."""
WINDOW_S = 2.5
LEAST_STEPS = 4
MOST_SPOTS = 8
SMALLEST_PX = 10


@dataclass(frozen=True, slots=True)
class Step:
    """A spot from one frame to the next. Pixels of the working picture, levels 0-255."""

    captured_ms: int
    mass_px: float
    centre: tuple[float, float]
    size: tuple[int, int]
    disorder: float
    grown_px: float
    shrunk_px: float
    hue_spread: float
    red_level: float


@dataclass
class HotSpot:
    """One place of changing flame-like light, followed over time."""

    box: tuple[int, int, int, int]
    mask: NDArray[np.uint8]
    since_ms: int
    steps: deque[Step] = field(default_factory=deque)

    def remember(self, step: Step) -> None:
        self.steps.append(step)
        while len(self.steps) > LEAST_STEPS + 1 and self.steps[0].captured_ms < step.captured_ms - WINDOW_S * 1000:
            self.steps.popleft()


def membership(image: Image) -> FloatMap:
    """How much each pixel looks like flame, 0-1: luminous and warm, or burnt out to white beside such pixels."""
    blue, green, red = (channel.astype(np.float32) for channel in cv2.split(image))
    warm = np.clip((red - blue - 25) / 60, 0, 1) * (red >= green - 2) * np.clip((green - blue + 15) / 20, 0, 1)
    hot = warm * np.clip((red - 170) / 70, 0, 1)
    beside = cv2.dilate((hot > 0.5).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    burnt_out = (green >= 235) & (red >= 235) & beside
    return np.maximum(hot, burnt_out).astype(np.float32)


def disorder(now: FloatMap, before: FloatMap) -> float:
    """Share of the outline that no shift explains, 0 (the same shape) to 1 (nothing in common).

    One less the Ruzicka similarity, after laying the two centres on each other or not, whichever is more alike.
    """
    apart = _dissimilarity(now, before)
    centre_now, centre_before = _centre(now), _centre(before)
    if centre_now is None or centre_before is None:
        return 1.0
    move = np.array([[1, 0, centre_now[0] - centre_before[0]], [0, 1, centre_now[1] - centre_before[1]]], np.float32)
    moved = cv2.warpAffine(before, move, (before.shape[1], before.shape[0])).astype(np.float32)
    return min(apart, _dissimilarity(now, moved))


def _dissimilarity(one: FloatMap, other: FloatMap) -> float:
    union = float(np.maximum(one, other).sum())
    return 1 - float(np.minimum(one, other).sum()) / union if union > 0 else 1.0


def _centre(weights: FloatMap) -> tuple[float, float] | None:
    moments = cv2.moments(weights)
    mass = moments["m00"]
    return (moments["m10"] / mass, moments["m01"] / mass) if mass >= 2 else None


class HotSpots:
    """Follows the changing flame-like spots of one camera. `follow` one frame after the other."""

    def __init__(self, membership: Callable[[Image], FloatMap] = membership) -> None:
        """`membership`: how much each pixel of a picture looks like flame, 0-1."""
        self._membership = membership
        self._before: FloatMap | None = None
        self._activity: FloatMap | None = None
        self._before_ms = 0
        self._spots: list[HotSpot] = []

    def follow(self, image: Image, watched: NDArray[np.uint8], captured_ms: int) -> list[HotSpot]:
        """Take the next frame and return the spots of now, each with its steps so far."""
        now = self._membership(image) * watched
        if self._before is None or self._activity is None or self._before.shape != now.shape:
            self._before, self._activity, self._spots = now, np.zeros_like(now), []
        else:
            share = 1 - np.exp(-(captured_ms - self._before_ms) / (MEMORY_S * 1000))
            cv2.accumulateWeighted(cv2.absdiff(now, self._before), self._activity, share)
            self._spots = [self._step(spot, now, image, captured_ms) for spot in self._found(captured_ms)]
        self._before, self._before_ms = now, captured_ms
        return self._spots

    @property
    def present(self) -> FloatMap:
        """The membership map of the newest frame; only after a first one."""
        assert self._before is not None
        return self._before

    def _found(self, captured_ms: int) -> list[HotSpot]:
        """The largest places of activity, carrying on the spots they overlap."""
        active = np.asarray(self._activity)
        changing = cv2.morphologyEx((active > 0.06).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        _, labels, stats, _ = cv2.connectedComponentsWithStats(changing)
        largest = (np.argsort(-stats[1:, cv2.CC_STAT_AREA]) + 1)[:MOST_SPOTS]
        known = list(self._spots)
        found = []
        for label in largest:
            x, y, width, height, area = (int(value) for value in stats[label])
            if area < SMALLEST_PX:
                break
            box = _widened(x, y, width, height, labels.shape)
            crop = np.equal(labels[box[1] : box[3], box[0] : box[2]], label).astype(np.uint8)
            spot = HotSpot(box, cv2.dilate(crop, np.ones((5, 5), np.uint8)).astype(np.uint8), captured_ms)
            _inherit(spot, known)
            found.append(spot)
        return found

    def _step(self, spot: HotSpot, now: FloatMap, image: Image, captured_ms: int) -> HotSpot:
        left, top, right, bottom = spot.box
        assert self._before is not None
        here = now[top:bottom, left:right] * spot.mask
        before = self._before[top:bottom, left:right] * spot.mask
        pixels = image[top:bottom, left:right][here > 0.5]
        centre = _centre(here)
        hue_spread, red_level = _colours(pixels)
        spot.remember(
            Step(
                captured_ms=captured_ms,
                mass_px=float(here.sum()),
                centre=(left + centre[0], top + centre[1]) if centre else (float("nan"), float("nan")),
                size=(right - left, bottom - top),
                disorder=disorder(here, before),
                grown_px=float(np.clip(here - before, 0, None).sum()),
                shrunk_px=float(np.clip(before - here, 0, None).sum()),
                hue_spread=hue_spread,
                red_level=red_level,
            )
        )
        return spot


def _colours(pixels: NDArray[np.uint8]) -> tuple[float, float]:
    """Spread of green/red (10th to 90th percentile) and the bright end of red, of the flame-like pixels."""
    if len(pixels) < 5:
        return 0.0, 0.0
    ratio = pixels[:, 1].astype(np.float32) / np.maximum(pixels[:, 2], 1)
    low, high = np.percentile(ratio, (10, 90))
    return float(high - low), float(np.percentile(pixels[:, 2], 90))


def _widened(x: int, y: int, width: int, height: int, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    margin = max(4, max(width, height) // 4)
    return max(0, x - margin), max(0, y - margin), min(shape[1], x + width + margin), min(shape[0], y + height + margin)


def _inherit(spot: HotSpot, known: list[HotSpot]) -> None:
    """Take over the past of the known spot that overlaps `spot` most."""
    best = max(known, key=lambda other: _overlap(spot.box, other.box), default=None)
    if best is not None and _overlap(spot.box, best.box) > 0:
        known.remove(best)
        spot.since_ms, spot.steps = best.since_ms, best.steps


def _overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> int:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(0, wide) * max(0, high)
