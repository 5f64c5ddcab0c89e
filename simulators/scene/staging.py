"""Who and what is in the shed at a time: ordinary life by seed, and the people and things of events.

Everything is a function of time, so a picture needs none of those before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from simulators.scene.actors import Actor, Stay, bike_shape, human, leave, pusher, walk
from simulators.scene.bikes import is_scooter, parked
from simulators.scene.events import SceneEvent
from simulators.scene.junk import carton, junk
from simulators.scene.layouts import Layout
from simulators.scene.parking import visiting
from simulators.scene.paths import PUSH_M_S, WALK_M_S, Path, Points, Pose, route
from simulators.scene.people import cigarette_tip
from simulators.scene.plumes import about, end_of, weld_place
from simulators.scene.truth import Footprint

# Somebody may walk through once in a slot, more likely at the hours people come home.
SLOT_S = 420.0


def actors_at(layout: Layout, seed: int, events: tuple[SceneEvent, ...], t_s: float, hour: float) -> list[Actor]:
    """Everybody and everything beside the standing picture at a time."""
    found = [*visiting(layout, seed, t_s), *_passers(layout, seed, t_s, hour)]
    for number, event in enumerate(events):
        if event.kind in _MAKERS:
            found += _MAKERS[event.kind](layout, seed * 1000 + number, event, t_s)
    return found


def glowing_ends(
    layout: Layout, seed: int, events: tuple[SceneEvent, ...], t_s: float
) -> list[tuple[float, float, float]]:
    """Where cigarettes glow, in the shed's metres."""
    found = []
    for number, event in enumerate(events):
        if event.kind == "cigarette":
            pose = _standing_pose(layout, seed * 1000 + number, event, t_s)
            if pose is not None:
                x, y, z = cigarette_tip(seed * 1000 + number, t_s)
                a = np.radians(pose.heading_deg)
                found.append((pose.x_m + x * np.cos(a) - y * np.sin(a), pose.y_m + x * np.sin(a) + y * np.cos(a), z))
    return [(float(x), float(y), float(z)) for x, y, z in found]


def busy(hour: float) -> float:
    """How likely somebody passes in a slot at an hour of the day."""
    hour = hour % 24
    peaks = np.exp(-(((hour - 7.6) / 1.3) ** 2)) + np.exp(-(((hour - 18.5) / 2.2) ** 2))
    return float(0.05 + (0.25 if 6.5 < hour < 22.5 else 0.0) + 0.5 * peaks)


