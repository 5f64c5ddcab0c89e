"""What is between the lens and the shed: rain, insects, webs, motes, fog."""

from __future__ import annotations

import cv2
import numpy as np

from simulators.scene.backdrop import Backdrop
from simulators.scene.events import SceneEvent
from simulators.scene.geometry import Array
from simulators.scene.textures import noise_tile, sample

FOG_RISES_S, SHUTTER_S = 45.0, 1 / 25


def rain(light: Array, view: Backdrop, strength: float, frame: int, night: bool) -> None:
    """Streaks of drops: through the openings, and before the lens of an open shed."""
    width, height = view.size
    rng = np.random.default_rng((frame, 71))
    layer = np.zeros((height, width), dtype=np.uint8)
    for _ in range(round((140 if view.layout.daylight > 0.9 else 60) * strength)):
        near = float(rng.random()) ** 3
        x, y = float(rng.uniform(0, width)), float(rng.uniform(-0.1, 1) * height)
        long = height * (0.02 + 0.12 * near)
        tip = (round(x + long * 0.12), round(y + long))
        cv2.line(layer, (round(x), round(y)), tip, round(60 + 150 * near), 1 + round(near * width / 500), cv2.LINE_AA)
    outside = view.openings if view.layout.daylight <= 0.9 else np.maximum(view.openings, 0.3)
    soft = cv2.GaussianBlur(layer, (0, 0), width / 900)
    light += (soft * outside * np.float32((0.9 if night else 0.28) / 255))[..., None]


