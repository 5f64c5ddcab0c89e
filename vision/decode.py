"""Encoded pictures to scenes, at one working size whatever the camera sends.

Detectors see at most `WORKING_WIDTH` pixels across: what matters in a shed (a bike, a plume, a flame of a fist's size)
is still tens of pixels there, and a frame costs a fraction of its full size. JPEG is decoded at half, a quarter
or an eighth straight from its coefficients (libjpeg's scaled decoding), which saves most of the decoding too.

Errors:
    DecodeError(ValueError): the bytes are no whole picture; the message says why.
"""

from __future__ import annotations

import struct

import cv2
import numpy as np

from vision.model import Image, Scene

WORKING_WIDTH = 480
# A decoded picture larger than this is an attack or a mistake, not a camera (16k x 8k).
MAX_PIXELS = 128_000_000

_REDUCED = ((8, cv2.IMREAD_REDUCED_COLOR_8), (4, cv2.IMREAD_REDUCED_COLOR_4), (2, cv2.IMREAD_REDUCED_COLOR_2))
_PNG_HEAD = b"\x89PNG\r\n\x1a\n"
_PNG_TAIL = b"IEND\xaeB`\x82"
_JPEG_HEAD = b"\xff\xd8"
_JPEG_TAIL = b"\xff\xd9"
# Cameras may pad a JPEG after its end marker; farther from the end than this it belongs to a thumbnail.
_TAIL_REACH = 4096
# Start-of-frame markers (all but DHT C4, JPG C8, DAC CC) carry the size.
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class DecodeError(ValueError):
    """The bytes are no whole picture."""


def working_size(width: int, height: int) -> tuple[int, int]:
    """Width and height detectors see a picture of this size at: never enlarged, aspect kept."""
    if width <= WORKING_WIDTH:
        return width, height
    return WORKING_WIDTH, max(1, round(height * WORKING_WIDTH / width))


def picture_size(image: bytes) -> tuple[int, int]:
    """Width and height an encoded JPEG or PNG says it has, without decoding it.

    Raises:
        DecodeError: neither format, or the header is broken.
    """
    if image.startswith(_PNG_HEAD):
        if len(image) < 24:
            raise DecodeError("PNG ends within its header")
        width, height = struct.unpack(">II", image[16:24])
        return int(width), int(height)
    if image.startswith(_JPEG_HEAD):
        return _jpeg_size(image)
    raise DecodeError("empty picture" if not image else "neither JPEG nor PNG")


def _jpeg_size(image: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 <= len(image):
        if image[at] != 0xFF:
            raise DecodeError(f"JPEG header broken at byte {at}")
        marker = image[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker in _SOF:
            height, width = struct.unpack(">HH", image[at + 5 : at + 9])
            return int(width), int(height)
        at += 2 + struct.unpack(">H", image[at + 2 : at + 4])[0]
    raise DecodeError("JPEG ends before its size is told")


def decode(image: bytes, captured_ms: int) -> Scene:
    """The scene of one encoded picture.

    Args:
        image: JPEG or PNG.
        captured_ms: when it was taken, epoch milliseconds.

    Raises:
        DecodeError: neither format, cut off, broken, or absurdly large.
    """
    width, height = picture_size(image)
    if width == 0 or height == 0:
        raise DecodeError(f"picture of {width} x {height}")
    if width * height > MAX_PIXELS:
        raise DecodeError(f"picture of {width} x {height} is larger than {MAX_PIXELS} pixels")
    _require_whole(image)
    try:
        decoded = cv2.imdecode(np.frombuffer(image, np.uint8), _decode_flag(image, width))
    except cv2.error as error:
        raise DecodeError(f"picture does not decode: {error.err}") from None
    if decoded is None:
        raise DecodeError("picture does not decode")
    return _scene(decoded, working_size(width, height), captured_ms)


def scene_of(bgr: Image, captured_ms: int) -> Scene:
    """The scene of a picture that is decoded already: BGR `uint8`, shape (height, width, 3), any size."""
    height, width = bgr.shape[:2]
    return _scene(bgr, working_size(width, height), captured_ms)


def _require_whole(image: bytes) -> None:
    """The decoder would fill the missing part of a cut-off picture with grey, which would be seen as a covered lens."""
    tail = image[-_TAIL_REACH:]
    if (_PNG_TAIL if image.startswith(_PNG_HEAD) else _JPEG_TAIL) not in tail:
        raise DecodeError("picture is cut off")


def _decode_flag(image: bytes, width: int) -> int:
    if image.startswith(_JPEG_HEAD):
        for factor, flag in _REDUCED:
            if width >= WORKING_WIDTH * factor:
                return flag
    return cv2.IMREAD_COLOR


def _scene(bgr: np.ndarray, size: tuple[int, int], captured_ms: int) -> Scene:
    if (bgr.shape[1], bgr.shape[0]) != size:
        bgr = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)
    image = np.ascontiguousarray(bgr, dtype=np.uint8)
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
    return Scene(image=image, grey=grey, captured_ms=captured_ms)