def _passers(layout: Layout, seed: int, t_s: float, hour: float) -> Iterator[Actor]:
    slot = int(t_s // SLOT_S)
    for number in (slot - 1, slot):
        rng = np.random.default_rng((seed, number + 1_000_000, 41))
        begin = number * SLOT_S + float(rng.uniform(0, SLOT_S - 90))
        # The hour is that of the walk's beginning: nobody vanishes half-way when the hour turns quiet.
        if rng.random() < busy(hour - (t_s - begin) / 3600):
            yield from _through(layout, int(rng.integers(1 << 20)), begin, t_s)


def _through(layout: Layout, seed: int, begin_s: float, t_s: float) -> Iterator[Actor]:
    """Somebody comes in, goes some way up the corridor, turns and goes out."""
    rng = np.random.default_rng((seed, 43))
    side = float(rng.uniform(-0.4, 0.4))
    points = tuple((x + side, y + side * 0.5) for x, y in layout.entrance)
    inward = Path(points, begin_s, WALK_M_S * float(rng.uniform(0.85, 1.15)))
    yield from walk(seed, inward, t_s)
    pause = float(rng.uniform(1, 9))
    if inward.end_s <= t_s < inward.end_s + pause:
        yield human(seed, "stand", Pose(*points[-1], 200.0, 0.0), t_s)
    yield from walk(seed, replace(inward, points=points[::-1], start_s=inward.end_s + pause), t_s)


def _parked(layout: Layout, seed: int, event: SceneEvent, t_s: float) -> Iterator[Actor]:
    rng = np.random.default_rng((seed, 51))
    x, y, heading = _corridor_spot(layout, rng)
    stay = Stay(
        _bike_seed(rng, event.kind == "bike_parked"),
        seed,
        route(layout, x, y),
        heading,
        event.start_s,
        end_of(event),
    )
    ride = stay.riding(t_s)
    if ride is not None:
        yield Actor("bike", bike_shape(stay.bike_seed).moved(ride.x_m, ride.y_m, ride.heading_deg))
    elif stay.standing(t_s):
        shape, length, width = parked(stay.bike_seed)
        yield Actor("bike", shape.moved(x, y, heading), ("parked", seed), Footprint(x, y, heading, length, width))
    yield from stay.people(t_s)


def _bike_seed(rng: np.random.Generator, scooter: bool) -> int:
    """A bike of the kind asked for."""
    while is_scooter(seed := int(rng.integers(1 << 30))) != scooter:
        pass
    return seed


def _pushes(layout: Layout, seed: int, event: SceneEvent, t_s: float) -> Iterator[Actor]:
    inward = Path(layout.entrance, event.start_s, PUSH_M_S)
    # Turned round on the spot at the end, as one does with a bike: round a small loop.
    outward = Path(layout.entrance[::-1], inward.end_s + 2.0, PUSH_M_S)
    ride = inward.pose(t_s) or outward.pose(t_s)
    if inward.end_s <= t_s < outward.start_s:
        last = inward.pose(inward.end_s - 1e-6)
        assert last is not None
        share = (t_s - inward.end_s) / (outward.start_s - inward.end_s)
        ride = last._replace(heading_deg=last.heading_deg + 180.0 * share)
    if ride is not None:
        bike_seed = int(np.random.default_rng((seed, 52)).integers(1 << 30))
        yield Actor("bike", bike_shape(bike_seed).moved(ride.x_m, ride.y_m, ride.heading_deg))
        yield pusher(seed, ride, t_s)


def _junk(layout: Layout, seed: int, event: SceneEvent, t_s: float) -> Iterator[Actor]:
    rng = np.random.default_rng((seed, 61))
    x, y, heading = _corridor_spot(layout, rng)
    mesh, length, width = junk(seed)
    if event.start_s <= t_s < end_of(event):
        yield Actor("junk", mesh.moved(x, y, heading), ("junk", seed), Footprint(x, y, heading, length, width))
    way = route(layout, x, y)
    for path in (Path.arriving(_short(way), event.start_s, 0.9), Path(_short(way)[::-1], end_of(event), 0.9)):
        where = path.pose(t_s)
        if where is not None:
            yield human(seed, "carry", where, t_s)
            a = np.radians(where.heading_deg)
            spot = (float(where.x_m + 0.42 * np.cos(a)), float(where.y_m + 0.42 * np.sin(a)))
            yield Actor("junk", carton(seed).moved(*spot, where.heading_deg, 0.95))
    if event.start_s <= t_s < end_of(event):
        yield from leave(seed, way, event.start_s, t_s)
        yield from walk(seed, Path.arriving(_short(way), end_of(event), WALK_M_S), t_s)


def _walks(layout: Layout, seed: int, event: SceneEvent, t_s: float) -> Iterator[Actor]:
    yield from _through(layout, seed, event.start_s, t_s)


def _stands(layout: Layout, seed: int, event: SceneEvent, t_s: float) -> Iterator[Actor]:
    way = Path(route(layout, *about(layout, seed)), event.start_s)
    yield from walk(seed, way, t_s)
    pose = _standing_pose(layout, seed, event, t_s)
    if pose is not None:
        yield human(seed, "smoke" if event.kind == "cigarette" else "stand", pose, t_s)
    yield from walk(seed, Path(way.points[::-1], max(end_of(event), way.end_s + 1)), t_s)


def _welds(layout: Layout, seed: int, event: SceneEvent, t_s: float) -> Iterator[Actor]:
    """The welder, who is there a little before and after."""
    x, y, _ = weld_place(layout)
    if event.start_s - 5.0 <= t_s < end_of(event) + 5.0:
        yield human(seed, "push", Pose(x - 0.55, y + 0.1, 0.0, 0.0), t_s)


def _standing_pose(layout: Layout, seed: int, event: SceneEvent, t_s: float) -> Pose | None:
    """Where somebody stands about, from the end of the way in to the event's end."""
    way = Path(route(layout, *about(layout, seed)), event.start_s)
    if not way.end_s <= t_s < max(end_of(event), way.end_s + 1):
        return None
    turn = 40.0 * float(np.sin(t_s / 17.0 + seed)) if event.kind == "person_stands" else 8.0 * float(np.sin(t_s / 11.0))
    return Pose(*way.points[-1], -80.0 + turn, 0.0)


def _corridor_spot(layout: Layout, rng: np.random.Generator) -> tuple[float, float, float]:
    """Where something is left in the corridor: x, y, heading; more or less across it."""
    x0, y0, x1, y1 = layout.corridor[0]
    along_y = y1 - y0 >= x1 - x0
    along, across = float(rng.uniform(0.28, 0.55)), float(rng.uniform(0.4, 0.6))
    x, y = (across, along) if along_y else (along, across)
    heading = (90.0 if along_y else 0.0) + float(rng.choice([-1, 1]) * rng.uniform(25, 75))
    return float(x0 + (x1 - x0) * x), float(y0 + (y1 - y0) * y), heading


def _short(way: Points) -> Points:
    """The way to half a metre before its end, where the carrier stops."""
    (ax, ay), (bx, by) = way[-2], way[-1]
    far = max(float(np.hypot(bx - ax, by - ay)), 0.6)
    return (*way[:-1], (bx - (bx - ax) * 0.55 / far, by - (by - ay) * 0.55 / far))


_MAKERS = {
    "bike_parked": _parked,
    "bicycle_parked": _parked,
    "person_pushes": _pushes,
    "dust": _stands,
    "welding": _welds,
    "junk": _junk,
    "person_walks": _walks,
    "person_stands": _stands,
    "cigarette": _stands,
}
