"""Zones of a picture: their text and file form, and which pixels they hold.

Errors:
    ZoneError(ValueError): a polygon or a zones file is wrong; the message says where.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from vision.model import Polygon, Zone, ZoneKind

Mask = NDArray[np.bool_]
Box = tuple[float, float, float, float]


class ZoneError(ValueError):
    """A polygon or a zones file is wrong."""


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
    if area(tuple(polygon)) <= 0.0:
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


def format_polygon(polygon: Polygon) -> str:
    """The text `parse_polygon` reads."""
    return " ".join(f"{x:g},{y:g}" for x, y in polygon)


def area(polygon: Polygon) -> float:
    """Area as a part of the picture, by the shoelace formula."""
    following = polygon[1:] + polygon[:1]
    return abs(sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in zip(polygon, following, strict=True))) / 2


def mask_of(polygon: Polygon, width: int, height: int) -> Mask:
    """Which pixels of a picture lie in the polygon: shape (height, width), at least one pixel."""
    corners = np.array([(x * width - 0.5, y * height - 0.5) for x, y in polygon])
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 1)
    return mask.astype(bool)


def union_mask(polygons: Iterable[Polygon], width: int, height: int) -> Mask:
    """Which pixels lie in any of the polygons."""
    union = np.zeros((height, width), bool)
    for polygon in polygons:
        union |= mask_of(polygon, width, height)
    return union


def of_kind(zones: Iterable[Zone], kind: ZoneKind) -> list[Zone]:
    """The zones of one kind, in order."""
    return [zone for zone in zones if zone.kind is kind]


def read_zones(path: Path) -> tuple[Zone, ...]:
    """Zones from a YAML file: a list of `{id, kind, polygon, port?}`, or a mapping with that list under `zones`.

    Raises:
        ZoneError: the file cannot be read, or something in it is wrong; the message names the file and the zone.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ZoneError(f"{path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ZoneError(f"{path}: not YAML: {error}") from None
    if isinstance(raw, dict):
        raw = raw.get("zones")
    if not isinstance(raw, list):
        raise ZoneError(f"{path}: expected a list of zones")
    zones = tuple(_zone(entry, f"{path}: zone {number}") for number, entry in enumerate(raw, start=1))
    _require_distinct(zones, path)
    return zones


def _zone(entry: Any, where: str) -> Zone:
    if not isinstance(entry, dict):
        raise ZoneError(f"{where}: expected id, kind and polygon")
    unknown = sorted(set(map(str, entry)) - {"id", "kind", "polygon", "port"})
    if unknown:
        raise ZoneError(f"{where}: unknown key {unknown[0]!r}")
    zone_id, kind, port = entry.get("id"), entry.get("kind"), entry.get("port")
    if not isinstance(zone_id, str) or not zone_id:
        raise ZoneError(f"{where}: id is missing")
    if kind not in list(ZoneKind):
        raise ZoneError(f"{where}: kind {kind!r} is none of {', '.join(ZoneKind)}")
    try:
        polygon = polygon_of(entry.get("polygon") or ())
    except (ZoneError, TypeError, ValueError) as error:
        raise ZoneError(f"{where} ({zone_id}): {error}") from None
    return Zone(zone_id, ZoneKind(kind), polygon, None if port is None else str(port))


def _require_distinct(zones: Sequence[Zone], path: Path) -> None:
    seen: set[str] = set()
    for zone in zones:
        if zone.id in seen:
            raise ZoneError(f"{path}: two zones are called {zone.id!r}")
        seen.add(zone.id)
