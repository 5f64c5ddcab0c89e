"""Polygons of a picture: their text form, their area, and which pixels they hold.

Errors:
    ZoneError(ValueError): a polygon is wrong; the message says where.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.model import Polygon, Zone, ZoneKind

Mask = NDArray[np.bool_]
Box = tuple[float, float, float, float]

# Points of one line enclose no more than what floating point leaves over; a pixel of the largest picture is 1e-7.
_ROUNDING = 1e-9


class ZoneError(ValueError):
    """A polygon is wrong."""


def polygon_of(points: Sequence[Sequence[float]]) -> Polygon:
    """A polygon of (x, y) points in 0-1 image coordinates.

    Raises:
        ZoneError: fewer than three points, one that is no pair, one outside 0-1, or no area.
    """
    if len(points) < 3:
        raise ZoneError(f"a polygon needs three points or more, not {len(points)}")
    polygon: list[tuple[float, float]] = []
    for number, point in enumerate(points, start=1):
        if len(point) != 2:
            raise ZoneError(f"point {number} is not a pair x, y")
        x, y = float(point[0]), float(point[1])
        if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):
            raise ZoneError(f"point {number} ({x:g}, {y:g}) lies outside 0-1")
        polygon.append((x, y))
    if area(tuple(polygon)) <= _ROUNDING:
        raise ZoneError("the polygon has no area")
    return tuple(polygon)


def parse_polygon(text: str) -> Polygon:
    """Read `x1,y1 x2,y2 x3,y3 …`.

    Raises:
        ZoneError: as `polygon_of`, or a coordinate that is no number.
    """
    points: list[list[float]] = []
    for number, pair in enumerate(text.split(), start=1):
        try:
            points.append([float(value) for value in pair.split(",")])
        except ValueError:
            raise ZoneError(f"point {number} {pair!r} is not a pair of numbers x,y") from None
    return polygon_of(points)


def area(polygon: Polygon) -> float:
    """Area as a part of the picture, by the shoelace formula."""
    following = polygon[1:] + polygon[:1]
    return abs(sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in zip(polygon, following, strict=True))) / 2


def mask_of(polygon: Polygon, width: int, height: int) -> Mask:
    """Which pixels of a picture lie in the polygon: shape (height, width), at least one pixel."""
    corners = np.array([(x * width - 0.5, y * height - 0.5) for x, y in polygon])
    # A thin polygon along an edge rounds to corners outside the picture, where nothing would be filled.
    pixels = np.clip(np.round(corners), 0, (width - 1, height - 1)).astype(np.int32)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [pixels], 1)
    return mask.astype(bool)


def of_kind(zones: Iterable[Zone], kind: ZoneKind) -> list[Zone]:
    """The zones of one kind, in order."""
    return [zone for zone in zones if zone.kind is kind]
