"""The pictures of one process: fetched, looked at, and kept where they show an alarm."""

from __future__ import annotations

import os
from pathlib import Path

from alerts.desk import AlarmDesk
from alerts.proving_ground import CAMERA as PROVING_CAMERA
from ingest.cameras import Offer, run_sources, source_of
from shedwatch.evidence import evidence_keeping
from shedwatch.house import House
from shedwatch.settings import WHOLE_PICTURE, Settings
from vision.corridor import CorridorSettings
from vision.detectors import VisionSettings
from vision.gallery import Gallery
from vision.watcher import OnObservations, Watcher, worker_names
from vision.worker import CameraPlan, assign


def watch_cameras(house: House, evidence: Path, gallery: Gallery, observe: OnObservations) -> Watcher:
    """Have all configured cameras looked at, and the one of the proofs; the pictures come by `Watcher.show`."""
    settings = house.settings.vision
    vision = VisionSettings(corridor=CorridorSettings(dwell_s=settings.dwell_s))
    zones = {**house.settings.zones(), PROVING_CAMERA: (WHOLE_PICTURE,)}
    plans = {camera: CameraPlan(drawn, vision) for camera, drawn in zones.items()}
    watcher = Watcher(
        plans,
        evidence,
        gallery,
        observe,
        house.health.report,
        workers=_workers(house.settings),
        # A proof tries every process: a real camera is looked at by one of them only.
        everywhere=(PROVING_CAMERA,),
    )
    house.figures.watcher = watcher.counters
    house.keep.keep("vision", watcher.run)
    return watcher


def detectors_of(settings: Settings) -> tuple[str, ...]:
    """The detector processes that these settings make, wherever on this machine they run."""
    return tuple(worker_names(len(assign(list(settings.zones()), _workers(settings))) or 1))


def _workers(settings: Settings) -> int:
    return settings.vision.workers or max(1, (os.cpu_count() or 2) - 1)


def fetch_pictures(house: House, offer: Offer) -> None:
    """Have pictures fetched of the cameras that do not send them; other processes get them from the bus."""
    sources = [
        source
        for camera, settings in house.settings.sources().items()
        if (source := source_of(camera, settings.source, house.clock, 1.0 / settings.fps)) is not None
    ]
    house.figures.sources = sources
    if sources:
        house.keep.keep("cameras", lambda: run_sources(sources, offer))


def keep_evidence(house: House, folder: Path, desk: AlarmDesk) -> None:
    """Have old pictures given up that no alarm needs."""
    keeping = evidence_keeping(house.settings.evidence, folder, desk, house.clock)
    house.figures.evidence = keeping.counters
    house.keep.keep("evidence", keeping.run)
