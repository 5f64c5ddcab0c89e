"""Smoke, flames and haze brought into the picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from simulators.scene.backdrop import AMBIENT, COLOUR, Backdrop
from simulators.scene.canvas import lit_lamps
from simulators.scene.flame import GLOW, Fire, cast_light, flames
from simulators.scene.geometry import Array
from simulators.scene.glow import spread
from simulators.scene.light import KINDS, open_reach
from simulators.scene.smoke import Source, hanging
from simulators.scene.truth import Box

# Less taken away than this is not seen as smoke.
SEEN = 0.03
# An eye notices a change of brightness of some percent; near black only what lifts it above the picture's noise.
NOTICED, FAINTEST = 0.06, 0.01


@dataclass(frozen=True)
class AirTruth:
    """What hangs in the air of a picture (see `truth.Truth`)."""

    smoke_density: float = 0.0
    smoke_seen: float = 0.0
    smoke_map: Array | None = None
    smoke_box: Box | None = None
    flame_box: Box | None = None


def fill(
    light: Array,
    depth: Array,
    view: Backdrop,
    weights: dict[str, float],
    fires: list[Fire],
    smoke: list[Source],
    t_s: float,
) -> AirTruth:
    """Light the room by its fires, draw them, and hang the smoke before everything; returns what is to be seen."""
    burning = [fire for fire in fires if fire.height_m(t_s) > 0]
    for fire in burning:
        cast = cast_light(fire, view, t_s)
        if cast is not None:
            spread(light, view, weights, cast, GLOW)
    fiery = sum(fire.light(t_s) for fire in burning)
    _hang(light, view, weights, [source for source in smoke if not source.real], t_s, fiery)
    clear = _glance(light, view) if any(source.real and t_s > source.start_s for source in smoke) else None
    taken = _hang(light, view, weights, [source for source in smoke if source.real], t_s, fiery)
    seen = 0.0 if clear is None else _seen(clear, _glance(light, view))
    boxes = [_draw(light, depth, view, fire, t_s, taken) for fire in burning]
    scale = view.size[0] / taken.shape[1]
    smoke_box = _box(taken > SEEN, view.size, (0, 0), scale)
    flame_box = next((box for box in boxes if box is not None), None)
    return AirTruth(float(taken.mean()), seen, taken if taken.any() else None, smoke_box, flame_box)


def veil(light: Array, view: Backdrop, through: Array | None, weights: dict[str, float]) -> None:
    """Let a share of the light through (h, w; small size) and put the haze's own grey in place of the rest."""
    if through is not None:
        grey = _air_light(view, weights, (view.layout.room_m[0] / 2, 5.0, 1.5)) * np.float32(0.62)
        _blend(light, view, through, (1 - through)[..., None] * grey)


def _draw(light: Array, depth: Array, view: Backdrop, fire: Fire, t_s: float, taken: Array) -> Box | None:
    drawn = flames(fire, view, depth, t_s)
    if drawn is None:
        return None
    height, width = drawn.cover.shape
    place = (slice(drawn.y, drawn.y + height), slice(drawn.x, drawn.x + width))
    # Flames burn through their own smoke; only part of what hangs there is before them.
    through = np.asarray(cv2.resize(1 - taken, view.size, interpolation=cv2.INTER_LINEAR))[place] ** 0.3
    light[place] = light[place] * (1 - drawn.cover[..., None]) + drawn.light * through[..., None]
    return _box(drawn.light[..., 2] * through > 0.8, view.size, (drawn.x, drawn.y))


def _hang(
    light: Array, view: Backdrop, weights: dict[str, float], smoke: list[Source], t_s: float, fiery: float
) -> Array:
    """Hang the smoke before everything; the share of light it takes away (h, w; small size)."""
    through = np.ones(view.small.depth.shape, dtype=np.float32)
    added = np.zeros((*through.shape, 3), dtype=np.float32)
    for source in smoke:
        if t_s <= source.start_s:
            continue
        depth, shade = hanging(source, view, t_s)
        if not depth.any():
            continue
        share = np.exp(-depth).astype(np.float32)
        lit = _air_light(view, weights, (source.place[0], source.place[1], 1.7))
        lit = lit + np.asarray(GLOW, dtype=np.float32) * np.float32(0.25 * fiery)
        haze = ((1 - share) * shade)[..., None] * (lit * source.tone(t_s))
        added = added * share[..., None] + haze.astype(np.float32)
        through *= share
    if (through < 1).any():
        _blend(light, view, through, added)
    return 1 - through


def _glance(light: Array, view: Backdrop) -> Array:
    """How bright the picture is (h, w) at about the view's small size."""
    step = max(1, round(view.size[0] / view.small.depth.shape[1]))
    return np.asarray(light[step // 2 :: step, step // 2 :: step].mean(axis=2))


def _seen(before: Array, after: Array) -> float:
    """Share of the picture whose brightness the smoke changes by what an eye notices (Weber's law)."""
    return float((np.abs(after - before) > NOTICED * (before + FAINTEST)).mean())


def _blend(light: Array, view: Backdrop, through: Array, added: Array) -> None:
    """Let a share of the light through (h, w) and add what the haze sends (h, w, 3), in place; small size."""
    share = cv2.resize(through.astype(np.float32), view.size, interpolation=cv2.INTER_LINEAR)
    cv2.multiply(light, cv2.merge([share, share, share]), dst=light)
    cv2.add(light, cv2.resize(added.astype(np.float32), view.size, interpolation=cv2.INTER_LINEAR), dst=light)


def _air_light(view: Backdrop, weights: dict[str, float], place: tuple[float, float, float]) -> Array:
    """Light a small white thing hanging at a place sends to the eye (3)."""
    total = np.zeros(3, dtype=np.float32)
    for kind in KINDS:
        soft = AMBIENT[kind] * (view.layout.daylight if kind == "day" else 1.0) * weights[kind]
        total += np.float32(soft) * np.asarray(COLOUR[kind], dtype=np.float32)
    point = np.asarray([place], dtype=np.float32)
    for lamp, amount in lit_lamps(view, weights):
        # Small particles throw light back to where it came from: bright where the lamp is beside the lens.
        back = 0.9 if weights["infrared"] else 0.5
        toward = np.asarray(lamp.place, dtype=np.float32) - point
        facing = toward / max(float(np.linalg.norm(toward)), 0.5)
        total += np.float32(back * amount * float(open_reach(lamp, point, facing)[0]))
    return total


def _box(mask: Array, size: tuple[int, int], corner: tuple[int, int], scale: float = 1.0) -> Box | None:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    x, y = (corner[0] + columns[0] * scale) / size[0], (corner[1] + rows[0] * scale) / size[1]
    return (
        float(x),
        float(y),
        float((columns[-1] - columns[0] + 1) * scale / size[0]),
        float((rows[-1] - rows[0] + 1) * scale / size[1]),
    )
