"""Smoke: puffs that rise, widen and drift along known courses, then gather under the ceiling.

Each puff is a function of its number and age, so the density at a time needs no earlier picture and is the same at any
frame rate. Widening with height (radius about 0.16 of the rise) follows the entrainment of a free buoyant plume
(Morton, Taylor and Turner 1956); growth from a wisp to a full plume within about a minute follows filmed pack failures.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from simulators.scene.backdrop import Backdrop
from simulators.scene.geometry import Array
from simulators.scene.textures import noise_tile, sample

PUFFS_PER_S = 12.0
# A puff under the ceiling has dissolved into the layer after this long.
DISSOLVE_S, PUFF_LIFE_S = 5.0, 20.0
TEXTURE_PX, TEXTURES = 96, 12
WISP, FULL_AFTER_S = 0.05, 75.0
LAYER_DECAY_S = 200.0
# Reflectance of the first wisps and of the full plume, white, grey, black: vent gas is pale, burning plastics blacken it.
DARKNESS, FRESH, GROWN = (0.0, 0.5, 1.0), (0.88, 0.75, 0.6), (0.78, 0.42, 0.1)
BLACKENS_S = (30.0, 90.0)


@dataclass(frozen=True)
class Source:
    """Where smoke comes from and how it grows.

    Attributes:
        place: metres.
        start_s, end_s: when it comes out.
        strength: 1.0 grows to a full plume in about `FULL_AFTER_S`.
        seed: its own turbulence.
        ceiling_m: height it gathers at.
        size: 1.0 for a battery; far less for a cigarette.
        real: it is smoke of a fire, and gathers under the ceiling; else steam, dust, a cigarette's.
        darkness: 0 white to 1 black when grown.
        colour: its own tint, BGR.
        full_after_s: how long it takes to grow from a wisp.
        rises: share of the usual speed upwards.
        wind_m_s: carried off sideways (x, y).
        fades_s: dissolves in the air within about this time, as steam does.
    """

    place: tuple[float, float, float]
    start_s: float
    end_s: float
    strength: float
    seed: int
    ceiling_m: float
    size: float = 1.0
    real: bool = True
    darkness: float = 0.0
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)
    full_after_s: float = FULL_AFTER_S
    rises: float = 1.0
    wind_m_s: tuple[float, float] = (0.0, 0.0)
    fades_s: float = 1e6

    def tone(self, t_s: float) -> Array:
        """Reflectance BGR (3): paler when thin and fresh, darker as more burns."""
        grown = np.clip((t_s - self.start_s - BLACKENS_S[0]) / (BLACKENS_S[1] - BLACKENS_S[0]), 0, 1)
        fresh, full = np.interp(self.darkness, DARKNESS, FRESH), np.interp(self.darkness, DARKNESS, GROWN)
        return np.asarray(np.multiply(self.colour, fresh + (full - fresh) * grown), dtype=np.float32)

    def rate(self, t_s: Array) -> Array:
        """How much comes out at times (0 before the start and after the end); 1 is a full plume."""
        since = t_s - self.start_s
        ramp = np.clip((since * self.strength - 0.08 * self.full_after_s) / self.full_after_s, 0, 1)
        grown = WISP + (1 - WISP) * ramp * ramp * (3 - 2 * ramp)
        grown = grown * np.clip(since / 2.0 + 0.2, 0, 1)
        return np.asarray(np.where((since >= 0) & (t_s < self.end_s), grown * self.strength**0.5, 0.0))

    def gathered(self, t_s: float) -> float:
        """What hangs under the ceiling: what came out until a little ago, thinning by leakage."""
        if not self.real or t_s <= self.start_s:
            return 0.0
        times = np.linspace(self.start_s, t_s, 200)
        aged = np.exp(-(t_s - times) / LAYER_DECAY_S) * np.clip((t_s - times - 3.0) / 6.0, 0, 1)
        return float(np.trapezoid(self.rate(times) * aged, times))


@dataclass(frozen=True)
class Puffs:
    """Puffs at a time: places (n, 3), radii, optical depth at the middle, turn (degrees), texture number."""

    place: Array
    radius: Array
    depth: Array
    turn: Array
    texture: Array


def puffs(source: Source, t_s: float) -> Puffs:
    """The puffs in the air at a time."""
    first = max(0, int((t_s - source.start_s - PUFF_LIFE_S) * PUFFS_PER_S))
    last = int((min(t_s, source.end_s) - source.start_s) * PUFFS_PER_S)
    number = np.arange(first, max(first, last + 1))
    born = source.start_s + number / PUFFS_PER_S
    age = t_s - born
    number, born, age = number[age > 0], born[age > 0], age[age > 0]
    own = _random(number, source.seed)
    rate = source.rate(born)
    speed = source.rises * (0.55 + 0.75 * np.sqrt(rate)) * (0.85 + 0.3 * own[0])
    top = source.ceiling_m - 0.12 - 0.18 * own[1]
    height = np.minimum(source.place[2] + speed * age, top)
    risen = height - source.place[2]
    spread_s = np.maximum(age - (top - source.place[2]) / speed, 0.0)
    place = _drift(source, own, born, risen, spread_s) + np.column_stack(
        [source.wind_m_s[0] * age, source.wind_m_s[1] * age, height]
    )
    # A failing pack blows: the stronger the source, the wider its mouth and the more it entrains.
    widening = 0.15 + 0.11 * rate
    # What the wind carries off is mixed with air as it goes, much as what rises.
    blown = float(np.hypot(*source.wind_m_s)) * age
    radius = 0.045 + 0.17 * rate + widening * (risen + 0.4 * blown) + (0.16 + 0.2 * rate) * spread_s**0.7
    radius = radius * (0.8 + 0.5 * own[2]) * (0.5 + 0.5 * source.size)
    fade = np.exp(-spread_s / DISSOLVE_S * 1.6) * np.clip(1.6 - spread_s / DISSOLVE_S, 0, 1)
    fade = fade * np.clip(1.5 - age / source.fades_s, 0, 1) * np.clip((PUFF_LIFE_S - age) / 4.0, 0, 1)
    # Buoyant sources puff: at a mouth of some 0.5 m about twice a second (1.5 / sqrt(D) Hz), never quite evenly.
    beat = np.sin(2 * np.pi * 2.0 * born + 1.7 * np.sin(born * 2.3 + source.seed))
    burst = 0.3 + 0.55 * (1 + beat) * (0.6 + 0.4 * np.sin(born * 0.9)) + 0.4 * own[3]
    column = 0.24 * source.size * rate * (0.85 + 2.6 * rate) * burst * fade / (np.maximum(speed, 0.45) * radius)
    return Puffs(
        place, radius, np.minimum(column, 1.2), own[4] * 360 + age * (own[5] - 0.5) * 60, (own[0] * 977).astype(int)
    )


def _drift(source: Source, own: Array, born: Array, risen: Array, spread_s: Array) -> Array:
    """Sideways course: a swaying column, then outwards under the ceiling."""
    sway = risen**1.3
    x = 0.10 * sway * np.sin(born * 1.3 - risen * 2.0 + source.seed) + 0.07 * sway * np.sin(born * 3.1 - risen * 3.7)
    y = 0.10 * sway * np.sin(born * 1.1 - risen * 1.7 + 2.0 + source.seed) + 0.06 * sway * (own[6] - 0.5)
    x += 0.05 * sway * np.sin(born * 4.3 - risen * 2.6) + 0.04 * sway * np.sin(born * 7.1 - risen * 4.0)
    way = own[7] * 2 * np.pi
    out = 0.55 * spread_s**0.65
    x += 0.16 * (own[6] - 0.5) * risen + np.cos(way) * out
    y += np.sin(way) * out
    return np.column_stack([source.place[0] + x, source.place[1] + y, np.zeros_like(x)])


def _random(number: Array, seed: int) -> Array:
    """Eight even random values (8, n) for each puff number, the same whenever asked."""
    lanes = np.arange(8)[:, None] * 37.719 + (seed % 1009) * 1.618
    return np.asarray(np.mod(np.sin(number * 12.9898 + lanes) * 43758.5453, 1.0))


def hanging(source: Source, view: Backdrop, t_s: float) -> tuple[Array, Array]:
    """Optical depth of a source's smoke, and how it is shaded (about 1), at the view's small size (h, w)."""
    small = view.small
    total = np.zeros(small.depth.shape, dtype=np.float32)
    shade = np.ones(small.depth.shape, dtype=np.float32)
    cloud = puffs(source, t_s)
    if len(cloud.radius):
        where, depth = view.camera.project(cloud.place)
        height, width = small.depth.shape
        radius_px = cloud.radius * view.camera.focal[0] * width / np.maximum(depth, 0.3)
        for i in np.flatnonzero((depth > 0.4) & (cloud.depth > 0.002)).tolist():
            middle = (float(where[i, 0] * width), float(where[i, 1] * height))
            _blot(total, shade, small.depth, middle, float(radius_px[i]), float(depth[i]), cloud, i)
    gathered = source.gathered(t_s)
    return (total + _layer(source, view, gathered, t_s) if gathered > 0.05 else total), shade


def _blot(
    total: Array,
    shade: Array,
    behind: Array,
    middle: tuple[float, float],
    radius: float,
    depth: float,
    cloud: Puffs,
    i: int,
) -> None:
    """Add one puff's optical depth and shade where nothing nearer hides it."""
    radius = float(np.clip(radius, 1.2, 110.0))
    x0, y0 = max(0, int(middle[0] - radius)), max(0, int(middle[1] - radius))
    x1, y1 = min(total.shape[1], int(middle[0] + radius) + 2), min(total.shape[0], int(middle[1] + radius) + 2)
    if x1 <= x0 or y1 <= y0:
        return
    texture = _textures()[int(cloud.texture[i]) % TEXTURES]
    patch = _turned(texture, (middle[0] - x0, middle[1] - y0), radius, float(cloud.turn[i]), (x1 - x0, y1 - y0))
    clear = behind[y0:y1, x0:x1]
    if clear.min() < depth + 0.2:
        patch *= np.clip((clear - depth) * 2.5 + 0.5, 0, 1)
    patch *= np.float32(cloud.depth[i])
    total[y0:y1, x0:x1] += patch
    # Lit from above, each billow shadows what is under it.
    down = (np.arange(y0, y1, dtype=np.float32)[:, None] - np.float32(middle[1])) / np.float32(radius)
    own = 0.72 + 0.26 * (int(cloud.texture[i]) % 7) / 6 - 0.32 * down
    shade[y0:y1, x0:x1] += (own - shade[y0:y1, x0:x1]) * (patch / (patch + 0.5))


