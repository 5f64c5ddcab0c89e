"""What people leave in corridors: cartons, a sofa, a mattress, an old cabinet, a hand cart. Standing on z = 0."""

from __future__ import annotations

import numpy as np

from simulators.scene.mesh import Colour, Mesh, box, frustum, join, tube

CARTON: Colour = (0.2, 0.33, 0.46)
TAPE: Colour = (0.3, 0.42, 0.52)


def junk(seed: int) -> tuple[Mesh, float, float]:
    """A thing with its length (x) and width (y) in metres."""
    rng = np.random.default_rng((seed, 9))
    makers = (_cartons, _sofa, _mattress, _cabinet, _cart)
    return makers[int(rng.integers(len(makers)))](rng)


def carton(seed: int) -> Mesh:
    """One carton as carried in the arms."""
    rng = np.random.default_rng((seed, 10))
    return _carton(0.0, 0.0, 0.0, float(rng.uniform(0.3, 0.4)), rng)


def _carton(x: float, y: float, z: float, size: float, rng: np.random.Generator) -> Mesh:
    shade = float(rng.uniform(0.8, 1.15))
    colour: Colour = (CARTON[0] * shade, CARTON[1] * shade, CARTON[2] * shade)
    deep, high = size * float(rng.uniform(0.7, 1.0)), size * float(rng.uniform(0.6, 0.95))
    body = box((-size / 2, -deep / 2, 0), (size / 2, deep / 2, high), colour, 0.05)
    tape = box((-size / 2 - 0.002, -0.03, 0.02), (size / 2 + 0.002, 0.03, high + 0.003), TAPE, 0.3)
    return join([body, tape]).moved(x, y, float(rng.uniform(-14, 14)), z)


def _cartons(rng: np.random.Generator) -> tuple[Mesh, float, float]:
    parts = [_carton(-0.3, 0, 0, 0.55, rng), _carton(0.32, 0.05, 0, 0.5, rng)]
    parts += [_carton(-0.26, 0.02, 0.42, 0.42, rng), _carton(0.1, -0.42, 0, 0.36, rng)]
    return join(parts), 1.2, 0.95


def _sofa(rng: np.random.Generator) -> tuple[Mesh, float, float]:
    cloth: Colour = ((0.1, 0.14, 0.26), (0.22, 0.22, 0.2), (0.16, 0.2, 0.12))[int(rng.integers(3))]
    pale: Colour = (cloth[0] * 1.3, cloth[1] * 1.3, cloth[2] * 1.3)
    parts = [
        box((-0.7, -0.36, 0.08), (0.7, 0.36, 0.36), cloth),
        frustum((-0.7, -0.42, 0.3), (0.7, -0.2, 0.82), 0.98, 0.7, cloth),
        frustum((-0.82, -0.4, 0.08), (-0.62, 0.38, 0.58), 0.9, 0.95, cloth),
        frustum((0.62, -0.4, 0.08), (0.82, 0.38, 0.58), 0.9, 0.95, cloth),
        frustum((-0.6, -0.2, 0.36), (-0.01, 0.36, 0.48), 0.96, 0.96, pale),
        frustum((0.01, -0.2, 0.36), (0.6, 0.36, 0.48), 0.96, 0.96, pale),
    ]
    return join(parts), 1.64, 0.8


def _mattress(rng: np.random.Generator) -> tuple[Mesh, float, float]:
    tone = float(rng.uniform(0.4, 0.6))
    parts = [box((-0.9, -0.1, 0.0), (0.9, 0.1, 1.15), (tone * 0.92, tone * 0.97, tone))]
    parts += [box((-0.905, -0.105, 0.0), (0.905, 0.105, 0.04), (0.3, 0.2, 0.2))]
    stripes = np.arange(-0.8, 0.85, 0.2).tolist()
    blue: Colour = (tone * 0.75, tone * 0.6, tone * 0.55)
    parts += [box((x, -0.104, 0.02), (x + 0.05, 0.104, 1.13), blue) for x in stripes]
    return join(parts).moved(0, 0, 0, 0, -9.0), 1.8, 0.4


def _cabinet(rng: np.random.Generator) -> tuple[Mesh, float, float]:
    wood: Colour = (0.1, 0.18 * float(rng.uniform(0.8, 1.2)), 0.3)
    pale: Colour = (0.13, 0.22, 0.35)
    parts = [box((-0.45, -0.25, 0.04), (0.45, 0.25, 1.1), wood, 0.2)]
    parts += [box((x - 0.19, 0.245, 0.12), (x + 0.19, 0.262, 1.02), pale, 0.2) for x in (-0.22, 0.22)]
    parts += [tube((x, 0.27, 0.5), (x, 0.27, 0.6), 0.012, (0.4, 0.4, 0.4), sides=4) for x in (-0.05, 0.05)]
    return join(parts), 0.9, 0.52


def _cart(rng: np.random.Generator) -> tuple[Mesh, float, float]:
    steel: Colour = (0.16, 0.2, 0.24)
    parts = [box((-0.5, -0.3, 0.16), (0.5, 0.3, 0.2), steel, 0.2)]
    parts += [
        tube((x, y - 0.02, 0.07), (x, y + 0.02, 0.07), 0.07, (0.04, 0.04, 0.04), sides=10)
        for x in (-0.4, 0.4)
        for y in (-0.26, 0.26)
    ]
    parts += [tube((-0.5, y, 0.2), (-0.62, y, 0.95), 0.016, steel) for y in (-0.26, 0.26)]
    parts += [tube((-0.62, -0.26, 0.95), (-0.62, 0.26, 0.95), 0.016, steel)]
    parts += [_carton(-0.15, 0.0, 0.2, 0.5, rng), _carton(0.28, 0.03, 0.2, 0.38, rng)]
    return join(parts), 1.15, 0.65
