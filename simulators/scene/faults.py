"""Faults of the camera itself: covered, out of focus, turned away, sending one picture for ever."""

from __future__ import annotations

import cv2
import numpy as np

from simulators.scene.events import SceneEvent
from simulators.scene.geometry import Array
from simulators.scene.textures import noise_tile, sample

FAULTS = ("covered", "frozen", "moved", "dark", "blurred")
COVERS_S = 0.35
CLOTHS = ((0.1, 0.1, 0.11), (0.05, 0.08, 0.2), (0.14, 0.2, 0.24))


def in_force(events: tuple[SceneEvent, ...], t_s: float) -> tuple[str, ...]:
    """The faults there are at a time, in a fixed order."""
    active = {event.kind for event in events if event.active(t_s)}
    return tuple(kind for kind in FAULTS if kind in active)


def first_active(events: tuple[SceneEvent, ...], kind: str, t_s: float) -> SceneEvent | None:
    """The first event of a kind that is on."""
    return next((event for event in events if event.kind == kind and event.active(t_s)), None)


def cover(light: Array, event: SceneEvent, seed: int, t_s: float) -> None:
    """Draw a cloth, a strip of tape or a hand over the lens: out of focus, a little light leaking through and past it."""
    height, width = light.shape[:2]
    x, y = np.meshgrid(np.linspace(0, 1.6, width, dtype=np.float32), np.linspace(0, 0.9, height, dtype=np.float32))
    fold = sample(noise_tile(920, octaves=3), x, y, 2.0 + seed % 3)
    weave = 0.03 * np.sin(x * 310) * np.sin(y * 310) if seed % 3 == 0 else 0.0
    level = float(np.mean(light)) * 0.5 + 0.002
    cloth = np.asarray(CLOTHS[seed % 3], dtype=np.float32) * (
        (0.55 + 0.9 * fold + weave)[..., None] * np.float32(level * 3)
    )
    share = min(1.0, (t_s - event.start_s) / COVERS_S + 0.25)
    # The side it came from is shut first; a cloth leaves a lit sliver at the far edge.
    reach = share * (1.75 if seed % 2 else 1.62)
    over = np.clip((reach - x - 0.12 * fold) * 9 + 0.5, 0, 1)[..., None]
    light *= 1 - over
    light += cloth * over


def defocus(light: Array, event: SceneEvent) -> Array:
    """The picture out of focus."""
    return np.asarray(cv2.GaussianBlur(light, (0, 0), light.shape[1] * 0.0075 * event.strength))


def turned_by(event: SceneEvent, seed: int) -> tuple[float, float]:
    """How far a knocked camera looks aside: yaw and pitch in degrees."""
    rng = np.random.default_rng((seed, 81))
    yaw = float(rng.choice([-1, 1]) * rng.uniform(11, 18)) * min(event.strength, 1.5)
    return round(yaw, 2), round(float(rng.uniform(2, 7)), 2)
