"""Lights that come and go: charger status lights, headlights sweeping in, sun on the floor, a cigarette's end."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from simulators.scene.backdrop import Backdrop, keep
from simulators.scene.events import SceneEvent
from simulators.scene.fittings import charger_places
from simulators.scene.geometry import Array, unit
from simulators.scene.layouts import Layout, Opening
from simulators.scene.light import daylight
from simulators.scene.textures import edge, noise_tile, sample

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


@dataclass(frozen=True)
class Beam:
    """A vehicle's headlamps outside the entrance at a time: place, direction, how far they are faded in (0-1)."""

    place: Array
    aim: Array
    fade: float
    aimed: float


def beam(event: SceneEvent, layout: Layout, t_s: float) -> Beam | None:
    """The headlamps of a headlight event, None when they are not on."""
    end = event.end_s if event.end_s is not None else event.start_s + SWEEP_S
    if not event.start_s <= t_s < end:
        return None
    share = (t_s - event.start_s) / (end - event.start_s)
    (x, y), inside = layout.entrance[0], layout.entrance[1]
    ahead = unit(np.subtract(inside, (x, y)))
    side = np.array([-ahead[1], ahead[0]]) * 2.4 * (share - 0.5)
    place = np.array([x + side[0] - 2 * ahead[0], y + side[1] - 2 * ahead[1], 0.7], dtype=np.float32)
    angle = float(np.radians(-38 + 76 * share))
    cos, sin = np.cos(angle), np.sin(angle)
    aim = np.array([cos * ahead[0] - sin * ahead[1], sin * ahead[0] + cos * ahead[1], 0.0], dtype=np.float32)
    return Beam(place, aim, event.strength * float(np.clip(min(share, 1 - share) * 8, 0, 1)), float(cos**8))


def shone(lamps: Beam, view: Backdrop) -> Array:
    """Light the headlamps throw on what is seen (h, w; small size)."""
    to_lamp = lamps.place - view.small.points
    near = np.sqrt(np.einsum("...i,...i->...", to_lamp, to_lamp))
    facing = np.maximum(np.einsum("...i,...i->...", to_lamp, view.small.normal) / near, 0.04)
    cone = np.clip(-(to_lamp @ lamps.aim) / near, 0, 1) ** 26 + 0.004
    let_in = np.zeros_like(near) if view.layout.canopy is None else np.ones_like(near)
    for opening in view.layout.openings:
        let_in = let_in + _through(opening, lamps.place, view)
    return np.asarray(330 * lamps.fade * facing * cone * let_in / (near * near + 4), dtype=np.float32)


def _through(opening: Opening, lamp: Array, view: Backdrop) -> Array:
    """1 where light from outside a wall arrives through one of its openings (h, w; small size), with sharp edges."""
    axis, at = {"left": (0, 0.0), "right": (0, view.layout.room_m[0]), "far": (1, view.layout.room_m[1])}[opening.wall]
    points = view.small.points
    share = (at - lamp[axis]) / np.minimum(points[..., axis] - lamp[axis], -1e-3)
    along = lamp[1 - axis] + share * (points[..., 1 - axis] - lamp[1 - axis])
    up = lamp[2] + share * (points[..., 2] - lamp[2])
    inset = np.minimum(
        np.minimum(along - opening.from_m, opening.to_m - along),
        np.minimum(up - opening.bottom_m + 0.01, opening.top_m - up),
    )
    return edge(inset, 0.0, 0.03) if lamp[axis] > at else np.zeros_like(inset)


def glare(lamps: Beam, view: Backdrop) -> Array | None:
    """The headlamps themselves with their halo (h, w; small size), None where no opening shows them."""
    where, far = view.camera.project(lamps.place[None].astype(np.float64))
    u, v = float(where[0, 0]), float(where[0, 1])
    if far[0] <= 0 or not (0 <= u < 1 and 0 <= v < 1):
        return None
    row, column = int(v * view.size[1]), int(u * view.size[0])
    hidden = view.depth[row, column] < far[0] if view.layout.canopy is not None else view.openings[row, column] < 0.5
    if hidden:
        return None
    height, width = view.small.depth.shape
    x = (np.arange(width, dtype=np.float32) + 0.5) / width - np.float32(u)
    y = ((np.arange(height, dtype=np.float32) + 0.5) / height - np.float32(v)) * np.float32(height / width)
    away = x[None] ** 2 + y[:, None] ** 2
    halo = 14 * np.exp(-away / 0.00012) + 0.5 * np.exp(-away / 0.012)
    return np.asarray(halo * np.float32(lamps.fade * lamps.aimed), dtype=np.float32)


def sun_patch(event: SceneEvent, view: Backdrop, t_s: float, hour: float) -> Array | None:
    """Sunlight on the floor at the view's small size: four panes of a window, wandering with the sun, dimmed by clouds."""
    sun = daylight(hour) * event.strength
    if not event.active(t_s) or sun < 0.05:
        return None
    x0, y0, x1, y1 = view.layout.corridor[0]
    since = t_s - event.start_s
    x = view.small.points[..., 0] - (x0 + (x1 - x0) * 0.55 + 0.00025 * since)
    y = view.small.points[..., 1] - (y0 + (y1 - y0) * 0.4 - 0.00015 * since)
    a, b = np.abs(x * 0.94 + y * 0.34), np.abs(-x * 0.34 + y * 0.94)
    inside = edge(0.75 - a, 0, 0.08) * edge(0.95 - b, 0, 0.08) * edge(a, 0.03, 0.03) * edge(b, 0.03, 0.03)
    cloud = 0.75 + 0.25 * np.sin(t_s / 23.0) * np.sin(t_s / 61.0 + 1.0)
    # Leaves before the window stir.
    leaves = sample(
        noise_tile(907), x + 0.12 * np.float32(np.sin(t_s * 0.7)), y + 0.1 * np.float32(np.sin(t_s * 0.9)), 1.9
    )
    inside = inside * np.clip(0.35 + 1.3 * leaves, 0, 1)
    rise = np.clip(since / 6.0, 0, 1)
    floor = (view.small.points[..., 2] < 0.03).astype(np.float32)
    return np.asarray(inside * floor * np.float32(2.4 * sun * cloud * rise), dtype=np.float32)


def spread(
    light: Array, view: Backdrop, weights: dict[str, float], small: Array, colour: tuple[float, float, float]
) -> None:
    """Add light falling on things (h, w; small size) to the picture.

    What is there is brightened in proportion to the light it has, so people and bikes keep their own colours.
    """
    key = ("light", *(round(amount * 200) for amount in weights.values()))
    base = view.small.kept.get(key)
    if base is None:
        size = view.small.depth.shape[1::-1]
        seen = cv2.resize(view.mix(weights).mean(axis=2), size, interpolation=cv2.INTER_AREA)
        paint = cv2.resize(view.colour.mean(axis=2), size, interpolation=cv2.INTER_AREA)
        lit = np.maximum(cv2.GaussianBlur(seen, (0, 0), 2.5), 0.0008) / cv2.GaussianBlur(paint, (0, 0), 2.5)
        base = keep(view.small.kept, key, np.asarray(lit))
    factor = (1 + (small / base)[..., None] * np.asarray(colour, dtype=np.float32)).astype(np.float32)
    cv2.multiply(light, cv2.resize(factor, view.size, interpolation=cv2.INTER_LINEAR), dst=light)


def add(light: Array, view: Backdrop, small: Array) -> None:
    """Add light that reaches the lens directly (h, w; small size) to the picture."""
    light += np.asarray(cv2.resize(small, view.size, interpolation=cv2.INTER_LINEAR))[..., None]
