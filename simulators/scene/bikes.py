"""Two-wheelers by seed: scooter-like e-bikes as built for the Chinese market, light e-bikes, bicycles. x forward, on z = 0."""

from __future__ import annotations

import numpy as np

from simulators.scene.mesh import Colour, Mesh, ball, box, faces, frustum, join, loft, tube, wheel

PAINTS: tuple[Colour, ...] = (
    (0.55, 0.55, 0.56),
    (0.04, 0.04, 0.05),
    (0.05, 0.05, 0.34),
    (0.32, 0.12, 0.04),
    (0.5, 0.45, 0.16),
    (0.1, 0.34, 0.42),
    (0.42, 0.38, 0.5),
    (0.22, 0.3, 0.14),
    (0.2, 0.2, 0.21),
    (0.08, 0.17, 0.4),
)
DARK: Colour = (0.035, 0.035, 0.04)
STEEL: Colour = (0.26, 0.26, 0.27)
# Footprint used for the clear width: length and width with handlebar, of a scooter of usual size.
LENGTH_M, WIDTH_M = 1.65, 0.62
# Shares of what stands in sheds beside scooters.
BICYCLES, LIGHT = 0.1, 0.14


def parked(seed: int) -> tuple[Mesh, float, float]:
    """Whatever somebody parks, with its length and width in metres: mostly scooters, of different sizes."""
    rng = np.random.default_rng((seed, 77))
    pick, size = float(rng.random()), float(rng.uniform(0.86, 1.06))
    if pick < BICYCLES:
        return bicycle(seed), 1.75, 0.6
    if pick < BICYCLES + LIGHT:
        return bicycle(seed, battery=True), 1.75, 0.6
    return sized(bike(seed), size), LENGTH_M * size, WIDTH_M * size


def is_scooter(seed: int) -> bool:
    """Whether `parked` gives a scooter; else a bicycle or a light e-bike built like one."""
    return float(np.random.default_rng((seed, 77)).random()) >= BICYCLES + LIGHT


def sized(mesh: Mesh, size: float) -> Mesh:
    """The same thing larger or smaller."""
    return Mesh((mesh.quads * size).astype(np.float32), mesh.colour, mesh.gloss, mesh.glow)


def bicycle(seed: int, battery: bool = False) -> Mesh:
    """A bicycle, or with `battery` a light e-bike: thin tubes, large wheels, basket or not."""
    rng = np.random.default_rng((seed, 78))
    paint = PAINTS[int(rng.integers(len(PAINTS)))]
    radius = float(rng.uniform(0.2, 0.25)) if battery else float(rng.uniform(0.28, 0.34))
    head, seat, crank = (0.42, 0.0, 0.86), (-0.2, 0.0, 0.84), (-0.06, 0.0, 0.3)
    rear, front = (-0.54, 0.0, radius), (0.56, 0.0, radius)
    legs = [((0.42, 0, 0.7), crank), (crank, seat), ((0.42, 0, 0.78), (-0.16, 0, 0.62)), (seat, rear), (crank, rear)]
    parts = [*wheel(0.56, radius, 0.05), *wheel(-0.54, radius, 0.05)]
    parts += [tube(a, b, 0.022 if i < 3 else 0.013, paint, gloss=0.4) for i, (a, b) in enumerate(legs)]
    parts += [tube((0.42, s * 0.05, 0.72), (front[0], s * 0.05, radius), 0.014, STEEL, gloss=0.4) for s in (-1, 1)]
    parts += [tube((0.42, 0, 0.72), head, 0.02, paint), tube(head, (0.37, 0, 1.02), 0.014, STEEL)]
    parts += [tube((0.34, -0.29, 1.03), (0.34, 0.29, 1.03), 0.014, DARK), tube(seat, (-0.22, 0, 0.92), 0.014, STEEL)]
    parts.append(frustum((-0.36, -0.09, 0.91), (-0.08, 0.09, 0.98), 0.7, 0.9, DARK, 0.2))
    parts.append(tube((-0.06, -0.12, 0.3), (-0.06, 0.12, 0.3), 0.06, DARK, sides=8))
    parts.append(box((-0.76, -0.07, 0.7), (-0.3, 0.07, 0.72), STEEL, 0.4))
    if battery:
        parts.append(box((-0.22, -0.07, 0.34), (-0.06, 0.07, 0.74), DARK, 0.3))
        parts.append(frustum((0.36, -0.07, 0.42), (0.5, 0.07, 0.78), 0.8, 0.8, paint, 0.4))
    if rng.random() < 0.65:
        parts.append(frustum((0.44, -0.16, 0.78), (0.74, 0.16, 0.98), 1.15, 1.1, (0.14, 0.14, 0.14), 0.15))
    parts.append(tube((-0.5, 0.05, 0.3), (-0.44, 0.24, 0.0), 0.01, STEEL, sides=4))
    return join(parts).moved(0, 0, 0.0, 0, float(rng.uniform(3, 7)))


def bike(seed: int) -> Mesh:
    """One scooter-like e-bike. Seeds differ in paint, wheels, handlebar, basket, top case, mirrors, bag."""
    rng = np.random.default_rng(seed)
    paint = PAINTS[int(rng.integers(len(PAINTS)))]
    radius = float(rng.uniform(0.21, 0.26))
    parts = [*wheel(0.6, radius, 0.08), *wheel(-0.55, radius, 0.09)]
    parts += _body(paint, radius, rng) + _front(paint, radius, rng) + _extras(paint, rng)
    steer = join(parts)
    return steer.moved(0, 0, float(rng.uniform(-2, 2)), 0, float(rng.uniform(2, 6)))


