"""The empty room: floor, walls, ceiling and openings, seen along given rays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simulators.scene import textures
from simulators.scene.geometry import Array
from simulators.scene.layouts import BAY_DEPTH_M, Layout, Opening

NORMALS = np.array([(0, 0, 1), (1, 0, 0), (-1, 0, 0), (0, -1, 0), (0, 0, -1), (0, 1, 0)], dtype=np.float32)
FLOOR, LEFT, RIGHT, FAR, CEILING, NEAR = range(6)
DADOS = ((0.33, 0.42, 0.25), (0.42, 0.36, 0.22), (0.4, 0.42, 0.44), (0.3, 0.37, 0.38))
FLOORS = ((0.3, 0.31, 0.32), (0.2, 0.33, 0.2), (0.34, 0.34, 0.33), (0.26, 0.28, 0.31))
LINE_M = 0.05


class Surface(NamedTuple):
    """What the rays meet: depth (h, w), normal, reflectance, own light by day (h, w, 3), gloss (h, w), side (h, w)."""

    depth: Array
    normal: Array
    colour: Array
    glow: Array
    gloss: Array
    side: Array


@dataclass(frozen=True)
class Shell:
    """The room of a layout, painted by a seed."""

    layout: Layout
    seed: int

    def seen(self, rays: Array, eye: Array, floor: bool = True) -> Surface:
        """Meet the room's inside with rays from `eye`; without `floor` they pass through it."""
        depth, side = self._meet(rays, eye, floor)
        points = eye + rays * depth[..., None]
        colour = np.zeros((*depth.shape, 3), dtype=np.float32)
        glow, gloss = np.zeros_like(colour), np.zeros(depth.shape, dtype=np.float32)
        for which in range(6):
            here = side == which
            if here.any():
                box = _bounds(here)
                part = self._paint(which, points[box])
                inside = here[box]
                colour[box][inside], glow[box][inside] = part[0][inside], part[1][inside]
        gloss[side == FLOOR] = self.floor_gloss if self.layout.canopy is None else 0.05
        return Surface(depth, NORMALS[side], colour, glow, gloss, side)

    @property
    def floor_gloss(self) -> float:
        """How shiny the floor is: from bare concrete to sealed epoxy."""
        return (0.12, 0.3, 0.2, 0.14)[self.seed % 4]

    def _meet(self, rays: Array, eye: Array, floor: bool) -> tuple[Array, Array]:
        width, length, height = self.layout.room_m
        limits = ((2, 0.0), (0, 0.0), (0, width), (1, length), (2, height), (1, -0.6))
        best = np.full(rays.shape[:2], 1e6, dtype=np.float32)
        side = np.zeros(rays.shape[:2], dtype=np.int8)
        for which, (axis, at) in enumerate(limits):
            if which == FLOOR and not floor:
                continue
            along = rays[..., axis]
            reach = (at - eye[axis]) / np.where(np.abs(along) < 1e-6, 1e-6, along)
            nearer = (reach > 1e-3) & (reach < best)
            best[nearer], side[nearer] = reach[nearer], which
        return best, side

    def _paint(self, which: int, points: Array) -> tuple[Array, Array]:
        x, y, z = points[..., 0], points[..., 1], points[..., 2]
        dark = np.zeros_like(points)
        if which == FLOOR:
            return self._floor(x, y), dark
        if which == CEILING and self.layout.canopy is not None:
            return dark, textures.sky(x, y, self.seed)
        if which == CEILING:
            return self._wall(self.layout.walls[3], y, x), dark
        u = y if which in {LEFT, RIGHT} else x
        name = self.layout.walls[{LEFT: 0, RIGHT: 1}.get(which, 2)]
        colour = self._wall(name, u, z)
        return self._open(which, u, z, colour, dark)

    def _wall(self, name: str, u: Array, v: Array) -> Array:
        if name == "brick":
            return textures.brick(u, v, self.seed)
        if name == "corrugated":
            return textures.corrugated(v, u, self.seed)
        if name == "plaster":
            return textures.plaster(u, v, self.seed, DADOS[self.seed % 4])
        if name == "facade":
            return textures.facade(u, v, self.seed)
        if name == "hedge":
            return textures.hedge(u, v, self.seed)
        return textures.concrete(u, v, self.seed + 5, (0.44, 0.45, 0.46))

    def _open(self, which: int, u: Array, z: Array, colour: Array, glow: Array) -> tuple[Array, Array]:
        name = {LEFT: "left", RIGHT: "right", FAR: "far"}.get(which)
        for opening in self.layout.openings:
            if opening.wall == name:
                hole, frame = _hole(opening, u, z)
                glow = textures.mix(glow, textures.outside(u, z, self.seed), hole)
                colour = textures.mix(textures.mix(colour, (0.2, 0.2, 0.2), frame), (0.02, 0.02, 0.02), hole)
        return colour, glow

    def _floor(self, x: Array, y: Array) -> Array:
        floor = textures.concrete(x, y, self.seed, FLOORS[self.seed % 4])
        if self.layout.canopy is not None:
            x0, y0, x1, y1, _ = self.layout.canopy
            out = np.maximum(np.maximum(x0 - x, x - x1), np.maximum(y0 - y, y - y1))
            floor = textures.mix(floor, textures.paving(x, y, self.seed), textures.edge(out, 0.0, 0.03))
        worn = 0.35 + 0.75 * textures.sample(textures.noise_tile(self.seed + 2), x, y, 1.3)
        floor = textures.mix(floor, (0.09, 0.48, 0.55), self._corridor_lines(x, y) * worn)
        floor = textures.mix(floor, (0.55, 0.56, 0.56), self._bay_lines(x, y) * worn * 0.8)
        tyre = textures.sample(textures.noise_tile(self.seed + 4), x * 1.6, y * 0.25, 3.0)
        return floor * (1 - 0.45 * np.clip(tyre - 0.6, 0, 1))[..., None]

    def _corridor_lines(self, x: Array, y: Array) -> Array:
        line = np.zeros(x.shape, dtype=np.float32)
        ring = self.layout.corridor_outline
        for (ax, ay), (bx, by) in zip(ring, ring[1:] + ring[:1], strict=True):
            length = float(np.hypot(bx - ax, by - ay))
            dx, dy = (bx - ax) / length, (by - ay) / length
            along, across = (x - ax) * dx + (y - ay) * dy, np.abs((x - ax) * dy - (y - ay) * dx)
            on = (along > -LINE_M) & (along < length + LINE_M)
            line = np.maximum(line, np.where(on, 1 - textures.edge(across, LINE_M, 0.015), 0))
        return line

    def _bay_lines(self, x: Array, y: Array) -> Array:
        line = np.zeros(x.shape, dtype=np.float32)
        for bay in self.layout.bays:
            angle = np.radians(bay.heading_deg)
            along = (x - bay.x_m) * np.cos(angle) + (y - bay.y_m) * np.sin(angle)
            across = np.abs(-(x - bay.x_m) * np.sin(angle) + (y - bay.y_m) * np.cos(angle))
            edge_m = np.abs(across - bay.width_m / 2 - 0.04)
            line = np.maximum(line, (np.abs(along) < BAY_DEPTH_M / 2) * (1 - textures.edge(edge_m, 0.03, 0.015)))
        return line


def _bounds(mask: Array) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _hole(opening: Opening, u: Array, z: Array) -> tuple[Array, Array]:
    inset = np.minimum(
        np.minimum(u - opening.from_m, opening.to_m - u), np.minimum(z - opening.bottom_m + 0.02, opening.top_m - z)
    )
    return textures.edge(inset, 0.0, 0.02), textures.edge(inset, -0.07, 0.02)
