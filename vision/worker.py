"""One worker process: encoded frames of its cameras in through a pipe, observations out.

A detector that raises is named in the result, begins anew with an empty memory, and the others of the same frame go on.
A detector that crashes the process or hangs it takes only this process with it: `vision.watcher` sees to that.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import numpy as np

from ingest.model import DeviceRef, Frame
from vision.announce import Announcement, Announcer
from vision.decode import DecodeError, decode
from vision.detectors import VisionSettings, build
from vision.evidence import EvidenceFolder, encode, outline
from vision.model import Detector, Image, Observation, Scene, Sighting, Zone


@dataclass(frozen=True, slots=True)
class CameraPlan:
    """What a worker has to know of one camera."""

    zones: tuple[Zone, ...]
    settings: VisionSettings


@dataclass(frozen=True, slots=True)
class Look:
    """A frame to look at, and whether danger is known where it was taken."""

    frame: Frame
    attentive: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """The result of one frame. `failed`: what could not be done, by name; empty where all went well."""

    camera: DeviceRef
    sightings: list[Sighting]
    observations: list[Observation]
    failed: dict[str, str]


class CameraWatch:
    """The detectors of one camera and what has been told of it."""

    def __init__(self, camera: DeviceRef, plan: CameraPlan, evidence: EvidenceFolder) -> None:
        self._camera = camera
        self._plan = plan
        self._evidence = evidence
        self._detectors: list[Detector] = build(plan.zones, plan.settings)
        self._announcer = Announcer()
        self._ports = {zone.id: zone.port for zone in plan.zones}

    def look(self, frame: Frame, attentive: bool = False) -> Seen:
        """Decode a frame and show it to every detector; `attentive` where danger is known there."""
        failed: dict[str, str] = {}
        try:
            scene = replace(decode(frame.image, frame.captured_ms), attentive=attentive)
        except DecodeError as error:
            return Seen(self._camera, [], [], {"decode": str(error)})
        sightings = self._ask(scene, failed)
        observations = [
            self._observe(frame, announcement, sightings, failed)
            for announcement in self._announcer.announce(sightings, frame.captured_ms)
        ]
        return Seen(self._camera, sightings, observations, failed)

    def _ask(self, scene: Scene, failed: dict[str, str]) -> list[Sighting]:
        sightings: list[Sighting] = []
        for index, detector in enumerate(self._detectors):
            try:
                sightings.extend(detector.see(scene))
            except Exception as error:  # noqa: BLE001 - one failing detector must not blind the others
                failed[type(detector).__name__] = f"{type(error).__name__}: {error}"
                self._detectors[index] = build(self._plan.zones, self._plan.settings)[index]
        return sightings

    def _observe(
        self, frame: Frame, announcement: Announcement, sightings: list[Sighting], failed: dict[str, str]
    ) -> Observation:
        sighting = announcement.sighting
        evidence: tuple[str, ...] = ()
        if announcement.picture:
            try:
                picture = self._picture(frame, sightings)
                name = self._evidence.save(self._camera, sighting.kind.value, frame.captured_ms, picture)
                evidence = (name,)
            except (OSError, ValueError) as error:
                failed["evidence"] = f"{type(error).__name__}: {error}"
        return Observation(
            camera=self._camera,
            kind=sighting.kind,
            active=sighting.active,
            score=sighting.score,
            captured_ms=frame.captured_ms,
            received_ms=frame.received_ms,
            zone=sighting.zone,
            port=self._ports.get(sighting.zone) if sighting.zone is not None else None,
            box=sighting.box,
            measures=sighting.measures,
            evidence=evidence,
        )

    @staticmethod
    def _picture(frame: Frame, sightings: list[Sighting]) -> bytes:
        image = cv2.imdecode(np.frombuffer(frame.image, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise ValueError("the picture does not decode at full size")
        full: Image = image  # type: ignore[assignment]
        return encode(outline(full, sightings))


def work(connection: Connection, plans: Mapping[DeviceRef, CameraPlan], evidence_dir: Path) -> None:
    """Body of the process: answer each `Look` with a `Seen` until the other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    os.nice(5)  # telemetry and alarms come before pictures
    cv2.setNumThreads(1)
    evidence = EvidenceFolder(evidence_dir)
    watches = {camera: CameraWatch(camera, plan, evidence) for camera, plan in plans.items()}
    connection.send("ready")
    while True:
        try:
            look: Look = connection.recv()
        except (EOFError, OSError):
            return
        connection.send(watches[look.frame.camera].look(look.frame, look.attentive))


def assign(cameras: Sequence[DeviceRef], workers: int) -> list[tuple[DeviceRef, ...]]:
    """Share cameras out evenly over at most `workers` processes."""
    count = max(1, min(workers, len(cameras)))
    return [tuple(cameras[index::count]) for index in range(count)] if cameras else []
