"""JPEGs → a Motion-JPEG AVI, byte for byte as a camera sent them (OpenCV's writer would compress them anew).

The form is that of RIFF AVI 1.0: a header list, the pictures as `00dc` chunks, an index. Such a file ends below 2 GiB.

Errors:
    AviError(ValueError): the file would become larger than AVI can hold.
"""

from __future__ import annotations

import struct
from pathlib import Path
from types import TracebackType
from typing import Self

LARGEST_BYTES = 2**31 - 2**20
_HEADER_BYTES = 224
_HAS_INDEX, _KEY_FRAME = 0x10, 0x10


class AviError(ValueError):
    """The file would become too large."""


class AviWriter:
    """A context that pictures are appended to; the header is completed when it ends."""

    def __init__(self, path: Path, fps: float, width: int, height: int) -> None:
        self._path, self._fps, self._size = path, fps, (width, height)
        self._index: list[tuple[int, int]] = []
        self._at = 4

    def __enter__(self) -> Self:
        self._file = self._path.open("wb")
        self._file.write(bytes(_HEADER_BYTES))
        return self

    def append(self, jpeg: bytes) -> None:
        """Add a picture.

        Raises:
            AviError: there is no room for it.
            OSError: it cannot be written.
        """
        if self._at + len(jpeg) > LARGEST_BYTES:
            raise AviError(f"{self._path}: an AVI file cannot grow over 2 GiB; film less at a time")
        self._file.write(struct.pack("<4sI", b"00dc", len(jpeg)) + jpeg + bytes(len(jpeg) % 2))
        self._index.append((self._at, len(jpeg)))
        self._at += 8 + len(jpeg) + len(jpeg) % 2

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            entries = b"".join(struct.pack("<4sIII", b"00dc", _KEY_FRAME, at, size) for at, size in self._index)
            self._file.write(struct.pack("<4sI", b"idx1", len(entries)) + entries)
            end = self._file.tell()
            self._file.seek(0)
            self._file.write(self._header(end))

    def _header(self, end: int) -> bytes:
        width, height = self._size
        count, largest = len(self._index), max((size for _, size in self._index), default=0)
        rate = round(self._fps * 1000)
        main = struct.pack(
            "<14I", round(1e6 / self._fps), 0, 0, _HAS_INDEX, count, 0, 1, largest, width, height, 0, 0, 0, 0
        )
        stream = struct.pack(
            "<4s4sIHHIIIIIIIIhhhh",
            *(b"vids", b"MJPG", 0, 0, 0, 0, 1000, rate, 0, count, largest, 0xFFFFFFFF, 0),
            *(0, 0, width, height),
        )
        form = struct.pack("<IiiHH4sIiiII", 40, width, height, 1, 24, b"MJPG", width * height * 3, 0, 0, 0, 0)
        stream_list = b"strl" + _chunk(b"strh", stream) + _chunk(b"strf", form)
        header_list = b"hdrl" + _chunk(b"avih", main) + _chunk(b"LIST", stream_list)
        opening = struct.pack("<4sI4s", b"RIFF", end - 8, b"AVI ") + _chunk(b"LIST", header_list)
        return opening + struct.pack("<4sI4s", b"LIST", self._at, b"movi")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack("<4sI", name, len(data)) + data
