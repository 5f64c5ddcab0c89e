"""Can this camera see? Frozen, covered, out of focus, turned away, or too dark.

Everything is judged against how this camera usually sees (`vision.eyesight`), learned while it sees well. A change of
light keeps the edges where they are; smoke takes them away slowly; a cover takes them away at once; a turned camera has
others; a lens out of focus has the coarse ones only.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from vision.eyesight import Eyesight, Look
from vision.model import ObservationKind, Scene, Sighting


@dataclass(frozen=True, slots=True)
class HealthSettings:
    """When a camera counts as blind.

    Attributes:
        frozen_s: identical pictures for this long (the clock drawn in left aside): a sensor's noise never repeats.
        noiseless: times longer where the source has shown to have no noise (drawn, or cleaned by its encoder).
        frozen_frames: so many identical pictures at least.
        covered_edges: edges left behind a cover at most; rendered ones leave 0.07, dense fog 0.6.
        sudden_s: a cover comes within this time; smoke takes longer to hide a shed.
        sudden_edges: edges that were there before it came at least.
        covered_s: how long it lasts before it is told; somebody may pass close by.
        moved_kept: usual edges kept at most when the camera looks elsewhere: 0.3 was measured then, 0.6 after a switch
            from lamps to infrared, 0.9 with people and bikes about.
        moved_edges: edges there at least: it sees something.
        moved_s: how long that lasts before it is told; a lorry may stop in front.
        blurred: sharpness against the usual at most; 0.55 is a blur of half a hundredth of the picture's width.
        blurred_kept: usual coarse edges kept at least: the view is the same.
        blurred_s: focus hunts for seconds when the light changes.
        dark_luma, dark_bright: mean grey level, and that of the brightest twentieth, at most: nothing can be made out.
        dark_s: infrared lamps take seconds to switch on.
        recover_s: how long it must see again before the alarm ends.
        learn_s: what is usual is learned at once during the first seconds, then with this time constant.
        begin_s: length of those first seconds.
        adopt_s: a new view that stays this long becomes the usual one.
    """

    frozen_s: float = 30.0
    noiseless: float = 20.0
    frozen_frames: int = 5
    covered_edges: float = 0.25
    sudden_s: float = 4.0
    sudden_edges: float = 0.5
    covered_s: float = 5.0
    moved_kept: float = 0.42
    moved_edges: float = 0.4
    moved_s: float = 10.0
    blurred: float = 0.65
    blurred_kept: float = 0.5
    blurred_s: float = 30.0
    dark_luma: float = 18.0
    dark_bright: float = 45.0
    dark_s: float = 10.0
    recover_s: float = 4.0
    learn_s: float = 120.0
    begin_s: float = 10.0
    adopt_s: float = 1800.0


class _Delay:
    """Becomes true after a condition held for `on_s`, false after it did not for `off_s`."""

    def __init__(self, on_s: float, off_s: float) -> None:
        self._on_s, self._off_s = on_s, off_s
        self._held_s = 0.0
        self.active = False

    def step(self, condition: bool, step_s: float) -> bool:
        self._held_s = self._held_s + step_s if condition != self.active else 0.0
        if self._held_s >= (self._off_s if self.active else self._on_s) and condition != self.active:
            self.active, self._held_s = condition, 0.0
        return self.active


class HealthDetector:
    """The five kinds of blindness of one camera, for the whole picture."""

    _LONGEST_STEP_S = 5.0

    def __init__(self, settings: HealthSettings | None = None) -> None:
        self._settings = held = settings or HealthSettings()
        self._eyes = Eyesight()
        self._delays = {
            ObservationKind.CAMERA_COVERED: _Delay(held.covered_s, held.recover_s),
            ObservationKind.CAMERA_MOVED: _Delay(held.moved_s, held.recover_s),
            ObservationKind.CAMERA_BLURRED: _Delay(held.blurred_s, held.recover_s),
            ObservationKind.CAMERA_DARK: _Delay(held.dark_s, held.recover_s),
        }
        self._told: set[ObservationKind] = set()
        self._size: tuple[int, ...] = ()
        self._last_ms: int | None = None
        self._watched_s = 0.0
        self._unusual_s = 0.0
        self._stale_s, self._stale_frames = 0.0, 0
        self._recent: deque[tuple[float, float]] = deque()
        self._is_covered = False

    def see(self, scene: Scene) -> list[Sighting]:
        if scene.grey.shape != self._size:
            self._size, self._eyes, self._watched_s = scene.grey.shape, Eyesight(), 0.0
        gap_s = 0.0 if self._last_ms is None else max(0.0, (scene.captured_ms - self._last_ms) / 1000.0)
        self._last_ms = scene.captured_ms
        look = self._eyes.look(scene)
        frozen = self._frozen(look, gap_s)
        step_s = min(gap_s, self._LONGEST_STEP_S)
        # A picture that was sent again says nothing about what the camera would see now.
        conditions = self._conditions(look) if look.fresh else None
        if conditions is not None:
            self._learn(look, any(conditions.values()), step_s)
        return self._tell(look, frozen, conditions, step_s)

    def _frozen(self, look: Look, gap_s: float) -> bool:
        if look.fresh:
            self._stale_s, self._stale_frames = 0.0, 0
            return False
        self._stale_s, self._stale_frames = self._stale_s + gap_s, self._stale_frames + 1
        needed_s = self._settings.frozen_s * (
            1.0 if self._eyes.noisy or self._watched_s == 0 else self._settings.noiseless
        )
        return self._stale_s >= needed_s and self._stale_frames >= self._settings.frozen_frames

    def _conditions(self, look: Look) -> dict[ObservationKind, bool]:
        held = self._settings
        dark = look.luma < held.dark_luma and look.bright < held.dark_bright
        hidden = look.edges < held.covered_edges and not dark
        self._is_covered = hidden and (self._is_covered or self._was_sudden())
        elsewhere = look.kept < held.moved_kept and look.edges > held.moved_edges and not dark
        blurred = look.sharpness < held.blurred and look.kept > held.blurred_kept and not dark
        return {
            ObservationKind.CAMERA_COVERED: self._is_covered,
            ObservationKind.CAMERA_MOVED: elsewhere,
            ObservationKind.CAMERA_BLURRED: blurred,
            ObservationKind.CAMERA_DARK: dark,
        }

    def _was_sudden(self) -> bool:
        return any(edges > self._settings.sudden_edges for _, edges in self._recent)

    def _learn(self, look: Look, unusual: bool, step_s: float) -> None:
        held = self._settings
        self._watched_s += step_s
        self._recent.append((self._watched_s, look.edges))
        while self._recent and self._recent[0][0] < self._watched_s - held.sudden_s:
            self._recent.popleft()
        self._unusual_s = self._unusual_s + step_s if unusual else 0.0
        if self._unusual_s > held.adopt_s:
            self._unusual_s = 0.0
            self._eyes.learn(1.0)
        elif not unusual and step_s > 0.0:
            self._eyes.learn(min(1.0, step_s / (held.learn_s if self._watched_s > held.begin_s else held.begin_s / 4)))

    def _tell(
        self, look: Look, frozen: bool, conditions: dict[ObservationKind, bool] | None, step_s: float
    ) -> list[Sighting]:
        active = {ObservationKind.CAMERA_FROZEN} if frozen else set()
        for kind, delay in self._delays.items():
            if delay.active if conditions is None else delay.step(conditions[kind], step_s):
                active.add(kind)
        measures = {
            "edges_kept": look.kept,
            "edges": look.edges,
            "sharpness": look.sharpness,
            "luma": look.luma,
            "unchanged_s": self._stale_s,
        }
        told = [Sighting(kind, True, _score(kind, look), measures=measures) for kind in sorted(active)]
        told += [Sighting(kind, False, 0.0, measures=measures) for kind in sorted(self._told - active)]
        self._told = active
        return told


def _score(kind: ObservationKind, look: Look) -> float:
    """How far the figure behind an opinion is from the usual, 0-1."""
    missing = {
        ObservationKind.CAMERA_COVERED: 1.0 - look.edges,
        ObservationKind.CAMERA_MOVED: 1.0 - look.kept,
        ObservationKind.CAMERA_BLURRED: 1.0 - look.sharpness,
        ObservationKind.CAMERA_DARK: 1.0 - look.luma / 255.0,
    }
    return min(1.0, max(0.0, missing.get(kind, 1.0)))
