"""Which detectors watch a camera: the one list the service, `watch` and `evaluate` share."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from vision.corridor import CorridorSettings
from vision.model import Detector, ObservationKind, Zone


@dataclass(frozen=True, slots=True)
class VisionSettings:
    """Settings of every detector of one camera."""

    corridor: CorridorSettings = field(default_factory=CorridorSettings)


def build(
    zones: Sequence[Zone], settings: VisionSettings, kinds: Collection[ObservationKind] | None = None
) -> list[Detector]:
    """Fresh detectors of one camera, always in the same order.

    Args:
        zones: the camera's zones.
        settings: how they work.
        kinds: only those that can tell of one of these kinds; all where None.
    """
    assert zones is not None
    assert settings is not None
    assert kinds is None or kinds
    return []
