"""Soft motion: where a picture keeps changing without sharp edges, as drifting smoke makes it and bodies do not.

A person, a vehicle, a leaf or a moving camera changes a picture along edges; smoke, being translucent and turbulent,
changes it in broad gradients, and goes on doing so in one place. `SoftMotion` measures both on a coarse grid (compare the
loss of edge energy in Töreyin et al., "Wavelet based real-time smoke detection in video", 2005; here the *change* is
what has no edges, so that no clean background is needed).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

FloatMap = NDArray[np.float32]
STRIDE_PX = 4
WINDOW_PX = 17
BLUR_PX = 3.0
COMPARE_S = 0.4
"""Age of the frame a frame is compared with: smoke moves several pixels in it, a slow sun patch none."""


@dataclass(frozen=True, slots=True)
class SoftMap:
    """One frame's soft motion, on a grid of one cell per 4 x 4 pixels; all arrays (rows, columns).

    Attributes:
        change: mean signed change of the cell's surroundings, grey levels.
        strength: root mean square of the smooth part of the change, grey levels.
        sharpness: share of the change that is fine detail; edges in motion reach 1, smoke stays below about 0.5.
        gap_s: time between the frames compared.
    """

    change: FloatMap
    strength: FloatMap
    sharpness: FloatMap
    gap_s: float


class SoftMotion:
    """Compares each frame with one 0.4 s older (or the one before, at lower rates)."""

    def __init__(self) -> None:
        self._past: deque[tuple[int, FloatMap]] = deque()

    def measure(self, grey: NDArray[np.uint8], captured_ms: int) -> SoftMap | None:
        """The soft motion up to this frame; None for a first frame (also the first of a new size)."""
        now = grey.astype(np.float32)
        if self._past and self._past[0][1].shape != now.shape:
            self._past.clear()
        self._past.append((captured_ms, now))
        while len(self._past) > 2 and self._past[1][0] <= captured_ms - COMPARE_S * 1000:
            self._past.popleft()
        if len(self._past) < 2:
            return None
        before_ms, before = self._past[0]
        return _soft_map(now, before, (captured_ms - before_ms) / 1000)


def _soft_map(now: FloatMap, before: FloatMap, gap_s: float) -> SoftMap:
    """Split the change, after taking out a change of exposure common to the whole picture."""
    gain = np.float32(np.median(now[::8, ::8]) + 1) / np.float32(np.median(before[::8, ::8]) + 1)
    change = now - np.clip(before * gain, 0, 255).astype(np.float32)
    smooth = cv2.GaussianBlur(change, (0, 0), BLUR_PX).astype(np.float32)
    strength = np.sqrt(np.maximum(cells(smooth * smooth), 0))
    fine = np.sqrt(np.maximum(cells((change - smooth) ** 2), 0))
    return SoftMap(cells(smooth), strength, fine / (strength + 1), gap_s)


def detail(grey: NDArray[np.uint8]) -> float | None:
    """How sharp this camera sees: fine detail as a share of all contrast, median over the textured cells.

    Solid things that move change the picture about as sharply. None where the picture has hardly any texture.
    """
    picture = grey.astype(np.float32)
    mean = cells(picture)
    contrast = np.sqrt(np.maximum(cells(picture * picture) - mean * mean, 0))
    fine = np.sqrt(np.maximum(cells((picture - cv2.GaussianBlur(picture, (0, 0), BLUR_PX)) ** 2), 0))
    textured = contrast > 6
    if np.count_nonzero(textured) < 30:
        return None
    return float(np.median(fine[textured] / contrast[textured]))


def cells(values: FloatMap) -> FloatMap:
    """Mean over each cell's surroundings (17 x 17 pixels), one value per 4 x 4 pixels."""
    mean = cv2.boxFilter(values, -1, (WINDOW_PX, WINDOW_PX), borderType=cv2.BORDER_REFLECT)
    return mean[::STRIDE_PX, ::STRIDE_PX].astype(np.float32)
