"""What stands still: the shed with its parked bikes, painted once for each kind of light.

`backdrop` is slow (seconds at 1280 x 720) and cached; mixing the kinds of light to a picture is quick.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import cv2
import numpy as np

from simulators.scene.fittings import fittings
from simulators.scene.geometry import Array, Camera, unit
from simulators.scene.layouts import Layout, layout_named
from simulators.scene.light import (
    KINDS,
    Lamp,
    Shadow,
    ambient,
    day_lamps,
    infrared_lamp,
    open_reach,
    sky_lamps,
    tube_lamps,
)
from simulators.scene.mesh import Mesh, join
from simulators.scene.parking import standing_bikes
from simulators.scene.raster import Window, depths, visible
from simulators.scene.shell import FLOOR, Shell, Surface
from simulators.scene.textures import grime

# Width of the view for soft things.
SMALL_PX = 320
# Mixtures and the like kept per camera.
KEPT = 6
# How strongly light from everywhere accompanies each kind, beside what comes straight from its lamps.
AMBIENT = {"day": 0.3, "lamps": 0.16, "infrared": 0.05}
COLOUR = {"day": (1.06, 1.0, 0.95), "lamps": (0.96, 1.02, 0.96), "infrared": (1.0, 1.0, 1.0)}


def keep(kept: dict[tuple[Hashable, ...], Array], key: tuple[Hashable, ...], value: Array) -> Array:
    """Keep a value in a small cache, forgetting the rest when it is full; gives the value back."""
    if len(kept) >= KEPT:
        kept.clear()
    kept[key] = value
    return value


@dataclass(frozen=True)
class Seen:
    """Per pixel: place, normal, reflectance, own light by day and by lamps, gloss, floor or not."""

    points: Array
    normal: Array
    colour: Array
    glow_day: Array
    glow_lamps: Array
    gloss: Array
    floor: Array
    depth: Array


@dataclass(frozen=True)
class Small:
    """The view at a third of a megapixel or less, for soft things: smoke, glows. Arrays (h, w, …); `kept` is a cache."""

    depth: Array
    points: Array
    normal: Array
    rays: Array
    eye: Array
    kept: dict[tuple[Hashable, ...], Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Backdrop:
    """One camera's standing picture.

    Attributes:
        bases: kind of light to its linear picture (height, width, 3) float32.
        depth: metres along the line of sight (height, width).
        colour: reflectance BGR (height, width, 3).
        points, normal: places in the shed and normals (height, width, 3).
        floor: 1 where the floor is seen, 0 elsewhere (height, width).
        mirror: share of what the floor reflects (height, width).
        openings: 1 where the outside is seen through a door, window or open side (height, width).
        metered: mean light of each kind as a camera meters it, without the brightest parts.
    """

    layout: Layout
    camera: Camera
    size: tuple[int, int]
    bases: dict[str, Array]
    depth: Array
    colour: Array
    points: Array
    normal: Array
    floor: Array
    mirror: Array
    openings: Array
    metered: dict[str, float]
    _mixed: dict[tuple[Hashable, ...], Array] = field(default_factory=dict)

    @cached_property
    def small(self) -> Small:
        """The view about `SMALL_PX` wide."""
        step = max(1, round(self.size[0] / SMALL_PX))
        points = np.ascontiguousarray(self.points[step // 2 :: step, step // 2 :: step])
        eye = np.asarray(self.camera.position, dtype=np.float32)
        depth = np.ascontiguousarray(self.depth[step // 2 :: step, step // 2 :: step])
        normal = np.ascontiguousarray(self.normal[step // 2 :: step, step // 2 :: step])
        rays = (points - eye) / np.maximum(depth, 1e-3)[..., None]
        return Small(depth, points, normal, rays.astype(np.float32), eye)

    def mix(self, weights: dict[str, float]) -> Array:
        """The linear picture under these amounts of each kind of light. Don't write into it."""
        key = tuple(round(weights[kind] * 200) for kind in KINDS)
        mixed = self._mixed.get(key)
        if mixed is None:
            total = np.zeros_like(self.depth[..., None] * np.ones(3, dtype=np.float32))
            for kind, amount in zip(KINDS, key, strict=True):
                if amount:
                    total += self.bases[kind] * np.float32(amount / 200)
            mixed = keep(self._mixed, key, total)
        return mixed


@lru_cache(maxsize=12)
def backdrop(name: str, seed: int, width: int, height: int, yaw_deg: float = 0.0, pitch_deg: float = 0.0) -> Backdrop:
    """The standing picture of a layout's camera (turned aside by `yaw_deg`, `pitch_deg`)."""
    layout = layout_named(name)
    camera = layout.camera.turned(yaw_deg, pitch_deg) if yaw_deg or pitch_deg else layout.camera
    mesh = join([fittings(layout, seed), *standing_bikes(layout, seed)])
    scale = 2 if width <= 960 else 1
    window = Window(0, 0, width, height, (width, height))
    shell = Shell(layout, seed)
    seen = _gather(camera, mesh, shell, window.rays(camera, scale), visible(camera, mesh, window, scale))
    shadows = _shadows(layout, mesh)
    bases = _light(seen, shadows, layout)
    half = Window(0, 0, width // 2, height // 2, (width // 2, height // 2))
    mirror = _mirror(camera, mesh, shell, half)
    for kind, glint in _light(mirror, shadows, layout).items():
        bases[kind] = _reduce(bases[kind] + _reflection(glint, seen, camera), (width, height))
    return Backdrop(
        layout,
        camera,
        (width, height),
        bases,
        _reduce(seen.depth, (width, height), nearest=True),
        _reduce(seen.colour, (width, height)),
        _reduce(seen.points, (width, height), nearest=True),
        _reduce(seen.normal, (width, height), nearest=True),
        _reduce(seen.floor, (width, height)),
        _reduce(_mirror_share(seen, camera), (width, height)),
        _reduce((seen.glow_day.max(axis=-1) > 0.1).astype(np.float32), (width, height)),
        {kind: float(np.minimum(base, 0.8).mean()) for kind, base in bases.items()},
    )


def _reduce(picture: Array, size: tuple[int, int], nearest: bool = False) -> Array:
    if picture.shape[1::-1] == size:
        return picture
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST if nearest else cv2.INTER_AREA))


