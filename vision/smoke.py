"""Smoke: scenes in, a settled sighting for each bay that smokes (or the whole picture) out."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.affected import AffectedZones, share_box, shrunk
from vision.background import Background
from vision.change import BoolMap, Change, FloatMap, cells, compare, detail, veil
from vision.hotspots import membership
from vision.model import Image, ObservationKind, Scene, Sighting, Zone
from vision.nightfire import is_infrared
from vision.plume import Fading, LightTest, Region, bodies, regions_of
from vision.voting import ZoneVotes, met


@dataclass(frozen=True, slots=True)
class SmokeSettings:
    """Thresholds of the smoke detector, each with its reason.

    Attributes:
        strength, strength_most: bounds of the smooth change in grey levels: above what compression and noise leave;
            beyond the upper one something opaque moves, smoke is translucent.
        sharpness: most fine detail the change may have; bodies in motion have 0.6 and more.
        relative_sharpness: likewise, as a share of the picture's own: before a blurred lens all things move softly.
        drift_memory_s: over how long persistence is averaged: longer than somebody takes to pass a spot.
        drift: share of that time in which a place must have moved softly; `drift_plain` where texture does not speak
            for smoke.
        drift_area, veil_area: least connected part of the picture.
        transmission: bounds between an opaque body and clear air.
        haze: least share of what is seen that the smoke itself adds, be it pale or dark (light and shadow add none).
        saturation: most colour it may have: smoke is grey, its light may be tinted.
        unison: most of the change that all the surroundings may take part in, where no fire lights them: a beam that
            sweeps through or an arc changes them as one (0.85 and more), also where its glare veils what is behind;
            smoke billows (0.4-0.8).
        blaze: flame-coloured part of the picture from which a fire may be what lights it: yellow paint and bikes take
            half of it, a fire that lights a room 27 times as much.
        blaze_s: how long after that a fire that its own smoke hides may still light it.
        settle_s, share: how long, and in what share of the frames, this must hold.
        hold_s: how long after the last agreeing frame the alarm stays.
    """

    strength: float = 3.0
    strength_most: float = 50.0
    sharpness: float = 0.5
    relative_sharpness: float = 0.7
    drift_memory_s: float = 3.0
    drift: float = 0.54
    drift_plain: float = 0.60
    drift_area: float = 0.006
    veil_memory_s: float = 2.5
    veil: float = 0.5
    veil_area: float = 0.0025
    transmission: tuple[float, float] = (0.15, 0.92)
    haze: float = 0.17
    saturation: float = 0.42
    unison: float = 0.85
    blaze: float = 0.01
    blaze_s: float = 60.0
    settle_s: float = 1.4
    share: float = 0.7
    hold_s: float = 8.0
    width_px: int = 320
    least_gap_ms: int = 120


COMPARE_S = 0.4
"""Age of the frame a frame is compared with: smoke moves several pixels in it, a wandering sun patch none."""


MATURE_S = 10.0
"""Age from which the background is trusted to say what smoke hides."""


class SmokeDetector:
    """Watches one camera for smoke."""

    def __init__(self, zones: Sequence[Zone], settings: SmokeSettings = SmokeSettings()) -> None:
        self._settings = settings
        self._zones = AffectedZones(zones)
        self._past: deque[tuple[int, FloatMap]] = deque()
        self._sharpness = Sharpness()
        self._background = Background()
        self._light = LightTest()
        self._drift = Fading(settings.drift_memory_s)
        self._alive = Fading(2.0)
        self._veil = Fading(settings.veil_memory_s)
        self._votes = ZoneVotes(ObservationKind.SMOKE, settings.settle_s, settings.share, settings.hold_s)
        self._last: list[Sighting] = []
        self._last_ms: int | None = None
        self._blaze_ms: int | None = None
        self._firelight = True

    def see(self, scene: Scene) -> list[Sighting]:
        since_ms = 0 if self._last_ms is None else scene.captured_ms - self._last_ms
        if self._last_ms is not None and since_ms < self._settings.least_gap_ms:
            return [sighting for sighting in self._last if sighting.active]
        self._last_ms = scene.captured_ms
        image = shrunk(scene.image, self._settings.width_px)
        now = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
        self._sharpness.look(now, scene.captured_ms)
        self._firelight = self._may_be_firelit(image, scene.captured_ms)
        motion = self._motion(now, scene.captured_ms)
        differs = self._background.compare(now)
        regions = [] if motion is None or differs is None else self._regions(now, motion, differs, since_ms / 1000)
        self._last = self._votes.settle(self._sightings(regions, image), scene.captured_ms, scene.attentive)
        return self._last

    def _motion(self, now: FloatMap, captured_ms: int) -> Change | None:
        """What changed since 0.4 s ago, or since the frame before where frames are rarer."""
        if self._past and self._past[0][1].shape != now.shape:
            self._past.clear()
        self._past.append((captured_ms, now))
        while len(self._past) > 2 and self._past[1][0] <= captured_ms - COMPARE_S * 1000:
            self._past.popleft()
        return compare(now, self._past[0][1]) if len(self._past) > 1 else None

    def _regions(self, now: FloatMap, motion: Change, differs: Change, since_s: float) -> list[Region]:
        self._light.add(motion, since_s)
        changed = differs.strength > max(5.0, 4 * motion.noise())
        solid = bodies(changed, differs.sharpness > 0.6 * self._sharpness.usual + 0.1, 0.3)
        return self._drifting(motion, differs, solid, since_s) + self._veiled(
            now, motion, differs, changed, solid, since_s
        )

    def _drifting(self, motion: Change, differs: Change, solid: BoolMap, since_s: float) -> list[Region]:
        """Where soft motion goes on."""
        settings = self._settings
        sharpest = min(settings.sharpness, settings.relative_sharpness * self._sharpness.usual)
        moving = (motion.strength > max(settings.strength, 2.5 * motion.noise())) & (motion.sharpness < sharpest)
        moving &= motion.strength < settings.strength_most
        lasting = self._drift.add(moving.astype(np.float32), since_s)
        found = []
        for region in regions_of(lasting > settings.drift, settings.drift_area * lasting.size / 2):
            measures = {
                "persistence": float(lasting[region].mean()),
                "area": float(region.mean()),
                "sharpness": float(motion.sharpness[region].mean()),
                "strength": float(motion.strength[region].mean()),
                **self._light_measures(region),
                "solid": float(solid[region].mean()),
                **_veil_measures(differs, region),
            }
            found.append(Region(region, self._drift_score(measures), measures))
        return found

    def _drift_score(self, measures: dict[str, float]) -> float:
        settings = self._settings
        likeness = measures.get("light_likeness", 2.0)
        mature = self._background.age_s > MATURE_S
        hazy = mature and measures.get("haze", 0.0) > self._settings.haze
        if (measures["trend"] > 0.8 and not hazy) or self._is_light(measures):
            return 0.0
        if mature and (measures["solid"] > 0.5 or not self._weakens(measures)):
            return 0.0
        needed = settings.drift if likeness < -0.4 or measures["unison"] < 0.6 else settings.drift_plain
        return min(
            met(measures["area"], settings.drift_area * (1 if mature else 2)), met(measures["persistence"], needed)
        )

    def _veiled(
        self, now: FloatMap, motion: Change, differs: Change, changed: BoolMap, solid: BoolMap, since_s: float
    ) -> list[Region]:
        """Where something translucent hangs before the background and is alive."""
        settings = self._settings
        usual = self._sharpness.usual
        live = (motion.strength > max(1.5, 2.5 * motion.noise())) & (motion.sharpness < 0.65)
        alive = self._alive.add(live.astype(np.float32), since_s) > 0.4
        soft = changed & ~solid & (differs.sharpness < min(0.4, 0.6 * usual)) & (differs.strength < 90)
        calm = changed.mean() < 0.4
        lasting = self._veil.add((soft & alive & calm).astype(np.float32), since_s)
        nearby = cv2.dilate(alive.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        self._background.learn(now, changed, soft & nearby, since_s)
        found = []
        for region in regions_of(lasting > settings.veil * 0.8, settings.veil_area * lasting.size / 2):
            measures = {
                "persistence": float(lasting[region].mean()),
                "area": float(region.mean()),
                "sharpness": float(differs.sharpness[region].mean()),
                "strength": float(differs.strength[region].mean()),
                **self._light_measures(region),
                "solid": float(solid[region].mean()),
                **_veil_measures(differs, region),
            }
            found.append(Region(region, self._veil_score(measures), measures))
        return found

    def _may_be_firelit(self, image: Image, captured_ms: int) -> bool:
        """Whether what changes all the picture may be the light of a fire; an infrared picture does not tell."""
        if float(membership(image).mean()) > self._settings.blaze:
            self._blaze_ms = captured_ms
        lately = self._blaze_ms is not None and captured_ms - self._blaze_ms <= self._settings.blaze_s * 1000
        return lately or is_infrared(image)

    def _is_light(self, measures: dict[str, float]) -> bool:
        """Whether a region changes as light does: its texture as its brightness, or as one with all its surroundings.

        Light of a fire is excepted from the latter: smoke hangs in it, and takes part in its flicker.
        """
        unison = measures["unison"]
        if unison > self._settings.unison and not self._firelight:
            return True
        return unison > 0.6 and 0.4 < measures.get("light_likeness", 2.0) < 1.35

    def _weakens(self, measures: dict[str, float]) -> bool:
        """Whether the texture behind is weakened and light added; true where there is none to show it."""
        clear = self._settings.transmission[1]
        return measures.get("transmission", 0.5) < clear and measures.get("haze", 1.0) > self._settings.haze / 2

    def _veil_score(self, measures: dict[str, float]) -> float:
        settings = self._settings
        opaque = self._settings.transmission[0]
        if measures.get("transmission", opaque) <= opaque or not self._weakens(measures):
            return 0.0
        if measures["trend"] > 0.8 or self._is_light(measures):
            return 0.0
        return min(
            met(measures["haze"], settings.haze),
            met(measures["persistence"], settings.veil),
            met(measures["area"], settings.veil_area),
        )

    def _light_measures(self, region: BoolMap) -> dict[str, float]:
        likeness = self._light.likeness(region)
        measures = {"unison": self._light.unison(region), "trend": self._light.trend(region)}
        return measures if likeness is None else measures | {"light_likeness": likeness}

    def _sightings(self, regions: list[Region], image: Image) -> dict[str | None, Sighting]:
        """The best region of each zone, less those with too much colour or outside what is watched."""
        best: dict[str | None, Sighting] = {}
        if not regions:
            return best
        saturation = _saturation(image)
        watched = cv2.resize(self._zones.watched(image.shape[:2]), saturation.shape[::-1]) > 0
        for region in regions:
            seen = region.mask & watched
            colour = float(saturation[region.mask].mean())
            if 2 * np.count_nonzero(seen) < np.count_nonzero(region.mask) or colour > self._settings.saturation:
                continue
            zone = self._zones.bay_of(seen.astype(np.uint8), (0, 0), seen.shape, self._votes.alarmed)
            if zone not in best or region.score > best[zone].score:
                measures = region.measures | {"saturation": colour}
                best[zone] = Sighting(ObservationKind.SMOKE, False, region.score, zone, _box(seen), measures)
        return best


class Sharpness:
    """How sharp a camera usually sees; follows slowly downwards, so that smoke itself does not lower it."""

    PERIOD_MS = 2000
    FALL = 0.03
    RISE = 0.3

    def __init__(self) -> None:
        self.usual = 0.7
        self._seen_ms: int | None = None

    def look(self, now: FloatMap, captured_ms: int) -> None:
        """Take notice of a frame, once every two seconds."""
        first = self._seen_ms is None
        if self._seen_ms is not None and captured_ms - self._seen_ms < self.PERIOD_MS:
            return
        self._seen_ms = captured_ms
        sharp = detail(now)
        if sharp is not None:
            self.usual += (1.0 if first else self.RISE if sharp > self.usual else self.FALL) * (sharp - self.usual)


def _veil_measures(differs: Change, region: BoolMap) -> dict[str, float]:
    found = veil(differs, region)
    return (
        {}
        if found is None
        else {
            "transmission": found[0],
            "airlight": found[1],
            "haze": found[1] / (float((differs.level + differs.mean)[region].mean()) + 1),
        }
    )


def _saturation(image: Image) -> NDArray[np.float32]:
    """Colourfulness of each cell, 0 (grey) to 1."""
    brightest = image.max(axis=2).astype(np.float32)
    return cells((brightest - image.min(axis=2)) / (brightest + 20))


def _box(mask: BoolMap) -> tuple[float, float, float, float]:
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return share_box((x, y, x + width, y + height), mask.shape)
