"""Surfaces of a shed: brick, plaster, concrete, corrugated steel, as functions of metres along and up a surface."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from simulators.scene.geometry import Array

TILE = 512


@lru_cache(maxsize=16)
def noise_tile(seed: int, octaves: int = 6, first: int = 4) -> Array:
    """Seamless cloudy noise (512, 512) float32, mean 0.5, about 0-1: octaves of smoothed random lattices."""
    rng = np.random.default_rng(seed)
    total = np.zeros((TILE, TILE), dtype=np.float32)
    for octave in range(octaves):
        cells = first * 2**octave
        if cells > TILE:
            break
        lattice = np.pad(rng.random((cells, cells), dtype=np.float32), 4, mode="wrap")
        step = TILE // cells
        fine = cv2.resize(lattice, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
        total += fine[4 * step : 4 * step + TILE, 4 * step : 4 * step + TILE] * 0.55**octave
    spread = float(total.std()) * 6
    return np.asarray((total - total.mean()) / spread + 0.5, dtype=np.float32)


def sample(tile: Array, u: Array, v: Array, metres: float) -> Array:
    """Noise at (u, v) metres where the tile is `metres` wide; u and v are float32 pictures."""
    scale = TILE / metres
    x = np.mod(u * scale, TILE).astype(np.float32)
    y = np.mod(v * scale, TILE).astype(np.float32)
    return np.asarray(cv2.remap(tile, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP))


def tint(colour: tuple[float, float, float], amount: Array) -> Array:
    """A colour (BGR reflectance) brightened pixel by pixel."""
    return np.asarray(np.asarray(colour, dtype=np.float32) * amount[..., None], dtype=np.float32)


def mix(under: Array, over: Array | tuple[float, float, float], share: Array) -> Array:
    """Two colours blended by a 0-1 picture."""
    s = np.clip(share, 0, 1)[..., None]
    return np.asarray(under * (1 - s) + np.asarray(over, dtype=np.float32) * s, dtype=np.float32)


def edge(value: Array, at: float | Array, soft: float) -> Array:
    """0 below `at`, 1 above, over a width of `soft`."""
    return np.asarray(np.clip((value - at) / soft + 0.5, 0, 1), dtype=np.float32)


def concrete(u: Array, v: Array, seed: int, colour: tuple[float, float, float] = (0.3, 0.31, 0.32)) -> Array:
    """Trowelled grey concrete with stains, joints every 3 m and hair cracks."""
    fine, broad = noise_tile(seed), noise_tile(seed + 1)
    tone = 0.78 + 0.25 * (sample(fine, u, v, 1.7) - 0.5) + 0.7 * (sample(broad, u, v, 9.0) - 0.5)
    tone += 0.14 * (sample(fine, v, u, 0.31) - 0.5)
    joint = np.minimum(np.abs(np.mod(u + 1.5, 3.0) - 1.5), np.abs(np.mod(v + 1.2, 3.0) - 1.5))
    tone *= 0.72 + 0.28 * edge(joint, 0.012, 0.015)
    crack = np.abs(sample(broad, u, v, 5.1) - 0.5)
    tone *= 0.86 + 0.14 * edge(crack, 0.004, 0.006)
    return tint(colour, tone)


def plaster(u: Array, v: Array, seed: int, dado: tuple[float, float, float]) -> Array:
    """Whitewashed plaster, the lower 1.15 m painted, dirty towards the floor."""
    fine = noise_tile(seed + 2)
    tone = 0.93 + 0.2 * (sample(fine, u, v, 2.3) - 0.5) + 0.5 * (sample(noise_tile(seed + 1), u, v, 7.0) - 0.5)
    wall = mix(tint((0.56, 0.59, 0.6), tone), tint(dado, tone), 1 - edge(v, 1.15, 0.012))
    dirt = np.clip((0.42 - v + 0.5 * (sample(fine, u, v * 0.4, 1.9) - 0.5)) * 1.4, 0, 0.55)
    streak = np.clip(sample(fine, u * 3, v * 0.12, 4.0) - 0.62, 0, 1) * 1.3
    return mix(mix(wall, (0.13, 0.14, 0.15), dirt), (0.2, 0.21, 0.22), streak)


def brick(u: Array, v: Array, seed: int) -> Array:
    """Old brickwork in running bond, 24 x 7 cm, weathered."""
    fine = noise_tile(seed + 2)
    row = np.floor(v / 0.075)
    along = u / 0.25 + 0.5 * np.mod(row, 2)
    column = np.floor(along)
    each = np.mod(np.sin(row * 12.9898 + column * 78.233 + seed % 97) * 43758.547, 1.0).astype(np.float32)
    tone = 0.72 + 0.4 * each + 0.4 * (sample(fine, u, v, 1.1) - 0.5)
    tone += 0.9 * (sample(noise_tile(seed + 1), u, v, 8.0) - 0.5)
    from_joint = np.minimum(np.mod(v, 0.075), np.mod(along, 1.0) * 0.25)
    wall = mix(
        tint((0.33, 0.31, 0.29), 0.7 + 0.3 * tone), tint((0.15, 0.19, 0.3), tone), edge(from_joint, 0.011, 0.008)
    )
    return mix(wall, (0.14, 0.14, 0.15), np.clip((0.35 - v) * 0.9, 0, 0.4))


def corrugated(u: Array, v: Array, seed: int) -> Array:
    """Coated corrugated sheets, ridges every 19 cm, lapped every 2 m, some rust."""
    ridge = np.sin(u * (2 * np.pi / 0.19))
    tone = 0.85 + 0.16 * ridge + 0.2 * (sample(noise_tile(seed + 1), u, v, 6.0) - 0.5)
    tone *= 0.8 + 0.2 * edge(np.abs(np.mod(v, 2.0) - 1.0), 0.012, 0.01)
    sheet = tint((0.42, 0.4, 0.37), tone)
    rust = np.clip(sample(noise_tile(seed + 2), u, v * 0.5, 3.0) - 0.68, 0, 1) * 2.2
    return mix(sheet, (0.1, 0.16, 0.27), rust)


def paving(u: Array, v: Array, seed: int) -> Array:
    """Worn concrete paving stones, 40 x 20 cm, some darker, moss in the joints."""
    row = np.floor(v / 0.2)
    along = u / 0.4 + 0.5 * np.mod(row, 2)
    each = np.mod(np.sin(row * 12.9898 + np.floor(along) * 78.233 + seed % 89) * 43758.547, 1.0).astype(np.float32)
    tone = 0.8 + 0.22 * each + 0.8 * (sample(noise_tile(seed + 1), u, v, 11.0) - 0.5)
    tone += 0.25 * (sample(noise_tile(seed), u, v, 1.3) - 0.5)
    from_joint = np.minimum(np.mod(v, 0.2), np.mod(along, 1.0) * 0.4)
    return mix(tint((0.2, 0.23, 0.21), 0.6 + 0.3 * tone), tint((0.31, 0.33, 0.35), tone), edge(from_joint, 0.008, 0.01))


def facade(u: Array, v: Array, seed: int) -> Array:
    """A block of flats: render with a tiled foot, rows of dark windows behind bars, stains under the sills."""
    tone = (
        0.9 + 0.3 * (sample(noise_tile(seed + 1), u, v, 9.0) - 0.5) + 0.15 * (sample(noise_tile(seed), u, v, 1.9) - 0.5)
    )
    wall = mix(tint((0.42, 0.5, 0.55), tone), tint((0.25, 0.27, 0.33), tone), 1 - edge(v, 0.9, 0.03))
    across, up = np.abs(np.mod(u, 3.1) - 1.55), np.mod(v - 0.35, 2.9) - 1.6
    inside = np.minimum(0.75 - across, 0.68 - np.abs(up))
    glass = tint((0.13, 0.12, 0.1), 0.6 + 1.2 * sample(noise_tile(seed + 3), u, v * 0.4, 5.0))
    wall = mix(mix(wall, (0.5, 0.5, 0.5), edge(inside, -0.07, 0.02)), glass, edge(inside, 0.0, 0.02))
    bars = edge(np.abs(np.mod(u, 0.16) - 0.08), 0.066, 0.012) * edge(inside, 0.0, 0.02)
    stain = np.clip(1 - (-0.75 - up) / 0.7, 0, 1) * edge(-0.75 - up, 0.0, 0.02) * edge(0.8 - across, 0.0, 0.1)
    return mix(mix(wall, (0.3, 0.3, 0.31), 0.6 * bars), (0.2, 0.22, 0.23), 0.35 * stain)


def hedge(u: Array, v: Array, seed: int) -> Array:
    """A clipped hedge with shrubs behind it and the shade of trees above."""
    leaf = sample(noise_tile(seed + 3), u, v, 0.9) - 0.5 + 0.7 * (sample(noise_tile(seed + 2), u, v, 3.3) - 0.5)
    top = 1.3 + 0.25 * (sample(noise_tile(seed + 1), u, v * 0, 2.2) - 0.5)
    low = tint((0.06, 0.17, 0.1), np.clip(0.9 + 2.2 * leaf, 0.15, 2.2))
    trees = tint((0.07, 0.15, 0.12), np.clip(0.9 + 3.0 * leaf, 0.1, 2.6))
    return mix(trees, low, 1 - edge(v, top, 0.06))


def sky(u: Array, v: Array, seed: int) -> Array:
    """The light of an overcast sky."""
    cloud = sample(noise_tile(seed + 1), u, v, 21.0) - 0.5
    return tint((2.0, 1.86, 1.74), 1.0 + 0.5 * cloud)


def grime(points: Array) -> Array:
    """Brightness factor (h, w), about 1, of wear, dust and weave on things, by their place in metres (h, w, 3)."""
    u, v = points[..., 0] + 0.61 * points[..., 2], points[..., 1] - 0.73 * points[..., 2]
    broad, fine = sample(noise_tile(930), u, v, 1.6) - 0.5, sample(noise_tile(931), u, v, 0.45) - 0.5
    return np.asarray(np.clip(1 + 0.5 * broad + 0.35 * fine, 0.6, 1.4), dtype=np.float32)


def outside(u: Array, v: Array, seed: int) -> Array:
    """What is seen through an opening by day, overexposed and out of focus: pavement, hedges, bright sky."""
    rough = sample(noise_tile(seed + 3, octaves=4), u, v, 6.0) - 0.5
    sky = tint((1.9, 1.8, 1.7), 1.0 + 0.15 * rough)
    hedge = tint((0.22, 0.36, 0.3), np.maximum(1.0 + 2.6 * rough, 0.5))
    ground = tint((0.75, 0.78, 0.8), 1.0 + 0.3 * rough)
    view = mix(sky, hedge, 1 - edge(v + 0.5 * rough, 1.75, 0.25))
    return mix(view, ground, 1 - edge(v + 0.08 * rough, 0.85, 0.12))
