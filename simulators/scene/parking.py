"""Which bikes belong to which bays: some always stand there, the others come and go by a timetable of the seed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from simulators.scene.actors import Actor, Stay, bike_shape
from simulators.scene.layouts import Layout
from simulators.scene.mesh import Mesh
from simulators.scene.paths import bay_front, route

# Share of the bays that always hold the same bike.
ALWAYS_TAKEN = 0.6
# One bike comes to and goes from each changing bay once in this time.
PERIOD_S = 10_800.0
WALKS_S = 60.0


def bays_by_use(layout: Layout, seed: int) -> tuple[list[str], list[str]]:
    """Bays that always hold their bike, and bays whose bikes come and go."""
    rng = np.random.default_rng((seed, 3))
    names = [bay.id for bay in layout.bays]
    rng.shuffle(names)
    cut = round(len(names) * ALWAYS_TAKEN)
    return sorted(names[:cut]), sorted(names[cut:])


def standing_bikes(layout: Layout, seed: int) -> list[Mesh]:
    """The bikes that never move."""
    found = []
    for bay_id in bays_by_use(layout, seed)[0]:
        shape_seed, x, y, heading = _spot(layout, seed, bay_id, 0)
        found.append(bike_shape(shape_seed).moved(x, y, heading))
    return found


def visiting(layout: Layout, seed: int, t_s: float) -> Iterator[Actor]:
    """Bikes that come and go, standing or on their way, with their owners."""
    for bay_id in bays_by_use(layout, seed)[1]:
        stay = _stay(layout, seed, bay_id, t_s)
        if not stay.come_s - WALKS_S <= t_s <= stay.go_s + WALKS_S:
            continue
        ride = stay.riding(t_s)
        if ride is not None:
            yield Actor("bike", bike_shape(stay.bike_seed).moved(ride.x_m, ride.y_m, ride.heading_deg))
        elif stay.standing(t_s):
            x, y = stay.way[-1]
            yield Actor("bike", bike_shape(stay.bike_seed).moved(x, y, stay.heading_deg), (bay_id, stay.bike_seed))
        yield from stay.people(t_s)


def _stay(layout: Layout, seed: int, bay_id: str, t_s: float) -> Stay:
    number = _number(bay_id)
    shift = float(np.random.default_rng((seed, number, 31)).uniform(0, PERIOD_S))
    turn = int((t_s + shift) // PERIOD_S)
    rng = np.random.default_rng((seed, number, turn + 1_000, 32))
    begin = turn * PERIOD_S - shift
    come, go = begin + PERIOD_S * rng.uniform(0.02, 0.2), begin + PERIOD_S * rng.uniform(0.65, 0.97)
    shape_seed, x, y, heading = _spot(layout, seed, bay_id, turn + 1_000)
    way = (*route(layout, *bay_front(layout.bay(bay_id))), (x, y))
    return Stay(shape_seed, seed * 77 + turn * 13 + number, way, heading, float(come), float(go))


def _spot(layout: Layout, seed: int, bay_id: str, turn: int) -> tuple[int, float, float, float]:
    """Seed of the bike, x, y, heading: nobody parks quite straight, some back in."""
    bay = layout.bay(bay_id)
    rng = np.random.default_rng((seed, _number(bay_id), turn))
    heading = bay.heading_deg + (180.0 if turn == 0 and rng.random() < 0.12 else 0.0) + float(rng.normal(0, 3.5))
    x, y = bay.x_m + float(rng.normal(0, 0.05)), bay.y_m + float(rng.normal(0, 0.04))
    return int(rng.integers(1 << 30)), x, y, heading


def _number(bay_id: str) -> int:
    return int(bay_id.rsplit("-", 1)[1])
