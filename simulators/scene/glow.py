"""Lights that come and go: charger status lights, headlights sweeping in, sun on the floor, a cigarette's end."""

from __future__ import annotations

import cv2
import numpy as np

from simulators.scene.backdrop import Backdrop
from simulators.scene.events import SceneEvent
from simulators.scene.fittings import charger_places
from simulators.scene.geometry import Array, unit
from simulators.scene.layouts import Layout
from simulators.scene.light import daylight
from simulators.scene.textures import edge

SWEEP_S = 7.0
GREEN, RED, BLUE = (0.1, 1.0, 0.15), (0.08, 0.1, 1.0), (1.0, 0.35, 0.1)


def spots(layout: Layout, seed: int, t_s: float) -> list[tuple[tuple[float, float, float], tuple[float, float, float]]]:
    """Charger status lights that are on at a time: place and colour. Some are steady, some blink once a second."""
    found = []
    for i, place in enumerate(charger_places(layout)):
        kind = (seed * 31 + i * 17) % 7
        on = kind != 6 and (kind != 2 or (t_s + 0.37 * i) % 1.0 < 0.5)
        if on:
            found.append((place, GREEN if kind < 3 else RED if kind < 5 else BLUE))
    return found


def dot(
    light: Array, view: Backdrop, depth: Array, place: tuple[float, float, float], colour: tuple[float, float, float]
) -> None:
    """Add a small light with its halo to the picture, unless something stands before it."""
    where, far = view.camera.project(np.asarray([place]))
    width, height = view.size
    x, y = round(float(where[0, 0]) * width - 0.5), round(float(where[0, 1]) * height - 0.5)
    reach = max(2, round(width / 180))
    if not (reach <= x < width - reach and reach <= y < height - reach) or far[0] > depth[y, x] + 0.3:
        return
    axis = np.arange(-reach, reach + 1, dtype=np.float32)
    away = axis[:, None] ** 2 + axis[None] ** 2
    bright = np.exp(-away / (0.55 * (width / 640) ** 2 * max(1.0, 9 / float(far[0]) ** 2))) + 0.04 * np.exp(
        -away / reach
    )
    rows, columns = slice(y - reach, y + reach + 1), slice(x - reach, x + reach + 1)
    light[rows, columns] += bright[..., None] * np.asarray(colour, dtype=np.float32) * 1.3


def headlight(event: SceneEvent, view: Backdrop, t_s: float) -> Array | None:
    """Light of a passing vehicle's headlamps at the view's small size, None when they are not on."""
    end = event.end_s if event.end_s is not None else event.start_s + SWEEP_S
    if not event.start_s <= t_s < end:
        return None
    share = (t_s - event.start_s) / (end - event.start_s)
    entrance = view.layout.entrance
    place = np.array([entrance[0][0] + 2.4 * (share - 0.5), entrance[0][1] + 2.0, 0.7], dtype=np.float32)
    if view.layout.name == "corner":
        place = np.array([entrance[0][0] + 2.0, entrance[0][1] + 2.4 * (share - 0.5), 0.7], dtype=np.float32)
    ahead = np.array([*np.subtract(entrance[1], entrance[0]), 0.0])
    angle = np.radians(-38 + 76 * share)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    aim = unit(turn @ ahead).astype(np.float32)
    to_lamp = place - view.small.points
    near = np.sqrt(np.einsum("...i,...i->...", to_lamp, to_lamp))
    facing = np.maximum(np.einsum("...i,...i->...", to_lamp, view.small.normal) / near, 0.04)
    beam = np.clip(-(to_lamp @ aim) / near, 0, 1) ** 26 + 0.02
    fade = np.clip(np.minimum(share, 1 - share) * 8, 0, 1)
    return np.asarray(event.strength * 60 * fade * facing * beam / (near * near + 4), dtype=np.float32)


def sun_patch(event: SceneEvent, view: Backdrop, t_s: float, hour: float) -> Array | None:
    """Sunlight on the floor at the view's small size: four panes of a window, wandering with the sun, dimmed by clouds."""
    sun = daylight(hour) * event.strength
    if not event.active(t_s) or sun < 0.05:
        return None
    x0, y0, x1, y1 = view.layout.corridor[0]
    since = t_s - event.start_s
    x = view.small.points[..., 0] - (x0 + (x1 - x0) * 0.55 + 0.0009 * since)
    y = view.small.points[..., 1] - (y0 + (y1 - y0) * 0.4 - 0.0005 * since)
    a, b = np.abs(x * 0.94 + y * 0.34), np.abs(-x * 0.34 + y * 0.94)
    inside = edge(0.75 - a, 0, 0.08) * edge(0.95 - b, 0, 0.08) * edge(a, 0.03, 0.03) * edge(b, 0.03, 0.03)
    cloud = 0.75 + 0.25 * np.sin(t_s / 23.0) * np.sin(t_s / 61.0 + 1.0)
    rise = np.clip(since / 6.0, 0, 1)
    floor = (view.small.points[..., 2] < 0.03).astype(np.float32)
    return np.asarray(inside * floor * np.float32(2.4 * sun * cloud * rise), dtype=np.float32)


def spread(light: Array, view: Backdrop, small: Array, colour: tuple[float, float, float]) -> None:
    """Add light falling on things, given at the view's small size, to the picture."""
    full = np.asarray(cv2.resize(small, view.size, interpolation=cv2.INTER_LINEAR))
    light += view.colour * full[..., None] * np.asarray(colour, dtype=np.float32)
