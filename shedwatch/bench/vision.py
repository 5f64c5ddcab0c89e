"""The detectors' cost a picture, against decoding the same JPEG at full size."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from shedwatch.bench.report import BenchError, Report, Run, interleave
from shedwatch.progress import Tell
from simulators.scene import CameraScene, SceneEvent, encode, zones
from vision.decode import decode
from vision.detectors import VisionSettings, build
from vision.model import Zone, ZoneKind

LAYOUT = "aisle"
HOUR = 14.0
# Something for every detector, early enough to be judged within a few seconds of pictures.
EVENTS = (
    SceneEvent("person_walks", 2.0),
    SceneEvent("junk", 4.0),
    SceneEvent("smoke", 8.0, strength=2.0),
    SceneEvent("flame", 12.0, strength=2.0),
)
START_MS = 1_795_400_000_000


@dataclass(frozen=True, slots=True)
class VisionScale:
    """How much is run."""

    width: int = 1280
    height: int = 720
    frames: int = 80
    fps: float = 5.0
    pairs: int = 5


def run(tell: Tell | None = None, scale: VisionScale = VisionScale()) -> Report:
    """Render the pictures once, then judge and decode them in turn. Times are processor time of one thread."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # as in a vision worker, and so that both sides use one core
    try:
        pictures, render_ms = _film(scale, tell)
        pairs = interleave(lambda: _judge(pictures, scale.fps, render_ms), lambda: _decode(pictures), scale.pairs, tell)
    finally:
        cv2.setNumThreads(threads)
    return Report(
        "vision",
        f"decoding at working size and all detectors, corridor and bay zones, {scale.frames} rendered pictures of "
        f"{scale.width}x{scale.height} (walker, junk, smoke, flame), OpenCV {cv2.__version__}, one thread",
        "decoding the same JPEG at full size (cv2.imdecode)",
        "processor ms a picture",
        "lower",
        pairs,
    )


def _film(scale: VisionScale, tell: Tell | None) -> tuple[list[bytes], float]:
    """The pictures, and what rendering one costs in ms."""
    scene = CameraScene(LAYOUT, 1, scale.width, scale.height, EVENTS)
    pictures = []
    started_s = time.process_time()
    for number in range(scale.frames):
        if tell is not None:
            tell(number, scale.frames, "rendering")
        pictures.append(encode(scene.render(number / scale.fps, HOUR).image))
    return pictures, (time.process_time() - started_s) * 1000.0 / scale.frames


def _zones() -> list[Zone]:
    return [
        Zone(zone["id"], ZoneKind(zone["kind"]), tuple((x, y) for x, y in zone["polygon"])) for zone in zones(LAYOUT)
    ]


def _judge(pictures: Sequence[bytes], fps: float, render_ms: float) -> Run:
    detectors = build(_zones(), VisionSettings())
    spent_ms = {"decode": 0.0} | {type(detector).__name__: 0.0 for detector in detectors}
    each_ms = []
    sightings = 0
    for number, picture in enumerate(pictures):
        begun = last = time.process_time()
        scene = decode(picture, START_MS + round(number * 1000.0 / fps))
        spent_ms["decode"] += (time.process_time() - last) * 1000.0
        for detector in detectors:
            last = time.process_time()
            sightings += len(detector.see(scene))
            spent_ms[type(detector).__name__] += (time.process_time() - last) * 1000.0
        each_ms.append((time.process_time() - begun) * 1000.0)
    p50, p95, slowest = np.percentile(each_ms, [50, 95, 100])
    figures = {f"{name}_ms": ms / len(pictures) for name, ms in spent_ms.items()}
    figures |= {"p50_ms": float(p50), "p95_ms": float(p95), "max_ms": float(slowest), "render_ms": render_ms}
    return Run(float(np.mean(each_ms)), {**figures, "sightings": sightings})


def _decode(pictures: Sequence[bytes]) -> Run:
    begun = time.process_time()
    for picture in pictures:
        if cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR) is None:
            raise BenchError("a rendered picture does not decode")
    size = sum(len(picture) for picture in pictures) / len(pictures)
    return Run((time.process_time() - begun) * 1000.0 / len(pictures), {"jpeg_kib": size / 1024.0})
