"""The newest picture of each camera, and what is seen in it, for whoever wants to look."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import cv2
import numpy as np

from ingest.model import DeviceRef, Frame
from vision.evidence import encode, outline
from vision.model import Sighting


class Gallery:
    """Holds one frame a camera; a new one replaces the old. Used from one event loop."""

    def __init__(self) -> None:
        self._frames: dict[DeviceRef, Frame] = {}
        self._sightings: dict[DeviceRef, list[Sighting]] = {}
        self._arrived: dict[DeviceRef, asyncio.Event] = {}

    def hang(self, frame: Frame) -> None:
        """Put the newest frame of a camera up."""
        self._frames[frame.camera] = frame
        arrived = self._arrived.pop(frame.camera, None)
        if arrived is not None:
            arrived.set()

    def note(self, camera: DeviceRef, sightings: list[Sighting]) -> None:
        """Keep what the detectors see in this camera now."""
        self._sightings[camera] = sightings

    def latest(self, camera: DeviceRef) -> Frame | None:
        """The newest frame, however old, or None."""
        return self._frames.get(camera)

    def overlay(self, camera: DeviceRef) -> bytes | None:
        """The newest frame as JPEG with what is seen outlined, or None where there is none or it does not decode."""
        frame = self._frames.get(camera)
        if frame is None:
            return None
        image = cv2.imdecode(np.frombuffer(frame.image, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            return None
        return encode(outline(image, self._sightings.get(camera, [])))  # type: ignore[arg-type]

    async def subscribe(self, camera: DeviceRef) -> AsyncIterator[Frame]:
        """Each new frame; one who looks slowly skips some and always gets the newest."""
        while True:
            arrived = self._arrived.setdefault(camera, asyncio.Event())
            await arrived.wait()
            yield self._frames[camera]
