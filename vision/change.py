"""How one picture differs from another, cell by cell: the figures that tell smoke from bodies and from light.

Everything is measured on a grid of one cell per 4 x 4 pixels, averaged over some 20 pixels around. A difference is split
into its smooth and its fine part: bodies change a picture along edges, smoke and light in broad gradients (compare the
loss of edge energy in Töreyin et al., "Wavelet based real-time smoke detection in video", 2005). Smoke and light differ
in what becomes of the texture behind (Koschmieder's law, "Theorie der horizontalen Sichtweite", 1924): more light
scales it as it scales the brightness, smoke weakens it and adds its own light, I = t B + (1 - t) A.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

FloatMap = NDArray[np.float32]
BoolMap = NDArray[np.bool_]
STRIDE_PX = 4
AROUND_CELLS = 5
BLUR_PX = 3.0
TEXTURED = 4.0
"""Least variance of fine detail (grey levels squared) from which anything is concluded; below it is camera noise."""
CLIPPED = 235.0
LEAST_TEXTURED = 0.2
"""Least share of a region that must be textured: a road marking does not speak for the whole road."""


@dataclass(frozen=True, slots=True)
class Change:
    """The difference `now - before`, on the grid; all arrays (rows, columns), grey levels.

    Attributes:
        mean: mean signed difference.
        strength: root mean square of its smooth part.
        sharpness: its fine part, less the camera's grain, as a share of the smooth one: 0.6 and more where bodies
            move, below 0.5 in smoke.
        covariance: of its fine part with the fine detail of `before`.
        texture: variance of the fine detail of `before`.
        level: mean of `before`.
    """

    mean: FloatMap
    strength: FloatMap
    sharpness: FloatMap
    covariance: FloatMap
    texture: FloatMap
    level: FloatMap

    def noise(self) -> float:
        """Strength of the change where nothing happens, taking it that this is most of the picture."""
        return float(np.median(self.strength))


def compare(now: FloatMap, before: FloatMap) -> Change:
    """The change from `before` to `now`, less a change of exposure common to the whole picture."""
    gain = np.float32(np.median(now[::8, ::8]) + 1) / np.float32(np.median(before[::8, ::8]) + 1)
    before = np.minimum(before * gain, 255).astype(np.float32)
    difference = now - before
    smooth = _smooth(difference)
    fine, behind = difference - smooth, before - _smooth(before)
    # A mean of squares may come out a hair below 0: it is a running sum of floats.
    strength = np.sqrt(np.maximum(cells(smooth * smooth), 0))
    spread = cells(fine * fine)
    grain = float(np.median(spread))
    return Change(
        mean=cells(smooth),
        strength=strength,
        sharpness=np.sqrt(np.maximum(spread - grain, 0)) / (strength + 1),
        covariance=cells(fine * behind),
        texture=cells(behind * behind),
        level=cells(before),
    )


def detail(picture: FloatMap) -> float | None:
    """How sharp this camera sees: fine detail as a share of all contrast, median over the textured cells.

    Solid things that move change the picture about as sharply. None where the picture has hardly any texture.
    """
    mean = cells(picture)
    contrast = np.sqrt(np.maximum(cells(picture * picture) - mean * mean, 0))
    fine = np.sqrt(np.maximum(cells((picture - _smooth(picture)) ** 2), 0))
    textured = contrast > 6
    if np.count_nonzero(textured) < 30:
        return None
    return float(np.median(fine[textured] / contrast[textured]))


def veil(change: Change, region: BoolMap) -> tuple[float, float] | None:
    """Transmission of what hangs before a region, and the light it adds (grey levels), by Koschmieder's law.

    More light gives a transmission of 1 or more and adds nothing, a shadow adds nothing, an opaque body transmits
    nothing. None where the region has too little texture to tell.
    """
    usable = region & (change.texture > TEXTURED) & (change.level < CLIPPED)
    if np.count_nonzero(usable) < max(4, LEAST_TEXTURED * np.count_nonzero(region)):
        return None
    slope = float(change.covariance[usable].sum() / change.texture[usable].sum())
    return 1 + slope, float((change.mean[usable] - slope * change.level[usable]).mean())


def cells(values: FloatMap) -> FloatMap:
    """Mean over each cell's surroundings, one value per 4 x 4 pixels."""
    height, width = values.shape
    size = (max(1, width // STRIDE_PX), max(1, height // STRIDE_PX))
    small = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    return cv2.blur(small, (AROUND_CELLS, AROUND_CELLS), borderType=cv2.BORDER_REFLECT).astype(np.float32)


def _smooth(values: FloatMap) -> FloatMap:
    return cv2.GaussianBlur(values, (0, 0), BLUR_PX).astype(np.float32)
