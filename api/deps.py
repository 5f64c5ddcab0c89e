"""What the API is given by the composition root, and the small ports that only the API needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Literal, Protocol

from alerts.cutoff.model import CutDesk
from alerts.desk import AlarmDesk
from alerts.orders import Limits
from alerts.proof.model import ProofDesk
from api.auth import TokenBook
from api.links import LinkSigner
from ingest.model import DeviceRef, Frame, Topology
from ingest.store.letter_book import LetterBook
from ingest.store.port import TelemetryStore
from shedwatch.clock import Clock
from shedwatch.supervise import Supervisor

DependencyState = Literal["ok", "degraded", "down"]


class PictureSource(Protocol):
    """The newest picture of every camera, held in memory."""

    def latest(self, ref: DeviceRef) -> Frame | None:
        """The newest picture however old it is, or None where none has come yet."""

    def overlay(self, ref: DeviceRef) -> bytes | None:
        """The newest judged picture as JPEG with zones and sightings drawn in, or None.

        May take milliseconds, so it is called from a worker thread.
        """

    def subscribe(self, ref: DeviceRef) -> AsyncIterator[Frame]:
        """Pictures from now on; a reader that is slow gets the newest and misses those between."""


class HealthSource(Protocol):
    """What the service knows of its own parts."""

    def dependencies(self) -> Mapping[str, tuple[DependencyState, str]]:
        """Name of each part (`broker`, `store`, `ledger`, …) to its state and a detail. Answers at once."""


Counters = Callable[[], Mapping[str, float | Mapping[str, float]]]
"""Figures for `/metrics`: name to value, or to values by label. A name that ends in `_total` only ever rises.

The label is called `kind`, or as stands in braces after the name: `camera_frames_total{camera}`."""


@dataclass(frozen=True, slots=True)
class ApiDeps:
    """Everything the API works with.

    Attributes:
        evidence_dir: folder of the evidence pictures.
        base_url: where people reach the service (`https://…` makes the session cookie Secure).
        picture_limit_s: a picture older than this is never shown as live.
        links: reads the signed links of notices; without it there are none.
        zone: of the times on the pages of links.
        cuts: where power is cut; None where this service cannot.
        keep: keeps the API's loops alive while it is served.
        proofs: where the way to people is proved; None likewise.
        limits: for how long alerts may be put aside, so that no page offers more.
    """

    topology: Topology
    store: TelemetryStore
    letters: LetterBook
    desk: AlarmDesk
    tokens: TokenBook
    pictures: PictureSource
    evidence_dir: Path
    health: HealthSource
    counters: Counters
    clock: Clock
    base_url: str = ""
    picture_limit_s: float = 10.0
    links: LinkSigner | None = None
    zone: tzinfo = UTC
    cuts: CutDesk | None = None
    keep: Supervisor = field(default_factory=Supervisor)
    proofs: ProofDesk | None = None
    limits: Limits = field(default_factory=Limits)
