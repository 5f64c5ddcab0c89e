"""Draws actors into the standing picture: lit like it, hidden by what is nearer, with shadow and reflection on the floor."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from simulators.scene.actors import Actor
from simulators.scene.backdrop import AMBIENT, COLOUR, Backdrop, infrared_colour
from simulators.scene.geometry import NEAR_M, Array, Camera
from simulators.scene.light import KINDS, Lamp, day_lamps, infrared_lamp, open_reach, tube_lamps
from simulators.scene.mesh import Mesh
from simulators.scene.raster import Window, visible, window_of
from simulators.scene.textures import grime
from simulators.scene.truth import ObjectTruth

# Small errors of depth at the feet must not let the floor cover them.
TOLERANCE_M = 0.18
KEPT = 3


@dataclass
class Canvas:
    """A linear picture being drawn: light (height, width, 3), depth (height, width), and what was drawn."""

    light: Array
    depth: Array
    objects: list[ObjectTruth] = field(default_factory=list)


@dataclass(frozen=True)
class Sprite:
    """A drawn mesh: where, colour times cover (h, w, 3), cover 0-1 (h, w), depth (h, w)."""

    window: Window
    colour: Array
    cover: Array
    depth: Array


@dataclass
class Painter:
    """Paints actors for one camera; things that stand still are kept painted as long as the light stays."""

    backdrop: Backdrop
    _kept: dict[tuple[object, ...], Canvas] = field(default_factory=dict)

    def paint(self, actors: list[Actor], weights: dict[str, float]) -> Canvas:
        """The picture with all actors, to be drawn on."""
        still = [actor for actor in actors if actor.key is not None]
        moving = [actor for actor in actors if actor.key is None]
        base = self._still(still, weights)
        canvas = Canvas(base.light.copy(), base.depth.copy() if moving else base.depth, list(base.objects))
        self._add(canvas, moving, weights)
        return canvas

    def _still(self, actors: list[Actor], weights: dict[str, float]) -> Canvas:
        key = (*(round(weights[kind] * 200) for kind in KINDS), *(actor.key for actor in actors))
        kept = self._kept.get(key)
        if kept is None:
            kept = Canvas(self.backdrop.mix(weights).copy(), self.backdrop.depth.copy())
            self._add(kept, actors, weights)
            if len(self._kept) >= KEPT:
                self._kept.clear()
            self._kept[key] = kept
        return kept

    def _add(self, canvas: Canvas, actors: list[Actor], weights: dict[str, float]) -> None:
        for actor in actors:
            self._shade_floor(canvas, actor.mesh, weights)
        eye = np.asarray(self.backdrop.camera.position)
        for actor in sorted(actors, key=lambda one: -float(np.linalg.norm(one.mesh.quads.mean(axis=(0, 1)) - eye))):
            self._reflect(canvas, actor.mesh, weights)
            self._stand(canvas, actor, weights)

    def _stand(self, canvas: Canvas, actor: Actor, weights: dict[str, float]) -> None:
        drawn = self._sprite(
            actor.mesh, weights, 2 if self.backdrop.size[0] <= 960 else 1, rounded=actor.kind == "person"
        )
        if drawn is None:
            return
        colour = drawn.colour
        if actor.key is not None:
            # On what moves the pattern would stay behind, so only standing things are worn.
            eye = np.asarray(self.backdrop.camera.position, dtype=np.float32)
            places = eye + drawn.window.rays(self.backdrop.camera) * drawn.depth[..., None]
            colour = colour * grime(places)[..., None]
        place = (drawn.window.rows, drawn.window.columns)
        shown = drawn.cover * (drawn.depth < canvas.depth[place] + TOLERANCE_M)
        ratio = (shown / np.maximum(drawn.cover, 1e-6))[..., None]
        canvas.light[place] = canvas.light[place] * (1 - shown[..., None]) + colour * ratio
        solid = shown > 0.5
        canvas.depth[place] = np.where(solid, drawn.depth, canvas.depth[place])
        if solid.any():
            canvas.objects.append(_truth(actor, drawn.window, solid))

    def _reflect(self, canvas: Canvas, mesh: Mesh, weights: dict[str, float]) -> None:
        drawn = self._sprite(mesh.mirrored(), weights, 1, lit=mesh)
        if drawn is None:
            return
        place = (drawn.window.rows, drawn.window.columns)
        smear = (self.backdrop.size[0] / 400, self.backdrop.size[1] / 70)
        cover = cv2.GaussianBlur(drawn.cover, (0, 0), sigmaX=smear[0], sigmaY=smear[1])
        colour = cv2.GaussianBlur(drawn.colour, (0, 0), sigmaX=smear[0], sigmaY=smear[1])
        share = (self.backdrop.mirror[place] * cover)[..., None]
        canvas.light[place] += self.backdrop.mirror[place][..., None] * colour - 0.3 * share * canvas.light[place]

    def _sprite(
        self, mesh: Mesh, weights: dict[str, float], scale: int, lit: Mesh | None = None, rounded: bool = False
    ) -> Sprite | None:
        camera = self.backdrop.camera
        window = window_of(camera, mesh, self.backdrop.size)
        if window is None:
            return None
        ids = visible(camera, mesh, window, scale)
        shades = face_light(self.backdrop, lit or mesh, weights)
        far = camera.project(mesh.quads.mean(axis=1))[1].astype(np.float32)
        # Face -1 (nothing) looks up the last row: no colour, no cover, no depth.
        table = np.vstack([np.column_stack([shades, np.ones(len(mesh)), far]), np.zeros(5)]).astype(np.float32)
        layers = table[ids]
        if scale > 1 and rounded:
            # People have no flat sides: the edges between faces are smoothed away.
            layers = np.asarray(cv2.GaussianBlur(layers, (0, 0), 1.3))
        if scale > 1:
            layers = np.asarray(cv2.resize(layers, (window.w, window.h), interpolation=cv2.INTER_AREA))
        cover = layers[..., 3]
        return Sprite(window, layers[..., :3], cover, layers[..., 4] / np.maximum(cover, 1e-6))

    def _shade_floor(self, canvas: Canvas, mesh: Mesh, weights: dict[str, float]) -> None:
        middle = mesh.quads.mean(axis=(0, 1))
        foot = np.array([[middle[0], middle[1], 0.0]], dtype=np.float32)
        up = np.array([[0.0, 0.0, 1.0]], dtype=np.float32)
        lamps = [
            (lamp, float(open_reach(lamp, foot, up)[0]) * amount) for lamp, amount in lit_lamps(self.backdrop, weights)
        ]
        every = sum(AMBIENT[kind] * weights[kind] for kind in KINDS) * 0.9
        total = every + sum(share for _, share in lamps) + 1e-6
        high = Lamp((float(middle[0]), float(middle[1]), 6.0), (0.0, 0.0, -1.0), 1.0)
        for lamp, share, blur in [*((lamp, share, 130) for lamp, share in lamps), (high, every * 0.8, 45)]:
            if share / total > 0.08:
                self._cast(canvas, mesh, lamp, min(0.75, share / total), self.backdrop.size[0] / blur)

    def _cast(self, canvas: Canvas, mesh: Mesh, lamp: Lamp, share: float, blur_px: float) -> None:
        source = np.asarray(lamp.place, dtype=np.float32)
        # The faces turned to the lamp have the outline of the whole.
        below = mesh.quads[..., 2].max(axis=1) < source[2] - 0.15
        below &= np.einsum("ij,ij->i", source - mesh.quads[:, 0], mesh.normals()) > 0
        corners = mesh.quads[below]
        stretch = source[2] / (source[2] - corners[..., 2:])
        fallen = source + (corners - source) * stretch
        fallen[..., 2] = 0.0
        flat = Mesh(fallen, mesh.colour[below], mesh.gloss[below], mesh.glow[below])
        window = window_of(self.backdrop.camera, flat, self.backdrop.size, margin_px=round(3 * blur_px) + 2)
        if window is None:
            return
        mask = np.zeros(((window.h + 1) // 2, (window.w + 1) // 2), dtype=np.uint8)
        _fill(mask, flat, self.backdrop.camera, window)
        soft = cv2.resize(cv2.GaussianBlur(mask, (0, 0), blur_px / 2), (window.w, window.h))
        place = (window.rows, window.columns)
        canvas.light[place] *= (1 - soft * (self.backdrop.floor[place] * np.float32(share / 255)))[..., None]


def _fill(mask: Array, flat: Mesh, camera: Camera, window: Window) -> None:
    where, depth = camera.project(flat.quads)
    pixels = np.round((where * window.full - (window.x, window.y)) / 2).clip(-4000, 8000).astype(np.int32)
    for corners in pixels[depth.min(axis=1) > NEAR_M]:
        cv2.fillConvexPoly(mask, corners, 255)


def lit_lamps(backdrop: Backdrop, weights: dict[str, float]) -> list[tuple[Lamp, float]]:
    """The lamps that shine, each tube as one, with how strongly."""
    found: list[tuple[Lamp, float]] = []
    if weights["day"] > 0.02:
        found += [(lamp, weights["day"]) for lamp in day_lamps(backdrop.layout)]
    if weights["lamps"]:
        found += [(lamp, weights["lamps"] * 3) for lamp in tube_lamps(backdrop.layout)[1::3]]
    if weights["infrared"]:
        found.append((infrared_lamp(backdrop.layout.camera), weights["infrared"]))
    return found


def face_light(backdrop: Backdrop, mesh: Mesh, weights: dict[str, float]) -> Array:
    """Linear colour of each face (n, 3) under the shed's light, without shadows of other things."""
    normals, middles = mesh.normals().astype(np.float32), mesh.quads.mean(axis=1)
    up, side = normals[:, 2], 1 - np.abs(normals[:, 2])
    around = 0.34 + 0.45 * np.maximum(up, 0) + 0.18 * np.maximum(-up, 0) + 0.28 * side
    around *= 0.65 + 0.35 * np.clip(middles[:, 2] / 0.5, 0, 1)
    grey = weights["infrared"] > 0
    total = np.zeros((len(mesh), 3), dtype=np.float32)
    for kind in KINDS:
        soft = AMBIENT[kind] * (backdrop.layout.daylight if kind == "day" else 1.0) * weights[kind]
        total += (around * soft)[:, None] * np.asarray(COLOUR[kind], dtype=np.float32)
    for lamp, amount in lit_lamps(backdrop, weights):
        total += (open_reach(lamp, middles, normals) * amount)[:, None]
    colour = infrared_colour(mesh.colour) if grey else mesh.colour
    return np.asarray(colour * total)


def _truth(actor: Actor, window: Window, solid: Array) -> ObjectTruth:
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    width, height = window.full
    x, y = window.x + left, window.y + top
    box = (x / width, y / height, (right - left) / width, (bottom - top) / height)
    return ObjectTruth(
        actor.kind, box, actor.footprint is not None, (x, y), solid[top:bottom, left:right].copy(), window.full
    )