def _turned(
    texture: Array, middle: tuple[float, float], radius: float, turn_deg: float, size: tuple[int, int]
) -> Array:
    """The texture as a picture of `size`, turned, its middle at `middle` and half its width `radius` pixels."""
    scale, turn = 2 * radius / TEXTURE_PX, np.radians(turn_deg)
    cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
    half = TEXTURE_PX / 2
    matrix = np.array([[cos, -sin, middle[0] - half * (cos - sin)], [sin, cos, middle[1] - half * (sin + cos)]])
    return np.asarray(cv2.warpAffine(texture, matrix, size, flags=cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR))


@lru_cache(maxsize=1)
def _textures() -> Array:
    """Ragged round puffs (n, px, px), 0-1, from cloudy noise."""
    axis = np.linspace(-1, 1, TEXTURE_PX, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    found = []
    for i in range(TEXTURES):
        rough = sample(noise_tile(900 + i % 3), x + 3 * i, y + 5 * i, 4.5) - 0.5
        fine = sample(noise_tile(900 + i % 3), x * 1.0 + 7 * i, y, 1.7) - 0.5
        far = np.sqrt(x * x + y * y) + 0.9 * rough + 0.35 * fine
        body = np.clip(1 - far, 0, 1) ** 1.2 * np.clip((1 - np.sqrt(x * x + y * y)) * 5, 0, 1)
        found.append(np.clip(body * (1 + 1.6 * fine), 0, 1.4))
    return np.stack(found).astype(np.float32)


def _layer(source: Source, view: Backdrop, gathered: float, t_s: float) -> Array:
    """The layer under the ceiling: thicker and denser the more has gathered, spreading from above the source."""
    thick = min(0.25 + 0.011 * gathered, 1.1)
    reach = 0.8 + 0.5 * (t_s - source.start_s) ** 0.62
    bottom = source.ceiling_m - thick
    # Softer than anything else in the picture: every second point is enough.
    rays, eye, depth = view.small.rays[::2, ::2], view.small.eye, view.small.depth[::2, ::2]
    climb = np.where(np.abs(rays[..., 2]) < 1e-4, 1e-4, rays[..., 2])
    enters = np.clip((bottom - eye[2]) / climb, 0, depth) if eye[2] < bottom else np.zeros_like(depth)
    inside = np.where(eye[2] + rays[..., 2] * depth > bottom, depth - enters, 0.0).astype(np.float32)
    middle_x = eye[0] + rays[..., 0] * (enters + inside / 2)
    middle_y = eye[1] + rays[..., 1] * (enters + inside / 2)
    away = np.hypot(middle_x - source.place[0], middle_y - source.place[1])
    drift = np.float32((t_s - source.start_s) * 0.05)
    rough = sample(noise_tile(905), middle_x + drift, middle_y - drift * 0.6, 5.0)
    # Thinner towards its ragged underside, so the edge of the layer is soft.
    above = eye[2] + rays[..., 2] * depth - bottom - thick * 0.9 * (rough - 0.4)
    inside *= np.clip(above / (0.8 * thick), 0, 1)
    if view.layout.canopy is not None:
        # A canopy holds back little: most rolls out from under its edges.
        x0, y0, x1, y1, _ = view.layout.canopy
        within = np.minimum(np.minimum(middle_x - x0, x1 - middle_x), np.minimum(middle_y - y0, y1 - middle_y))
        inside *= 0.3 * np.clip(within + 0.4, 0, 1)
    shape = np.clip((reach - away) / (0.4 * reach), 0, 1) * np.clip(0.25 + 1.5 * rough, 0, 2)
    coarse = np.asarray(inside * shape * np.float32(0.009 * gathered / (1 + 0.012 * gathered)), dtype=np.float32)
    size = view.small.depth.shape[1::-1]
    return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR))