def _slab(
    outline_xz: list[tuple[float, float]], half_y: float, colour: Colour, gloss: float, taper: float = 0.75
) -> Mesh:
    """A four-cornered side view given thickness, thinner towards its upper edge."""
    (x0, z0), (x1, z1), (x2, z2), (x3, z3) = outline_xz
    low = np.array([(x0, -half_y, z0), (x1, -half_y, z1), (x1, half_y, z1), (x0, half_y, z0)])
    t = half_y * taper
    high = np.array([(x3, -t, z3), (x2, -t, z2), (x2, t, z2), (x3, t, z3)])
    return faces(loft([low, high]), colour, gloss)


def _body(paint: Colour, radius: float, rng: np.random.Generator) -> list[Mesh]:
    seat_z = float(rng.uniform(0.74, 0.8))
    seat: Colour = DARK if rng.random() < 0.75 else (0.07, 0.1, 0.2)
    return [
        _slab([(-0.2, 0.24), (0.34, 0.24), (0.34, 0.32), (-0.2, 0.33)], 0.15, DARK, 0.1, 1.0),
        _slab([(-0.34, 0.26), (-0.1, 0.26), (-0.02, seat_z - 0.06), (-0.42, seat_z - 0.06)], 0.14, paint, 0.5, 1.05),
        _slab([(-0.62, 0.44), (-0.3, 0.4), (-0.3, seat_z - 0.04), (-0.8, seat_z - 0.03)], 0.12, paint, 0.5, 0.9),
        _slab(
            [(-0.72, seat_z - 0.06), (0.04, seat_z - 0.07), (0.02, seat_z + 0.03), (-0.7, seat_z + 0.06)],
            0.14,
            seat,
            0.25,
            0.8,
        ),
        tube((-0.5, 0.12, radius), (-0.35, 0.12, 0.42), 0.025, STEEL, gloss=0.4),
        tube((-0.5, -0.12, radius), (-0.35, -0.12, 0.42), 0.025, STEEL, gloss=0.4),
        tube((-0.8, 0.0, seat_z - 0.02), (-0.86, 0.0, seat_z - 0.1), 0.05, (0.03, 0.03, 0.42), gloss=0.5),
        tube((-0.08, 0.02, 0.28), (-0.14, 0.24, 0.0), 0.012, STEEL, sides=4),
        _slab([(-0.84, 0.3), (-0.74, 0.3), (-0.66, 0.52), (-0.74, 0.54)], 0.06, DARK, 0.1, 1.0),
    ]


def _front(paint: Colour, radius: float, rng: np.random.Generator) -> list[Mesh]:
    bar_z, half = float(rng.uniform(0.98, 1.06)), float(rng.uniform(0.28, 0.33))
    shield = [(0.36, 0.3), (0.44, 0.3), (0.38, 0.88), (0.28, 0.88)]
    parts = [
        _slab(shield, 0.16, paint, 0.5, 0.75),
        _slab([(0.42, 0.52), (0.56, 0.55), (0.4, 0.92), (0.34, 0.9)], 0.1, paint, 0.5, 0.8),
        ball((0.5, 0, 0.72), (0.06, 0.08, 0.08), (0.6, 0.6, 0.6), gloss=0.6),
        frustum((0.26, -0.1, 0.9), (0.42, 0.1, 1.02), 0.7, 0.9, DARK, 0.3),
        tube((0.28, -half, bar_z), (0.33, -0.08, bar_z - 0.04), 0.018, DARK),
        tube((0.33, 0.08, bar_z - 0.04), (0.28, half, bar_z), 0.018, DARK),
        _slab(
            [(0.38, radius * 1.7), (0.84, radius * 1.5), (0.74, radius * 2 + 0.04), (0.5, radius * 2 + 0.06)],
            0.06,
            paint,
            0.4,
            0.9,
        ),
    ]
    for side in (-1, 1):
        parts.append(tube((0.6, side * 0.065, radius), (0.4, side * 0.065, 0.7), 0.018, STEEL, gloss=0.4))
        parts.append(tube((0.24, side * half, bar_z), (0.29, side * (half - 0.12), bar_z), 0.024, DARK, sides=5))
        if rng.random() < 0.7:
            parts.append(tube((0.3, side * 0.2, bar_z), (0.28, side * 0.27, bar_z + 0.17), 0.008, DARK, sides=4))
            parts.append(ball((0.28, side * 0.29, bar_z + 0.19), (0.02, 0.05, 0.035), (0.08, 0.08, 0.08), 6, 0.6))
    return parts


def _extras(paint: Colour, rng: np.random.Generator) -> list[Mesh]:
    parts = []
    if rng.random() < 0.45:
        parts.append(frustum((0.46, -0.17, 0.66), (0.76, 0.17, 0.9), 1.15, 1.1, (0.12, 0.12, 0.12), 0.15))
        parts.append(frustum((0.48, -0.15, 0.84), (0.74, 0.15, 0.905), 1.15, 1.1, (0.03, 0.03, 0.03), 0.05))
    if rng.random() < 0.35:
        shade = paint if rng.random() < 0.4 else DARK
        parts.append(frustum((-1.0, -0.18, 0.84), (-0.66, 0.18, 1.1), 0.85, 0.88, shade, 0.45))
    elif rng.random() < 0.4:
        parts.append(box((-0.94, -0.14, 0.79), (-0.62, 0.14, 0.81), STEEL, 0.4))
    if rng.random() < 0.2:
        parts.append(ball((0.1, 0, 0.42), (0.17, 0.14, 0.13), (0.3, 0.1, 0.1), 8, 0.1))
    if rng.random() < 0.25:
        parts.append(_slab([(0.36, 0.45), (0.5, 0.5), (0.42, 1.0), (0.3, 0.98)], 0.3, (0.12, 0.1, 0.25), 0.1, 0.9))
    return parts
