"""The counters of all rooms, gathered for `/metrics`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from alerts.proof.model import proven, proven_stages
from alerts.proof.prover import Prover
from alerts.service import AlarmService
from ingest.broker import Broker
from ingest.cameras import CameraSource
from ingest.counters import COMMIT_BOUNDS_S
from ingest.intake import Intake
from ingest.model import DeviceRef
from ingest.outbox import Shipper
from shedwatch.clock import Clock
from shedwatch.supervise import Supervisor
from vision.evidence_keeping import KeepingCounters
from vision.watcher import WatcherCounters


@dataclass
class Figures:
    """Whatever of it this process has."""

    clock: Clock
    intake: Intake | None = None
    sources: Sequence[CameraSource] = ()
    brokers: dict[str, Broker] = field(default_factory=dict)
    watcher: WatcherCounters | None = None
    alarms: AlarmService | None = None
    supervisor: Supervisor | None = None
    evidence: KeepingCounters | None = None
    shipper: Shipper | None = None
    prover: Prover | None = None

    def read(self) -> Mapping[str, float | Mapping[str, float]]:
        """Name to value, or to values by label; names that end in `_total` only rise."""
        figures: dict[str, float | Mapping[str, float]] = {}
        if self.intake is not None:
            figures.update(_intake(self.intake))
            figures.update(_cameras(self.intake, self.clock.now_ms()))
        if self.sources:
            figures.update(_sources(self.sources))
        if self.brokers:
            figures["mqtt_online"] = {name: float(it.online) for name, it in self.brokers.items()}
            figures["mqtt_received_total"] = {name: it.counters.received for name, it in self.brokers.items()}
            figures["mqtt_connects_total"] = {name: it.counters.connects for name, it in self.brokers.items()}
            figures["mqtt_given_up_total"] = {name: it.counters.given_up for name, it in self.brokers.items()}
            figures["mqtt_published_total"] = {name: it.counters.published for name, it in self.brokers.items()}
            figures["mqtt_publish_refused_total"] = {
                name: it.counters.publish_refused for name, it in self.brokers.items()
            }
        if self.watcher is not None:
            figures["vision_frames_total"] = self.watcher.frames
            figures["vision_frames_skipped_total"] = self.watcher.skipped
            figures["camera_frames_watched_total{camera}"] = _of(self.watcher.frames_of)
            figures["camera_frames_overtaken_total{camera}"] = _of(self.watcher.skipped_of)
            figures["vision_worker_restarts_total"] = self.watcher.restarts
            figures["vision_failures_total"] = self.watcher.failures
        if self.alarms is not None:
            figures.update(_alarms(self.alarms))
        if self.supervisor is not None:
            figures["loop_restarts_total"] = dict(self.supervisor.failures)
        if self.evidence is not None:
            figures["evidence_pictures"] = self.evidence.pictures
            figures["evidence_bytes"] = self.evidence.bytes
            figures["evidence_deleted_total"] = self.evidence.deleted
            figures["evidence_failures_total"] = self.evidence.failures
        if self.shipper is not None:
            figures.update(_shipper(self.shipper))
        if self.prover is not None:
            figures.update(_proofs(self.prover))
        return figures


def _intake(intake: Intake) -> dict[str, float | Mapping[str, float]]:
    counters = intake.counters
    return {
        "messages_received_total": counters.received,
        "messages_stored_total": counters.stored,
        "messages_duplicate_total": counters.duplicates,
        "messages_refused_total": {str(kind): count for kind, count in counters.refused.items()},
        "refusals_dropped_total": counters.refusals_dropped,
        "refusals_limited_total": counters.refusals_limited,
        "unknown_fields_total": counters.unknown_fields,
        "readings_total": counters.readings,
        "readings_late_total": counters.late,
        "frames_received_total": counters.frames,
        "store_commits_total": counters.commits,
        "store_commit_seconds_total": counters.commit_s,
        "store_commit_seconds_max": counters.commit_max_s,
        "store_commits_within_total{le}": _cumulated(counters.commit_within),
        "store_retries_total": counters.store_retries,
        "store_lag_seconds": intake.lag_s,
        "intake_queue_depth": intake.queue_depth,
        "alarm_evaluations_slow_total": counters.alarms_slow,
        "alarm_evaluations_failed_total": counters.alarms_failed,
    }


def _cumulated(within: Sequence[int]) -> dict[str, float]:
    """As a histogram's buckets, so that `histogram_quantile` can read them."""
    bounds = [*(f"{bound_s:g}" for bound_s in COMMIT_BOUNDS_S), "+Inf"]
    return dict(zip(bounds, accumulate(within), strict=True))


def _cameras(intake: Intake, now_ms: int) -> dict[str, Mapping[str, float]]:
    """Of each camera that sent a picture since the start."""
    cameras = {str(camera): figures for camera, figures in intake.counters.cameras.items()}
    return {
        "camera_frames_total{camera}": {name: it.frames for name, it in cameras.items()},
        "camera_frames_skipped_total{camera}": {name: it.skipped for name, it in cameras.items()},
        "camera_picture_age_seconds{camera}": {
            name: (now_ms - it.captured_ms) / 1000 for name, it in cameras.items() if it.captured_ms is not None
        },
    }


def _sources(sources: Sequence[CameraSource]) -> dict[str, Mapping[str, float]]:
    """Of each camera whose pictures are fetched."""
    return {
        "camera_source_up{camera}": {str(it.camera): float(it.health.connected) for it in sources},
        "camera_source_failures_total{camera}": {str(it.camera): it.health.failures for it in sources},
    }


def _of(counted: Mapping[DeviceRef, int]) -> dict[str, float]:
    return {str(camera): count for camera, count in counted.items()}


def _alarms(alarms: AlarmService) -> dict[str, float]:
    levels = ("open", "ledger_waiting")
    return {
        f"alarms_{name}" if name in levels else f"alarms_{name}_total": value
        for name, value in alarms.figures().items()
    }


def _shipper(shipper: Shipper) -> dict[str, float | Mapping[str, float]]:
    level, counters = shipper.level, shipper.counters
    return {
        "store_remote_up": 0.0 if shipper.trouble else 1.0,
        "store_outbox_lines": level.lines,
        "store_outbox_bytes": level.size,
        "store_outbox_age_seconds": shipper.age_s,
        "store_outbox_dropped_lines_total": level.dropped,
        "store_remote_lines_total": counters.lines,
        "store_remote_refused_lines_total": counters.refused,
        "store_remote_requests_total": {str(action): count for action, count in counters.requests.items()},
    }


def _proofs(prover: Prover) -> dict[str, Mapping[str, float]]:
    """When each proof last passed, and each of its stages; seconds since 1970, as Prometheus reckons."""
    proofs = prover.proofs
    stages = proven_stages(proofs)
    return {
        "proof_passed_timestamp_seconds{kind}": {str(kind): at_ts / 1000 for kind, at_ts in proven(proofs).items()},
        "proof_stage_timestamp_seconds{stage}": {f"{it.kind}:{it.stage}": it.at_ts / 1000 for it in stages},
        "proof_stage_seconds{stage}": {f"{it.kind}:{it.stage}": it.after_ms / 1000 for it in stages},
    }
