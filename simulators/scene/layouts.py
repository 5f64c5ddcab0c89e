"""The sheds that can be filmed: rooms, bays, corridors, lamps, openings, and where the camera hangs. Metres.

Sizes follow ordinary neighbourhood sheds: bays 0.8 m wide and 1.9 m deep, corridors 1.5 to 1.9 m.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulators.scene.events import SceneError
from simulators.scene.geometry import Camera

BAY_DEPTH_M = 1.9


@dataclass(frozen=True)
class Bay:
    """A parking place: middle of its floor, the way its bike's front points (degrees from +x), its width."""

    id: str
    x_m: float
    y_m: float
    heading_deg: float
    width_m: float = 0.8


@dataclass(frozen=True)
class Opening:
    """A door, window or open side in the wall `wall` ("left", "right", "far"), along it and up it."""

    wall: str
    from_m: float
    to_m: float
    bottom_m: float
    top_m: float


@dataclass(frozen=True)
class Layout:
    """One shed as one camera sees it.

    Attributes:
        room_m: width (x), length (y), height (z).
        corridor: floor rectangles (x0, y0, x1, y1) that together are the corridor.
        corridor_outline: the corridor's outline on the floor.
        entrance: floor points people walk in by, from outside the picture to the corridor's end.
        lamps: tube lamps (x, y, z of the middle, length along y).
        lamp_hours: lamps are on outside daylight between these hours (start, end past midnight), else off.
        walls: material of left, right, far wall, ceiling.
        daylight: how much daylight gets in, 1 is that of a shed open at one side.
        canopy: the roof (x0, y0, x1, y1, height) of a shed in the open; the room then is the yard around it.
    """

    name: str
    room_m: tuple[float, float, float]
    camera: Camera
    bays: tuple[Bay, ...]
    corridor: tuple[tuple[float, float, float, float], ...]
    corridor_outline: tuple[tuple[float, float], ...]
    entrance: tuple[tuple[float, float], ...]
    lamps: tuple[tuple[float, float, float, float], ...]
    openings: tuple[Opening, ...]
    walls: tuple[str, str, str, str]
    lamp_hours: tuple[float, float]
    daylight: float
    canopy: tuple[float, float, float, float, float] | None = None

    @property
    def roof_m(self) -> float:
        """Height of what smoke gathers under."""
        return self.room_m[2] if self.canopy is None else self.canopy[4]

    def bay(self, bay_id: str) -> Bay:
        """The bay of this id."""
        return next(bay for bay in self.bays if bay.id == bay_id)


def _row() -> Layout:
    bays = tuple(Bay(f"bay-{i + 1}", 1.05, 2.6 + 0.86 * i, 180.0) for i in range(9))
    return Layout(
        name="row",
        room_m=(4.4, 12.0, 2.9),
        camera=Camera((3.75, 0.25, 2.65), (1.95, 5.6, 0.5), 82.0),
        bays=bays,
        corridor=((2.15, 1.0, 3.85, 11.6),),
        corridor_outline=((2.15, 1.0), (3.85, 1.0), (3.85, 11.6), (2.15, 11.6)),
        entrance=((3.0, 13.0), (3.0, 11.4), (3.0, 2.2)),
        lamps=((2.3, 3.2, 2.75, 1.2), (2.3, 8.4, 2.75, 1.2)),
        openings=(Opening("right", 0.0, 12.0, 0.95, 2.45), Opening("far", 2.3, 3.9, 0.0, 2.3)),
        walls=("brick", "lowwall", "brick", "corrugated"),
        lamp_hours=(17.6, 23.0),
        daylight=1.0,
    )


def _aisle() -> Layout:
    left = tuple(Bay(f"bay-{i + 1}", 1.05, 3.0 + 0.9 * i, 180.0) for i in range(6))
    right = tuple(Bay(f"bay-{i + 7}", 4.75, 3.0 + 0.9 * i, 0.0) for i in range(6))
    return Layout(
        name="aisle",
        room_m=(5.8, 10.5, 3.1),
        camera=Camera((2.9, 0.2, 2.85), (2.9, 5.6, 0.55), 84.0),
        bays=left + right,
        corridor=((2.1, 1.3, 3.7, 10.3),),
        corridor_outline=((2.1, 1.3), (3.7, 1.3), (3.7, 10.3), (2.1, 10.3)),
        entrance=((2.9, 12.0), (2.9, 10.2), (2.9, 2.4)),
        lamps=((1.6, 4.0, 2.95, 1.2), (4.2, 6.8, 2.95, 1.2)),
        openings=(Opening("far", 2.0, 3.8, 0.0, 2.2), Opening("left", 4.2, 5.6, 1.7, 2.4)),
        walls=("plaster", "plaster", "plaster", "slab"),
        lamp_hours=(16.5, 31.0),
        daylight=0.55,
    )


