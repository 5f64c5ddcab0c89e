"""Zones and ground points of the rendered sheds."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from simulators.scene import LAYOUTS, SceneError, floor_points, zones


def crosses(a: list[float], b: list[float], c: list[float], d: list[float]) -> bool:
    def side(p: list[float], q: list[float], r: list[float]) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


@pytest.mark.parametrize("layout", LAYOUTS)
def test_zones_are_simple_polygons_in_the_picture(layout: str) -> None:
    """Every zone has at least three corners within 0-1, some area, and edges that do not cross."""
    for zone in zones(layout):
        polygon = zone["polygon"]
        edges = list(zip(polygon, polygon[1:] + polygon[:1], strict=True))

        assert len(polygon) >= 3
        assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in polygon)
        assert cv2.contourArea(np.array(polygon, dtype=np.float32)) > 0.001
        assert not any(crosses(*one, *other) for one, other in itertools.combinations(edges, 2))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_zones_are_one_corridor_and_bays_without_ports(layout: str) -> None:
    """The first zone is the corridor; the others are bays with ids of their own, their port left to the scenario."""
    found = zones(layout)

    assert found[0]["id"] == "corridor"
    assert [zone["kind"] for zone in found] == ["corridor"] + ["bay"] * (len(found) - 1)
    assert len({zone["id"] for zone in found}) == len(found) >= 9
    assert all(zone.get("port") is None for zone in found)


def test_layouts_are_five_and_named() -> None:
    """There are five sheds to choose from; an unknown one is an error that lists them."""
    assert set(LAYOUTS) == {"row", "aisle", "corner", "open", "basement"}
    with pytest.raises(SceneError, match="row"):
        zones("attic")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_floor_points_fit_a_plane(layout: str) -> None:
    """The four points define a homography that puts the corridor's width where the layout says: 1.5 to 2 m."""
    points = floor_points(layout)
    image = np.array([point["image"] for point in points], dtype=np.float32)
    floor = np.array([point["floor_m"] for point in points], dtype=np.float32)
    to_floor = cv2.getPerspectiveTransform(image, floor)
    back = cv2.perspectiveTransform(image[None], to_floor)[0]

    assert np.allclose(back, floor, atol=0.01)
    sides = sorted(np.ptp(floor, axis=0))
    assert 1.5 <= sides[0] <= 2.0
