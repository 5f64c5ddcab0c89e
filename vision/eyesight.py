"""Figures of how well a camera sees: what of its usual edges is there, how sharp, how bright, and is it a new picture?"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.model import Scene

Field = NDArray[np.float32]

_SMALL = (160, 96)
# Gradients below this are noise and compression, at the smoothing used.
_WEAKEST = 3.0
# A clock drawn into the picture lies in its upper or lower part and is no larger than this share of the picture.
_CLOCK_BAND = 0.2
_CLOCK_AREA = 0.03


@dataclass(frozen=True, slots=True)
class Look:
    """Figures of one frame.

    Attributes:
        kept: share of the usual edges that are there, by place and direction, 0-1.
        edges: strength of all edges against the usual, 1 as usual.
        sharpness: fine against coarse contrast at the strongest edges, against the usual, 1 as usual.
        luma: mean grey level; `bright`: that of the brightest twentieth.
        fresh: the picture differs from the one before, its clock left aside.
    """

    kept: float
    edges: float
    sharpness: float
    luma: float
    bright: float
    fresh: bool


class Eyesight:
    """Compares frames with how this camera usually sees."""

    def __init__(self) -> None:
        self._usual: Field | None = None
        self._usual_sharpness = 0.0
        self._gradients: Field | None = None
        self._sharpness = 0.0
        self._last: NDArray[np.uint8] | None = None
        self.noisy = False

    def look(self, scene: Scene) -> Look:
        """The figures of a frame; the first sets what is usual."""
        small = np.asarray(cv2.resize(scene.grey, _SMALL, interpolation=cv2.INTER_AREA), np.uint8)
        self._gradients = _gradients(small)
        self._sharpness = _sharpness(scene.grey)
        if self._usual is None:
            self.learn(1.0)
        kept, edges = self._compare()
        return Look(
            kept=kept,
            edges=edges,
            sharpness=self._sharpness / max(self._usual_sharpness, 1e-3),
            luma=float(small.mean()),
            bright=float(np.percentile(small, 95)),
            fresh=self._is_fresh(scene.grey),
        )

    def learn(self, rate: float) -> None:
        """Take the frame just looked at into what is usual; 1 replaces it."""
        if self._gradients is None:
            return
        if self._usual is None or rate >= 1.0:
            self._usual, self._usual_sharpness = self._gradients.copy(), self._sharpness
            return
        self._usual += (self._gradients - self._usual) * np.float32(rate)
        self._usual_sharpness += (self._sharpness - self._usual_sharpness) * rate

    def _compare(self) -> tuple[float, float]:
        """Usual edges that are kept, whatever their strength, and the strength of all against the usual."""
        now, usual = self._gradients, self._usual
        assert now is not None
        assert usual is not None
        strength_now, strength = np.hypot(now[0], now[1]), np.hypot(usual[0], usual[1])
        strong = strength > max(_WEAKEST, float(np.percentile(strength, 85)))
        if not strong.any():
            return 1.0, 1.0
        usual_edges = float(np.maximum(strength - _WEAKEST, 0.0).mean())
        edges = float(np.maximum(strength_now - _WEAKEST, 0.0).mean()) / max(usual_edges, 1e-3)
        strength, strength_now = strength[strong], strength_now[strong]
        along = (now * usual).sum(axis=0)[strong] / np.maximum(strength * strength_now, 1e-3)
        # In other light an edge may be weak, or its bright side the dark one, but it runs the same way.
        there = (np.abs(along) > 0.9) & (strength_now > np.maximum(_WEAKEST / 2, 0.25 * strength * min(1.0, edges)))
        return float(there.mean()), edges

    def _is_fresh(self, grey: NDArray[np.uint8]) -> bool:
        last, self._last = self._last, grey
        if last is None or last.shape != grey.shape:
            return True
        changed = cv2.absdiff(grey, last) > 0
        count = int(changed.sum())
        if count == 0 or _is_clock(changed):
            return False
        self.noisy = count > 0.1 * grey.size
        return True


def _is_clock(changed: NDArray[np.bool_]) -> bool:
    """Whether all that changed lies in one small part of the upper or lower edge, where cameras write the time."""
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    height, width = changed.shape
    in_band = rows[-1] < _CLOCK_BAND * height or rows[0] >= (1.0 - _CLOCK_BAND) * height
    area = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
    return bool(in_band and area <= _CLOCK_AREA * height * width)


def _gradients(small: NDArray[np.uint8]) -> Field:
    """Horizontal and vertical slope, smoothed so that a shake of a pixel does not matter: shape (2, height, width)."""
    smooth = cv2.GaussianBlur(small.astype(np.float32), (0, 0), 1.5)
    return np.stack([cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)]).astype(np.float32)


def _sharpness(grey: NDArray[np.uint8]) -> float:
    """Fine against coarse contrast where the coarse is strongest, so that noise on plain walls does not count."""
    image = grey.astype(np.float32)
    fine_smooth = cv2.GaussianBlur(image, (0, 0), 2.0)
    fine = np.abs(cv2.GaussianBlur(image, (0, 0), 0.7) - fine_smooth)
    coarse = np.abs(fine_smooth - cv2.GaussianBlur(image, (0, 0), 6.0))
    strong = coarse > max(2.0, float(np.percentile(coarse[::4, ::4], 90)))
    if not strong.any():
        return 0.0
    return float(fine[strong].mean() / coarse[strong].mean())
