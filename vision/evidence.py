"""Evidence pictures: the frame that made the alarm, with what was seen outlined, kept as a file under a plain name."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

import cv2

from ingest.model import DeviceRef
from vision.model import Image, Sighting

NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]{0,180}\.jpg")
JPEG_QUALITY = 85
# BGR; what burns is red, what stands in the way amber, a camera's own trouble blue.
_COLOURS = {"smoke": (60, 60, 255), "flame": (60, 60, 255), "corridor_blocked": (40, 180, 255)}
_OTHER_COLOUR = (255, 170, 60)


def outline(image: Image, sightings: list[Sighting]) -> Image:
    """A copy of the picture with the box of each active sighting drawn on it (ASCII caption: kind and score)."""
    drawn = image.copy()
    height, width = drawn.shape[:2]
    line = max(2, width // 320)
    for sighting in sightings:
        if not sighting.active or sighting.box is None:
            continue
        x, y, w, h = sighting.box
        corner = (int(x * width), int(y * height))
        opposite = (int((x + w) * width), int((y + h) * height))
        colour = _COLOURS.get(sighting.kind.value, _OTHER_COLOUR)
        cv2.rectangle(drawn, corner, opposite, colour, line)
        caption = f"{sighting.kind.value} {sighting.score:.2f}"
        where = (corner[0], max(14, corner[1] - 6))
        cv2.putText(drawn, caption, where, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(drawn, caption, where, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
    return drawn


def encode(image: Image, quality: int = JPEG_QUALITY) -> bytes:
    """The picture as JPEG.

    Raises:
        ValueError: the array is no picture.
    """
    ok, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise ValueError(f"not a picture: array of shape {image.shape}, {image.dtype}")
    return encoded.tobytes()


class EvidenceFolder:
    """Evidence files in one folder, `{shed}-{camera}-{kind}-{time}-{random}.jpg`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, camera: DeviceRef, kind: str, captured_ms: int, jpeg: bytes) -> str:
        """Write a picture whole or not at all; gives its name.

        Raises:
            OSError: the disk does not take it.
        """
        stem = f"{camera.shed}-{camera.device}-{kind.replace('_', '-')}-{captured_ms}-{secrets.token_hex(4)}"
        name = f"{stem}.jpg"
        half = self.folder / f".{stem}.part"
        half.write_bytes(jpeg)
        half.replace(self.folder / name)
        return name

    def load(self, name: str) -> bytes | None:
        """The picture of this name, or None where there is none."""
        if not NAME_PATTERN.fullmatch(name):
            return None
        path = self.folder / name
        return path.read_bytes() if path.is_file() else None
