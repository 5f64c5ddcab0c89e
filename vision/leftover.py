"""Judges a region that has looked different from the background for long: an object, light, or a revealed background?

An object has a border where there was none before; where something was taken away the border was in the background.
Light and shadow scale the brightness and leave texture and colour as they were.

The comparison of contrast across the border follows the idea of Spagnolo et al., "An abandoned/removed objects
detection algorithm and its evaluation on PETS datasets" (AVSS 2006): edges of the region in the current picture
against those in the background.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import cv2
import numpy as np

from vision.ground import Ground, Mask, Plane


class Verdict(StrEnum):
    """What a region is."""

    OBJECT = "object"
    REVEALED = "revealed"
    LIGHT = "light"
    ALIVE = "alive"
    UNDECIDED = "undecided"
    BRIGHTER = "brighter"


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """Where the lines are drawn.

    Attributes:
        object_from, revealed_below: likelihood of an object from which on, and below which, that is settled; between
            them waiting may tell. Measured: 0.85 and more for bags on a floor, 0.56-0.62 for bikes before a row of
            bikes, 0.15-0.43 for revealed floor.
        restless: of the last seconds, changing time of the region's border, or changing share of the region, at most:
            a standing person sways (0.03 and more was measured), a thing does not (0.02 and less).
        texture_kept: correlation of fine texture with the background's above which only the light changed.
        texture_least: grey levels of texture needed for that comparison to mean something.
        light_colour: a change of light leaves chroma within this.
        light_darker, light_brighter: shadows and lamps change brightness within this range on smooth ground.
        all_brighter: share of brighter pixels, without a change of colour, that sunlight through a window would have.
    """

    object_from: float = 0.55
    revealed_below: float = 0.45
    restless: float = 0.025
    texture_kept: float = 0.5
    texture_least: float = 2.5
    light_colour: float = 7.0
    light_darker: float = 0.5
    light_brighter: float = 2.0
    all_brighter: float = 0.97


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its figures: likelihood of an object and restlessness 0-1, texture correlation -1-1, brightness."""

    verdict: Verdict
    likelihood: float
    restless: float
    texture: float
    ratio: float


_PAD = 8
_REACH = (7, 7)
# Chroma spans a smaller range than luma.
_WEIGHTS = (1.0, 2.0, 2.0)
# Contrast across a border, in grey levels, that a floor has with itself.
_BARE = 8.0
# A pixel that changed at all in the last twenty seconds.
_STIRS = 0.1


def judge(region: Mask, ground: Ground, settings: JudgeSettings) -> Judgement:
    """Say what a region of steady, different pixels is.

    Args:
        region: its pixels, at least one.
        ground: the memory it was found in.
        settings: where the lines are drawn.
    """
    window = _window(region)
    inside = _filled(region[window])
    now, before = ground.steady[:, *window], ground.background[:, *window]
    likelihood = _likelihood(inside, now, before)
    restless = _restless(inside, ground.restless[window])
    light = _light(inside, now, before, settings)
    if restless > settings.restless:
        verdict = Verdict.ALIVE
    elif light.certain:
        verdict = Verdict.LIGHT
    elif likelihood < settings.revealed_below:
        verdict = Verdict.REVEALED
    elif light.possible:
        verdict = Verdict.BRIGHTER
    else:
        verdict = Verdict.OBJECT if likelihood >= settings.object_from else Verdict.UNDECIDED
    return Judgement(verdict, likelihood, restless, light.texture, light.ratio)


def _window(region: Mask) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    return (
        slice(max(0, int(rows[0]) - _PAD), int(rows[-1]) + 1 + _PAD),
        slice(max(0, int(columns[0]) - _PAD), int(columns[-1]) + 1 + _PAD),
    )


def _restless(inside: Mask, restless: Plane) -> float:
    """Mean along the border or share of the region that stirs, whichever is more: feet stand still while arms move."""
    along = float(restless[_dilate(inside, 2) & ~_erode(inside, 2)].mean())
    return max(along, float((restless[inside] > _STIRS).mean()))