def insects(light: Array, view: Backdrop, event: SceneEvent, seed: int, t_s: float, night: bool) -> None:
    """Insects near the lens: blurred bright streaks in infrared light, dark specks by day; at night a strand of web."""
    width, height = view.size
    layer = np.zeros((height, width), dtype=np.float32)
    for i in range(round(3 + 3 * event.strength)):
        rng = np.random.default_rng((seed, i, 73))
        own = rng.random(7)
        here, before = _flight(own, t_s), _flight(own, t_s - SHUTTER_S)
        thick = max(1, round(width * float(rng.uniform(0.002, 0.012))))
        ends = [(round(float(p[0]) * width), round(float(p[1]) * height)) for p in (before, here)]
        cv2.line(layer, ends[0], ends[1], float(rng.uniform(0.3, 1.0)), thick, cv2.LINE_AA)
    if night:
        swing = 0.01 * np.sin(t_s * 0.9) + 0.004 * np.sin(t_s * 2.7)
        top, low = (round(width * 0.12), 0), (round(width * (0.2 + swing)), round(height * 0.55))
        cv2.line(layer, top, low, 0.16, max(1, width // 400), cv2.LINE_AA)
    soft = cv2.GaussianBlur(layer, (0, 0), width / 260)
    if night:
        light += (soft * np.float32(0.5))[..., None]
    else:
        light *= (1 - np.minimum(soft * 0.55, 0.6))[..., None]


def _flight(own: Array, t_s: float) -> Array:
    """A wavering course in 0-1 coordinates, often out of the picture."""
    pace = 0.25 + 0.5 * own[0]
    x = 0.5 + 0.55 * np.sin(t_s * pace + own[1] * 9) + 0.2 * np.sin(t_s * pace * 4.7 + own[2] * 9)
    y = 0.4 + 0.5 * np.sin(t_s * pace * 0.83 + own[3] * 9) + 0.2 * np.sin(t_s * pace * 5.9 + own[4] * 9)
    return np.array([x + 0.03 * np.sin(t_s * 17 + own[5] * 9), y + 0.03 * np.sin(t_s * 19 + own[6] * 9)])


def web(light: Array, view: Backdrop, event: SceneEvent, seed: int, t_s: float, night: bool) -> None:
    """A web in a corner before the lens: spokes and rings out of focus, stirring in the draught, its owner at times on it."""
    width, height = view.size
    rng = np.random.default_rng((seed, 75))
    hub = np.array([rng.choice([0.18, 0.8]), rng.uniform(0.12, 0.35)])
    gust = 0.5 + 0.5 * np.sin(t_s * 0.31 + seed) * np.sin(t_s * 0.83)
    hub = hub + gust * np.array([0.012 * np.sin(t_s * 1.7), 0.008 * np.sin(t_s * 2.3 + 1.0)])
    layer = np.zeros((height, width), dtype=np.float32)
    turns = np.sort(rng.uniform(0, 2 * np.pi, 11))
    ends = np.column_stack([np.cos(turns), np.sin(turns)]) * rng.uniform(0.35, 0.6, (11, 1))
    sway = 1 + 0.05 * gust * np.sin(t_s * 1.3 + np.arange(11))[:, None]
    thick = max(1, width // 640)
    for share in (*np.linspace(0.15, 0.9, 6), 1.0):
        ring = hub + ends * sway * share * float(1 + 0.02 * np.sin(9 * share))
        points = np.round(ring * (width, width * 0.6)).astype(np.int32)
        if share == 1.0:
            for point in points:
                cv2.line(
                    layer,
                    tuple(np.round(hub * (width, width * 0.6)).astype(int)),
                    tuple(point),
                    0.3,
                    thick,
                    cv2.LINE_AA,
                )
        else:
            cv2.polylines(layer, [points], True, 0.17, thick, cv2.LINE_AA)
    # The spider sits in the hub and now and then runs out along a spoke.
    out = float(np.clip(np.sin(t_s * 0.37 + seed) * 2 - 1.2, 0, 0.8))
    spot = (hub + ends[3] * out) * (width, width * 0.6)
    cv2.circle(layer, (round(float(spot[0])), round(float(spot[1]))), max(2, width // 90), 1.6, -1, cv2.LINE_AA)
    soft = cv2.GaussianBlur(layer, (0, 0), width / 330) * np.float32(event.strength)
    if night:
        light += (soft * np.float32(0.55))[..., None]
    else:
        light *= (1 - np.minimum(soft * 0.12, 0.5))[..., None]


def motes(light: Array, view: Backdrop, strength: float, seed: int, t_s: float, night: bool) -> None:
    """Dust floating before the lens: pale round specks, out of focus, much brighter beside infrared diodes."""
    width, height = view.size
    layer = np.zeros((height, width), dtype=np.float32)
    own = np.random.default_rng((seed, 76)).random((round(45 * strength), 5))
    x = np.mod(own[:, 0] + t_s * (0.02 + 0.05 * own[:, 2]) + 0.02 * np.sin(t_s * 0.9 + own[:, 3] * 9), 1.1) - 0.05
    y = np.mod(own[:, 1] - t_s * 0.03 * (own[:, 3] - 0.6) + 0.02 * np.sin(t_s * 1.1 + own[:, 4] * 9), 1.1) - 0.05
    for at_x, at_y, size in zip(x * width, y * height, own[:, 4], strict=True):
        radius = max(1, round(width * (0.0012 + 0.004 * float(size) ** 3)))
        cv2.circle(layer, (round(float(at_x)), round(float(at_y))), radius, 0.3 + 0.5 * float(size), -1, cv2.LINE_AA)
    light += (cv2.GaussianBlur(layer, (0, 0), width / 500) * np.float32(0.5 if night else 0.07))[..., None]


def fog(event: SceneEvent, view: Backdrop, t_s: float) -> Array | None:
    """Share of light (h, w; small size) that a slowly drifting even haze lets through, None without fog."""
    end = event.end_s if event.end_s is not None else float("inf")
    thick = min((t_s - event.start_s) / FOG_RISES_S, 1.0) if t_s < end else 1.0 - (t_s - end) / FOG_RISES_S
    if t_s < event.start_s or thick <= 0:
        return None
    small = view.small
    drift = np.float32(t_s * 0.03)
    rough = sample(noise_tile(906, octaves=3), small.points[..., 0] + drift, small.points[..., 2] - drift * 0.3, 9.0)
    return np.asarray(np.exp(-0.055 * event.strength * thick * small.depth * (0.7 + 0.6 * rough)), dtype=np.float32)