def _gather(camera: Camera, mesh: Mesh, shell: Shell, rays: Array, ids: Array) -> Seen:
    eye = np.asarray(camera.position, dtype=np.float32)
    room = shell.seen(rays, eye)
    depth = np.minimum(depths(camera, mesh, ids, rays), room.depth)
    points = eye + rays * depth[..., None]
    return _with_mesh(mesh, ids, points, mesh.normals().astype(np.float32), room, depth)


def _with_mesh(mesh: Mesh, ids: Array, points: Array, normals: Array, room: Surface, depth: Array) -> Seen:
    normal, colour = room.normal.copy(), room.colour.copy()
    gloss, glow_day = room.gloss.copy(), room.glow.copy()
    glow_lamps = np.zeros_like(glow_day)
    hit = ids >= 0
    face = ids[hit]
    normal[hit], colour[hit], gloss[hit] = normals[face], mesh.colour[face], mesh.gloss[face]
    colour[hit] *= grime(points)[hit][:, None]
    glow_day[hit] = 0
    glow_lamps[hit] = mesh.glow[face, None] * 5.0
    floor = ((room.side == FLOOR) & ~hit).astype(np.float32)
    return Seen(points, normal, colour, glow_day, glow_lamps, gloss, floor, depth)


def _mirror(camera: Camera, mesh: Mesh, shell: Shell, window: Window) -> Seen:
    """What the floor would show if it were a mirror, as places above the floor."""
    rays = window.rays(camera)
    flipped = mesh.mirrored()
    ids = visible(camera, flipped, window)
    eye = np.asarray(camera.position, dtype=np.float32)
    room = shell.seen(rays * (1, 1, -1), eye * (1, 1, -1), floor=False)
    depth = np.minimum(depths(camera, flipped, ids, rays), room.depth)
    points = eye + rays * depth[..., None]
    points[..., 2] *= -1
    return _with_mesh(mesh, ids, points, mesh.normals().astype(np.float32), room, depth)


def _shadows(layout: Layout, mesh: Mesh) -> dict[str, list[Shadow]]:
    dim = mesh.glow <= 0
    solid = Mesh(mesh.quads[dim], mesh.colour[dim], mesh.gloss[dim], mesh.glow[dim])
    below = (
        solid.quads[..., 2].max(axis=1) < layout.roof_m - 0.35
        if layout.canopy is None
        else np.ones(len(solid), dtype=bool)
    )
    low = Mesh(solid.quads[below], solid.colour[below], solid.gloss[below], solid.glow[below])
    sources: dict[str, list[Lamp]] = {
        "sky": sky_lamps(layout),
        "day": day_lamps(layout),
        "lamps": tube_lamps(layout),
    }
    return {kind: [lamp.shadow(low) for lamp in lamps] for kind, lamps in sources.items()}


def _light(seen: Seen, shadows: dict[str, list[Shadow]], layout: Layout) -> dict[str, Array]:
    shape = seen.depth.shape
    points, normals = seen.points.reshape(-1, 3), seen.normal.reshape(-1, 3)
    everywhere = ambient(shadows["sky"], points, normals, layout.room_m)
    bases = {}
    for kind in KINDS:
        strength = AMBIENT[kind] * (layout.daylight if kind == "day" else 1.0)
        total = everywhere * np.float32(strength)
        for shadow in shadows.get(kind, ()):
            total += shadow.reach(points, normals)
        if kind == "infrared":
            # The diodes sit round the lens: their shadows are hidden behind what casts them.
            total += open_reach(infrared_lamp(layout.camera), points, normals)
        colour = infrared_colour(seen.colour) if kind == "infrared" else seen.colour
        lit = colour * total.reshape(shape)[..., None] * np.asarray(COLOUR[kind], dtype=np.float32)
        own = {"day": seen.glow_day * 1.2, "lamps": seen.glow_lamps}.get(kind)
        bases[kind] = np.asarray(lit if own is None else lit + own, dtype=np.float32)
    return bases


def infrared_colour(colour: Array) -> Array:
    """Paints and cloth differ less in the near infrared than to the eye."""
    grey = colour @ np.array([0.2, 0.4, 0.4], dtype=np.float32)
    return np.repeat((0.1 + 0.75 * grey)[..., None], 3, axis=-1)


def _reflection(glint: Array, seen: Seen, camera: Camera) -> Array:
    """The mirror picture as a worn floor shows it: faint, smeared along the line of sight, stronger far away."""
    size = seen.depth.shape[1::-1]
    smeared = cv2.GaussianBlur(np.minimum(glint, 3.0), (0, 0), sigmaX=glint.shape[1] / 300, sigmaY=glint.shape[0] / 45)
    return np.asarray(cv2.resize(smeared, size) * _mirror_share(seen, camera)[..., None], dtype=np.float32)


def _mirror_share(seen: Seen, camera: Camera) -> Array:
    """How much of the mirror picture each pixel shows (Schlick's approximation, on the floor alone)."""
    to_eye = unit(np.asarray(camera.position, dtype=np.float32) - seen.points)
    fresnel = 0.12 + 0.88 * (1 - np.clip(to_eye[..., 2], 0, 1)) ** 3
    return np.asarray(seen.floor * seen.gloss * fresnel, dtype=np.float32)
