"""Flames without colour: what an infrared picture shows of a fire, and of a white shirt, a moth or a lamp not.

A camera that sees by infrared light is blind to colour, and flames overexpose it. So do headlights, whatever is pale
beside its own lamps, and insects before them. Three things of a fire are asked for beyond its flicker (`vision.hotspots`):
it was not there before, its base stays bright while its tips leap, and it lights what is around it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.hotspots import FloatMap, HotSpot, HotSpots
from vision.model import Image

TINT = 4.0
"""Most difference between the channels, mean of the picture, of a picture without colour; lit by lamps a grey shed has twice that."""
DULL, DAZZLING = 195.0, 240.0
"""Grey levels from which a pixel counts in part and in full as overexposed."""
LATELY_S = 1.2
"""Over which a pixel must have been bright to be part of a standing base: a person walks half a metre in it."""
STANDING = 0.65
USUAL_S = 60.0
"""How fast the usual picture is learned: a fire has been judged long before it is usual."""
FIRST_S = 3.0
"""Over which a new usual picture is a plain mean."""
SUSPECTED = 0.1
"""How much slower while something looks like fire, so that a long fire does not become usual."""
NEAREST_PX, CLIPPED = 4, 225
LEAST_RING_PX = 20


def is_infrared(image: Image) -> bool:
    """Whether a picture (BGR) is without colour, as cameras deliver it at night."""
    seen = image[::4, ::4]
    return float((seen.max(axis=2).astype(np.float32) - seen.min(axis=2)).mean()) < TINT


def luminous(image: Image) -> FloatMap:
    """How much each pixel looks like flame where there is no colour, 0-1: by being overexposed."""
    dazzling = (image[:, :, 1].astype(np.float32) - DULL) / (DAZZLING - DULL)
    return np.asarray(np.clip(dazzling, 0, 1), np.float32)


class NightFire:
    """Follows the dazzling spots of one infrared camera, with what only a fire has in common with its surroundings."""

    def __init__(self) -> None:
        self._spots = HotSpots(luminous)
        self._memory = NightMemory()
        self._last_ms: int | None = None

    def follow(
        self, image: Image, watched: NDArray[np.uint8], captured_ms: int, suspected: bool
    ) -> list[tuple[HotSpot, dict[str, float]]]:
        """Take the next frame: the spots of now with `core`, `familiar` and `glow`. `suspected`: the last one looked like fire."""
        since_s = 0.0 if self._last_ms is None else (captured_ms - self._last_ms) / 1000
        self._last_ms = captured_ms
        spots = self._spots.follow(image, watched, captured_ms)
        memory = self._memory
        memory.add(image, self._spots.present, since_s, suspected)
        return [
            (spot, {"core": memory.core(spot), "familiar": memory.familiar(spot), "glow": memory.glow(spot)})
            for spot in spots
        ]


class NightMemory:
    """What one camera's infrared picture was like lately and is like usually. `add` each frame, then ask about spots."""

    def __init__(self) -> None:
        nothing = np.zeros((0, 0), np.float32)
        self._lately: FloatMap = nothing
        self._usually: FloatMap = nothing
        self._usual_grey: FloatMap = nothing
        self._raised: FloatMap = nothing
        self._seen: NDArray[np.bool_] = np.zeros((0, 0), np.bool_)
        self._raised_overall = 0.0
        self._age_s = 0.0

    def add(self, image: Image, bright: FloatMap, since_s: float, suspected: bool) -> None:
        """Take a frame.

        Args:
            image: the picture.
            bright: its `luminous` map.
            since_s: since the frame before.
            suspected: something looked like fire on that one.
        """
        grey = image[:, :, 1].astype(np.float32)
        if self._lately.shape != bright.shape:
            self._lately, self._usually, self._usual_grey = bright.copy(), bright.copy(), grey.copy()
            self._age_s = 0.0
        self._age_s += since_s
        self._lately += np.float32(1 - np.exp(-since_s / max(LATELY_S, 2.5 * since_s))) * (bright - self._lately)
        self._seen = (grey < CLIPPED) & (self._usual_grey < CLIPPED)
        level = self._exposed(grey)
        self._raised = level - self._usual_grey
        self._raised_overall = _median(self._raised, self._seen)
        pace = since_s / USUAL_S * (SUSPECTED if suspected else 1)
        first = since_s / (self._age_s + since_s) if 0 < self._age_s < FIRST_S else 0.0
        share = np.float32(min(1.0, max(pace, first)))
        self._usually += share * (bright - self._usually)
        self._usual_grey += share * (level - self._usual_grey)

    def _exposed(self, grey: FloatMap) -> FloatMap:
        """The picture at the usual exposure."""
        usual = _median(self._usual_grey, self._seen)
        return grey * np.float32((usual + 1) / (_median(grey, self._seen) + 1))

    def core(self, spot: HotSpot) -> float:
        """Share of a spot's brightness that stands: pixels that stayed bright."""
        return self._share(spot, (self._lately > STANDING).astype(np.float32))

    def familiar(self, spot: HotSpot) -> float:
        """Share of a spot's brightness that is usual in its place."""
        return self._share(spot, self._usually)

    def _share(self, spot: HotSpot, values: FloatMap) -> float:
        left, top, right, bottom = spot.box
        inside = values[top:bottom, left:right][spot.mask > 0].sum()
        return float(inside) / max(1.0, float(np.median([step.mass_px for step in spot.steps])))

    def glow(self, spot: HotSpot) -> float:
        """Grey levels by which a spot's surroundings have become brighter than the picture has as a whole; 0 if unseen.

        Medians, of what is not overexposed: light falls off with distance, exposure changes all alike.
        """
        left, top, right, bottom = spot.box
        reach = max(NEAREST_PX, round(0.5 * float(np.sqrt(np.count_nonzero(spot.mask)))))
        height, width = self._raised.shape
        x, y = max(0, left - reach), max(0, top - reach)
        rows, columns = slice(y, min(height, bottom + reach)), slice(x, min(width, right + reach))
        inside: NDArray[np.uint8] = np.zeros((rows.stop - y, columns.stop - x), np.uint8)
        inside[top - y : bottom - y, left - x : right - x] = spot.mask
        around = cv2.dilate(inside, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > inside
        around &= self._seen[rows, columns]
        if np.count_nonzero(around) < LEAST_RING_PX:
            return 0.0
        return float(np.median(self._raised[rows, columns][around])) - self._raised_overall


def _median(values: FloatMap, seen: NDArray[np.bool_]) -> float:
    """Over every fourth pixel each way of what is seen; 0 where nothing is."""
    counted = values[::4, ::4][seen[::4, ::4]]
    return float(np.median(counted)) if len(counted) else 0.0
