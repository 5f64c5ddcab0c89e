"""Small made-up pictures for the smoke and flame detectors: a textured room, and what may happen in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import cv2
import numpy as np

from vision.model import Detector, Scene, Sighting

WIDTH, HEIGHT = 320, 180
START_MS = 1_795_400_000_000
Painter = Callable[[float], np.ndarray]

_ROWS, _COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
_COARSE = 4


def room(seed: int = 5) -> np.ndarray:
    """A grey room with texture at several scales, as plaster, boxes and bikes give it."""
    rng = np.random.default_rng(seed)
    picture = np.full((HEIGHT, WIDTH), 95, np.float32)
    for size, depth in ((60, 14), (18, 10), (6, 8)):
        patches = rng.normal(0, depth, (HEIGHT // size + 2, WIDTH // size + 2)).astype(np.float32)
        picture += cv2.resize(patches, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
    return np.repeat(np.clip(picture, 20, 200)[:, :, None], 3, axis=2)


def plume(t_s: float, foot: tuple[int, int] = (160, 150), lasts_s: float = 60.0, share: float = 1.0) -> np.ndarray:
    """How much of the view billowing smoke takes, 0-1, `t_s` after it began to rise from `foot`."""
    rows, columns = _ROWS[::_COARSE, ::_COARSE], _COLUMNS[::_COARSE, ::_COARSE]
    density = np.zeros(rows.shape, np.float32)
    rng = np.random.default_rng(11)
    for born_s in np.arange(0, min(t_s, lasts_s), 0.25):
        sway, speed, growth = rng.normal(0, 9), rng.uniform(14, 26), rng.uniform(2, 4)
        age_s = t_s - born_s
        x, y = foot[0] + sway * np.sqrt(age_s), foot[1] - speed * age_s
        radius = 5 + growth * age_s
        density += np.exp(-age_s / 5) * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * radius**2))
    whole = cv2.resize(density.astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    return (1 - np.exp(-0.6 * share * whole))[:, :, None]


def smoky(picture: np.ndarray, cover: np.ndarray, level: float = 190.0) -> np.ndarray:
    """The picture behind smoke of that cover and brightness."""
    return picture * (1 - cover) + level * cover


def flame(picture: np.ndarray, t_s: float, centre: tuple[int, int] = (200, 120), size: float = 14) -> np.ndarray:
    """The picture with a fire burning in it: tongues that leap and shrink between red edge and yellow core."""
    rng = np.random.default_rng(round(t_s * 1000) + 1)
    heat = np.zeros((HEIGHT, WIDTH), np.float32)
    for _ in range(6):
        x, tall = centre[0] + rng.normal(0, size * 0.6), size * rng.uniform(0.7, 2.2)
        across, up = (_COLUMNS - x) / (size * 0.45), (_ROWS - (centre[1] - tall / 2)) / (tall * 0.6)
        heat = np.maximum(heat, rng.uniform(0.7, 1.2) * np.exp(-(across**2 + up**2)))
    colour = np.stack([300 * (heat - 0.75), 330 * (heat - 0.35), 420 * (heat - 0.05)], axis=2)
    cover = np.clip(heat * 4 - 0.6, 0, 1)[:, :, None]
    return picture * (1 - cover) + np.clip(colour, 0, 255) * cover


def scenes(paint: Painter, seconds: float, fps: float = 5.0, noise: float = 1.5) -> list[Scene]:
    """What a camera at `fps` sees of it, with its grain."""
    rng = np.random.default_rng(3)
    made = []
    for number in range(round(seconds * fps)):
        t_s = number / fps
        picture = paint(t_s) + rng.normal(0, noise, (HEIGHT, WIDTH, 1))
        image = np.clip(picture, 0, 255).astype(np.uint8)
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.uint8)
        made.append(Scene(image, grey, START_MS + round(t_s * 1000)))
    return made


def told(detector: Detector, seen: Sequence[Scene]) -> list[tuple[float, Sighting]]:
    """Everything the detector says, with the second it says it."""
    return [((scene.captured_ms - START_MS) / 1000, sighting) for scene in seen for sighting in detector.see(scene)]


def raised(said: Sequence[tuple[float, Sighting]]) -> list[float]:
    """The seconds at which an alarm begins."""
    active = [t_s for t_s, sighting in said if sighting.active]
    return active[:1] + [after for before, after in pairwise(active) if after - before > 1.5]
