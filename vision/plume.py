"""Two ways to see a plume: as soft motion that goes on in one place, and as a veil before the known background.

The first needs no clean background and finds smoke that billows; the second finds thin, slow, distant smoke once the
camera has watched the quiet scene. Both work on the grid of `vision.change`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vision.change import TEXTURED, BoolMap, Change, FloatMap


@dataclass(frozen=True, slots=True)
class Region:
    """A connected part of the grid that may be smoke; `score` 0.5 is just convincing."""

    mask: BoolMap
    score: float
    measures: dict[str, float]


class Fading:
    """A running mean per cell over about `memory_s`, and never over fewer than five frames."""

    def __init__(self, memory_s: float) -> None:
        self._memory_s = memory_s
        self.value: FloatMap | None = None

    def add(self, values: FloatMap, since_s: float) -> FloatMap:
        """Add a frame's values; starts from 0."""
        if self.value is None or self.value.shape != values.shape:
            self.value = np.zeros(values.shape, np.float32)
        share = np.float32(1 - np.exp(-since_s / max(self._memory_s, 5 * since_s))) if since_s > 0 else np.float32(0)
        self.value += share * (values - self.value)
        return self.value


class LightTest:
    """Whether what changes is but light: then texture is scaled exactly as the brightness is.

    `likeness` is 1 for light and shadow, about -1 for pale smoke (brighter, but less texture), above 1.4 for dark smoke
    (darker, and less texture than that).
    """

    MEMORY_S = 2.0

    def __init__(self) -> None:
        self._together = Fading(self.MEMORY_S)
        self._expected = Fading(self.MEMORY_S)
        self._unison = Fading(self.MEMORY_S)
        self._moved = Fading(self.MEMORY_S)
        self._net = Fading(self.MEMORY_S)
        self._textured: BoolMap | None = None

    def add(self, change: Change, since_s: float) -> None:
        relative = change.mean / (change.level + 1)
        self._textured = change.texture > TEXTURED
        self._together.add(change.covariance * relative, since_s)
        self._expected.add(change.texture * relative * relative, since_s)
        self._unison.add(np.abs(cv2.blur(change.mean, (9, 9))).astype(np.float32), since_s)
        self._moved.add(np.abs(change.mean), since_s)
        self._net.add(change.mean, since_s)

    def likeness(self, region: BoolMap) -> float | None:
        """See the class; None where the region has too little texture to tell."""
        together, expected = self._together.value, self._expected.value
        if together is None or expected is None or self._textured is None:
            return None
        usable = region & self._textured
        if np.count_nonzero(usable) < 6:
            return None
        return float(together[usable].sum() / max(float(expected[usable].sum()), 1e-9))

    def unison(self, region: BoolMap) -> float:
        """Share of the change that all the surroundings take part in: towards 1 for light, half of it in billows."""
        return _ratio(self._unison.value, self._moved.value, region)

    def trend(self, region: BoolMap) -> float:
        """Share of the change that goes one way all the time: 1 as a sun patch comes, low in billows."""
        return _ratio(self._net.value, self._moved.value, region)


def _ratio(part: FloatMap | None, whole: FloatMap | None, region: BoolMap) -> float:
    if part is None or whole is None:
        return 0.0
    return float(np.abs(part[region]).sum() / max(float(whole[region].sum()), 1e-6))


def regions_of(cells: BoolMap, least_cells: float) -> list[BoolMap]:
    """The connected parts of at least that size, largest first."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(cells.astype(np.uint8))
    order = np.argsort(-stats[1:, cv2.CC_STAT_AREA]) + 1
    return [np.equal(labels, label) for label in order if stats[label, cv2.CC_STAT_AREA] >= least_cells]


def bodies(changed: BoolMap, sharp: BoolMap, most: float) -> BoolMap:
    """The connected changed parts that are sharp over more than a share `most` of their cells: people and things."""
    count, labels = cv2.connectedComponents(changed.astype(np.uint8))
    sizes = np.bincount(labels.ravel(), minlength=count)
    sharps = np.bincount(labels.ravel(), weights=(sharp & changed).ravel().astype(float), minlength=count)
    solid = sharps > most * np.maximum(sizes, 1)
    solid[0] = False
    return np.asarray(solid[labels])
