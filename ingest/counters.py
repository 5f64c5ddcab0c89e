"""What the intake counts, and how it says it is doing; plain values that metrics and health checks read."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NamedTuple

from ingest.model import DeviceRef

# From a disk with a battery to one that is dying.
COMMIT_BOUNDS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class RefusalKind(StrEnum):
    """Why a message, or a part of it, was refused."""

    TOPIC = "topic"
    DEVICE = "device"
    PORT = "port"
    SIZE = "size"
    PAYLOAD = "payload"
    VALUE = "value"
    PICTURE = "picture"
    STALE = "stale"
    STORE = "store"
    INTERNAL = "internal"


class RefusedError(ValueError):
    """A message that is refused as a whole."""

    def __init__(self, kind: RefusalKind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


@dataclass(slots=True)
class CameraCounters:
    """Pictures of one camera: passed on, skipped because newer ones came too fast, and when the last was taken."""

    frames: int = 0
    skipped: int = 0
    captured_ms: int | None = None


@dataclass(slots=True)
class IntakeCounters:
    """Since the start. Messages, unless the name says otherwise.

    Attributes:
        own: of those received, what the service itself had published.
        refused: by `RefusalKind`; parts of messages included.
        refusals_dropped: refusals that found no room among the dead letters waiting for the store.
        refusals_limited: refusals that are no dead letters, because their source sends too many (`ingest.refusals`).
        commit_s: seconds spent in commits in all; `commit_max_s` the longest; `commit_within` how many took up to each
            of `COMMIT_BOUNDS_S` and no less than the one before.
        store_retries: commits that failed and were tried again.
        alarms_slow: batches whose alarm evaluation took longer than it may.
        alarms_failed: batches whose alarm evaluation raised.
    """

    received: int = 0
    own: int = 0
    stored: int = 0
    duplicates: int = 0
    readings: int = 0
    late: int = 0
    frames: int = 0
    cameras: dict[DeviceRef, CameraCounters] = field(default_factory=dict)
    replies: int = 0
    unknown_fields: int = 0
    refused: Counter[RefusalKind] = field(default_factory=Counter)
    refusals_dropped: int = 0
    refusals_limited: int = 0
    commits: int = 0
    commit_s: float = 0.0
    commit_max_s: float = 0.0
    commit_within: list[int] = field(default_factory=lambda: [0] * (len(COMMIT_BOUNDS_S) + 1))
    store_retries: int = 0
    alarms_slow: int = 0
    alarms_failed: int = 0

    def of_camera(self, camera: DeviceRef) -> CameraCounters:
        """Those of one camera."""
        return self.cameras.setdefault(camera, CameraCounters())

    def committed(self, seconds: float, stored: int, duplicates: int) -> None:
        """A commit is through."""
        self.commits += 1
        self.commit_s += seconds
        self.commit_max_s = max(self.commit_max_s, seconds)
        self.commit_within[bisect_left(COMMIT_BOUNDS_S, seconds)] += 1
        self.stored += stored
        self.duplicates += duplicates


class IntakeHealth(NamedTuple):
    """How the intake is now, since when, and why it is not well."""

    state: Literal["ok", "degraded", "down"]
    detail: str
    since_ms: int
