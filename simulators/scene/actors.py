"""What is drawn on the standing picture: a person, a bike, a thing; and the moves they are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from simulators.scene.bikes import parked
from simulators.scene.mesh import Mesh
from simulators.scene.paths import PUSH_M_S, WALK_M_S, Path, Points, Pose
from simulators.scene.people import person
from simulators.scene.truth import Footprint

# How long somebody fiddles with a bike's stand and cable before walking off.
LINGER_S = 2.5
# Over the last stretch a bike is swung into the way it will stand.
SWING_M = 1.3


@dataclass(frozen=True)
class Actor:
    """Something to draw. `key` names a thing that stands still, for reuse; `footprint` one that blocks the way."""

    kind: str
    mesh: Mesh
    key: tuple[object, ...] | None = None
    footprint: Footprint | None = None


@dataclass(frozen=True)
class Stay:
    """A bike's stay in a place: pushed in along `way` until `come_s`, standing, pushed out from `go_s` (or never).

    Attributes:
        bike_seed: which bike; `owner_seed`: whose.
        way: from outside to the place it stands.
        heading_deg: the way it stands.
    """

    bike_seed: int
    owner_seed: int
    way: Points
    heading_deg: float
    come_s: float
    go_s: float

    def riding(self, t_s: float) -> Pose | None:
        """The bike's pose while it is being pushed in or out."""
        arrival = Path.arriving(self.way, self.come_s, PUSH_M_S)
        path = arrival if t_s < self.come_s else Path(self.way[::-1], self.go_s, PUSH_M_S)
        pose = path.pose(t_s)
        if pose is None:
            return None
        left = abs(t_s - (self.come_s if t_s < self.come_s else self.go_s)) * PUSH_M_S
        share = float(np.clip(1 - left / SWING_M, 0, 1))
        turn = (self.heading_deg - pose.heading_deg + 180) % 360 - 180
        return pose._replace(heading_deg=pose.heading_deg + turn * share * share * (3 - 2 * share))

    def standing(self, t_s: float) -> bool:
        """Whether it stands in its place."""
        return self.come_s <= t_s < self.go_s

    def people(self, t_s: float) -> Iterator[Actor]:
        """Its owner: pushing, walking off, coming back."""
        ride = self.riding(t_s)
        if ride is not None:
            yield pusher(self.owner_seed, ride, t_s)
        elif self.standing(t_s):
            yield from leave(self.owner_seed, self.way, self.come_s, t_s)
            yield from walk(self.owner_seed, Path.arriving(self.way[:-1], self.go_s, WALK_M_S), t_s)


@lru_cache(maxsize=24)
def bike_shape(seed: int) -> Mesh:
    """The bike of a seed, at the origin."""
    return parked(seed)[0]


def human(seed: int, pose: str, where: Pose, t_s: float) -> Actor:
    """A person somewhere."""
    return Actor("person", person(seed, pose, where.walked_m, t_s).moved(where.x_m, where.y_m, where.heading_deg))


def pusher(seed: int, ride: Pose, t_s: float) -> Actor:
    """The person on the left of a bike being pushed."""
    a = np.radians(ride.heading_deg)
    x, y = ride.x_m - 0.02 * np.cos(a) - 0.5 * np.sin(a), ride.y_m - 0.02 * np.sin(a) + 0.5 * np.cos(a)
    return human(seed, "push", ride._replace(x_m=float(x), y_m=float(y)), t_s)


def walk(seed: int, path: Path, t_s: float, pose: str = "walk") -> Iterator[Actor]:
    """A person on a path, while the walk lasts."""
    where = path.pose(t_s)
    if where is not None:
        yield human(seed, pose, where, t_s)


def leave(seed: int, way: Points, from_s: float, t_s: float) -> Iterator[Actor]:
    """A person lingering beside what was put down at the end of `way`, then walking out."""
    (x, y), (before_x, before_y) = way[-1], way[-2]
    far = max(float(np.hypot(before_x - x, before_y - y)), 1e-6)
    out_x, out_y = (before_x - x) / far, (before_y - y) / far
    beside = (x + 0.75 * out_x, y + 0.75 * out_y)
    if from_s <= t_s < from_s + LINGER_S:
        facing = float(np.degrees(np.arctan2(-out_y, -out_x)))
        yield human(seed, "stand", Pose(*beside, facing, 0.0), t_s)
    else:
        yield from walk(seed, Path((beside, *way[-2::-1]), from_s + LINGER_S), t_s)
