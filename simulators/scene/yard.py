"""A shed in the open: a canopy on posts with its rail, and what stands in the yard around it."""

from __future__ import annotations

import numpy as np

from simulators.scene.layouts import Layout
from simulators.scene.mesh import Colour, Mesh, ball, box, frustum, join, tube, wheel

STEEL: Colour = (0.3, 0.29, 0.27)
CAR_PAINTS: tuple[Colour, ...] = ((0.5, 0.5, 0.5), (0.06, 0.06, 0.07), (0.25, 0.12, 0.06), (0.08, 0.07, 0.3))


def canopy(layout: Layout, rng: np.random.Generator) -> list[Mesh]:
    """Roof, posts, rail behind the bays, sign, extinguishers, a parked car, bollards, a bin, a tree."""
    assert layout.canopy is not None
    x0, y0, x1, y1, top = layout.canopy
    parts = [box((x0, y0, top), (x1, y1, top + 0.07), (0.38, 0.34, 0.24), 0.3)]
    parts += [
        box((x0, y - 0.04, top - 0.12), (x1, y + 0.04, top), STEEL) for y in np.arange(y0 + 0.1, y1, 2.0).tolist()
    ]
    for y in np.arange(y0 + 0.1, y1, 3.0).tolist():
        parts.append(tube((x0 + 0.15, y, 0), (x0 + 0.15, y, top), 0.05, STEEL, sides=8, gloss=0.3))
        if y > y0 + 2:
            parts.append(tube((x1 - 0.1, y, 0), (x1 - 0.1, y, top), 0.05, STEEL, sides=8, gloss=0.3))
    parts += [tube((x0 + 0.2, y0, z), (x0 + 0.2, y1, z), 0.03, STEEL, gloss=0.3) for z in (0.5, 1.25)]
    parts.append(box((x0 + 0.16, y0, 1.3), (x0 + 0.22, y1, 1.44), (0.34, 0.34, 0.33), 0.2))
    parts.append(box((x0 + 0.4, y1 - 0.02, 2.05), (x0 + 1.9, y1, 2.4), (0.08, 0.07, 0.5)))
    for i in range(2):
        x = x0 + 0.5 + 0.25 * i
        parts.append(tube((x, y1 - 0.1, 0.05), (x, y1 - 0.1, 0.5), 0.075, (0.04, 0.03, 0.42), sides=10, gloss=0.5))
    return parts + _yard(layout, rng)


def _yard(layout: Layout, rng: np.random.Generator) -> list[Mesh]:
    _, length, _ = layout.room_m
    paint = CAR_PAINTS[int(rng.integers(len(CAR_PAINTS)))]
    parts = [_car(paint).moved(10.4, 15.5 + float(rng.uniform(-0.8, 0.8)), 90.0)]
    parts += [tube((8.4, y, 0), (8.4, y, 0.75), 0.07, (0.1, 0.4, 0.45), sides=8) for y in (5.0, 8.0, 11.0, 14.0)]
    parts.append(frustum((3.2, 14.2, 0), (3.8, 14.8, 1.0), 1.15, 1.15, (0.1, 0.25, 0.1)))
    trunk, crown = (0.12, 0.16, 0.2), (0.06, 0.16, 0.1)
    for x, y in ((12.5, 9.0), (13.0, length - 4.0), (1.5, length - 5.0)):
        parts.append(tube((x, y, 0), (x, y, 3.0), 0.14, trunk, 0.09, sides=7))
        parts += [
            ball((x + dx, y + dy, 3.9 + dz), (1.2, 1.2, 1.0), crown, 9)
            for dx, dy, dz in ((0, 0, 0.4), (0.7, 0.3, 0), (-0.6, -0.4, 0.1))
        ]
    return parts


def _car(paint: Colour) -> Mesh:
    """A small saloon, along x, standing on z = 0."""
    glass: Colour = (0.1, 0.09, 0.08)
    parts = [
        frustum((-2.1, -0.85, 0.28), (2.1, 0.85, 0.85), 0.97, 0.95, paint, 0.5),
        frustum((-1.35, -0.76, 0.85), (1.05, 0.76, 1.42), 0.68, 0.86, glass, 0.6),
        box((-0.85, -0.66, 1.41), (0.6, 0.66, 1.45), paint, 0.5),
        box((2.05, -0.7, 0.55), (2.11, -0.4, 0.7), (0.7, 0.7, 0.7), 0.5),
        box((2.05, 0.4, 0.55), (2.11, 0.7, 0.7), (0.7, 0.7, 0.7), 0.5),
    ]
    for side in (-0.78, 0.78):
        parts += [part.moved(0.0, side) for part in (*wheel(1.3, 0.31, 0.2), *wheel(-1.3, 0.31, 0.2))]
    return join(parts)
