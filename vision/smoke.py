"""Smoke: scenes in, a settled sighting for each bay that smokes (or the whole picture) out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.affected import AffectedZones, share_box, shrunk
from vision.model import Image, ObservationKind, Scene, Sighting, Zone
from vision.softmotion import STRIDE_PX, FloatMap, SoftMap, SoftMotion, cells, detail
from vision.voting import ZoneVotes, met


@dataclass(frozen=True, slots=True)
class SmokeSettings:
    """Thresholds of the smoke detector, each with its reason.

    Attributes:
        strength: least smooth change in grey levels: above what compression and noise leave after smoothing.
        strength_most: most smooth change; beyond it something opaque moves, smoke is translucent.
        sharpness: most fine detail the change may have; bodies in motion have 0.6 and more.
        relative_sharpness: likewise, as a share of the sharpness of the picture itself: before a blurred lens all
            things move softly.
        memory_s: over how long persistence is averaged: longer than a person or a headlight takes to pass a spot.
        persistence: share of that time in which a spot must have moved softly.
        area: least connected part of the picture that does.
        saturation: most colour it may have: smoke is grey, its light may be tinted.
        settle_s, share: how long, and in what share of the frames, this must hold.
        hold_s: how long after the last agreeing frame the alarm stays.
    """

    strength: float = 3.0
    strength_most: float = 50.0
    sharpness: float = 0.5
    relative_sharpness: float = 0.7
    memory_s: float = 3.0
    persistence: float = 0.54
    area: float = 0.006
    saturation: float = 0.42
    settle_s: float = 0.6
    share: float = 0.7
    hold_s: float = 8.0
    width_px: int = 320
    least_gap_ms: int = 120


class Sharpness:
    """How sharp a camera usually sees; follows slowly downwards, so that smoke itself does not lower it."""

    PERIOD_MS = 2000
    FALL = 0.03
    RISE = 0.3

    def __init__(self) -> None:
        self.usual = 0.7
        self._seen_ms: int | None = None

    def look(self, grey: NDArray[np.uint8], captured_ms: int) -> None:
        """Take notice of a frame, once every two seconds."""
        first = self._seen_ms is None
        if self._seen_ms is not None and captured_ms - self._seen_ms < self.PERIOD_MS:
            return
        self._seen_ms = captured_ms
        now = detail(grey)
        if now is not None:
            self.usual += (1.0 if first else self.RISE if now > self.usual else self.FALL) * (now - self.usual)


class SmokeDetector:
    """Watches one camera for smoke: grey, soft-edged change that goes on in one place."""

    def __init__(self, zones: Sequence[Zone], settings: SmokeSettings = SmokeSettings()) -> None:
        self._settings = settings
        self._zones = AffectedZones(zones)
        self._motion = SoftMotion()
        self._sharpness = Sharpness()
        self._persistence: FloatMap | None = None
        self._votes = ZoneVotes(ObservationKind.SMOKE, settings.settle_s, settings.share, settings.hold_s)
        self._last: list[Sighting] = []
        self._last_ms: int | None = None

    def see(self, scene: Scene) -> list[Sighting]:
        since_ms = None if self._last_ms is None else scene.captured_ms - self._last_ms
        if since_ms is not None and since_ms < self._settings.least_gap_ms:
            return [sighting for sighting in self._last if sighting.active]
        self._last_ms = scene.captured_ms
        image = shrunk(scene.image, self._settings.width_px)
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.uint8)
        self._sharpness.look(grey, scene.captured_ms)
        soft = self._motion.measure(grey, scene.captured_ms)
        best = self._candidates(image, soft, since_ms or 0) if soft is not None else {}
        self._last = self._votes.settle(best, scene.captured_ms)
        return self._last

    def _candidates(self, image: Image, soft: SoftMap, since_ms: int) -> dict[str | None, Sighting]:
        lasting = self._lasting(soft, since_ms / 1000)
        saturation = _saturation(image)
        watched = self._zones.watched(image.shape[:2])[::STRIDE_PX, ::STRIDE_PX]
        moving = ((lasting > self._settings.persistence) & (watched > 0)).astype(np.uint8)
        _, labels, stats, _ = cv2.connectedComponentsWithStats(moving)
        best: dict[str | None, Sighting] = {}
        for label in range(1, len(stats)):
            if stats[label, cv2.CC_STAT_AREA] < self._settings.area * moving.size / 2:
                continue
            region = np.equal(labels, label)
            measures = {
                "area": float(stats[label, cv2.CC_STAT_AREA] / moving.size),
                "persistence": float(lasting[region].mean()),
                "strength": float(soft.strength[region].mean()),
                "sharpness": float(soft.sharpness[region].mean()),
                "saturation": float(saturation[region].mean()),
            }
            score = self._score(measures)
            zone = self._zones.bay_of(region.astype(np.uint8), (0, 0), moving.shape, self._votes.alarmed)
            if zone not in best or score > best[zone].score:
                x, y, width, height = (int(value) for value in stats[label, :4])
                box = share_box((x, y, x + width, y + height), moving.shape)
                best[zone] = Sighting(ObservationKind.SMOKE, False, score, zone, box, measures)
        return best

    def _lasting(self, soft: SoftMap, since_s: float) -> FloatMap:
        """Share of the last seconds in which each cell changed softly."""
        settings = self._settings
        noise = 2.5 * float(np.median(soft.strength))
        sharpest = min(settings.sharpness, settings.relative_sharpness * self._sharpness.usual)
        moving = (soft.strength > max(settings.strength, noise)) & (soft.strength < settings.strength_most)
        moving &= soft.sharpness < sharpest
        if self._persistence is None or self._persistence.shape != moving.shape:
            self._persistence = np.zeros(moving.shape, np.float32)
        share = 1 - np.exp(-since_s / max(settings.memory_s, 5 * since_s))
        cv2.accumulateWeighted(moving.astype(np.float32), self._persistence, share)
        return self._persistence

    def _score(self, measures: dict[str, float]) -> float:
        settings = self._settings
        return min(
            met(measures["area"], settings.area),
            met(measures["persistence"], settings.persistence),
            1.0 if measures["saturation"] <= settings.saturation else 0.0,
        )


def _saturation(image: Image) -> NDArray[np.float32]:
    """Colourfulness of each cell, 0 (grey) to 1."""
    brightest = image.max(axis=2).astype(np.float32)
    return cells((brightest - image.min(axis=2)) / (brightest + 20))
