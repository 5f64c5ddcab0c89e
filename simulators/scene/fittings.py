"""What is fixed in a shed: beams, pipes, lamp housings, chargers above the bays, extinguishers, signs, posts."""

from __future__ import annotations

import numpy as np

from simulators.scene.layouts import Bay, Layout
from simulators.scene.mesh import Mesh, box, faces, frustum, join, tube
from simulators.scene.yard import canopy

STEEL = (0.28, 0.27, 0.25)


def fittings(layout: Layout, seed: int) -> Mesh:
    """Everything fixed, as one mesh. Lamp tubes carry glow 1 (lit by the lamps alone)."""
    rng = np.random.default_rng(seed + 11)
    around = canopy(layout, rng) if layout.canopy is not None else _roof(layout) + _signs(layout, rng)
    return join([*around, *_lamps(layout), *_chargers(layout)])


def _roof(layout: Layout) -> list[Mesh]:
    width, length, height = layout.room_m
    beams = np.arange(4.2, length, 2.6).tolist()
    parts = [box((0, y - 0.06, height - 0.2), (width, y + 0.06, height), STEEL, 0.15) for y in beams]
    if layout.walls[3] == "corrugated":
        purlins = np.arange(0.5, width, 1.1).tolist()
        parts += [box((x - 0.03, 0, height - 0.07), (x + 0.03, length, height), STEEL, 0.15) for x in purlins]
        post, x = (0.24, 0.27, 0.3), width - 0.08
        parts += [tube((x, y, 0), (x, y, height), 0.05, post, sides=8, gloss=0.3) for y in beams]
    parts.append(tube((0.35, 0, height - 0.3), (0.35, length, height - 0.3), 0.04, (0.1, 0.1, 0.4), sides=8, gloss=0.3))
    parts.append(box((0.02, 0.2, 1.92), (0.1, length - 0.1, 2.0), (0.42, 0.42, 0.41), 0.2))
    if layout.name == "basement":
        parts += _ducts(layout)
    return parts


def _ducts(layout: Layout) -> list[Mesh]:
    """What hangs under a basement's ceiling: an air duct, water pipes, a cable tray."""
    width, length, height = layout.room_m
    x = width - 0.45
    return [
        box((x - 0.25, 3.2, height - 0.42), (x + 0.25, length, height - 0.12), (0.36, 0.36, 0.36), 0.3),
        tube((1.5, 0, height - 0.24), (1.5, length, height - 0.24), 0.07, (0.4, 0.41, 0.4), sides=8, gloss=0.3),
        tube((1.3, 0, height - 0.22), (1.3, length, height - 0.22), 0.035, (0.36, 0.2, 0.08), sides=6),
        box((0.62, 0, height - 0.28), (0.82, length, height - 0.22), (0.3, 0.3, 0.29), 0.2),
        tube((0.1, 7.1, 0), (0.1, 7.1, height), 0.06, (0.42, 0.42, 0.41), sides=8),
    ]


def _lamps(layout: Layout) -> list[Mesh]:
    parts = []
    for x, y, z, long in layout.lamps:
        parts.append(box((x - 0.07, y - long / 2, z), (x + 0.07, y + long / 2, z + 0.07), (0.5, 0.5, 0.5)))
        parts.append(tube((x, y - long / 2, z - 0.03), (x, y + long / 2, z - 0.03), 0.025, (0.7, 0.7, 0.7), glow=1.0))
    return parts


def charger_places(layout: Layout) -> list[tuple[float, float, float]]:
    """Where the status lights of the chargers are: one a bay, at the wall above the front wheel."""
    return [_at_wall(bay, 0.86, 1.42) for bay in layout.bays]


def _at_wall(bay: Bay, along_m: float, up_m: float) -> tuple[float, float, float]:
    angle = np.radians(bay.heading_deg)
    return (float(bay.x_m + np.cos(angle) * along_m), float(bay.y_m + np.sin(angle) * along_m), up_m)


def _chargers(layout: Layout) -> list[Mesh]:
    parts = []
    for i, bay in enumerate(layout.bays):
        x, y, z = _at_wall(bay, 0.95, 1.2)
        turned = bay.heading_deg in {90.0, 270.0}
        rx, ry = (0.11, 0.06) if turned else (0.06, 0.11)
        parts.append(box((x - rx, y - ry, z), (x + rx, y + ry, z + 0.16), (0.55, 0.56, 0.56), 0.3))
        if i % 4 == 1:
            rx, ry = (0.24, 0.09) if turned else (0.09, 0.24)
            parts.append(box((x - rx, y - ry, 1.45), (x + rx, y + ry, 1.9), (0.46, 0.4, 0.3), 0.4))
    return parts


def _signs(layout: Layout, rng: np.random.Generator) -> list[Mesh]:
    width, length, _ = layout.room_m
    parts = []
    far_x = 0.5 if layout.name != "corner" else 7.6
    for i in range(2):
        x = far_x + 0.22 * i
        parts.append(
            tube((x, length - 0.14, 0.05), (x, length - 0.14, 0.45), 0.075, (0.04, 0.03, 0.42), sides=10, gloss=0.5)
        )
        parts.append(tube((x, length - 0.14, 0.45), (x, length - 0.14, 0.55), 0.03, (0.03, 0.03, 0.03), sides=6))
    z = float(rng.uniform(1.95, 2.1))
    span = (0.6, 1.7) if layout.name != "corner" else (2.2, 4.6)
    parts.append(_board(span, length - 0.02, (z, z + 0.32), (0.08, 0.07, 0.5)))
    letters = np.linspace(span[0] + 0.12, span[1] - 0.24, 7).tolist()
    parts += [_board((k, k + 0.1), length - 0.03, (z + 0.09, z + 0.22), (0.62, 0.64, 0.66)) for k in letters]
    parts.append(
        frustum((width - 0.5, length - 0.3, 0.0), (width - 0.2, length - 0.04, 0.42), 1.1, 1.1, (0.12, 0.14, 0.12))
    )
    return parts


def _board(x: tuple[float, float], y: float, z: tuple[float, float], colour: tuple[float, float, float]) -> Mesh:
    corners = np.array([[(x[0], y, z[0]), (x[1], y, z[0]), (x[1], y, z[1]), (x[0], y, z[1])]])
    return faces(corners, colour, 0.2)
