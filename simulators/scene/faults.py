"""Faults of the camera itself and its line: covered, out of focus, turned away, shaking, frozen, crushed, lost."""

from __future__ import annotations

import cv2
import numpy as np

from simulators.scene.events import SceneEvent
from simulators.scene.geometry import Array
from simulators.scene.textures import noise_tile, sample

FAULTS = ("covered", "frozen", "moved", "dark", "blurred", "dropped", "artefacts", "shake")
# Share of pictures lost, quality of the crushed ones, width of a shake in shares of the picture.
LOST, CRUSHED, SHAKES = 0.6, 14, 0.0035
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
    # Out of focus, so half the size will do.
    rows, columns = -(-height // 2), -(-width // 2)
    x, y = np.meshgrid(np.linspace(0, 1.6, columns, dtype=np.float32), np.linspace(0, 0.9, rows, dtype=np.float32))
    fold = sample(noise_tile(920, octaves=3), x, y, 2.0 + seed % 3)
    weave = 0.03 * np.sin(x * 310) * np.sin(y * 310) if seed % 3 == 0 else np.float32(0.0)
    level = float(np.mean(light[::4, ::4])) * 0.5 + 0.002
    cloth = (0.55 + 0.9 * fold + weave) * np.float32(level * 3)
    share = min(1.0, (t_s - event.start_s) / COVERS_S + 0.25)
    # The side it came from is shut first; a cloth leaves a lit sliver at the far edge.
    reach = share * (1.75 if seed % 2 else 1.62)
    over = np.clip((reach - x - 0.12 * fold) * 9 + 0.5, 0, 1)
    seen = np.repeat((1 - over)[..., None], 3, axis=2).astype(np.float32)
    hung = ((cloth * over)[..., None] * np.asarray(CLOTHS[seed % 3], dtype=np.float32)).astype(np.float32)
    cv2.multiply(light, cv2.resize(seen, (width, height)), dst=light)
    cv2.add(light, cv2.resize(hung, (width, height)), dst=light)


def defocus(light: Array, event: SceneEvent) -> Array:
    """The picture out of focus."""
    width, height = light.shape[1::-1]
    sigma = width * 0.0075 * event.strength
    # A wide blur is the same, and far cheaper, on a smaller picture.
    step = max(1, int(sigma / 2))
    small = cv2.resize(light, (-(-width // step), -(-height // step)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma / step), (width, height)))


def shaken(light: Array, event: SceneEvent, t_s: float) -> Array:
    """The picture shifted by a gust: a few vibrations a second, at most some pixels."""
    gust = max(0.0, float(np.sin(t_s * 0.9) + 0.6 * np.sin(t_s * 2.3 + 1.0))) + 0.15
    far = light.shape[1] * SHAKES * event.strength * gust
    x = far * float(np.sin(2 * np.pi * 4.7 * t_s) + 0.5 * np.sin(2 * np.pi * 7.9 * t_s + 0.7)) / 1.5
    y = far * 0.6 * float(np.sin(2 * np.pi * 6.1 * t_s + 1.3))
    shift = np.array([[1, 0, x], [0, 1, y]])
    return np.asarray(cv2.warpAffine(light, shift, light.shape[1::-1], borderMode=cv2.BORDER_REPLICATE))


def crushed(picture: Array, event: SceneEvent) -> Array:
    """The picture after a compression far too strong: blocks and rings."""
    quality = int(np.clip(CRUSHED / event.strength, 3, 60))
    sent = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(sent, cv2.IMREAD_COLOR))


def lost(event: SceneEvent, seed: int, t_s: float) -> bool:
    """Whether the picture of this time does not arrive."""
    rng = np.random.default_rng((seed, round(t_s * 1000), 83))
    return bool(rng.random() < min(LOST * event.strength, 0.97))


def turned_by(event: SceneEvent, seed: int) -> tuple[float, float]:
    """How far a knocked camera looks aside: yaw and pitch in degrees."""
    rng = np.random.default_rng((seed, 81))
    yaw = float(rng.choice([-1, 1]) * rng.uniform(11, 18)) * min(event.strength, 1.5)
    return round(yaw, 2), round(float(rng.uniform(2, 7)), 2)
