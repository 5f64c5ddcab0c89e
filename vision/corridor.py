"""Is the corridor blocked by something that was set down and left?

Each corridor zone is cut out with a margin, brought to a small size, freed of camera shake and exposure, and compared
with its own past (`vision.ground`). What differs from the background and keeps still for the dwell time is judged once
(`vision.leftover`): objects block until they are gone, light and revealed background are learned, the living wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from vision.geometry import Box, mask_of, of_kind
from vision.ground import Ground, GroundSettings, Mask, Plane, planes_of
from vision.leftover import Judgement, JudgeSettings, Verdict, judge
from vision.model import ObservationKind, Scene, Sighting, Zone, ZoneKind
from vision.steady import Exposure, Freshness, Outlook, Steadier


@dataclass(frozen=True, slots=True)
class CorridorSettings:
    """How corridor zones are watched.

    Attributes:
        dwell_s: how long an object stands before it counts as blocking. A minute lets people load and unload a bike.
        clear_s: an object that is gone this long is gone; someone picking it up and setting it down again is one event.
        least_area: smallest object, as part of the zone: a bag in a passage.
        least_pixels: smallest object at the size worked at; less cannot be told from compression artefacts.
        joins_s: steady pixels beside mature ones belong to the same region after this.
        ripe: part of a region that has stood for the dwell time before it is judged; a piece of it would be misjudged.
        patience: what may as well be a revealed background is decided by its better half after so many dwell times.
        long_patience: what may as well be sunlight, or is as upright as somebody who stands, after so many.
        upright: height against width of what is; standing people have 2.5 and more, bags, boxes and bikes less than 2.
        alive_patience: what seems alive, but kept its place for so many, is a thing that something moves at.
        confirm: an object is told of after it was judged to be one for this part of the dwell time without a break; the
            longer the dwell time, the more chances has somebody who stands to keep still for a moment.
        longest_side: the cut-out's size in pixels.
        leans: what stands mostly outside the zone, as a bike in its bay with a wheel over the line, does not block while
            it leaves this part of the width free.
        margin: the cut-out is larger than the zone by this part on each side, so that borders have two sides.
    """

    dwell_s: float = 60.0
    clear_s: float = 5.0
    least_area: float = 0.008
    least_pixels: int = 36
    joins_s: float = 2.0
    ripe: float = 0.6
    patience: float = 2.0
    long_patience: float = 3.0
    upright: float = 2.2
    alive_patience: float = 6.0
    confirm: float = 0.15
    longest_side: int = 240
    leans: float = 0.8
    margin: float = 0.35
    ground: GroundSettings = field(default_factory=GroundSettings)
    judge: JudgeSettings = field(default_factory=JudgeSettings)


class CorridorDetector:
    """`corridor_blocked` for each corridor zone of a camera."""

    def __init__(self, zones: Sequence[Zone], settings: CorridorSettings | None = None) -> None:
        self._settings = settings or CorridorSettings()
        self._zones = of_kind(zones, ZoneKind.CORRIDOR)
        self._watches: list[_ZoneWatch] = []
        self._size: tuple[int, ...] = ()
        self._exposure = Exposure()
        self._freshness = Freshness()
        self._told: list[Sighting] = []

    def see(self, scene: Scene) -> list[Sighting]:
        if not self._zones:
            return []
        if scene.grey.shape != self._size:
            self._size = scene.grey.shape
            self._exposure = Exposure()
            self._watches = [_ZoneWatch(zone, self._settings, scene) for zone in self._zones]
        repeated = self._freshness.is_repeated(scene.grey)
        outlook = self._exposure.see(scene)
        if repeated or outlook.blind:
            return [sighting for sighting in self._told if sighting.active]
        self._told = [sighting for watch in self._watches for sighting in watch.see(scene, outlook)]
        return self._told


@dataclass(slots=True)
class _Blocking:
    """An object that stands in the way."""

    mask: Mask
    look: Plane
    judgement: Judgement


def free_width(occupied: Mask, zone: Mask) -> float:
    """Part of the passage's width that is free at its narrowest place, 0-1.

    The passage runs along the longer side of the zone; foreshortening makes one that leads away from the camera
    look shorter than it is, so it counts as running up the picture unless it is clearly wider than high.
    """
    rows, columns = np.flatnonzero(zone.any(axis=1)), np.flatnonzero(zone.any(axis=0))
    if columns[-1] - columns[0] > 1.6 * (rows[-1] - rows[0]):
        occupied, zone = occupied.T, zone.T
    free = 1.0
    for row in np.flatnonzero((occupied & zone).any(axis=1)):
        across = int(zone[row].sum())
        free = min(free, _longest_run(zone[row] & ~occupied[row]) / across)
    return free


def _longest_run(line: Mask) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], line, [False])).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _regions(mask: Mask, least: int) -> Iterator[Mask]:
    """Connected parts of at least so many pixels, gaps of one pixel closed."""
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    for label in range(1, count):
        if stats[label, cv2.CC_STAT_AREA] >= least:
            yield labels == label


def _slimness(region: Mask) -> float:
    """Height against width of the region's box."""
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    return float((rows[-1] - rows[0] + 1) / (columns[-1] - columns[0] + 1))