def _filled(region: Mask) -> Mask:
    """The region without dents and holes: where an object happens to look like the ground it is no less an object."""
    points = cv2.findNonZero(region.astype(np.uint8))
    outline = np.zeros(region.shape, np.uint8)
    cv2.fillConvexPoly(outline, cv2.convexHull(points), 1)
    closed = cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    filled: Mask = (closed > 0) & (outline > 0)
    return filled


def _dilate(mask: Mask, radius: int) -> Mask:
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    return cv2.dilate(mask.astype(np.uint8), kernel).astype(bool)


def _erode(mask: Mask, radius: int) -> Mask:
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    return cv2.erode(mask.astype(np.uint8), kernel, borderValue=0).astype(bool)


def _likelihood(inside: Mask, now: Plane, before: Plane) -> float:
    """How likely an object stands there: 1 for one on a bare floor, 0 for a bare floor where one was.

    Mean of two shares of the border, each in doubt where the other is not: how much of the change of contrast across
    it is new (pixel by pixel, so that edges which stay count for neither; misled by what stood behind), and how much
    of it has contrast at all now (misled by a patterned floor).
    """
    inner, outer = inside.astype(np.float32), (~inside).astype(np.float32)
    inner_part, outer_part = cv2.blur(inner, _REACH), cv2.blur(outer, _REACH)
    border = _dilate(inside, 1) & ~_erode(inside, 1) & (inner_part > 0.15) & (outer_part > 0.15)
    if not border.any():
        return 0.0
    inside_weight, outside_weight = inner_part[border], outer_part[border]

    def contrast(planes: Plane) -> Plane:
        total = np.zeros(inside_weight.shape, np.float32)
        for plane, weight in zip(planes, _WEIGHTS, strict=True):
            inner_mean = cv2.blur(plane * inner, _REACH)[border] / inside_weight
            outer_mean = cv2.blur(plane * outer, _REACH)[border] / outside_weight
            total += weight * np.abs(inner_mean - outer_mean)
        return total

    contrast_now = contrast(now)
    gained = contrast_now - contrast(before)
    new, old = float(np.maximum(gained, 0.0).sum()), float(np.maximum(-gained, 0.0).sum())
    return 0.5 * new / max(new + old, 1e-6) + 0.5 * float((contrast_now >= _BARE).mean())


class _Light(NamedTuple):
    """Correlation of fine texture, ratio of brightness, and whether the change is one of light, or may be."""

    texture: float
    ratio: float
    certain: bool
    possible: bool


def _light(inside: Mask, now: Plane, before: Plane, settings: JudgeSettings) -> _Light:
    core = _erode(inside, 1)
    if core.sum() < 12:
        core = inside
    ratios = (now[0][core] + 3.0) / (before[0][core] + 3.0)
    ratio = float(np.median(ratios))
    fine_now, fine_before = _fine(now[0], inside)[core], _fine(before[0], inside)[core]
    spread_now, spread_before = float(fine_now.std()), float(fine_before.std())
    texture = float((fine_now * fine_before).mean()) - float(fine_now.mean() * fine_before.mean())
    texture /= max(spread_now * spread_before, 1e-3)
    colour = max(float(np.median(np.abs(now[c][core] - before[c][core]))) for c in (1, 2))
    if colour > settings.light_colour:
        return _Light(texture, ratio, certain=False, possible=False)
    possible = float((ratios > 1.05).mean()) >= settings.all_brighter
    if spread_before > settings.texture_least:
        return _Light(texture, ratio, texture > settings.texture_kept, possible)
    smooth = spread_now < max(settings.texture_least, 1.5 * spread_before)
    return _Light(texture, ratio, smooth and settings.light_darker < ratio < settings.light_brighter, possible)


def _fine(luma: Plane, inside: Mask) -> Plane:
    """Difference to the surroundings within the region; what lies beyond its border does not count."""
    weight = inside.astype(np.float32)
    around = cv2.blur(luma * weight, (9, 9)) / np.maximum(cv2.blur(weight, (9, 9)), np.float32(1e-3))
    fine: Plane = (luma - around).astype(np.float32, copy=False)
    return fine
