"""Takes out of a picture what the camera itself does: exposure steps, and a slight shake or drift."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.ground import Plane
from vision.model import Scene

_THUMB = (64, 48)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What there is to say of a whole picture.

    Attributes:
        gain: brightness against the normal.
        upheaval: it has become another: lamps went on or off, day turned to night, the camera was turned.
        blind: it shows next to nothing, because of darkness, a cover, dense smoke; nothing is to be learned from it.
    """

    gain: float = 1.0
    upheaval: bool = False
    blind: bool = False


class Exposure:
    """Follows the brightness of the whole picture against its slowly learned normal."""

    # A grey level of noise counts less where the picture is not almost black.
    _FLOOR = 4.0
    _SAME = 16.0
    _FOLLOW_S = 20.0
    # Half of the picture changed for this long.
    _UPHEAVAL = 0.5
    _UPHEAVAL_S = 1.5
    # Left of the usual structure behind a cover or in the dark: a tenth; by infrared light: a half.
    _BLIND = 0.25

    def __init__(self) -> None:
        self._normal: NDArray[np.float32] | None = None
        self._last_ms = 0
        self._changed_s = 0.0

    def see(self, scene: Scene) -> Outlook:
        """Judge a frame as a whole."""
        thumb = cv2.resize(scene.grey, _THUMB, interpolation=cv2.INTER_AREA).astype(np.float32)
        if self._normal is None:
            self._normal, self._last_ms = thumb, scene.captured_ms
            return Outlook()
        step_s = min(3.0, max(0.0, (scene.captured_ms - self._last_ms) / 1000.0))
        self._last_ms = scene.captured_ms
        if _structure(thumb) < self._BLIND * _structure(self._normal):
            return Outlook(blind=True)
        gain = _gain(thumb, self._normal, self._FLOOR)
        same = np.abs(thumb / gain - self._normal) < self._SAME
        self._normal += (thumb / gain - self._normal) * (same * np.float32(min(1.0, step_s / self._FOLLOW_S)))
        self._changed_s = self._changed_s + step_s if same.mean() < self._UPHEAVAL else 0.0
        if self._changed_s < self._UPHEAVAL_S:
            return Outlook(gain)
        self._normal, self._changed_s = thumb, 0.0
        return Outlook(upheaval=True)


def _structure(thumb: NDArray[np.float32]) -> float:
    return float(np.abs(cv2.Laplacian(thumb, cv2.CV_32F)).mean())


def _gain(thumb: NDArray[np.float32], normal: NDArray[np.float32], floor: float) -> float:
    """Median ratio over what is neither black nor burnt out, within what a camera's exposure control does."""
    usable = (normal > 12.0) & (normal < 235.0) & (thumb > 8.0) & (thumb < 245.0)
    if usable.sum() < 100:
        return 1.0
    ratio = float(np.median((thumb[usable] + floor) / (normal[usable] + floor)))
    return min(3.0, max(0.33, ratio))


class Freshness:
    """Tells a picture that was sent twice from one of a scene in which nothing moves.

    A real sensor's noise changes most pixels a little from one picture to the next. From such a camera an identical
    picture is the old one sent again, and no evidence that anything still stands where it stood. A source without noise
    (drawn, or cleaned by its encoder) is known by pixels that stay identical while others move.
    """

    _NOISELESS = 0.9

    def __init__(self) -> None:
        self._last: NDArray[np.uint8] | None = None
        self._noisy = False

    def is_repeated(self, grey: NDArray[np.uint8]) -> bool:
        """Whether this picture carries nothing new."""
        last, self._last = self._last, grey
        if last is None or last.shape != grey.shape:
            return False
        changed = cv2.countNonZero(cv2.absdiff(grey, last))
        if changed == 0:
            return self._noisy
        self._noisy = changed > (1.0 - self._NOISELESS) * grey.size
        return False


class Steadier:
    """Shifts pictures back on the background, up to a few pixels."""

    _FARTHEST = 10.0
    # Less than this is not worth blurring the picture for.
    _DEAD = 0.35

    # Correlation itself wavers by less; what it leaves of a shake is about half of it.
    _QUIET = 0.25
    _LEFT = 0.5

    def __init__(self) -> None:
        self._window: NDArray[np.float32] | None = None
        self._last = (0.0, 0.0)
        self._shake = 0.0

    @property
    def jitter_px(self) -> float:
        """How far pictures are still off after aligning; 0 for a camera that hangs still."""
        return self._LEFT * self._shake if self._shake > self._QUIET else 0.0

    def align(self, now: Plane, background: Plane) -> Plane:
        """`now` shifted onto `background` where that makes them more alike."""
        size = (now.shape[2], now.shape[1])
        if self._window is None:
            self._window = np.asarray(cv2.createHanningWindow(size, cv2.CV_32F), np.float32)
        # Copies, because OpenCV 5 windows what it is given in place.
        (x, y), _ = cv2.phaseCorrelate(background[0].copy(), now[0].copy(), self._window)
        moved_px = min(max(abs(x - self._last[0]), abs(y - self._last[1])), 2.0)
        self._last = (x, y)
        self._shake += (moved_px - self._shake) * 0.1
        if not self._DEAD < max(abs(x), abs(y)) < self._FARTHEST:
            return now
        shift = np.array([[1.0, 0.0, x], [0.0, 1.0, y]], np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        moved: Plane = np.stack(
            [cv2.warpAffine(p, shift, size, flags=flags, borderMode=cv2.BORDER_REPLICATE) for p in now]
        ).astype(np.float32, copy=False)
        return moved if _unlike(moved, background) < 0.9 * _unlike(now, background) else now


def _unlike(one: Plane, other: Plane) -> float:
    """Median difference of brightness where there is structure; people in the picture do not move a median."""
    edges = np.abs(cv2.Laplacian(other[0], cv2.CV_32F)) > 8.0
    if edges.sum() < 50:
        return float(np.median(np.abs(one[0] - other[0])))
    return float(np.median(np.abs(one[0] - other[0])[edges]))
