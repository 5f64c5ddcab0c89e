"""Where in the picture something is: working size, boxes, which bay a region belongs to, what nobody wants judged."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.geometry import mask_of
from vision.model import Image, Zone, ZoneKind

Mask = NDArray[np.uint8]


class AffectedZones:
    """Bays and ignored parts of one camera's picture, drawn at the size they are asked for."""

    def __init__(self, zones: Sequence[Zone]) -> None:
        self._bays = [zone for zone in zones if zone.kind is ZoneKind.BAY]
        self._ignored = [zone for zone in zones if zone.kind is ZoneKind.IGNORE]
        self._shape: tuple[int, int] | None = None
        self._watched: Mask = np.ones((1, 1), np.uint8)
        self._masks: dict[str, Mask] = {}

    def watched(self, shape: tuple[int, int]) -> Mask:
        """1 where the picture is judged, 0 inside IGNORE zones; (height, width) as asked."""
        self._draw(shape)
        return self._watched

    def bay_of(
        self, region: Mask, origin: tuple[int, int], shape: tuple[int, int], favoured: Collection[str]
    ) -> str | None:
        """The bay that holds the largest part of `region`, at least a third of it; None where there is none.

        A bay in `favoured` (already alarmed) keeps a region that touches it: a fire that outgrows its bay stays that
        bay's fire instead of becoming a second one.

        Args:
            region: non-zero inside the region, a crop of the picture.
            origin: row and column of the crop's corner in the picture.
            shape: (height, width) of the picture.
            favoured: ids of bays already alarmed.
        """
        self._draw(shape)
        row, column = origin
        height, width = region.shape
        within = {
            bay: cv2.countNonZero(cv2.bitwise_and(region, mask[row : row + height, column : column + width]))
            for bay, mask in self._masks.items()
        }
        touched = {bay: count for bay, count in within.items() if count and bay in favoured}
        if touched:
            return max(touched, key=touched.__getitem__)
        best = max(within, key=within.__getitem__, default=None)
        return best if best is not None and within[best] * 3 >= cv2.countNonZero(region) else None

    def _draw(self, shape: tuple[int, int]) -> None:
        if shape == self._shape:
            return
        self._shape = shape
        self._masks = {zone.id: _filled(zone, shape) for zone in self._bays}
        self._watched = np.ones(shape, np.uint8)
        for zone in self._ignored:
            self._watched[_filled(zone, shape) > 0] = 0


def _filled(zone: Zone, shape: tuple[int, int]) -> Mask:
    """1 inside the zone's polygon."""
    return mask_of(zone.polygon, shape[1], shape[0]).astype(np.uint8)


def shrunk(image: Image, width_px: int) -> Image:
    """The picture at no more than `width_px` wide, same proportions."""
    height, width = image.shape[:2]
    if width <= width_px:
        return image
    size = (width_px, round(height * width_px / width))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def share_box(box: tuple[int, int, int, int], shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) in pixels of a picture of `shape` as x, y, width, height in 0-1."""
    left, top, right, bottom = box
    height, width = shape[:2]
    return left / width, top / height, (right - left) / width, (bottom - top) / height
