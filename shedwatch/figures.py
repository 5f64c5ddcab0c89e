"""The counters of all rooms, gathered for `/metrics`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from alerts.service import AlarmService
from ingest.broker import Broker
from ingest.intake import Intake
from ingest.outbox import Shipper
from shedwatch.stores import shipper_figures
from shedwatch.supervise import Supervisor
from vision.evidence_keeping import KeepingCounters
from vision.watcher import WatcherCounters


@dataclass
class Figures:
    """Whatever of it this process has."""

    intake: Intake | None = None
    brokers: dict[str, Broker] = field(default_factory=dict)
    watcher: WatcherCounters | None = None
    alarms: AlarmService | None = None
    supervisor: Supervisor | None = None
    evidence: KeepingCounters | None = None
    shipper: Shipper | None = None

    def read(self) -> Mapping[str, float | Mapping[str, float]]:
        """Name to value, or to values by label; names that end in `_total` only rise."""
        figures: dict[str, float | Mapping[str, float]] = {}
        if self.intake is not None:
            figures.update(_intake(self.intake))
        if self.brokers:
            figures["mqtt_received_total"] = {name: it.counters.received for name, it in self.brokers.items()}
            figures["mqtt_connects_total"] = {name: it.counters.connects for name, it in self.brokers.items()}
            figures["mqtt_published_total"] = {name: it.counters.published for name, it in self.brokers.items()}
            figures["mqtt_publish_refused_total"] = {
                name: it.counters.publish_refused for name, it in self.brokers.items()
            }
        if self.watcher is not None:
            figures["vision_frames_total"] = self.watcher.frames
            figures["vision_frames_skipped_total"] = self.watcher.skipped
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
        if self.shipper is not None:
            figures.update(shipper_figures(self.shipper))
        return figures


def _intake(intake: Intake) -> dict[str, float | Mapping[str, float]]:
    counters = intake.counters
    return {
        "messages_received_total": counters.received,
        "messages_stored_total": counters.stored,
        "messages_duplicate_total": counters.duplicates,
        "messages_refused_total": {str(kind): count for kind, count in counters.refused.items()},
        "refusals_dropped_total": counters.refusals_dropped,
        "unknown_fields_total": counters.unknown_fields,
        "readings_total": counters.readings,
        "readings_late_total": counters.late,
        "frames_received_total": counters.frames,
        "store_commits_total": counters.commits,
        "store_commit_seconds_total": counters.commit_s,
        "store_commit_seconds_max": counters.commit_max_s,
        "store_retries_total": counters.store_retries,
        "intake_queue_depth": intake.queue_depth,
        "alarm_evaluations_slow_total": counters.alarms_slow,
        "alarm_evaluations_failed_total": counters.alarms_failed,
    }


def _alarms(alarms: AlarmService) -> dict[str, float]:
    levels = ("open", "ledger_waiting")
    return {
        f"alarms_{name}" if name in levels else f"alarms_{name}_total": value
        for name, value in alarms.figures().items()
    }
