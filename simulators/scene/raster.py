"""Which face is seen at which pixel, and where that is in the shed.

Faces are painted far to near as numbers, so everything else (colour, normal, place) is looked up for whole pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from simulators.scene.geometry import NEAR_M, Array, Camera, pixel_rays
from simulators.scene.mesh import Mesh

SHIFT = 4
FAR_M = 1e6


@dataclass(frozen=True)
class Window:
    """A part of the picture in pixels of a picture `full` pixels in size (x, y, w, h)."""

    x: int
    y: int
    w: int
    h: int
    full: tuple[int, int]

    @property
    def rows(self) -> slice:
        """Rows of the picture it covers."""
        return slice(self.y, self.y + self.h)

    @property
    def columns(self) -> slice:
        """Columns of the picture it covers."""
        return slice(self.x, self.x + self.w)

    def rays(self, camera: Camera, scale: int = 1) -> Array:
        """Rays through the pixels of the window, drawn `scale` times finer."""
        if (self.w, self.h) == self.full and scale == 1:
            return pixel_rays(camera, self.w, self.h)
        us = (self.x + (np.arange(self.w * scale) + 0.5) / scale) / self.full[0]
        vs = (self.y + (np.arange(self.h * scale) + 0.5) / scale) / self.full[1]
        u, v = np.meshgrid(us, vs)
        return camera.rays(u, v)


def window_of(camera: Camera, mesh: Mesh, size: tuple[int, int], margin_px: int = 2) -> Window | None:
    """The window a mesh appears in, None if it is not in the picture."""
    where, depth = camera.project(mesh.quads.reshape(-1, 3))
    where = where[depth > NEAR_M]
    if not len(where):
        return None
    low = np.floor(where.min(axis=0) * size).astype(int) - margin_px
    high = np.ceil(where.max(axis=0) * size).astype(int) + margin_px
    low, high = np.clip(low, 0, size), np.clip(high, 0, size)
    if (high - low).min() <= 0:
        return None
    return Window(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]), size)


def visible(camera: Camera, mesh: Mesh, window: Window, scale: int = 1, cull: bool = True) -> Array:
    """Number of the face seen at each pixel of the window (int32), -1 where none."""
    ids = np.full((window.h * scale, window.w * scale), -1, dtype=np.int32)
    where, depth = camera.project(mesh.quads)
    keep = depth.min(axis=1) > NEAR_M
    pixels = (where * window.full - (window.x, window.y)) * scale
    low, high = pixels.min(axis=1), pixels.max(axis=1)
    keep &= (high[:, 0] >= 0) & (high[:, 1] >= 0) & (low[:, 0] <= ids.shape[1]) & (low[:, 1] <= ids.shape[0])
    if cull:
        eye = np.asarray(camera.position, dtype=np.float32) - mesh.quads[:, 0]
        keep &= np.einsum("ij,ij->i", eye, mesh.normals()) > 0
    order = np.flatnonzero(keep)
    order = order[np.argsort(-depth[order].mean(axis=1), kind="stable")]
    fixed = np.round((np.clip(pixels, -4000, 8000) - 0.5) * (1 << SHIFT)).astype(np.int32)
    for face in order.tolist():
        cv2.fillConvexPoly(ids, fixed[face], face, cv2.LINE_8, SHIFT)
    return ids


def depths(camera: Camera, mesh: Mesh, ids: Array, rays: Array) -> Array:
    """Depth in metres at each pixel from the plane of the face seen there; `FAR_M` where none."""
    normals = mesh.normals().astype(np.float32)
    offset = np.einsum("ij,ij->i", mesh.quads[:, 0] - np.asarray(camera.position, dtype=np.float32), normals)
    spread = camera.project(mesh.quads)[1].astype(np.float32)
    near, far = spread.min(axis=1), spread.max(axis=1)
    out = np.full(ids.shape, FAR_M, dtype=np.float32)
    hit = ids >= 0
    face = ids[hit]
    facing = np.einsum("ij,ij->i", rays[hit], normals[face])
    # Seen edge-on a plane has no usable depth: keep it within the face's own.
    safe = np.where(np.abs(facing) < 1e-4, 1e-4, facing)
    out[hit] = np.clip(offset[face] / safe, near[face], far[face])
    return out
