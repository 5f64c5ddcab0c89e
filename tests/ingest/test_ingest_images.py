"""A picture is judged by its header before anything decodes it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.images import PNG_SIGNATURE, PictureError, PictureLimits, check_picture, read_header
from tests.ingest.ingest_samples import png


def jpeg(width: int, height: int, *options: int) -> bytes:
    image = np.full((height, width, 3), 90, np.uint8)
    return cv2.imencode(".jpg", image, list(options))[1].tobytes()


@given(st.integers(16, 300), st.integers(16, 300), st.booleans())
def test_dimensions_of_a_jpeg_are_those_it_was_made_with(width: int, height: int, progressive: bool) -> None:
    """Baseline and progressive JPEGs alike."""
    data = jpeg(width, height, cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive))

    assert read_header(data) == ("jpeg", width, height)


def test_an_embedded_thumbnail_does_not_count() -> None:
    """The thumbnail of a camera's EXIF segment is a JPEG within the JPEG; the outer dimensions are told."""
    inner, outer = jpeg(32, 32), jpeg(640, 480)
    exif = b"\xff\xe1" + (len(inner) + 8).to_bytes(2, "big") + b"Exif\x00\x00" + inner
    data = outer[:2] + exif + outer[2:]

    assert check_picture(data) == ("jpeg", 640, 480)


def test_dimensions_of_a_png() -> None:
    """From its first chunk."""
    assert check_picture(png(40, 30)) == ("png", 40, 30)


def test_a_png_bomb_is_refused_by_its_claim() -> None:
    """Thirty bytes that claim 60,000 x 60,000 pixels never reach a decoder."""
    bomb = bytearray(png(16, 16))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2

    with pytest.raises(PictureError, match="claims 60000 x 60000"):
        check_picture(bytes(bomb))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"GIF89a" + bytes(40), "neither"),
        (PNG_SIGNATURE + bytes(40), "header chunk"),
        (b"\xff\xd8\xff\xd9", "start of frame"),
        (b"\xff\xd8\xff\xe0\x00\x01", "impossible length"),
        (b"\xff\xd8\xff\xe0\x00\x04ab?", "broken header"),
        (jpeg(64, 64)[:30], "ends in the middle"),
        (png(8, 8), "shows nothing"),
    ],
)
def test_what_is_no_picture_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    """Each kind of broken header has its own words."""
    with pytest.raises(PictureError, match=reason):
        check_picture(data)


def test_a_picture_of_too_many_bytes_is_refused() -> None:
    """Whatever its header says."""
    with pytest.raises(PictureError, match="more than 100"):
        check_picture(png(40, 30) + bytes(200), PictureLimits(max_bytes=100))


@given(st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8\xff", PNG_SIGNATURE]))
def test_no_bytes_break_the_parser(data: bytes, beginning: bytes) -> None:
    """Any bytes give a header or a PictureError, nothing else."""
    try:
        header = read_header(beginning + data)
    except PictureError:
        return

    assert header.width > 0
    assert header.height > 0


@given(st.data())
def test_a_cut_or_flipped_jpeg_is_a_header_or_a_reason(data: st.DataObject) -> None:
    """A picture damaged on the way never raises anything else."""
    picture = bytearray(jpeg(48, 32))
    for _ in range(data.draw(st.integers(0, 4))):
        picture[data.draw(st.integers(0, len(picture) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(picture)))
    try:
        check_picture(bytes(picture[:cut]))
    except PictureError as error:
        assert str(error)  # noqa: PT017 - it need not be raised