def _cut_out(zone: Zone, margin: float, width: int, height: int) -> tuple[slice, slice]:
    xs, ys = [x for x, _ in zone.polygon], [y for _, y in zone.polygon]
    x_margin, y_margin = margin * (max(xs) - min(xs)), margin * (max(ys) - min(ys))
    left, right = max(0, int((min(xs) - x_margin) * width)), min(width, round((max(xs) + x_margin) * width))
    top, bottom = max(0, int((min(ys) - y_margin) * height)), min(height, round((max(ys) + y_margin) * height))
    return slice(top, max(bottom, top + 8)), slice(left, max(right, left + 8))


class _ZoneWatch:
    def __init__(self, zone: Zone, settings: CorridorSettings, scene: Scene) -> None:
        self._settings = settings
        self._zone = zone
        height, width = self._size = scene.grey.shape
        self._cut = _cut_out(zone, settings.margin, width, height)
        rows, columns = self._cut
        cut_height, cut_width = rows.stop - rows.start, columns.stop - columns.start
        scale = min(1.0, settings.longest_side / max(cut_height, cut_width))
        self._work = (max(8, round(cut_width * scale)), max(8, round(cut_height * scale)))
        whole = mask_of(zone.polygon, width, height)[self._cut].astype(np.uint8)
        self._mask = cv2.resize(whole, self._work, interpolation=cv2.INTER_NEAREST).astype(bool)
        self._least = max(settings.least_pixels, round(settings.least_area * int(self._mask.sum())))
        self._ground: Ground | None = None
        self._steadier = Steadier()
        self._last_ms = scene.captured_ms
        self._blocking: list[_Blocking] = []
        self._gone_s = 0.0
        self._active = False
        self._believed_s = np.zeros_like(self._mask, np.float32)

    def see(self, scene: Scene, outlook: Outlook) -> list[Sighting]:
        now = self._planes(scene, outlook.gain)
        step_s = max(0.0, (scene.captured_ms - self._last_ms) / 1000.0)
        self._last_ms = scene.captured_ms
        if self._ground is None:
            self._ground = Ground(now, self._settings.ground, self._settings.dwell_s)
            return []
        ground = self._ground
        held = self._held()
        if outlook.upheaval:
            ground.begin_anew(now, held)
            for blocking in self._blocking:
                blocking.look = now.copy()
        aligned = self._steadier.align(now, ground.background)
        foreground = ground.see(aligned, step_s, held, self._steadier.jitter_px)
        self._drop_gone(ground)
        self._take_mature(ground, step_s)
        return self._tell(foreground, step_s)

    def _planes(self, scene: Scene, gain: float) -> Plane:
        cut = scene.image[self._cut]
        if (cut.shape[1], cut.shape[0]) != self._work:
            cut = np.asarray(cv2.resize(cut, self._work, interpolation=cv2.INTER_AREA), np.uint8)
        planes = planes_of(cut)
        planes[0] /= gain
        return planes

    def _held(self) -> Mask:
        held = np.zeros_like(self._mask)
        for blocking in self._blocking:
            held |= blocking.mask
        return held

    def _drop_gone(self, ground: Ground) -> None:
        """Forget objects whose place shows the background again, or something that is no object."""
        kept: list[_Blocking] = []
        for blocking in self._blocking:
            changed = blocking.mask & ground.differs(ground.steady, blocking.look)
            bare = blocking.mask & ~ground.differs(ground.steady, ground.background)
            blocking.mask &= ~bare
            left = int((blocking.mask & self._mask).sum())
            if left < self._least // 2:
                continue
            if 2 * int(changed.sum()) > left:
                judgement = judge(blocking.mask, ground, self._settings.judge)
                if judgement.verdict in (Verdict.REVEALED, Verdict.LIGHT):
                    ground.absorb(blocking.mask)
                    continue
                blocking.look = ground.steady.copy()
            kept.append(blocking)
        self._blocking = kept

    def _take_mature(self, ground: Ground, step_s: float) -> None:
        """Judge each region that has stood for the dwell time."""
        believed = np.zeros_like(self._mask)
        differs = ground.differs(ground.steady, ground.background) & ~self._held()
        mature = differs & (ground.steady_s >= self._settings.dwell_s)
        if self._in_zone(mature) >= self._least // 2:
            for region in _regions(differs & (ground.steady_s >= self._settings.joins_s), self._least):
                self._weigh(region, region & mature, ground, believed)
        self._believed_s = np.where(believed, self._believed_s + np.float32(step_s), np.float32(0.0))

    def _weigh(self, region: Mask, ripe: Mask, ground: Ground, believed: Mask) -> None:
        """Judge one region if enough of it is ripe; mark in `believed` what looks like an object."""
        if self._in_zone(ripe) < self._least // 2 or self._in_zone(region) < self._least:
            return
        age = float(np.median(ground.steady_s[ripe])) / self._settings.dwell_s
        if int(ripe.sum()) < self._settings.ripe * int(region.sum()):
            if age < self._settings.long_patience:
                return
            region = ripe
        judgement = judge(region, ground, self._settings.judge)
        verdict = self._settled(judgement, age)
        if (
            verdict is Verdict.OBJECT
            and age < self._settings.long_patience
            and _slimness(region) > self._settings.upright
        ):
            return
        if verdict is Verdict.OBJECT:
            believed |= region
            if float(np.median(self._believed_s[region])) >= self._settings.confirm * self._settings.dwell_s:
                self._blocking.append(_Blocking(region, ground.steady.copy(), judgement))
        elif verdict in (Verdict.REVEALED, Verdict.LIGHT):
            ground.absorb(region)
            if verdict is Verdict.LIGHT:
                ground.brighten(self._held(), judgement.ratio)

    def _settled(self, judgement: Judgement, age: float) -> Verdict:
        """The verdict, or after enough waiting the likelier one."""
        verdict = judgement.verdict
        if verdict is Verdict.ALIVE and age >= self._settings.alive_patience:
            verdict = Verdict.UNDECIDED
        if verdict is Verdict.BRIGHTER and age >= self._settings.long_patience:
            verdict = Verdict.UNDECIDED
        if verdict is Verdict.UNDECIDED and age >= self._settings.patience:
            verdict = Verdict.OBJECT if judgement.likelihood > 0.5 else Verdict.REVEALED
        return verdict

    def _in_zone(self, mask: Mask) -> int:
        return int((mask & self._mask).sum())

    def _in_the_way(self, mask: Mask) -> bool:
        inside = self._in_zone(mask)
        if 2 * inside >= int(mask.sum()):
            return True
        return inside > 0 and free_width(mask, self._mask) <= self._settings.leans

    def _tell(self, foreground: Mask, step_s: float) -> list[Sighting]:
        if any(self._in_the_way(blocking.mask) for blocking in self._blocking):
            self._gone_s = 0.0
            self._active = True
            return [self._sighting(foreground)]
        if not self._active:
            return []
        self._gone_s += step_s
        if self._gone_s < self._settings.clear_s:
            return [Sighting(ObservationKind.CORRIDOR_BLOCKED, True, 0.5, self._zone.id)]
        self._active = False
        return [Sighting(ObservationKind.CORRIDOR_BLOCKED, False, 0.0, self._zone.id)]

    def _sighting(self, foreground: Mask) -> Sighting:
        held = self._held() & self._mask
        best = max(blocking.judgement.likelihood for blocking in self._blocking)
        measures = {
            "area_fraction": float(held.sum()) / float(self._mask.sum()),
            "free_width_fraction": free_width(held, self._mask),
            "in_view_fraction": float((held & foreground).sum()) / max(1.0, float(held.sum())),
            "objects": float(len(self._blocking)),
        }
        return Sighting(ObservationKind.CORRIDOR_BLOCKED, True, best, self._zone.id, self._box(self._held()), measures)

    def _box(self, mask: Mask) -> Box:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        work_width, work_height = self._work
        cut_rows, cut_columns = self._cut
        y_scale = (cut_rows.stop - cut_rows.start) / work_height
        x_scale = (cut_columns.stop - cut_columns.start) / work_width
        height, width = self._size
        x, y = cut_columns.start + columns[0] * x_scale, cut_rows.start + rows[0] * y_scale
        w, h = (columns[-1] + 1 - columns[0]) * x_scale, (rows[-1] + 1 - rows[0]) * y_scale
        return (float(x / width), float(y / height), float(w / width), float(h / height))
