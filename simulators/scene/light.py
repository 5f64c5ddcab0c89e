"""Where light comes from, what it reaches, and how much of each kind there is at an hour.

A picture is a sum over kinds of light (day, lamps, infrared), so switching a lamp needs no new shadows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulators.scene.geometry import Array, Camera, unit
from simulators.scene.layouts import Layout
from simulators.scene.mesh import Mesh
from simulators.scene.raster import Window, depths, visible

SHADOW_PX = 512
SUN_AWAY_M, SUN_POWER = 40.0, 0.42
BIAS_M, FAR_BIAS_M = 0.04, 0.16
# Hour at which it is fully light or dark outside; between them a ramp.
DAWN_H, MORNING_H, EVENING_H, DUSK_H = 5.6, 7.2, 17.2, 18.6
KINDS = ("day", "lamps", "infrared")


@dataclass(frozen=True)
class Lamp:
    """One point of light: place, direction it faces (cosine emission), power (candela-like, relative), width of its beam."""

    place: tuple[float, float, float]
    facing: tuple[float, float, float]
    power: float
    spread_deg: float = 150.0
    map_px: int = SHADOW_PX

    def shadow(self, mesh: Mesh) -> Shadow:
        """What it reaches past the mesh."""
        target = tuple(np.add(self.place, self.facing))
        camera = Camera(self.place, target, self.spread_deg, aspect=1.0)
        size = self.map_px
        window = Window(0, 0, size, size, (size, size))
        ids = visible(camera, mesh, window, cull=False)
        return Shadow(self, camera, depths(camera, mesh, ids, window.rays(camera)))


@dataclass(frozen=True)
class Shadow:
    """A lamp with the depth of the first thing it meets in each direction."""

    lamp: Lamp
    camera: Camera
    first: Array

    def reach(self, points: Array, normals: Array) -> Array:
        """Light arriving at points with normals (both (n, 3)), shadows included (n)."""
        return np.asarray(open_reach(self.lamp, points, normals) * self.clear(points))

    def clear(self, points: Array) -> Array:
        """1 where the lamp sees the points (n, 3), 0 where something is between."""
        right, down, forward = self.camera.basis.astype(np.float32)
        seen = points - np.asarray(self.lamp.place, dtype=np.float32)
        depth = seen @ forward
        size = self.lamp.map_px
        scale = np.float32(self.camera.focal[0] * size) / np.maximum(depth, 1e-3)
        half = size / 2 - 1 if size == SHADOW_PX else size / 2 - 2
        x = (np.clip((seen @ right) * scale, -half, half) + size / 2).astype(np.int32)
        y = (np.clip((seen @ down) * scale, -half, half) + size / 2).astype(np.int32)
        if size == SHADOW_PX:
            return np.asarray(self.first[y, x] > depth - BIAS_M, dtype=np.float32)
        # From far away one cell is centimetres wide: a wider bias, and edges averaged over neighbours.
        around = [(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
        total = sum((self.first[y + dy, x + dx] > depth - FAR_BIAS_M).astype(np.float32) for dx, dy in around)
        return np.asarray(total / len(around), dtype=np.float32)


def open_reach(lamp: Lamp, points: Array, normals: Array) -> Array:
    """Light arriving at points with nothing in between."""
    to_lamp = np.asarray(lamp.place, dtype=np.float32) - points
    square = np.maximum(np.einsum("...i,...i->...", to_lamp, to_lamp), 0.02)
    near = np.sqrt(square)
    received = np.maximum(np.einsum("...i,...i->...", to_lamp, normals), 0) / near
    emitted = np.maximum(-(to_lamp @ np.asarray(lamp.facing, dtype=np.float32)), 0) / near
    return np.asarray(lamp.power * received * (0.15 + emitted) / square, dtype=np.float32)


def tube_lamps(layout: Layout) -> list[Lamp]:
    """Three points along each tube lamp."""
    found = []
    for x, y, z, length in layout.lamps:
        found += [Lamp((x, y + part * length, z - 0.08), (0.0, 0.0, -1.0), 1.1) for part in (-0.35, 0.0, 0.35)]
    return found


def day_lamps(layout: Layout) -> list[Lamp]:
    """Points spread over the openings, shining inwards and a little down; in the open the sun behind thin cloud."""
    found = [_sun(layout)] if layout.canopy is not None else []
    width, length, _ = layout.room_m
    for hole in layout.openings:
        span = hole.to_m - hole.from_m
        count = max(1, min(4, round(span / 2.2)))
        z = (max(hole.bottom_m, 0.6) + hole.top_m) / 2 + 0.2
        area = span * (hole.top_m - hole.bottom_m)
        for i in range(count):
            along = hole.from_m + span * (i + 0.5) / count
            place = {"left": (0.1, along, z), "right": (width - 0.1, along, z), "far": (along, length - 0.1, z)}[
                hole.wall
            ]
            facing = {"left": (1.0, 0.0, -0.35), "right": (-1.0, 0.0, -0.35), "far": (0.0, -1.0, -0.35)}[hole.wall]
            found.append(Lamp(place, _unit3(facing), 1.3 * area / count))
    return found


def _sun(layout: Layout) -> Lamp:
    width, length, _ = layout.room_m
    aim = _unit3((0.42, 0.5, -0.76))
    place = np.array([width / 2, length / 3, 0.0]) - SUN_AWAY_M * np.asarray(aim)
    return Lamp(_three(place), aim, SUN_POWER * SUN_AWAY_M**2, spread_deg=44.0, map_px=1024)


def infrared_lamp(camera: Camera) -> Lamp:
    """The ring of infrared diodes round the lens."""
    place = np.add(camera.position, (0.0, 0.0, 0.05))
    aim = unit(np.subtract(camera.target, camera.position))
    return Lamp(_three(place), _three(aim), 9.0)


def sky_lamps(layout: Layout) -> list[Lamp]:
    """Far points above the shed, for the light that comes from everywhere: what they cannot see lies in soft shadow."""
    width, length, _ = layout.room_m
    found = []
    for i in range(7):
        turn, up = i * 2.399963, 0.95 - 0.09 * i
        out = np.sqrt(1 - up * up)
        aim = np.array([out * np.cos(turn), out * np.sin(turn), up])
        place = np.array([width / 2, length / 2, 0.0]) + aim * 14.0
        found.append(Lamp(_three(place), _three(-aim), 1.0))
    return found


def ambient(shadows: list[Shadow], points: Array, normals: Array, room_m: tuple[float, float, float]) -> Array:
    """Light from all around (n), about 0-1: open sky lamps, bounce from the floor, darker in the room's corners."""
    total = np.full(len(points), 0.28, dtype=np.float32)
    for shadow in shadows:
        facing = np.maximum(normals @ -np.asarray(shadow.lamp.facing, dtype=np.float32), 0)
        total += (0.95 / len(shadows)) * facing * shadow.clear(points)
    total += 0.18 * np.maximum(-normals[:, 2], 0) + 0.2 * (1 - np.abs(normals[:, 2]))
    width, length, height = room_m
    for axis, size in ((0, width), (1, length), (2, height)):
        wall = np.minimum(np.abs(points[:, axis]), np.abs(size - points[:, axis]))
        facing_away = np.abs(normals[:, axis])
        total *= 1 - 0.3 * (1 - facing_away) * np.exp(-wall / 0.22)
    return total


def daylight(hour: float) -> float:
    """Daylight outside, 0-1, at an hour of the day 0-24."""
    hour = hour % 24
    rise = np.clip((hour - DAWN_H) / (MORNING_H - DAWN_H), 0, 1)
    fall = np.clip((DUSK_H - hour) / (DUSK_H - EVENING_H), 0, 1)
    high = 0.72 + 0.28 * np.sin(np.pi * np.clip((hour - 6) / 12, 0, 1))
    return float(min(rise, fall) ** 1.6 * high)


def lamps_scheduled(layout: Layout, hour: float) -> bool:
    """Whether the shed's clock has the lamps on at this hour."""
    start, end = layout.lamp_hours
    return start <= hour % 24 < end or start <= hour % 24 + 24 < end


def _unit3(vector: tuple[float, float, float]) -> tuple[float, float, float]:
    return _three(unit(np.asarray(vector)))


def _three(vector: Array) -> tuple[float, float, float]:
    return (float(vector[0]), float(vector[1]), float(vector[2]))
