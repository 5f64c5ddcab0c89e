"""Things made of flat four-cornered faces, and the primitives they are put together from. Metres, linear colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from simulators.scene.geometry import Array, unit

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Mesh:
    """Faces: corners (n, 4, 3), reflectance BGR (n, 3) 0-1, gloss (n), glow (n). Normals follow the corners' order."""

    quads: Array
    colour: Array
    gloss: Array
    glow: Array

    def __len__(self) -> int:
        return len(self.quads)

    def moved(self, x_m: float, y_m: float, heading_deg: float = 0.0, z_m: float = 0.0, lean_deg: float = 0.0) -> Mesh:
        """Leaned about its own x axis, turned about z, then put somewhere."""
        a, b = np.radians(heading_deg), np.radians(lean_deg)
        lean = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
        turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
        placed = self.quads @ (turn @ lean).T + np.array([x_m, y_m, z_m])
        return Mesh(placed.astype(np.float32), self.colour, self.gloss, self.glow)

    def normals(self) -> Array:
        """Outward unit normals (n, 3)."""
        q = self.quads
        return unit(np.cross(q[:, 2] - q[:, 0], q[:, 3] - q[:, 1]))

    def mirrored(self) -> Mesh:
        """As seen in a shiny floor: upside down under z = 0."""
        flipped = self.quads[:, ::-1].copy()
        flipped[..., 2] *= -1
        return Mesh(flipped, self.colour, self.gloss, self.glow)


def join(parts: Sequence[Mesh]) -> Mesh:
    """Several meshes as one."""
    return Mesh(
        np.concatenate([part.quads for part in parts]).astype(np.float32),
        np.concatenate([part.colour for part in parts]).astype(np.float32),
        np.concatenate([part.gloss for part in parts]).astype(np.float32),
        np.concatenate([part.glow for part in parts]).astype(np.float32),
    )


def faces(quads: Array, colour: Colour, gloss: float = 0.1, glow: float = 0.0) -> Mesh:
    """Faces (n, 4, 3) of one material."""
    n = len(quads)
    return Mesh(
        np.asarray(quads, dtype=np.float32),
        np.tile(np.asarray(colour, dtype=np.float32), (n, 1)),
        np.full(n, gloss, dtype=np.float32),
        np.full(n, glow, dtype=np.float32),
    )


def box(low: Colour, high: Colour, colour: Colour, gloss: float = 0.1, glow: float = 0.0) -> Mesh:
    """An upright block between two corners."""
    return frustum(low, high, 1.0, 1.0, colour, gloss, glow)


def frustum(
    low: Colour, high: Colour, top_x: float, top_y: float, colour: Colour, gloss: float = 0.1, glow: float = 0.0
) -> Mesh:
    """A block whose top is scaled by `top_x`, `top_y` about its middle."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    cx, cy, rx, ry = (x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2
    ring = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], dtype=np.float64)
    bottom = np.column_stack([cx + ring[:, 0] * rx, cy + ring[:, 1] * ry, np.full(4, z0)])
    top = np.column_stack([cx + ring[:, 0] * rx * top_x, cy + ring[:, 1] * ry * top_y, np.full(4, z1)])
    return faces(loft([bottom, top], closed=True), colour, gloss, glow)


def loft(rings: Sequence[Array], closed: bool = True) -> Array:
    """Faces between successive rings of equal count; `closed` caps both ends."""
    quads = []
    for lower, upper in pairwise(rings):
        quads.append(np.stack([lower, np.roll(lower, -1, axis=0), np.roll(upper, -1, axis=0), upper], axis=1))
    if closed:
        quads.append(_cap(rings[0])[:, ::-1])
        quads.append(_cap(rings[-1]))
    return np.concatenate(quads)


def _cap(ring: Array) -> Array:
    if len(ring) == 4:
        return ring[None]
    middle = np.tile(ring.mean(axis=0), (len(ring), 1))
    ahead = np.roll(ring, -1, axis=0)
    return np.stack([middle, ring, (ring + ahead) / 2, ahead], axis=1)


def tube(
    start: Sequence[float],
    end: Sequence[float],
    r0: float,
    colour: Colour,
    r1: float | None = None,
    sides: int = 6,
    gloss: float = 0.1,
    glow: float = 0.0,
) -> Mesh:
    """A round bar between two points, `r0` thick at the start and `r1` at the end (radii)."""
    a, b = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    axis = unit(b - a)
    side = unit(np.cross(axis, [0.0, 0.0, 1.0] if abs(axis[2]) < 0.9 else [1.0, 0.0, 0.0]))
    other = np.cross(axis, side)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)[:, None]
    ring = np.cos(angle) * side + np.sin(angle) * other
    return faces(loft([a + ring * r0, b + ring * (r0 if r1 is None else r1)]), colour, gloss, glow)


def ball(middle: Sequence[float], radii: Colour, colour: Colour, sides: int = 8, gloss: float = 0.1) -> Mesh:
    """A rounded lump (ellipsoid)."""
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    rings = []
    for tilt in np.linspace(-1.45, 1.45, max(4, sides - 3)):
        flat = np.column_stack([np.cos(angle), np.sin(angle)]) * np.cos(tilt)
        rings.append(np.asarray(middle) + np.column_stack([flat, np.full(sides, np.sin(tilt))]) * np.asarray(radii))
    return faces(loft(rings), colour, gloss)


def wheel(x_m: float, radius_m: float, width_m: float, sides: int = 18) -> list[Mesh]:
    """A tyred wheel standing on the floor at x, turning about y: tyre, rim and hub."""
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    circle = np.column_stack([np.cos(angle), np.zeros(sides), np.sin(angle)])
    middle, half = np.array([x_m, 0.0, radius_m]), np.array([0.0, width_m / 2, 0.0])
    outer, shoulder, inner = circle * radius_m, circle * radius_m * 0.94, circle * radius_m * 0.72
    rings = [
        middle + inner + half,
        middle + shoulder + half,
        middle + outer,
        middle + shoulder - half,
        middle + inner - half,
    ]
    tyre = faces(loft(rings, closed=False), (0.03, 0.03, 0.03), 0.05)
    hub = tube(
        (x_m, -width_m * 0.4, radius_m),
        (x_m, width_m * 0.4, radius_m),
        radius_m * 0.36,
        (0.22, 0.22, 0.22),
        sides=10,
        gloss=0.4,
    )
    spokes = []
    for turn in np.arange(5) * 2 * np.pi / 5 + 0.3:
        tip = middle + np.array([np.cos(turn), 0, np.sin(turn)]) * radius_m * 0.74
        spokes.append(tube(middle.tolist(), tip.tolist(), 0.018, (0.3, 0.3, 0.3), sides=4, gloss=0.4))
    return [tyre, hub, *spokes]
