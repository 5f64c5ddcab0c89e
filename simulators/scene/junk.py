"""What people leave in corridors: cartons, furniture, a hand cart, sacks, a ladder, a pram, a plant. Standing on z = 0."""

from __future__ import annotations

import numpy as np

from simulators.scene.mesh import Colour, Mesh, ball, box, frustum, join, tube, wheel

CARTON: Colour = (0.2, 0.33, 0.46)
TAPE: Colour = (0.3, 0.42, 0.52)


def junk(seed: int) -> tuple[Mesh, float, float]:
    """A thing with its length (x) and width (y) in metres."""
    rng = np.random.default_rng((seed, 9))
    makers = (_cartons, _sofa, _mattress, _cabinet, _cart, _sacks, _ladder, _pram, _chairs, _plant)
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


def _sacks(rng: np.random.Generator) -> tuple[Mesh, float, float]:
    """Woven sacks and bags of rubbish."""
    tones: tuple[Colour, ...] = ((0.5, 0.52, 0.54), (0.05, 0.05, 0.05), (0.3, 0.24, 0.1), (0.42, 0.44, 0.46))
    parts = []
    for i, (x, y) in enumerate(((-0.35, 0.0), (0.15, 0.12), (0.5, -0.12), (-0.08, -0.3))):
        size = float(rng.uniform(0.24, 0.34))
        tone = tones[int(rng.integers(len(tones)))]
        parts.append(ball((x, y, size * 0.9), (size, size * 0.8, size * 1.1), tone, 9))
        parts.append(ball((x + 0.03, y, size * (1.9 + 0.1 * i)), (0.07, 0.06, 0.1), tone, 6))
    return join(parts), 1.25, 0.75


def _ladder(rng: np.random.Generator) -> tuple[Mesh, float, float]:
    """A step ladder, standing open."""
    metal: Colour = (0.45, 0.45, 0.44) if rng.random() < 0.6 else (0.1, 0.4, 0.5)
    parts = []
    for side in (-0.24, 0.24):
        parts += [tube((foot, side, 0), (0.0, side * 0.75, 1.75), 0.025, metal, gloss=0.4) for foot in (-0.5, 0.5)]
    for step in np.linspace(0.25, 1.7, 6).tolist():
        x, y = -0.5 * (1 - step / 1.75), 0.24 - 0.06 * step / 1.75
        parts.append(box((x - 0.05, -y, step - 0.015), (x + 0.05, y, step + 0.015), metal, 0.4))
    return join(parts), 1.05, 0.5


def _pram(rng: np.random.Generator) -> tuple[Mesh, float, float]:
    cloth: Colour = ((0.3, 0.12, 0.08), (0.08, 0.08, 0.3), (0.1, 0.1, 0.1))[int(rng.integers(3))]
    parts = [part.moved(0, y) for x in (-0.3, 0.35) for y in (-0.2, 0.2) for part in wheel(x, 0.13, 0.05, 12)]
    parts += [
        frustum((-0.3, -0.2, 0.35), (0.35, 0.2, 0.6), 1.15, 1.05, cloth),
        ball((-0.22, 0, 0.75), (0.22, 0.21, 0.24), cloth),
    ]
    parts += [tube((-0.25, y, 0.13), (-0.55, y, 1.0), 0.014, (0.3, 0.3, 0.3)) for y in (-0.2, 0.2)]
    parts += [tube((-0.55, -0.2, 1.0), (-0.55, 0.2, 1.0), 0.018, (0.04, 0.04, 0.04))]
    return join(parts), 1.0, 0.48


def _chairs(rng: np.random.Generator) -> tuple[Mesh, float, float]:
    """Two chairs, one on its side."""
    wood: Colour = (0.12, 0.22 * float(rng.uniform(0.8, 1.2)), 0.34)
    legs = [tube((x, y, 0), (x, y, 0.44), 0.02, wood, sides=5) for x in (-0.19, 0.19) for y in (-0.19, 0.19)]
    seat, back = (
        box((-0.22, -0.22, 0.44), (0.22, 0.22, 0.48), wood, 0.2),
        box((-0.22, -0.2, 0.5), (-0.18, 0.2, 0.92), wood),
    )
    chair = join([*legs, seat, back])
    return join([chair.moved(-0.3, 0.0, 20.0), chair.moved(0.42, -0.1, 75.0, 0.2, 90.0)]), 1.2, 0.8


def _plant(rng: np.random.Generator) -> tuple[Mesh, float, float]:
    """A tub with a shrub."""
    clay: Colour = (0.12, 0.2, 0.38)
    leaf: Colour = (0.06, 0.2 * float(rng.uniform(0.8, 1.2)), 0.1)
    crown = [
        ball((x, y, z), (0.3, 0.3, 0.28), leaf, 9) for x, y, z in ((0, 0, 0.95), (0.16, 0.1, 0.75), (-0.15, -0.08, 0.8))
    ]
    return join([frustum((-0.24, -0.24, 0), (0.24, 0.24, 0.42), 1.2, 1.2, clay), *crown]), 0.85, 0.8
