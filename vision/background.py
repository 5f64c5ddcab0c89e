"""The usual picture of one camera, learned from what is quiet."""

from __future__ import annotations

import cv2
import numpy as np

from vision.change import BoolMap, Change, FloatMap, compare

LEARN_S = 20.0
"""How fast it follows what is quiet: daylight moves in minutes."""
STAND_S = 60.0
"""How fast something that came and stands is taken in."""
GUARD_S = 600.0
"""How fast a suspected plume is: slow enough to keep it out for a whole incident."""
FIRST_FRAMES = 12
"""Over which a new background is a plain mean: one frame's noise would pass for texture."""
UPHEAVAL = 0.5
"""Share of the picture that differs when a lamp, infrared or the camera itself was moved; lasting, it is learned anew."""
UPHEAVAL_S = 1.0


class Background:
    """Learns one camera's usual picture. `compare` a frame with it, then let it `learn` the frame."""

    def __init__(self) -> None:
        self._picture: FloatMap | None = None
        self._frames = 0
        self._upheaval_s = 0.0
        self.age_s = 0.0

    def compare(self, now: FloatMap) -> Change | None:
        """How this frame differs; None for the first, and the first of a new size."""
        if self._picture is None or self._picture.shape != now.shape:
            self._renew(now)
            return None
        return compare(now, self._picture)

    def learn(self, now: FloatMap, changed: BoolMap, guarded: BoolMap, since_s: float) -> None:
        """Follow this frame: fast where nothing changed, slowly where something stands, hardly where guarded."""
        self._upheaval_s = self._upheaval_s + since_s if (changed & ~guarded).mean() > UPHEAVAL else 0.0
        if self._picture is None or self._upheaval_s > UPHEAVAL_S:
            self._renew(now)
            return
        self._frames += 1
        self.age_s += since_s
        quiet = max(since_s / LEARN_S, 1 / (self._frames + 1) if self._frames < FIRST_FRAMES else 0.0)
        pace = np.where(guarded, since_s / GUARD_S, np.where(changed, since_s / STAND_S, quiet))
        size = (now.shape[1], now.shape[0])
        share = cv2.resize(np.minimum(pace, 1).astype(np.float32), size, interpolation=cv2.INTER_NEAREST)
        self._picture += share * (now - self._picture)

    def _renew(self, now: FloatMap) -> None:
        self._picture = now.copy()
        self._frames, self._upheaval_s, self.age_s = 0, 0.0, 0.0
