"""What a part of a picture looks like when nothing is in the way, and what stands there now.

Per pixel three appearances are kept: the background, and two of what was seen lately (the steady one and its rival),
each with the time it was seen. Someone who passes in front of an object becomes the rival for a moment, and the object
keeps its time. Nothing ever becomes background by itself because it stands long enough: only `absorb` does that.

A rival of two hypotheses with times is the idea of the codebook and W4 background models, reduced to what is needed
to tell "was set down and stays" from "moves".
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]

_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


@dataclass(frozen=True, slots=True)
class GroundSettings:
    """How appearances are told apart and remembered.

    Attributes:
        differs_luma: grey levels by which an object differs from what is behind it at least; JPEG at quality 50 and
            sensor noise stay below, a dark bag on dark tiles is above.
        differs_chroma: the same for colour; chroma is stored at half size and is smoother than luma.
        steady_luma, steady_chroma: within these a pixel shows the same thing as before.
        noise_factor: where a pixel flickers by itself (leaves, a screen) its own mean deviation times this is needed.
        trust_s: a background seen for less than this is replaced by anything seen longer: who stood there when the
            camera was switched on, and walked away.
        swap_s: a rival takes over after this long, at the earliest.
        refresh_s: time constant with which the background follows slow changes of daylight.
        longest_step_s: a gap between frames counts for no more than this; what happened in it is unknown.
    """

    differs_luma: float = 13.0
    differs_chroma: float = 12.0
    steady_luma: float = 11.0
    steady_chroma: float = 9.0
    noise_factor: float = 5.0
    trust_s: float = 2.0
    swap_s: float = 3.0
    refresh_s: float = 20.0
    longest_step_s: float = 3.0


def planes_of(bgr: NDArray[np.uint8]) -> Plane:
    """Luma and two chroma planes of a picture, shape (3, height, width), slightly smoothed against sensor noise."""
    smooth = cv2.GaussianBlur(bgr, (3, 3), 0)
    ycc = cv2.cvtColor(smooth, cv2.COLOR_BGR2YCrCb)
    return np.ascontiguousarray(ycc.transpose(2, 0, 1), dtype=np.float32)


class Ground:
    """The memory of one part of a picture; all planes as `planes_of` gives them.

    Attributes:
        background: what is there when nothing is in the way.
        known_s: how long each pixel of it has been seen.
        steady: what has been seen there most of late.
        steady_s: for how long.
        restless: part of the last seconds in which each pixel, in plain view, was not what it steadily is, 0-1.
    """

    # What is hidden is forgotten four times as slowly as it was learned: passers-by do not reset an object's time.
    _FORGET = 0.25
    # Where the bare background is seen, what stood there is gone and its time with it.
    _BARE_S = 1.5

    def __init__(self, first: Plane, settings: GroundSettings, dwell_s: float) -> None:
        self._settings = settings
        self._cap_s = 8.0 * dwell_s
        # Nobody stands still for ten seconds.
        self._restless_s = min(10.0, 0.5 * dwell_s)
        self.background = first.copy()
        self.steady = first.copy()
        self._rival = first.copy()
        size = first.shape[1:]
        self.known_s = np.zeros(size, np.float32)
        self.steady_s = np.zeros(size, np.float32)
        self._rival_s = np.zeros(size, np.float32)
        self.restless = np.zeros(size, np.float32)
        self._noise = np.full(size, 1.0, np.float32)
        self._jitter_px = 0.0

    def differs(self, one: Plane, other: Plane) -> Mask:
        """Where two appearances are of different things."""
        luma = np.maximum(self._settings.differs_luma, self._noise * self._settings.noise_factor)
        return _apart(one, other, luma, self._settings.differs_chroma)

    def _same(self, one: Plane, other: Plane) -> Mask:
        luma = np.maximum(self._settings.steady_luma, self._noise * (self._settings.noise_factor * 0.7))
        if self._jitter_px > 0.0:
            luma = luma + self._jitter_px * cv2.morphologyEx(other[0], cv2.MORPH_GRADIENT, _CROSS)
        return ~_apart(one, other, luma, self._settings.steady_chroma)

    def see(self, now: Plane, step_s: float, held: Mask, jitter_px: float = 0.0) -> Mask:
        """Learn from one frame; where it shows something else than the background.

        Args:
            now: the frame.
            step_s: time since the frame before.
            held: pixels whose background must not change: an object stands before it.
            jitter_px: how much the camera still shakes; edges may differ by so much of themselves.
        """
        self._jitter_px = jitter_px
        step_s = min(step_s, self._settings.longest_step_s)
        foreground = self.differs(now, self.background)
        self._weigh(now, step_s, foreground)
        behind = ~foreground
        self.known_s[behind] += step_s
        rate = np.float32(min(1.0, step_s / self._settings.refresh_s))
        follow = behind & ~held
        self.background += (now - self.background) * (follow * rate)
        self._replace_unknown(held)
        return foreground

    def _weigh(self, now: Plane, step_s: float, foreground: Mask) -> None:
        """Give the step's time to the appearance that is seen, and take some from the one that is not."""
        is_steady = self._same(now, self.steady)
        is_rival = ~is_steady & self._same(now, self._rival)
        is_new = ~(is_steady | is_rival)
        self._follow(now, is_steady, is_rival, step_s)
        hidden = np.float32(self._FORGET * step_s)
        kept = np.where(foreground, np.float32(1.0), np.float32(np.exp(-step_s / self._BARE_S)))
        self.steady_s = np.where(is_steady, self.steady_s + np.float32(step_s), self.steady_s * kept - hidden)
        self._rival_s = np.where(is_rival, self._rival_s + np.float32(step_s), self._rival_s * kept - hidden)
        self._rival[:, is_new] = now[:, is_new]
        self._rival_s[is_new] = 0.0
        np.clip(self.steady_s, 0.0, self._cap_s, out=self.steady_s)
        np.clip(self._rival_s, 0.0, self._cap_s, out=self._rival_s)
        rate = np.float32(1.0 - np.exp(-step_s / self._restless_s))
        self.restless += (~is_steady - self.restless) * (rate * ~_hidden(~is_steady))
        self._swap(is_rival, foreground)

    def _follow(self, now: Plane, is_steady: Mask, is_rival: Mask, step_s: float) -> None:
        rate = np.float32(min(0.5, 0.1 + step_s / 10.0))
        difference = now - self.steady
        self._noise += np.where(is_steady, (np.abs(difference[0]) - self._noise) * (rate * 0.2), 0.0)
        self.steady += difference * (is_steady * rate)
        self._rival += (now - self._rival) * (is_rival * rate)

    def _swap(self, is_rival: Mask, foreground: Mask) -> None:
        """A rival that is seen takes over when it has been seen long enough.

        An object is given up only for something seen half as long, so that who stops in front of it does not cost its
        time; bare background, on either side, has no such claim.
        """
        contested = foreground & self.differs(self.steady, self.background)
        needed_s = np.where(contested, np.maximum(self._settings.swap_s, self.steady_s * 0.5), self._settings.swap_s)
        swap = (is_rival & (self._rival_s >= needed_s)) | (self.steady_s <= 0.0)
        self.steady[:, swap], self._rival[:, swap] = self._rival[:, swap], self.steady[:, swap]
        self.steady_s[swap], self._rival_s[swap] = self._rival_s[swap], self.steady_s[swap]
        self.restless[swap] = 0.0

    def _replace_unknown(self, held: Mask) -> None:
        young = (self.known_s < self._settings.trust_s) & (self.steady_s > self.known_s + 1.0) & ~held
        self.absorb(young)

    def absorb(self, where: Mask) -> None:
        """What is steady there is background from now on."""
        self.background[:, where] = self.steady[:, where]
        self.known_s[where] = self.steady_s[where]

    def brighten(self, where: Mask, ratio: float) -> None:
        """The light on a hidden background changed by `ratio`."""
        self.background[0, where] = np.clip(self.background[0, where] * ratio, 0.0, 255.0)

    def begin_anew(self, now: Plane, keep: Mask) -> None:
        """The whole picture changed: take `now` for background.

        Where an object stands before it (`keep`) the background is hidden: it is given the change of brightness and
        colour that the rest saw, and the object's time stays.
        """
        learn = ~keep
        if keep.any() and learn.any():
            self._relight(now, keep, learn)
        self.background[:, learn] = now[:, learn]
        for planes in (self.steady, self._rival):
            planes[:] = now
        for times in (self.known_s, self.steady_s, self._rival_s, self.restless):
            times[learn] = 0.0

    def _relight(self, now: Plane, keep: Mask, learn: Mask) -> None:
        before = self.background
        ratio = float(np.median((now[0][learn] + 3.0) / (before[0][learn] + 3.0)))
        self.brighten(keep, ratio)
        for plane in (1, 2):
            middle, spread = float(np.median(before[plane][learn])), float(before[plane][learn].std())
            stretch = min(2.0, float(now[plane][learn].std()) / max(spread, 1.0))
            before[plane][keep] = np.median(now[plane][learn]) + (before[plane][keep] - middle) * stretch


def _hidden(changed: Mask) -> Mask:
    """Where all around has changed: something passes in front. Somebody who sways changes along their outline only."""
    return cv2.blur(changed.astype(np.float32), (13, 13)) > 0.75


def _apart(one: Plane, other: Plane, luma: Plane, chroma: float) -> Mask:
    difference = np.abs(one - other)
    apart: Mask = (difference[0] > luma) | (difference[1] > chroma) | (difference[2] > chroma)
    return apart
