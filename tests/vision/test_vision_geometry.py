"""Polygons and their pixels."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vision.geometry import ZoneError, area, mask_of, parse_polygon, polygon_of
from vision.model import WHOLE

SQUARE = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))


def test_the_whole_picture_is_every_pixel():
    """No row or column is lost at the edges."""
    assert mask_of(WHOLE, 33, 17).all()


def test_a_mask_holds_the_pixels_inside():
    """A quarter of the picture in its middle."""
    mask = mask_of(SQUARE, 400, 200)
    assert mask.shape == (200, 400)
    assert mask.mean() == pytest.approx(area(SQUARE), abs=0.01)
    assert mask[100, 200]
    assert not mask[10, 10]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "three points"),
        ("0,0 1,1", "three points"),
        ("0,0 1,0 1", "not a pair|no pair|pair"),
        ("0,0 1,0 1,1,1", "pair"),
        ("0,0 1,0 a,1", "pair of numbers"),
        ("0,0 2,0 1,1", "outside"),
        ("0,0 0.5,0.5 1,1", "no area"),
        ("0,0 nan,0 1,1", "outside"),
    ],
)
def test_what_is_no_polygon_is_refused_with_the_point(text, why):
    """Said so that the line can be mended."""
    with pytest.raises(ZoneError, match=why):
        parse_polygon(text)


coordinates = st.integers(0, 100).map(lambda value: value / 100)


@given(st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=8))
@example([(1.0, 0.0), (1.0, 0.03), (1.0, 0.01)])
@example([(1.0, 0.0), (1.0, 0.5), (0.99, 0.25)])
def test_a_polygon_read_from_text_is_the_one_written(points):
    """Whatever its shape, if it has an area."""
    try:
        polygon = polygon_of(points)
    except ZoneError:
        return
    assert parse_polygon(" ".join(f"{x},{y}" for x, y in points)) == polygon
    assert 0 < area(polygon) <= 1
    assert mask_of(polygon, 64, 48).any()
