"""Ways through a shed, as functions of time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from simulators.scene.geometry import Array
from simulators.scene.layouts import Bay, Layout

WALK_M_S, PUSH_M_S = 1.15, 0.85
LOOK_M = 0.35
Points = tuple[tuple[float, float], ...]


class Pose(NamedTuple):
    """Where somebody is on the floor, which way they face (degrees from +x), how far they have come."""

    x_m: float
    y_m: float
    heading_deg: float
    walked_m: float


@dataclass(frozen=True)
class Path:
    """A walk along floor points at a steady speed."""

    points: Points
    start_s: float
    speed_m_s: float = WALK_M_S

    @cached_property
    def _reached(self) -> Array:
        legs = np.linalg.norm(np.diff(np.asarray(self.points), axis=0), axis=1)
        return np.concatenate([[0.0], np.cumsum(legs)])

    @property
    def end_s(self) -> float:
        """When the last point is reached."""
        return self.start_s + float(self._reached[-1]) / self.speed_m_s

    @classmethod
    def arriving(cls, points: Points, at_s: float, speed_m_s: float) -> Path:
        """The walk that reaches the last point at `at_s`."""
        length = cls(points, 0.0, speed_m_s).end_s
        return cls(points, at_s - length, speed_m_s)

    def pose(self, t_s: float) -> Pose | None:
        """The pose at a time, None before the start and after the end."""
        if not self.start_s <= t_s < self.end_s:
            return None
        walked = (t_s - self.start_s) * self.speed_m_s
        here = self._at(walked)
        ahead, behind = self._at(walked + LOOK_M), self._at(walked - LOOK_M)
        heading = np.degrees(np.arctan2(ahead[1] - behind[1], ahead[0] - behind[0]))
        return Pose(here[0], here[1], float(heading), walked)

    def _at(self, walked_m: float) -> tuple[float, float]:
        points = np.asarray(self.points)
        return (
            float(np.interp(walked_m, self._reached, points[:, 0])),
            float(np.interp(walked_m, self._reached, points[:, 1])),
        )


def route(layout: Layout, x_m: float, y_m: float) -> Points:
    """The way in from outside to a place: along the corridor as far as beside it, then straight to it."""
    best: tuple[float, int, tuple[float, float]] = (1e9, 0, layout.entrance[0])
    for leg, (a, b) in enumerate(zip(layout.entrance, layout.entrance[1:], strict=False)):
        span = np.subtract(b, a)
        share = float(np.clip(np.dot(np.subtract((x_m, y_m), a), span) / np.dot(span, span), 0, 1))
        near = (float(a[0] + span[0] * share), float(a[1] + span[1] * share))
        away = float(np.hypot(near[0] - x_m, near[1] - y_m))
        if away < best[0]:
            best = (away, leg, near)
    return (*layout.entrance[: best[1] + 1], best[2], (x_m, y_m))


def bay_front(bay: Bay) -> tuple[float, float]:
    """Where one stands behind a bike parked in a bay."""
    angle = np.radians(bay.heading_deg)
    return (float(bay.x_m - 1.25 * np.cos(angle)), float(bay.y_m - 1.25 * np.sin(angle)))
