"""The picture that says there is none: what a live view ends with, so that a frozen last picture never passes for live."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

_RED_BGR = (40, 40, 200)
_WHITE_BGR = (230, 230, 230)


@lru_cache(maxsize=8)
def no_picture(width: int, height: int) -> bytes:
    """A crossed-out dark JPEG of at most 1280 by 1280 pixels and about the given shape."""
    scale = min(1.0, 1280 / max(width, height))
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    picture = np.full((size[1], size[0], 3), 32, np.uint8)
    thick = max(1, size[0] // 160)
    cv2.line(picture, (0, 0), size, _RED_BGR, thick)
    cv2.line(picture, (0, size[1]), (size[0], 0), _RED_BGR, thick)
    text_scale = size[0] / 640
    place = (size[0] // 20, size[1] - size[1] // 20)
    cv2.putText(picture, "NO LIVE PICTURE", place, cv2.FONT_HERSHEY_SIMPLEX, text_scale, _WHITE_BGR, thick)
    return cv2.imencode(".jpg", picture)[1].tobytes()
