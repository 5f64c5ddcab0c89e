"""Arc welding: a blinding point that comes and goes, bluish light on what is around, sparks.

The arc burns for seconds at a time, with pauses to look at the seam; within a burst its brightness jumps from one
picture to the next, because a camera's shutter of 1/25 s sees two to four droplet transfers of the arc.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from simulators.scene.backdrop import Backdrop, keep
from simulators.scene.geometry import Array

ARC_LIGHT = (1.0, 0.86, 0.74)
POWER = 7.0
SPARKS, SPARK_LIFE_S, SHUTTER_S = 26, 0.6, 1 / 25
GRAVITY_M_S2 = 9.81


@dataclass(frozen=True)
class Arc:
    """Somebody welding at a place (metres), from `start_s` until `end_s`."""

    place: tuple[float, float, float]
    start_s: float
    end_s: float
    strength: float
    seed: int

    def power(self, t_s: float) -> float:
        """How strongly the arc burns, 0 between its bursts, about `strength` within."""
        if not self.start_s <= t_s < self.end_s:
            return 0.0
        since = t_s - self.start_s
        on = np.sin(since * 0.9 + self.seed) + 0.8 * np.sin(since * 0.37) + 0.5 * np.sin(since * 2.1) > -0.25
        rng = np.random.default_rng((self.seed, round(t_s * 25), 95))
        return float(self.strength * on * rng.uniform(0.45, 1.25))


def cast(arc: Arc, view: Backdrop, t_s: float) -> Array | None:
    """Light the arc throws on what is seen (h, w; small size), None when it does not burn."""
    power = arc.power(t_s)
    if power <= 0:
        return None
    small = view.small
    key = ("arc", arc.place)
    falls = small.kept.get(key)
    if falls is None:
        to_arc = np.asarray(arc.place, dtype=np.float32) - small.points
        square = np.maximum(np.einsum("...i,...i->...", to_arc, to_arc), 0.1)
        facing = np.einsum("...i,...i->...", to_arc, small.normal) / np.sqrt(square)
        falls = keep(small.kept, key, np.asarray(np.maximum(facing, 0.05) / square, dtype=np.float32))
    return np.asarray(falls * np.float32(POWER * power), dtype=np.float32)


def draw(light: Array, view: Backdrop, depth: Array, arc: Arc, t_s: float) -> None:
    """Add the arc with its halo and its sparks to the picture."""
    width, height = view.size
    where, far = view.camera.project(np.array([arc.place, np.add(arc.place, (0, 0, 0.1))]))
    x, y = float(where[0, 0]) * width, float(where[0, 1]) * height
    if far[0] < 0.4 or not (0 <= x < width and 0 <= y < height):
        return
    power = arc.power(t_s)
    if power > 0 and depth[int(y), int(x)] > far[0] - 0.3:
        rows, columns = np.arange(view.small.depth.shape[0]), np.arange(view.small.depth.shape[1])
        step = width / len(columns)
        away = ((columns + 0.5) * step - x)[None] ** 2 + ((rows + 0.5) * step - y)[:, None] ** 2
        halo = 9 * np.exp(-away / (width * 0.011) ** 2) + 0.9 * np.exp(-np.sqrt(away) / (width * 0.03))
        glow = (halo * power)[..., None] * np.asarray(ARC_LIGHT)
        cv2.add(light, cv2.resize(glow.astype(np.float32), view.size, interpolation=cv2.INTER_LINEAR), dst=light)
    _sparks(light, view, arc, t_s)


def _sparks(light: Array, view: Backdrop, arc: Arc, t_s: float) -> None:
    width, height = view.size
    layer = np.zeros((height, width, 3), dtype=np.float32)
    drawn = False
    for number in range(int((t_s - SPARK_LIFE_S) * SPARKS), int(t_s * SPARKS) + 1):
        born = number / SPARKS
        age = t_s - born
        if not 0 < age < SPARK_LIFE_S or arc.power(born) <= 0:
            continue
        own = np.random.default_rng((arc.seed, number & 0xFFFFFFFF, 96)).uniform(-1, 1, 3)
        speed = own * (1.4, 1.4, 0.9) + (0, 0, 1.3)
        path = [
            np.add(arc.place, speed * s) - (0, 0, 0.5 * GRAVITY_M_S2 * s * s) for s in (max(age - SHUTTER_S, 0.0), age)
        ]
        ends, far = view.camera.project(np.array(path))
        if far.min() < 0.4 or path[1][2] < 0:
            continue
        a, b = (tuple(np.round(end * (width, height)).astype(int).tolist()) for end in ends)
        cool = 1 - age / SPARK_LIFE_S
        cv2.line(layer, a, b, (0.9 * cool**2, 2.6 * cool, 4.5 * cool), max(1, width // 640), cv2.LINE_AA)
        drawn = True
    if drawn:
        cv2.add(light, layer, dst=light)
