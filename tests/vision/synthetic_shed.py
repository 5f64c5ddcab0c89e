"""A drawn shed for detector tests: a tiled floor with a sensor's noise, things put on it, people who never keep still."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import cv2
import numpy as np

from vision.decode import scene_of
from vision.model import Detector, Scene, Sighting, Zone, ZoneKind

WIDTH, HEIGHT = 240, 180
FLOOR = Zone("corridor", ZoneKind.CORRIDOR, ((0.1, 0.3), (0.9, 0.3), (0.9, 1.0), (0.1, 1.0)))

Draw = Callable[[np.ndarray, float], np.ndarray]


def shed(seed: int = 1) -> np.ndarray:
    """An empty shed: wall, skirting, tiles with joints and stains. Float BGR."""
    rng = np.random.default_rng(seed)
    stains = cv2.GaussianBlur(rng.normal(0, 45, (HEIGHT, WIDTH)), (0, 0), 2.5)
    picture = np.full((HEIGHT, WIDTH, 3), (118.0, 122.0, 125.0)) + stains[..., None]
    picture[:45] += 40
    for y in range(48, HEIGHT, 17):
        picture[y : y + 1] -= 28
    for x in range(0, WIDTH, 26):
        picture[45:, x : x + 1] -= 28
    picture[43:46] -= 60
    cv2.rectangle(picture, (15, 6), (45, 30), (60, 80, 150), -1)
    cv2.rectangle(picture, (190, 4), (225, 34), (150, 90, 60), -1)
    return picture


def crate(picture: np.ndarray, x: int = 105, y: int = 98, size: int = 33) -> np.ndarray:
    """A crate with slats on the floor."""
    drawn = picture.copy()
    cv2.rectangle(drawn, (x, y), (x + size, y + size), (40, 60, 92), -1)
    for slat in range(y + 5, y + size, 8):
        cv2.line(drawn, (x, slat), (x + size, slat), (20, 30, 50), 2)
    return drawn


def person(picture: np.ndarray, x: float, foot: float = 150.0) -> np.ndarray:
    """Somebody in blue trousers and a light jacket, `x` of their middle."""
    drawn = picture.copy()
    for half, top, bottom, colour in ((8, 90, 52, (190, 200, 205)), (6, 52, 0, (110, 60, 40))):
        corner, opposite = (round(x - half), round(foot - top)), (round(x + half), round(foot - bottom))
        cv2.rectangle(drawn, corner, opposite, colour, -1)
    cv2.circle(drawn, (round(x), round(foot - 98)), 7, (130, 150, 190), -1)
    return drawn


def infrared(picture: np.ndarray, exposure: float = 1.0) -> np.ndarray:
    """By the camera's own infrared light: no colour, little contrast, bright in the middle."""
    grey = cv2.cvtColor(picture.clip(0, 255).astype(np.uint8), cv2.COLOR_BGR2GRAY).astype(float)
    rows, columns = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    lit = (40 + 0.4 * grey) * (1.5 - 0.7 * np.hypot(rows, columns))
    return np.repeat((lit * exposure)[..., None], 3, axis=2)


def lamps_off(picture: np.ndarray, since_s: float, dark_s: float) -> np.ndarray:
    """What a camera shows `since_s` after the lamps went out: darkness with dusk in the windows, then infrared light
    whose exposure settles in two seconds."""
    if since_s < dark_s:
        dark = picture * 0.2
        dark[:40] = picture[:40] * 0.7
        return dark
    return infrared(picture, 1.0 + 0.25 * max(0.0, 1 - (since_s - dark_s) / 2))


def sway(t_s: float) -> float:
    """How far somebody who stands has shifted by now: the weight goes from leg to leg every few seconds."""
    return 2.6 * np.sin(t_s * 0.9) + 1.2 * np.sin(t_s * 2.3 + 1)


def film(
    draw: Draw, seconds: float, fps: float = 2.0, noise: float = 2.0, seed: int = 7
) -> Iterable[tuple[float, Scene]]:
    """Pictures of `draw(empty shed, time)`, with fresh noise each."""
    rng = np.random.default_rng(seed)
    empty = shed()
    for number in range(int(seconds * fps)):
        t_s = number / fps
        picture = draw(empty, t_s)
        noisy = picture + rng.normal(0, noise, picture.shape) if noise else picture
        yield t_s, scene_of(np.clip(noisy, 0, 255).astype(np.uint8), round(t_s * 1000))


def spans(detector: Detector, frames: Iterable[tuple[float, Scene]]) -> dict[str, list[tuple[float, float | None]]]:
    """Of each kind told, when it was active: (from, to) in seconds, to None where it still is at the end."""
    found: dict[str, list[tuple[float, float | None]]] = {}
    before: set[str] = set()
    for t_s, scene in frames:
        now = {str(sighting.kind) for sighting in detector.see(scene) if sighting.active}
        for kind in now - before:
            found.setdefault(kind, []).append((t_s, None))
        for kind in before - now:
            found[kind][-1] = (found[kind][-1][0], t_s)
        before = now
    return found


def last(detector: Detector, frames: Iterable[tuple[float, Scene]]) -> list[Sighting]:
    """What the detector says of the last frame."""
    told: list[Sighting] = []
    for _, scene in frames:
        told = detector.see(scene)
    return told
