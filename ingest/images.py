"""What a picture says of itself: kind and dimensions, read from its header without decoding it.

A few bytes can claim a picture that fills the memory when decoded, so the claim is judged first.

Errors:
    PictureError(ValueError): no picture that should be decoded; the message says why
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal, NamedTuple

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8\xff"
# Start-of-frame markers carry the dimensions; C4, C8 and CC of the same range are other things (ITU-T T.81, table B.1).
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset(range(0xD0, 0xD8)) | {0x01}
_START_OF_SCAN, _END = 0xDA, 0xD9
_COLOUR_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}


class PictureError(ValueError):
    """Not a picture that should be decoded."""


class Header(NamedTuple):
    """A picture's own claim."""

    kind: Literal["jpeg", "png"]
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """What is accepted. 25 megapixels: above any camera in a shed, 75 MB decoded."""

    max_bytes: int = 8 << 20
    max_pixels: int = 25_000_000
    min_side: int = 16
    max_side: int = 16_384


def check_picture(data: bytes, limits: PictureLimits = PictureLimits()) -> Header:
    """Read and judge a picture's header. Raises PictureError."""
    if len(data) > limits.max_bytes:
        raise PictureError(f"picture of {len(data)} bytes, more than {limits.max_bytes}")
    header = read_header(data)
    if header.width * header.height > limits.max_pixels or max(header.width, header.height) > limits.max_side:
        raise PictureError(f"picture claims {header.width} x {header.height} pixels, more than is accepted")
    if min(header.width, header.height) < limits.min_side:
        raise PictureError(f"picture of {header.width} x {header.height} pixels shows nothing")
    return header


def read_header(data: bytes) -> Header:
    """Kind and dimensions of a JPEG or PNG. Raises PictureError."""
    if data.startswith(PNG_SIGNATURE):
        return _read_png(data)
    if data.startswith(JPEG_SIGNATURE):
        return _read_jpeg(data)
    raise PictureError("neither a JPEG nor a PNG" if data else "an empty picture")


def _read_png(data: bytes) -> Header:
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise PictureError("PNG without its header chunk")
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    if depth not in _COLOUR_DEPTHS.get(colour, ()):
        raise PictureError(f"PNG of colour type {colour} with depth {depth}, which does not exist")
    if not width or not height:
        raise PictureError("PNG without pixels")
    return Header("png", width, height)


def _read_jpeg(data: bytes) -> Header:
    """Walk from segment to segment until the start of frame."""
    at = 2
    while True:
        marker, at = _next_marker(data, at)
        if marker in _ALONE:
            continue
        if marker in (_START_OF_SCAN, _END):
            raise PictureError("JPEG without a start of frame")
        if at + 2 > len(data):
            raise PictureError("JPEG ends in the middle of its header")
        length = int.from_bytes(data[at : at + 2], "big")
        if length < 2:
            raise PictureError("JPEG with a segment of impossible length")
        if marker in _SOF:
            return _read_frame(data[at : at + length])
        at += length


def _next_marker(data: bytes, at: int) -> tuple[int, int]:
    """The marker at `at`, skipping fill bytes, and where its segment begins."""
    if data[at : at + 1] != b"\xff":
        raise PictureError("JPEG with a broken header" if at < len(data) else "JPEG ends in the middle of its header")
    while data[at : at + 1] == b"\xff":
        at += 1
    if at >= len(data):
        raise PictureError("JPEG ends in the middle of its header")
    return data[at], at + 1


def _read_frame(segment: bytes) -> Header:
    if len(segment) < 8:
        raise PictureError("JPEG ends in the middle of its header")
    height, width, components = struct.unpack(">HHB", segment[3:8])
    if not width or not height or components not in (1, 3, 4):
        raise PictureError(f"JPEG of {width} x {height} pixels with {components} components, which does not exist")
    return Header("jpeg", width, height)
