"""Runs the detectors over labelled footage and scores their alarms.

A detector is shown frames of one clip in order and nothing else: no file name, no label, no later frame. An alarm is
the moment a sighting of one kind and zone becomes active.

Errors:
    EvaluationError(Exception): a clip of the catalogue cannot be opened or holds no frame.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vision.catalogue import ALARM_OF, EVENT_CATEGORIES, Category, Clip, Event, read_catalogue
from vision.decode import scene_of
from vision.detectors import VisionSettings, build
from vision.model import WHOLE, Detector, Image, ObservationKind, Zone, ZoneKind
from vision.scoring import Alarm, Score, Shown, is_scored, score, summary

DEFAULT_DWELL_S = 10.0
# What a camera in a shed delivers over RTSP after sampling; clips of fewer frames a second are shown as they are.
DEFAULT_FPS = 5.0
DEFAULT_JOBS = 2

Progress = Callable[[int, int, str], None]


class EvaluationError(Exception):
    """A clip cannot be shown."""


@dataclass(frozen=True, slots=True)
class _Task:
    path: Path
    clip: Clip
    categories: tuple[Category, ...]
    settings: VisionSettings
    fps: float
    grey: bool


@dataclass(frozen=True, slots=True)
class _Result:
    shown: Shown
    frames: int
    cpu_s: float


def evaluate(
    catalogue: Path,
    only: Sequence[str] | None = None,
    dwell_s: float = DEFAULT_DWELL_S,
    fps: float = DEFAULT_FPS,
    jobs: int = DEFAULT_JOBS,
    progress: Progress | None = None,
    settings: VisionSettings | None = None,
    grey: bool = False,
) -> dict[str, Any]:
    """Score the detectors on a catalogue.

    Args:
        catalogue: the CSV; files are relative to it.
        only: categories of events to score, of `blocked`, `smoke`, `flame`; all where None or empty.
        dwell_s: how long an object must stand to count as blocking.
        fps: at most so many frames a second are shown.
        jobs: processes at most.
        progress: called with (clips done, clips, file) after each clip.
        settings: other settings of the detectors; `dwell_s` overrides theirs.
        grey: take the colours out of every picture, for what the detectors do where a camera has none.

    Returns:
        `{"clips": […], "summary": {category: …}}`, ready for JSON.

    Raises:
        CatalogueError: the catalogue is wrong.
        EvaluationError: a clip cannot be shown.
        ValueError: a category in `only` that does not exist, or `fps` or `jobs` not above 0.
    """
    if fps <= 0 or jobs <= 0:
        raise ValueError("fps and jobs must be above 0")
    categories = _categories(only)
    base = settings or VisionSettings()
    tuned = replace(base, corridor=replace(base.corridor, dwell_s=dwell_s))
    tasks = [
        _Task(catalogue.parent / clip.file, clip, scored, tuned, fps, grey)
        for clip in read_catalogue(catalogue)
        if (scored := tuple(category for category in categories if is_scored(clip, category)))
    ]
    results = _run(tasks, jobs, progress or _no_progress)
    return _report(tasks, results, categories)


def _categories(only: Sequence[str] | None) -> tuple[Category, ...]:
    if not only:
        return EVENT_CATEGORIES
    for name in only:
        if name not in EVENT_CATEGORIES:
            raise ValueError(f"{name!r} is none of {', '.join(EVENT_CATEGORIES)}")
    return tuple(category for category in EVENT_CATEGORIES if category in only)


def _no_progress(_done: int, _total: int, _file: str) -> None:
    return


def _run(tasks: Sequence[_Task], jobs: int, progress: Progress) -> list[_Result]:
    if jobs == 1 or len(tasks) < 2:
        results = []
        for done, task in enumerate(tasks, start=1):
            results.append(_show(task))
            progress(done, len(tasks), task.clip.file)
        return results
    context = multiprocessing.get_context("spawn")
    by_index: dict[int, _Result] = {}
    with ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=context) as pool:
        futures = {pool.submit(_show, task): index for index, task in enumerate(tasks)}
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                index = futures[future]
                by_index[index] = future.result()
                progress(done, len(tasks), tasks[index].clip.file)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [by_index[index] for index in range(len(tasks))]


def _show(task: _Task) -> _Result:
    """Show one clip to fresh detectors; runs in a worker process."""
    cv2.setNumThreads(1)
    began_s = time.process_time()
    zones, zone_ids = _zones(task)
    kinds = {ALARM_OF[category] for category in task.categories}
    detectors = build(zones, task.settings, kinds)
    edges = RisingEdges(kinds)
    alarms: list[Alarm] = []
    frames, last_s = 0, task.clip.from_s
    for t_s, picture in clip_frames(task.path, task.clip.from_s, task.clip.to_s, task.fps):
        alarms += edges.see(detectors, _without_colour(picture) if task.grey else picture, t_s)
        frames, last_s = frames + 1, t_s
    if not frames:
        raise EvaluationError(f"{task.path}: no frame to show")
    shown = Shown(task.clip, task.clip.from_s, last_s, tuple(alarms), zone_ids)
    return _Result(shown, frames, time.process_time() - began_s)


def _without_colour(picture: Image) -> Image:
    return np.asarray(cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8)


def _zones(task: _Task) -> tuple[tuple[Zone, ...], dict[Event, str]]:
    """One corridor zone for each polygon a blocked event names; the whole picture in negative clips."""
    if Category.BLOCKED not in task.categories:
        return (), {}
    ids: dict[tuple[tuple[float, float], ...], str] = {}
    zone_ids: dict[Event, str] = {}
    for event in task.clip.of(Category.BLOCKED):
        zone_ids[event] = ids.setdefault(event.polygon, f"corridor-{len(ids) + 1}")
    if task.clip.negative:
        ids.setdefault(WHOLE, f"corridor-{len(ids) + 1}")
    return tuple(Zone(zone_id, ZoneKind.CORRIDOR, polygon) for polygon, zone_id in ids.items()), zone_ids


class RisingEdges:
    """Turns sightings into alarms: the moment one of a kind and zone becomes active."""

    def __init__(self, kinds: Iterable[ObservationKind]) -> None:
        self._kinds = frozenset(kinds)
        self._active: set[tuple[ObservationKind, str | None]] = set()

    def see(self, detectors: Sequence[Detector], picture: Image, t_s: float) -> list[Alarm]:
        """Show one frame, taken `t_s` into the clip, to the detectors; the alarms it raises."""
        scene = scene_of(picture, captured_ms=round(t_s * 1000))
        now: dict[tuple[ObservationKind, str | None], float] = {}
        for detector in detectors:
            for sighting in detector.see(scene):
                if sighting.active and sighting.kind in self._kinds:
                    key = (sighting.kind, sighting.zone)
                    now[key] = max(sighting.score, now.get(key, 0.0))
        raised = [
            Alarm(kind, t_s, zone, value) for (kind, zone), value in now.items() if (kind, zone) not in self._active
        ]
        self._active = set(now)
        return raised


def clip_frames(path: Path, from_s: float, to_s: float | None, fps: float) -> Iterator[tuple[float, Image]]:
    """Frames of a video by its own time stamps, at most `fps` a second, from `from_s` to before `to_s` (None: the end).

    Raises:
        EvaluationError: the file does not open.
    """
    capture = cv2.VideoCapture(str(path))
    try:
        if not capture.isOpened():
            raise EvaluationError(f"{path}: cannot be opened as a video")
        due_s = from_s
        while capture.grab():
            t_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
            if to_s is not None and t_s >= to_s:
                return
            if t_s < due_s - 1e-3:
                continue
            got, picture = capture.retrieve()
            if not got:
                continue
            # A clock of due times, not of taken ones: 29.97 a second sampled at 5 stays 5.
            due_s = max(due_s, t_s - 0.5 / fps) + 1.0 / fps
            yield t_s, picture  # type: ignore[misc]  # stubs call it MatLike
    finally:
        capture.release()


def _report(tasks: Sequence[_Task], results: Sequence[_Result], categories: Sequence[Category]) -> dict[str, Any]:
    totals = dict.fromkeys(categories, Score())
    clips: list[dict[str, Any]] = []
    for task, result in zip(tasks, results, strict=True):
        scores = {category: score(result.shown, category) for category in task.categories}
        for category, figures in scores.items():
            totals[category] += figures
        clips.append(_clip_report(result, sum(scores.values(), Score())))
    return {"clips": clips, "summary": {str(category): summary(total) for category, total in totals.items()}}


def _clip_report(result: _Result, total: Score) -> dict[str, Any]:
    shown = result.shown
    alarms = [
        {"kind": str(alarm.kind), "t_s": round(alarm.t_s, 3), "zone": alarm.zone, "score": round(alarm.score, 4)}
        for alarm in shown.alarms
    ]
    return {
        "file": shown.clip.file,
        "seconds": round(shown.to_s - shown.from_s, 3),
        "frames": result.frames,
        "cpu_s": round(result.cpu_s, 3),
        "alarms": alarms,
        "tp": total.tp,
        "fn": total.fn,
        "fp": total.fp,
    }
