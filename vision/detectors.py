"""Which detectors watch a camera: the one list the service, `watch` and `evaluate` share."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from vision.corridor import CorridorDetector, CorridorSettings
from vision.flame import FlameDetector, FlameSettings
from vision.health import HealthDetector, HealthSettings
from vision.model import Detector, ObservationKind, Zone
from vision.smoke import SmokeDetector, SmokeSettings

HEALTH_KINDS = frozenset(
    {
        ObservationKind.CAMERA_FROZEN,
        ObservationKind.CAMERA_COVERED,
        ObservationKind.CAMERA_BLURRED,
        ObservationKind.CAMERA_MOVED,
        ObservationKind.CAMERA_DARK,
    }
)


@dataclass(frozen=True, slots=True)
class VisionSettings:
    """Settings of every detector of one camera."""

    smoke: SmokeSettings = field(default_factory=SmokeSettings)
    flame: FlameSettings = field(default_factory=FlameSettings)
    corridor: CorridorSettings = field(default_factory=CorridorSettings)
    health: HealthSettings = field(default_factory=HealthSettings)


def build(
    zones: Sequence[Zone], settings: VisionSettings, kinds: Collection[ObservationKind] | None = None
) -> list[Detector]:
    """Fresh detectors of one camera, always in the same order, fire first.

    Args:
        zones: the camera's zones.
        settings: how they work.
        kinds: only those that can tell of one of these kinds; all where None.
    """
    every: list[tuple[frozenset[ObservationKind], Detector]] = [
        (frozenset({ObservationKind.FLAME}), FlameDetector(zones, settings.flame)),
        (frozenset({ObservationKind.SMOKE}), SmokeDetector(zones, settings.smoke)),
        (frozenset({ObservationKind.CORRIDOR_BLOCKED}), CorridorDetector(zones, settings.corridor)),
        (HEALTH_KINDS, HealthDetector(settings.health)),
    ]
    return [detector for tells, detector in every if kinds is None or tells & set(kinds)]
