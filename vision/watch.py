"""Runs the detectors over a video file, a folder of pictures or a stream: tells what begins and ends, draws it.

Errors:
    WatchError(Exception): the source cannot be read, or the video not be written; the message says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from shedwatch.clock import Clock, SystemClock
from vision.decode import DecodeError, decode, scene_of
from vision.detectors import VisionSettings, build
from vision.evaluate import EvaluationError, clip_frames
from vision.evidence import outline
from vision.model import ObservationKind, Scene, Sighting, Zone

PICTURES = (".jpg", ".jpeg", ".png")
# Detectors gain nothing from more, and a written video is watched at this rate.
FPS = 10.0
# A folder of pictures has no times: one a second, as cameras publish them.
FOLDER_FPS = 1.0

_CODECS = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "MJPG"}
_STREAMS = ("rtsp://", "rtsps://", "http://", "https://")


class WatchError(Exception):
    """The source cannot be read, or the video not be written."""


def watch(
    source: str,
    zones: Sequence[Zone],
    out: Path | None,
    on_event: Callable[[str], None],
    settings: VisionSettings | None = None,
    clock: Clock | None = None,
) -> int:
    """Show every picture of a source to the detectors.

    Args:
        source: a video file, a folder of JPEG or PNG pictures (in order of name, one a second), or an address.
        zones: the zones to watch; without any, smoke, flame and the camera itself are.
        out: a video to write, `.mp4`, `.avi` or `.mkv`, with what is seen outlined.
        on_event: called with one line of text for each beginning and end.
        settings: of the detectors.
        clock: of a stream; the system's where None.

    Returns:
        How many pictures were shown.

    Raises:
        WatchError: the source cannot be read or holds no picture, or the video cannot be written.
    """
    detectors = build(zones, settings or VisionSettings())
    active: dict[tuple[ObservationKind, str | None], Sighting] = {}
    count, begin_ms = 0, 0
    film = _Film(out, FOLDER_FPS if Path(source).is_dir() else FPS)
    try:
        for scene in _scenes(source, clock or SystemClock()):
            begin_ms = begin_ms if count else scene.captured_ms
            sightings = [sighting for detector in detectors for sighting in detector.see(scene)]
            now = {(each.kind, each.zone): each for each in sightings if each.active}
            for line in _changes(active, now):
                on_event(f"{(scene.captured_ms - begin_ms) / 1000.0:8.1f} s  {line}")
            active, count = now, count + 1
            film.add(scene, sightings)
    except (EvaluationError, OSError) as error:
        raise WatchError(str(error)) from None
    finally:
        film.close()
    if not count:
        raise WatchError(f"{source}: no picture in it")
    return count


def _changes(
    before: dict[tuple[ObservationKind, str | None], Sighting],
    now: dict[tuple[ObservationKind, str | None], Sighting],
) -> Iterator[str]:
    for key, sighting in now.items():
        if key not in before:
            figures = ", ".join(f"{name} {value:.3g}" for name, value in sighting.measures.items())
            yield f"{_where(sighting)} begins, score {sighting.score:.2f}" + (f" ({figures})" if figures else "")
    for key, sighting in before.items():
        if key not in now:
            yield f"{_where(sighting)} ends"


def _where(sighting: Sighting) -> str:
    return f"{sighting.kind} in {sighting.zone}" if sighting.zone else str(sighting.kind)


def _scenes(source: str, clock: Clock) -> Iterator[Scene]:
    if source.startswith(_STREAMS):
        return _stream(source, clock)
    path = Path(source)
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise WatchError(f"{source}: neither a file, a folder nor an address")
    return (scene_of(picture, round(t_s * 1000)) for t_s, picture in clip_frames(path, 0.0, None, FPS))


def _folder(path: Path) -> Iterator[Scene]:
    pictures = sorted(file for file in path.iterdir() if file.suffix.lower() in PICTURES)
    for number, file in enumerate(pictures):
        try:
            yield decode(file.read_bytes(), round(number * 1000 / FOLDER_FPS))
        except DecodeError as error:
            raise WatchError(f"{file}: {error}") from None


def _stream(address: str, clock: Clock) -> Iterator[Scene]:
    """Pictures as they come, at most `FPS` a second; ends when the stream does."""
    capture = cv2.VideoCapture(address)
    try:
        if not capture.isOpened():
            raise WatchError("the stream does not open; check address, user and password")
        due_s = clock.monotonic()
        while capture.grab():
            if clock.monotonic() < due_s:
                continue
            due_s = max(due_s, clock.monotonic() - 0.5 / FPS) + 1.0 / FPS
            got, picture = capture.retrieve()
            if got:
                yield scene_of(np.asarray(picture, np.uint8), clock.now_ms())
    finally:
        capture.release()


class _Film:
    """The annotated video; opened with the first picture, whose size it takes. Writes nothing without a path."""

    def __init__(self, path: Path | None, fps: float) -> None:
        if path is not None and path.suffix.lower() not in _CODECS:
            raise WatchError(f"{path}: a video ends in {', '.join(_CODECS)}")
        self._path = path
        self._fps = fps
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)

    def add(self, scene: Scene, sightings: list[Sighting]) -> None:
        if self._path is None:
            return
        picture = outline(scene.image, sightings)
        if self._writer is None:
            self._size = (picture.shape[1], picture.shape[0])
            codec = cv2.VideoWriter.fourcc(*_CODECS[self._path.suffix.lower()])
            self._writer = cv2.VideoWriter(str(self._path), codec, self._fps, self._size)
            if not self._writer.isOpened():
                raise WatchError(f"{self._path}: cannot be written")
        if (picture.shape[1], picture.shape[0]) != self._size:
            picture = np.asarray(cv2.resize(picture, self._size), np.uint8)
        self._writer.write(picture)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.release()
