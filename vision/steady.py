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
    """Follows the brightness of the whole picture against its slowly learned normal.

    A picture that has become another is the new normal once it keeps still. When lamps go out a camera shows darkness,
    then infrared light at full exposure, then less of it; and likewise back: what is on the way is no picture to learn.
    """

    # A grey level of noise counts less where the picture is not almost black.
    _FLOOR = 4.0
    _SAME = 16.0
    _FOLLOW_S = 20.0
    # Half of the picture changed, and then stayed for this long.
    _UPHEAVAL = 0.5
    _UPHEAVAL_S = 1.5
    # What exposure control makes up for; beyond it the light is another.
    _DARKEST, _BRIGHTEST = 0.33, 3.0
    # Cameras take seconds to turn to infrared after the lamps went out (as long as before they are told of as dark).
    _DARK_S = 10.0
    # Left of the usual structure behind a cover or in the dark: a tenth; by infrared light: a half.
    _BLIND = 0.25

    def __init__(self) -> None:
        self._normal: _Look | None = None
        self._other: _Look | None = None
        self._other_s = 0.0
        self._last_ms = 0

    def see(self, scene: Scene) -> Outlook:
        """Judge a frame as a whole."""
        look = _Look.of(scene)
        if self._normal is None:
            self._normal, self._last_ms = look, scene.captured_ms
            return Outlook()
        step_s = min(3.0, max(0.0, (scene.captured_ms - self._last_ms) / 1000.0))
        self._last_ms = scene.captured_ms
        normal = self._normal
        if _structure(look.grey) < self._BLIND * _structure(normal.grey):
            return Outlook(blind=True)
        gain = min(self._BRIGHTEST, max(self._DARKEST, _gain(look.grey, normal.grey, self._FLOOR)))
        same = self._alike(look.grey, normal.grey, gain)
        if same.mean() >= self._UPHEAVAL and not look.is_other_colour(normal):
            self._other = None
            rate = np.float32(min(1.0, step_s / self._FOLLOW_S))
            normal.grey += (look.grey / gain - normal.grey) * (same * rate)
            normal.colour += (look.colour - normal.colour) * float(rate)
            return Outlook(gain)
        dark = _is_darker(look.grey, normal.grey, self._DARKEST, self._FLOOR)
        if self._stays_s(look, step_s) < (self._DARK_S if dark else self._UPHEAVAL_S):
            return Outlook(gain, blind=dark)
        self._normal, self._other = look, None
        return Outlook(upheaval=True)

    def _alike(self, now: NDArray[np.float32], before: NDArray[np.float32], gain: float) -> NDArray[np.bool_]:
        """Where two pictures agree but for the gain, in grey levels of the brighter: in a dim one all things are alike."""
        return np.abs(now - before * gain) < self._SAME * min(1.0, gain)

    def _stays_s(self, look: _Look, step_s: float) -> float:
        """How long the picture has been as it is now, exposure included."""
        other = self._other
        if (
            other is None
            or look.is_other_colour(other)
            or self._alike(look.grey, other.grey, 1.0).mean() < self._UPHEAVAL
        ):
            self._other, self._other_s = look, 0.0
        else:
            self._other_s += step_s
        return self._other_s


@dataclass(slots=True)
class _Look:
    """A picture at thumbnail size, and its colourfulness, 0 (without colour) to 1."""

    grey: NDArray[np.float32]
    colour: float

    # Turning to infrared takes all colour, turning back brings it; no person or thing that comes changes it so.
    _OTHER = 3.0
    _LEAST = 0.01

    @classmethod
    def of(cls, scene: Scene) -> _Look:
        grey = cv2.resize(scene.grey, _THUMB, interpolation=cv2.INTER_AREA).astype(np.float32)
        image = cv2.resize(scene.image, _THUMB, interpolation=cv2.INTER_AREA).astype(np.float32)
        brightest = image.max(axis=2)
        return cls(grey, float((brightest - image.min(axis=2)).mean() / (brightest.mean() + 1.0)))

    def is_other_colour(self, than: _Look) -> bool:
        ratio = (self.colour + self._LEAST) / (than.colour + self._LEAST)
        return not 1.0 / self._OTHER < ratio < self._OTHER


def _structure(thumb: NDArray[np.float32]) -> float:
    return float(np.abs(cv2.Laplacian(thumb, cv2.CV_32F)).mean())


def _gain(thumb: NDArray[np.float32], normal: NDArray[np.float32], floor: float) -> float:
    """Median ratio over what is neither black nor burnt out."""
    usable = (normal > 12.0) & (normal < 235.0) & (thumb > 8.0) & (thumb < 245.0)
    if usable.sum() < 100:
        return 1.0
    return float(np.median((thumb[usable] + floor) / (normal[usable] + floor)))


def _is_darker(thumb: NDArray[np.float32], normal: NDArray[np.float32], than: float, floor: float) -> bool:
    """Whether what was not black before has become darker by more than this ratio, as a median."""
    lit = normal > 12.0
    return bool(lit.any()) and float(np.median((thumb[lit] + floor) / (normal[lit] + floor))) < than


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
