"""The camera: metres of the shed to 0-1 picture coordinates and back. x right, y into the shed, z up.

The picture is taken as 16:9 whatever its size in pixels; a camera has no lens distortion.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
ASPECT = 16 / 9
NEAR_M = 0.2


def unit(vector: Array) -> Array:
    """The vector at length 1 (along the last axis)."""
    return np.asarray(vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-9))


@dataclass(frozen=True)
class Camera:
    """A pinhole camera (also used for the shadow maps of lamps).

    Attributes:
        position: metres.
        target: a point it looks at, metres.
        hfov_deg: horizontal angle of view.
        aspect: width over height.
    """

    position: tuple[float, float, float]
    target: tuple[float, float, float]
    hfov_deg: float
    aspect: float = ASPECT

    @cached_property
    def basis(self) -> Array:
        """Rows: right, down, forward (unit vectors)."""
        forward = unit(np.subtract(self.target, self.position).astype(np.float64))
        up = np.array([0.0, 0.0, 1.0]) if abs(forward[2]) < 0.99 else np.array([0.0, 1.0, 0.0])
        right = unit(np.cross(forward, up))
        return np.stack([right, np.cross(forward, right), forward])

    @cached_property
    def focal(self) -> tuple[float, float]:
        """Focal lengths in picture widths and picture heights."""
        fx = 0.5 / np.tan(np.radians(self.hfov_deg) / 2)
        return float(fx), float(fx * self.aspect)

    def project(self, points: Array) -> tuple[Array, Array]:
        """0-1 picture coordinates (…, 2) and depth in metres (…) of points (…, 3); depth <= 0 is behind the camera."""
        seen = (points - np.asarray(self.position)) @ self.basis.T
        depth = seen[..., 2]
        safe = np.where(np.abs(depth) < 1e-6, 1e-6, depth)
        fx, fy = self.focal
        return np.stack([0.5 + fx * seen[..., 0] / safe, 0.5 + fy * seen[..., 1] / safe], axis=-1), depth

    def rays(self, u: Array, v: Array) -> Array:
        """Direction of sight (…, 3) at 0-1 coordinates, scaled to 1 m of depth."""
        fx, fy = self.focal
        right, down, forward = self.basis.astype(np.float32)
        x, y = ((u - 0.5) / fx).astype(np.float32), ((v - 0.5) / fy).astype(np.float32)
        return np.stack([x * right[i] + y * down[i] + forward[i] for i in range(3)], axis=-1)

    def turned(self, yaw_deg: float, pitch_deg: float) -> Camera:
        """The same camera knocked aside: yaw to the right, pitch down."""
        right, down, forward = self.basis
        aim = forward + np.tan(np.radians(yaw_deg)) * right + np.tan(np.radians(pitch_deg)) * down
        return Camera(self.position, tuple(np.asarray(self.position) + aim), self.hfov_deg, self.aspect)


def pixel_rays(camera: Camera, width: int, height: int) -> Array:
    """Rays (height, width, 3) through the pixel centres, 1 m of depth each."""
    u, v = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    return camera.rays(u, v)


def outline(camera: Camera, points: Array) -> list[list[float]]:
    """Convex outline of points in the picture, 0-1 coordinates, cut at the picture's edges; empty if out of sight."""
    where, depth = camera.project(np.asarray(points, dtype=np.float64))
    hull = cv2.convexHull((where[depth > NEAR_M]).astype(np.float32))
    frame = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float32)
    area, cut = cv2.intersectConvexConvex(hull, frame)
    return [] if area <= 0 else rounded(np.asarray(cut).reshape(-1, 2))


def rounded(points: Array) -> list[list[float]]:
    """Points clamped to 0-1 at four decimals, as a configuration file would hold them."""
    return [[round(float(np.clip(x, 0, 1)), 4), round(float(np.clip(y, 0, 1)), 4)] for x, y in points]


def clip_polygon(points: Array) -> Array:
    """A simple polygon cut at the edges of the unit square (Sutherland and Hodgman 1974)."""
    kept = [np.asarray(point, dtype=np.float64) for point in points]
    for axis, bound, sign in ((0, 0.0, 1), (0, 1.0, -1), (1, 0.0, 1), (1, 1.0, -1)):
        source, kept = kept, []
        for here, there in zip(source, source[1:] + source[:1], strict=True):
            inside, next_inside = sign * (here[axis] - bound) >= 0, sign * (there[axis] - bound) >= 0
            if inside:
                kept.append(here)
            if inside != next_inside:
                kept.append(here + (there - here) * (bound - here[axis]) / (there[axis] - here[axis]))
    return np.array(kept)
