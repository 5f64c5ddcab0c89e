"""The nouns of vision: zones of a picture, what a detector is, and the observations it makes.

Pictures are BGR `uint8` arrays of shape (height, width, 3), at the size `working_size` gives; polygons and boxes are in
0-1 image coordinates, origin top left.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ingest.model import DeviceRef

Image = NDArray[np.uint8]
Polygon = tuple[tuple[float, float], ...]
WHOLE: Polygon = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


class ZoneKind(StrEnum):
    """What a part of the picture is for."""

    CORRIDOR = "corridor"
    BAY = "bay"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of a camera's picture. A bay names the port it belongs to as `charger#3`."""

    id: str
    kind: ZoneKind
    polygon: Polygon
    port: str | None = None


class ObservationKind(StrEnum):
    """What can be observed; the words are those of the alert kinds."""

    SMOKE = "smoke"
    FLAME = "flame"
    CORRIDOR_BLOCKED = "corridor_blocked"
    CAMERA_FROZEN = "camera_frozen"
    CAMERA_COVERED = "camera_covered"
    CAMERA_BLURRED = "camera_blurred"
    CAMERA_MOVED = "camera_moved"
    CAMERA_DARK = "camera_dark"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a detector says about the frame just shown to it, for one zone (or the whole picture).

    A detector does its own voting over time: `active` is its settled opinion, told on every frame while it is true and
    once when it becomes false.

    Attributes:
        zone: id of the zone, None for the whole picture.
        score: confidence 0-1 at this frame.
        box: x, y, width, height of what was seen, in 0-1 image coordinates.
        measures: the figures behind the opinion, for the explanation.
    """

    kind: ObservationKind
    active: bool
    score: float
    zone: str | None = None
    box: tuple[float, float, float, float] | None = None
    measures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scene:
    """One decoded frame as detectors get it: the picture, its grey version, and when it was captured.

    `attentive`: danger is known where it was taken, so that less should convince.
    """

    image: Image
    grey: NDArray[np.uint8]
    captured_ms: int
    attentive: bool = False


class Detector(Protocol):
    """Watches one camera for one hazard. Holds what it remembers of the past; never sees a later frame."""

    def see(self, scene: Scene) -> list[Sighting]:
        """Take one frame, in order of capture, and say what is settled now."""


@dataclass(frozen=True, slots=True)
class Observation:
    """A change, or a renewal, of what is seen: what vision hands to the alarms.

    Attributes:
        port: `charger#3` where the zone is a bay, else None.
        evidence: names of pictures kept for it (see `vision.evidence`), newest last.
        worker: the detector process that made it.
    """

    camera: DeviceRef
    kind: ObservationKind
    active: bool
    score: float
    captured_ms: int
    received_ms: int
    zone: str | None = None
    port: str | None = None
    box: tuple[float, float, float, float] | None = None
    measures: dict[str, float] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()
    worker: str = ""