def _corner() -> Layout:
    back = tuple(Bay(f"bay-{i + 1}", 1.0 + 0.9 * i, 7.0, 90.0) for i in range(6))
    side = tuple(Bay(f"bay-{i + 7}", 1.05, 2.2 + 0.9 * i, 180.0) for i in range(4))
    return Layout(
        name="corner",
        room_m=(8.0, 8.0, 3.0),
        camera=Camera((6.9, 0.25, 2.7), (3.0, 5.2, 0.35), 84.0),
        bays=back + side,
        corridor=((2.1, 4.2, 7.8, 5.9), (2.1, 1.6, 3.8, 4.2)),
        corridor_outline=((2.1, 5.9), (2.1, 1.6), (3.8, 1.6), (3.8, 4.2), (7.8, 4.2), (7.8, 5.9)),
        entrance=((9.2, 5.1), (7.6, 5.1), (3.0, 5.0), (3.0, 2.4)),
        lamps=((4.4, 5.0, 2.85, 1.2), (2.4, 2.8, 2.85, 1.2)),
        openings=(Opening("right", 4.2, 6.0, 0.0, 2.2), Opening("far", 6.3, 7.4, 1.7, 2.5)),
        walls=("plaster", "plaster", "brick", "slab"),
        lamp_hours=(0.0, 24.0),
        daylight=0.35,
    )


def _open() -> Layout:
    return Layout(
        name="open",
        room_m=(15.0, 26.0, 8.0),
        camera=Camera((7.5, 0.9, 2.6), (5.4, 6.6, 0.7), 82.0),
        bays=tuple(Bay(f"bay-{i + 1}", 4.3, 3.4 + 0.9 * i, 180.0) for i in range(9)),
        corridor=((5.4, 2.0, 7.1, 11.8),),
        corridor_outline=((5.4, 2.0), (7.1, 2.0), (7.1, 11.8), (5.4, 11.8)),
        entrance=((6.2, 16.5), (6.2, 11.6), (6.2, 3.0)),
        lamps=((5.4, 4.4, 2.58, 1.2), (5.4, 9.2, 2.58, 1.2)),
        openings=(),
        walls=("facade", "hedge", "facade", "sky"),
        lamp_hours=(17.4, 30.5),
        daylight=1.5,
        canopy=(3.0, 2.2, 7.3, 12.2, 2.7),
    )


def _basement() -> Layout:
    return Layout(
        name="basement",
        room_m=(3.7, 15.0, 2.6),
        camera=Camera((3.2, 0.2, 2.4), (1.75, 5.6, 0.55), 84.0),
        bays=tuple(Bay(f"bay-{i + 1}", 1.0, 2.9 + 1.15 * i, 155.0) for i in range(9)),
        corridor=((1.95, 1.2, 3.5, 14.2),),
        corridor_outline=((1.95, 1.2), (3.5, 1.2), (3.5, 14.2), (1.95, 14.2)),
        entrance=((2.7, 16.5), (2.7, 14.6), (2.7, 2.2)),
        lamps=((2.5, 3.4, 2.42, 1.2), (2.5, 7.6, 2.42, 1.2), (2.5, 11.8, 2.42, 1.2)),
        openings=(Opening("far", 1.8, 3.4, 0.0, 2.1),),
        walls=("plaster", "plaster", "slab", "slab"),
        lamp_hours=(0.0, 24.0),
        daylight=0.12,
    )


_LAYOUTS = {layout.name: layout for layout in (_row(), _aisle(), _corner(), _open(), _basement())}
LAYOUTS: tuple[str, ...] = tuple(_LAYOUTS)


def layout_named(name: str) -> Layout:
    """The layout of this name.

    Raises:
        SceneError: there is none.
    """
    if name not in _LAYOUTS:
        raise SceneError(f"unknown layout {name!r}; known: {', '.join(LAYOUTS)}")
    return _LAYOUTS[name]
