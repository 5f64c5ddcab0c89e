"""Rendered clips with their truth: what to film → a video, a line of truth a picture, and rows of a catalogue of footage.

A clip is a Motion-JPEG AVI, so that every picture in it is one that a camera would have sent. A picture that is lost on
the way is the one before it again, as recorders have it.

Errors:
    ClipError(RuntimeError): a clip could not be written.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulators.avi import AviError, AviWriter
from simulators.scene import CameraScene, SceneEvent, Truth, encode, zones
from simulators.truth_log import COLUMNS, Event, Moment, events_of, line

CATALOGUE = "catalogue.csv"


class ClipError(RuntimeError):
    """A clip could not be written."""


@dataclass(frozen=True)
class ClipPlan:
    """One clip: what its camera sees, from when it sends pictures and when not, and how they are taken.

    Attributes:
        name: of the files, without their endings.
        hour: of day at the clip's beginning.
        gaps: spans (from, to) in which the camera sends nothing.
    """

    name: str
    layout: str
    seed: int
    hour: float
    seconds: float
    events: tuple[SceneEvent, ...] = ()
    fps: float = 5.0
    width: int = 640
    height: int = 360
    quality: int = 80
    gaps: tuple[tuple[float, float], ...] = field(default=())

    def silent(self, t_s: float) -> bool:
        """Whether no picture is sent at a time."""
        return any(begin_s <= t_s < end_s for begin_s, end_s in self.gaps)


def film(plan: ClipPlan, folder: Path) -> list[list[str]]:
    """Write a clip and its truth into a folder; gives its rows for the catalogue.

    Raises:
        ClipError: the files cannot be written.
        SceneError: the plan asks for what there is not.
    """
    scene = CameraScene(plan.layout, plan.seed, plan.width, plan.height, plan.events)
    video, log = folder / f"{plan.name}.avi", folder / f"{plan.name}.truth.jsonl"
    moments = []
    try:
        with AviWriter(video, plan.fps, plan.width, plan.height) as writer, log.open("w", encoding="utf-8") as lines:
            for number, (jpeg, truth) in enumerate(_pictures(plan, scene)):
                t_s = number / plan.fps
                writer.append(jpeg)
                moments.append(Moment.of(t_s, truth))
                json.dump(line(number, t_s, truth), lines, separators=(",", ":"))
                lines.write("\n")
    except OSError as error:
        raise ClipError(f"{error.filename or folder}: cannot be written: {error.strerror}") from None
    except AviError as error:
        raise ClipError(str(error)) from None
    return _rows(plan, moments)


def _pictures(plan: ClipPlan, scene: CameraScene) -> Iterator[tuple[bytes, Truth]]:
    last: tuple[bytes, Truth] | None = None
    for number in range(max(1, round(plan.seconds * plan.fps))):
        t_s = number / plan.fps
        if last is None or not (scene.lost(t_s) or plan.silent(t_s)):
            picture = scene.render(t_s, (plan.hour + t_s / 3600.0) % 24.0)
            last = (encode(picture.image, plan.quality), picture.truth)
        yield last


def _rows(plan: ClipPlan, moments: list[Moment]) -> list[list[str]]:
    events = events_of(moments)
    if not events:
        return [_row(plan, moments, None)]
    return [_row(plan, moments, event) for event in events]


def _row(plan: ClipPlan, moments: list[Moment], event: Event | None) -> list[str]:
    cells: dict[str, Any] = {
        "file": f"{plan.name}.avi",
        "category": "negative" if event is None else event.category,
        "usable_from_s": 0,
        "usable_to_s": f"{len(moments) / plan.fps:.2f}",
        "layout": plan.layout,
        "light": moments[0].light,
        "seed": plan.seed,
        "events": " ".join(sorted({it.kind for it in plan.events})),
    }
    if event is not None:
        cells |= {
            "event_start_s": f"{event.start_s:.2f}",
            "event_end_s": "" if event.end_s is None else f"{event.end_s:.2f}",
            "first_visible_frame": event.first_frame,
            "free_width_m": f"{event.free_width_m:.2f}",
            "smoke_density": f"{event.density:.4f}",
        }
        if event.category == "blocked":
            corridor = zones(plan.layout)[0]["polygon"]
            cells["zone"] = " ".join(f"{x:g},{y:g}" for x, y in corridor)
    return [str(cells.get(column, "")) for column in COLUMNS]


def write_catalogue(folder: Path, rows: Iterable[Iterable[str]]) -> Path:
    """Write the catalogue of a folder's clips.

    Raises:
        ClipError: it cannot be written.
    """
    path = folder / CATALOGUE
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *rows])
    except OSError as error:
        raise ClipError(f"{path}: cannot be written: {error.strerror}") from None
    return path
