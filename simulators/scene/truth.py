"""What is really in a picture, for judging detectors and for tests."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simulators.scene.geometry import Array
from simulators.scene.layouts import Layout

# A patch of some 12 x 10 pixels in a picture of 640 x 360.
SMOKE_VISIBLE = 0.0005

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class ObjectTruth:
    """One thing that is not part of the standing picture.

    Attributes:
        kind: "bike", "junk" or "person".
        box: x, y, width, height in 0-1 coordinates.
        obstacle: it stands in the corridor and blocks it (a passer-by does not).
        corner_px: where `patch` lies in the picture (x, y).
        patch: True where the object is seen.
    """

    kind: str
    box: Box
    obstacle: bool
    corner_px: tuple[int, int]
    patch: NDArray[np.bool_]
    size_px: tuple[int, int]

    def mask(self) -> NDArray[np.bool_]:
        """The object's pixels in the whole picture (height, width)."""
        whole = np.zeros(self.size_px[::-1], dtype=bool)
        x, y = self.corner_px
        height, width = self.patch.shape
        whole[y : y + height, x : x + width] = self.patch
        return whole


@dataclass(frozen=True)
class Truth:
    """What a picture shows.

    Attributes:
        objects: people, moving bikes and obstacles in sight.
        smoke_density: mean share of light the smoke (not fog) takes away over the picture, 0-1.
        smoke_seen: share of the picture in which the smoke changes the brightness noticeably, 0-1.
        smoke_map: share of light taken away, float32 (h, w) at about 320 pixels' width; None without smoke.
        smoke_box: where smoke takes away more than 3 %, None if nowhere.
        flame_visible: flames are in sight, in `flame_box`.
        free_width_m: clear width left at the corridor's narrowest place.
        blocked: an obstacle stands in the corridor.
        light: "day", "lamps", "infrared" or "dark".
        faults: camera faults in force (see `faults.FAULTS`).
    """

    objects: tuple[ObjectTruth, ...] = ()
    smoke_density: float = 0.0
    smoke_seen: float = 0.0
    smoke_map: Array | None = None
    smoke_box: Box | None = None
    flame_visible: bool = False
    flame_box: Box | None = None
    free_width_m: float = 0.0
    blocked: bool = False
    light: str = "day"
    faults: tuple[str, ...] = ()

    @property
    def smoke_visible(self) -> bool:
        """Whether somebody who looks at the picture sees smoke: enough of it, dense enough."""
        return self.smoke_seen >= SMOKE_VISIBLE


@dataclass(frozen=True)
class Picture:
    """A rendered picture: BGR uint8 (height, width, 3), and the truth about it."""

    image: NDArray[np.uint8]
    truth: Truth = field(default_factory=Truth)


@dataclass(frozen=True)
class Footprint:
    """A standing thing's rectangle on the floor: middle, heading, length, width."""

    x_m: float
    y_m: float
    heading_deg: float
    length_m: float
    width_m: float

    def corners(self) -> Array:
        """Its corners (4, 2), metres."""
        a = np.radians(self.heading_deg)
        turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
        half = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (self.length_m / 2, self.width_m / 2)
        return np.asarray(half @ turn + (self.x_m, self.y_m))


def free_width_m(layout: Layout, footprints: list[Footprint]) -> float:
    """Widest gap left across the corridor where it is narrowest."""
    return min(_narrowest(rectangle, footprints) for rectangle in layout.corridor)


def _narrowest(rectangle: tuple[float, float, float, float], footprints: list[Footprint]) -> float:
    x0, y0, x1, y1 = rectangle
    across = 0 if y1 - y0 >= x1 - x0 else 1
    low, high = ((x0, x1), (y0, y1))[across]
    start, end = ((y0, y1), (x0, x1))[across]
    spans = [(f.corners()[:, 1 - across], f.corners()[:, across]) for f in footprints]
    best = high - low
    if not footprints:
        return best
    for along in np.arange(start, end, 0.05):
        taken = sorted(
            (max(low, float(c.min())), min(high, float(c.max())))
            for a, c in spans
            if a.min() <= along <= a.max() and c.max() > low and c.min() < high
        )
        best = min(best, _widest_gap(low, high, taken))
    return best


def _widest_gap(low: float, high: float, taken: list[tuple[float, float]]) -> float:
    gap, reached = 0.0, low
    for start, end in taken:
        gap, reached = max(gap, start - reached), max(reached, end)
    return max(gap, high - reached)
