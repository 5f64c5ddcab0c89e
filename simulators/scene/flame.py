"""Flames: tongues of scrolling noise, bright enough to overexpose, flickering at the rate of pool fires.

The puffing rate of a flame of base diameter D metres is about 1.5 / sqrt(D) Hz (Cetegen and Ahmed 1993); its light falls
on what is around. Its tongues lick each for itself: between two pictures of a real fire about as much light comes as
goes, while a lamp that blinks only comes or only goes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from simulators.scene.backdrop import Backdrop, keep
from simulators.scene.geometry import Array
from simulators.scene.textures import noise_tile, sample

FIRST_M, TALLEST_M, GROWS_M_S = 0.18, 1.7, 0.035
# Light colours (BGR, linear; 1 is a white wall under the lamps) from the dull edge to the overexposed core.
EDGE, BODY, CORE = (0.03, 0.3, 1.5), (0.25, 1.9, 5.0), (2.2, 5.5, 8.0)
GLOW = (0.2, 0.55, 1.0)


@dataclass(frozen=True)
class Fire:
    """A fire at a place (metres), from `start_s` until `end_s`."""

    place: tuple[float, float, float]
    start_s: float
    end_s: float
    strength: float
    seed: int

    def height_m(self, t_s: float) -> float:
        """Height of the flames: growing, flickering; 0 when not burning."""
        since = t_s - self.start_s
        if since < 0 or t_s >= self.end_s:
            return 0.0
        mean = min(FIRST_M + GROWS_M_S * self.strength * since, TALLEST_M)
        return float(mean * (1 + 0.12 * self.flicker(t_s)))

    def flicker(self, t_s: float) -> float:
        """Unsteadiness around 0, about -1 to 1."""
        beat = 1.5 / np.sqrt(0.4)
        parts = [(0.5, beat), (0.3, beat * 1.73), (0.22, beat * 2.9), (0.2, beat * 0.43)]
        return float(sum(a * np.sin(2 * np.pi * f * t_s + self.seed * (1 + i)) for i, (a, f) in enumerate(parts)))

    def light(self, t_s: float) -> float:
        """Strength of the light it casts."""
        return float(1.6 * self.height_m(t_s) ** 1.4 * (1 + 0.12 * self.flicker(t_s * 1.31)))


@dataclass(frozen=True)
class Drawn:
    """Flames in the picture: corner (x, y) in pixels, light added (h, w, 3), share of what is behind that is hidden."""

    x: int
    y: int
    light: Array
    cover: Array


def flames(fire: Fire, view: Backdrop, depth: Array, t_s: float) -> Drawn | None:
    """The flames as seen past what stands nearer (`depth` of the picture), None if out of sight."""
    tall = fire.height_m(t_s)
    if tall <= 0:
        return None
    width, height = view.size
    foot = np.asarray(fire.place)
    where, far = view.camera.project(np.array([foot, np.add(foot, (0, 0, 1.0))]))
    if far[0] < 0.4:
        return None
    metre = abs(float(where[1, 1] - where[0, 1])) * height
    wide = 0.5 * (0.22 + 0.34 * min(tall, 1.0)) * 2.2
    x0, x1 = int(where[0, 0] * width - wide * metre), int(where[0, 0] * width + wide * metre) + 1
    y0, y1 = int(where[0, 1] * height - tall * 1.15 * metre), int(where[0, 1] * height + 0.1 * metre) + 1
    cx0, cx1, cy0, cy1 = max(0, x0), min(width, x1), max(0, y0), min(height, y1)
    if cx1 - cx0 < 2 or cy1 - cy0 < 2:
        return None
    across, up = np.meshgrid(
        (np.arange(cx0, cx1, dtype=np.float32) + 0.5 - where[0, 0] * width) / metre,
        (where[0, 1] * height - np.arange(cy0, cy1, dtype=np.float32) - 0.5) / metre,
    )
    heat = _heat(fire, across.astype(np.float32), up.astype(np.float32), tall, t_s)
    clear = np.clip((depth[cy0:cy1, cx0:cx1] - float(far[0])) * 3 + 1.2, 0, 1)
    heat = np.asarray(cv2.GaussianBlur(heat * clear.astype(np.float32), (0, 0), max(0.6, metre * 0.006)))
    return Drawn(cx0, cy0, _colour(heat), np.clip(heat * 1.6, 0, 0.85))


def _heat(fire: Fire, across: Array, up: Array, tall: float, t_s: float) -> Array:
    """Heat 0-1 over metres across and up: three tongues torn by noise that rises with the gas."""
    since = np.float32(t_s - fire.start_s)
    tile, fine = noise_tile(910, octaves=5), noise_tile(911)
    share = np.clip(up / tall, -0.1, 1.2)
    bend = (sample(tile, across * 0.3 + 0.5, up * 0.5 - since * 0.95, 1.3) - 0.5) * (0.1 + 0.75 * share) * tall
    total = np.zeros_like(across)
    for i, (offset, size) in enumerate(((0.0, 1.0), (-0.55, 0.68), (0.5, 0.78))):
        lick = size * (1 + 0.3 * np.sin(since * (8.3 + 4.7 * i) + i * 2.1 + fire.seed))
        lick = lick * (1 + 0.3 * np.sin(since * (13.7 - 3.9 * i) + i * 4.3 + 2 * fire.seed))
        base = (0.2 + 0.3 * min(tall, 1.0)) * 0.5
        along = share / max(lick, 0.2)
        girth = base * size * np.sqrt(np.clip(along + 0.12, 0, 1)) * np.clip(1.05 - along, 0, 1) * 1.9 + 1e-3
        total = np.maximum(total, 1 - np.abs(across + bend - offset * base) / girth)
    torn = sample(fine, across, up - since * 1.5, 0.9) - 0.5
    body = np.clip(total + torn * (0.4 + 0.6 * share) + 0.15 - 0.35 * share, 0, 1)
    return np.asarray(body * np.clip(up * 12 + 1, 0, 1), dtype=np.float32)


def _colour(heat: Array) -> Array:
    stops = np.array([(0, 0, 0), EDGE, BODY, CORE], dtype=np.float32)
    at = np.array([0.0, 0.18, 0.5, 0.95])
    return np.stack([np.interp(heat, at, stops[:, c]) for c in range(3)], axis=-1).astype(np.float32)


def cast_light(fire: Fire, view: Backdrop, t_s: float) -> Array | None:
    """Light the fire throws on what is seen, at the view's small size (h, w), None when it does not burn."""
    power = fire.light(t_s)
    if power <= 0:
        return None
    small = view.small
    key = ("fire", fire.place)
    falls = small.kept.get(key)
    if falls is None:
        to_fire = np.add(fire.place, (0, 0, 0.35)).astype(np.float32) - small.points
        square = np.maximum(np.einsum("...i,...i->...", to_fire, to_fire), 0.1)
        facing = np.einsum("...i,...i->...", to_fire, small.normal) / np.sqrt(square)
        falls = keep(small.kept, key, np.asarray(np.maximum(facing, 0.06) / square, dtype=np.float32))
    return np.asarray(falls * np.float32(power))
