"""Zones of a layout's camera and points of its floor, as a configuration holds them."""

from __future__ import annotations

from typing import Any

import numpy as np

from simulators.scene.geometry import clip_polygon, outline, rounded
from simulators.scene.layouts import BAY_DEPTH_M, Bay, Layout, layout_named

# Seat height: a bay's zone is where its bike's body and battery are, not the wall above.
BAY_ZONE_HEIGHT_M = 0.95


def zones(layout: str) -> list[dict[str, Any]]:
    """The zones of a layout's camera as a configuration holds them: the corridor, then the bays without `port`.

    Raises:
        SceneError: unknown layout.
    """
    room = layout_named(layout)
    found: list[dict[str, Any]] = [{"id": "corridor", "kind": "corridor", "polygon": _corridor_polygon(room)}]
    for bay in room.bays:
        polygon = outline(room.camera, np.array(_bay_corners(bay)))
        found.append({"id": bay.id, "kind": "bay", "polygon": polygon})
    return found


def floor_points(layout: str) -> list[dict[str, list[float]]]:
    """Four points of the corridor's floor with their place in the picture and in metres, for a ground-plane calibration.

    Raises:
        SceneError: unknown layout.
    """
    room = layout_named(layout)
    x0, y0, x1, y1 = room.corridor[0]
    floor = np.array([[x, y, 0.0] for x, y in ((x0, y0 + 2.0), (x1, y0 + 2.0), (x1, y1), (x0, y1))])
    if room.name == "corner":
        floor = np.array([[x, y, 0.0] for x, y in ((x0, y0), (5.5, y0), (5.5, y1), (x0, y1))])
    seen = room.camera.project(floor)[0]
    return [
        {"image": [round(float(u), 4), round(float(v), 4)], "floor_m": [round(float(p[0]), 3), round(float(p[1]), 3)]}
        for (u, v), p in zip(seen, floor, strict=True)
    ]


def _corridor_polygon(room: Layout) -> list[list[float]]:
    floor = np.array([(x, y, 0.0) for x, y in room.corridor_outline])
    # Points beside or behind the camera have no place in the picture: walk the edges finely and keep what is before it.
    steps = np.linspace(0, 1, 24, endpoint=False)[:, None]
    dense = np.concatenate([a + (b - a) * steps for a, b in zip(floor, np.roll(floor, -1, axis=0), strict=True)])
    corner = np.zeros(len(dense), dtype=bool)
    corner[::24] = True
    where, depth = room.camera.project(dense)
    cut = depth > 0.3
    border = cut & ~(np.roll(cut, 1) & np.roll(cut, -1))
    return rounded(clip_polygon(where[cut & (corner | border)]))


def _bay_corners(bay: Bay) -> list[tuple[float, float, float]]:
    angle = np.radians(bay.heading_deg)
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    corners = []
    for a in (-0.45, 0.45):
        for b in (-0.46, 0.46):
            x, y = np.array([bay.x_m, bay.y_m]) + along * a * BAY_DEPTH_M + across * b * bay.width_m
            corners += [(float(x), float(y), 0.0), (float(x), float(y), BAY_ZONE_HEIGHT_M)]
    return corners
