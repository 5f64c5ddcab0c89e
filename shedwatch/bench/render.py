"""What a rendered picture costs, against making a JPEG of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from shedwatch.bench.report import Report, Run, interleave
from shedwatch.progress import Tell
from simulators.scene import CameraScene, SceneEvent, encode

HOUR = 20.0
START_S = 20.0
# What a scenario films: mostly a calm shed, somebody passing, weather, and at worst smoke with flames.
SCENES: dict[str, tuple[str, tuple[SceneEvent, ...]]] = {
    "calm": ("aisle", ()),
    "walker": ("aisle", (SceneEvent("person_walks", START_S - 2.0),)),
    "parked_bike": ("row", (SceneEvent("bike_parked", 0.0),)),
    "rain": ("open", (SceneEvent("rain", 0.0),)),
    "fog": ("corner", (SceneEvent("fog", -60.0),)),
    "smoke": ("basement", (SceneEvent("smoke", -20.0),)),
    "smoke_flame": ("aisle", (SceneEvent("smoke", -20.0), SceneEvent("flame", 0.0))),
}


@dataclass(frozen=True, slots=True)
class RenderScale:
    """How much is run; the small pictures are rendered for their frames a second alone."""

    width: int = 1280
    height: int = 720
    small: tuple[int, int] = (640, 360)
    frames: int = 20
    fps: float = 5.0
    pairs: int = 3


def run(tell: Tell | None = None, scale: RenderScale = RenderScale()) -> Report:
    """Render each scene and encode its pictures in turn. Times are processor time of one thread; standing pictures are made before."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        made_s = time.process_time()
        scenes = _scenes(scale.width, scale.height)
        made_s = (time.process_time() - made_s) / len(scenes)
        small = _scenes(*scale.small)
        pictures = [scene.render(START_S + 1.0, HOUR).image for scene in scenes.values()]
        pairs = interleave(
            lambda: _render(scenes, small, scale, made_s), lambda: _encode(pictures, scale), scale.pairs, tell
        )
    finally:
        cv2.setNumThreads(threads)
    return Report(
        "render",
        f"rendering pictures of {scale.width}x{scale.height} with their truth, mean of {len(SCENES)} scenes "
        f"({', '.join(SCENES)}), OpenCV {cv2.__version__}, one thread",
        "encoding the same pictures as JPEG of quality 80 (cv2.imencode)",
        "processor ms a picture",
        "lower",
        pairs,
    )


def _scenes(width: int, height: int) -> dict[str, CameraScene]:
    scenes = {name: CameraScene(layout, 1, width, height, events) for name, (layout, events) in SCENES.items()}
    for scene in scenes.values():
        scene.render(START_S, HOUR)
    return scenes


def _render(scenes: dict[str, CameraScene], small: dict[str, CameraScene], scale: RenderScale, made_s: float) -> Run:
    each_ms = {name: _cost_ms(scene, scale) for name, scene in scenes.items()}
    small_ms = float(np.mean([_cost_ms(scene, scale, jpeg=True) for scene in small.values()]))
    full_ms = float(np.mean([_cost_ms(scene, scale, jpeg=True) for scene in scenes.values()]))
    figures = {f"{name}_ms": ms for name, ms in each_ms.items()}
    figures |= {
        f"fps_per_core_{scale.width}x{scale.height}_with_jpeg": 1000.0 / full_ms,
        "fps_per_core_{}x{}_with_jpeg".format(*scale.small): 1000.0 / small_ms,
        "standing_picture_s": made_s,
    }
    return Run(float(np.mean(list(each_ms.values()))), figures)


def _cost_ms(scene: CameraScene, scale: RenderScale, *, jpeg: bool = False) -> float:
    begun = time.process_time()
    for number in range(scale.frames):
        picture = scene.render(START_S + (number + 1) / scale.fps, HOUR)
        if jpeg:
            encode(picture.image)
    return (time.process_time() - begun) * 1000.0 / scale.frames


def _encode(pictures: Sequence[NDArray[np.uint8]], scale: RenderScale) -> Run:
    begun = time.process_time()
    size = 0
    for _ in range(scale.frames):
        size += sum(len(encode(picture)) for picture in pictures)
    count = scale.frames * len(pictures)
    return Run((time.process_time() - begun) * 1000.0 / count, {"jpeg_kib": size / count / 1024.0})
