"""The truth about the pictures of a clip → a line of JSON a picture, and the events a catalogue of footage lists.

An event begins with the first picture that shows it, whatever a scenario said: smoke is in the air before it can be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from simulators.scene.truth import ObjectTruth, Truth

# What is out of sight for less than this is one event: flames flicker, smoke thins for a moment.
PAUSE_S = 6.0
GRID = (16, 9)
COLUMNS = (
    "file", "category", "event_start_s", "event_end_s", "zone", "usable_from_s", "usable_to_s",
    "first_visible_frame", "free_width_m", "smoke_density", "layout", "light", "seed", "events",
)  # fmt: skip


@dataclass(frozen=True)
class Moment:
    """What a catalogue needs to know of one picture."""

    t_s: float
    blocked: bool
    smoke: bool
    flame: bool
    density: float
    free_width_m: float
    light: str

    @classmethod
    def of(cls, t_s: float, truth: Truth) -> Moment:
        """The moment of a picture. What blocks the corridor counts when it is in sight."""
        blocked = truth.blocked and any(thing.obstacle for thing in truth.objects)
        density, width = truth.smoke_density, truth.free_width_m
        return cls(t_s, blocked, truth.smoke_visible, truth.flame_visible, density, width, truth.light)


@dataclass(frozen=True)
class Event:
    """One event of a clip as its pictures show it. `end_s` None: until the clip's end."""

    category: str
    start_s: float
    end_s: float | None
    first_frame: int
    free_width_m: float
    density: float


def events_of(moments: Sequence[Moment]) -> list[Event]:
    """The events in the pictures of a clip, in order of category and time."""
    return [
        event
        for category in ("blocked", "smoke", "flame")
        for event in _runs(category, moments, [bool(getattr(moment, category)) for moment in moments])
    ]


def _runs(category: str, moments: Sequence[Moment], shown: Sequence[bool]) -> list[Event]:
    found: list[tuple[int, int]] = []
    for number in np.flatnonzero(shown).tolist():
        if found and moments[number].t_s - moments[found[-1][1]].t_s <= PAUSE_S:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return [_event(category, moments, first, last) for first, last in found]


def _event(category: str, moments: Sequence[Moment], first: int, last: int) -> Event:
    during = moments[first : last + 1]
    return Event(
        category,
        moments[first].t_s,
        None if last == len(moments) - 1 else moments[last].t_s,
        first,
        min(moment.free_width_m for moment in during),
        max(moment.density for moment in during),
    )


def line(frame: int, t_s: float, truth: Truth) -> dict[str, Any]:
    """The whole truth about one picture, ready for JSON; boxes and grid in 0-1 coordinates, masks as runs."""
    found: dict[str, Any] = {
        "frame": frame,
        "t_s": round(t_s, 3),
        "light": truth.light,
        "free_width_m": round(truth.free_width_m, 3),
        "blocked": truth.blocked,
        "smoke": {
            "visible": truth.smoke_visible,
            "density": round(truth.smoke_density, 5),
            "box": _rounded(truth.smoke_box),
            "grid": _grid(truth.smoke_map),
        },
        "flame": {"visible": truth.flame_visible, "box": _rounded(truth.flame_box)},
        "faults": list(truth.faults),
        "objects": [_object(thing) for thing in truth.objects],
    }
    return found


def _object(thing: ObjectTruth) -> dict[str, Any]:
    mask = {
        "x": thing.corner_px[0],
        "y": thing.corner_px[1],
        "size": list(thing.patch.shape),
        "counts": runs(thing.patch),
    }
    return {"kind": thing.kind, "obstacle": thing.obstacle, "box": _rounded(thing.box), "mask": mask}


def runs(mask: NDArray[np.bool_]) -> list[int]:
    """Lengths of the runs of a mask, column by column, beginning with those outside it (COCO's uncompressed form)."""
    flat = np.concatenate([[False], mask.ravel(order="F")])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    return [int(length) for length in np.diff(np.concatenate([[0], changes, [mask.size]]))]


def _grid(density: NDArray[Any] | None) -> list[list[float]] | None:
    if density is None:
        return None
    cells = cv2.resize(density, GRID, interpolation=cv2.INTER_AREA)
    return [[round(float(value), 3) for value in row] for row in cells]


def _rounded(box: tuple[float, ...] | None) -> list[float] | None:
    return None if box is None else [round(value, 4) for value in box]
