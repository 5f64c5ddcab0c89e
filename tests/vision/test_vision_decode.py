"""Encoded pictures to scenes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.decode import WORKING_WIDTH, DecodeError, decode, picture_size, scene_of, working_size


def encoded(width, height, suffix=".jpg"):
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, : width // 2] = (200, 60, 30)
    return cv2.imencode(suffix, picture)[1].tobytes()


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize(
    ("width", "height"), [(320, 240), (480, 270), (1280, 720), (1920, 1080), (4000, 1000), (97, 33)]
)
def test_any_size_comes_out_at_the_working_size_with_its_content(width, height, suffix):
    """Never enlarged, aspect kept, left half blue."""
    scene = decode(encoded(width, height, suffix), 7)
    assert scene.image.shape == (*working_size(width, height)[::-1], 3)
    assert scene.grey.shape == scene.image.shape[:2]
    assert scene.captured_ms == 7
    seen_width = scene.image.shape[1]
    assert seen_width == min(width, WORKING_WIDTH)
    assert scene.image[5, seen_width // 4].tolist() == pytest.approx([200, 60, 30], abs=6)
    assert scene.image[5, seen_width * 3 // 4].tolist() == pytest.approx([0, 0, 0], abs=6)


def test_a_decoded_array_gives_the_same_scene():
    """The size of what a video delivers does not matter either."""
    scene = scene_of(np.full((720, 1280, 3), 90, np.uint8), 3)
    assert scene.image.shape == (270, 480, 3)
    assert (scene.grey == 90).all()


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (b"", "empty"),
        (b"GIF89a", "neither"),
        (b"\xff\xd8", "ends before"),
        (b"\xff\xd8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "header broken"),
        (b"\x89PNG\r\n\x1a\n", "ends within"),
        (encoded(64, 64)[:-40], "cut off"),
        (encoded(64, 64, ".png")[:-40], "cut off"),
    ],
)
def test_what_is_no_whole_picture_is_refused_with_the_reason(image, reason):
    """A cut-off picture in particular is not shown as half grey."""
    with pytest.raises(DecodeError, match=reason):
        decode(image, 0)


def test_an_absurd_size_is_refused_before_anything_is_decoded():
    """A header of 60000 by 60000 costs no memory."""
    image = bytearray(encoded(64, 64, ".png"))
    image[16:24] = (60000).to_bytes(4, "big") * 2
    with pytest.raises(DecodeError, match="larger"):
        decode(bytes(image), 0)


@given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", encoded(40, 30)[:150]]))
@settings(max_examples=150)
def test_arbitrary_bytes_give_a_scene_or_a_decode_error(rest, head):
    """Nothing else comes out of the decoder, whatever comes in."""
    try:
        decode(head + rest, 0)
    except DecodeError as error:
        assert str(error)  # noqa: PT017 - either outcome is right


def test_the_size_is_read_without_decoding():
    """From either header."""
    assert picture_size(encoded(1280, 720)) == (1280, 720)
    assert picture_size(encoded(33, 44, ".png")) == (33, 44)
