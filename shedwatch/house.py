"""What all rooms of one process of the service share."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from alerts.proving_ground import with_proving_ground
from ingest.model import Topology
from shedwatch.clock import Clock
from shedwatch.figures import Figures
from shedwatch.health import HealthBoard
from shedwatch.settings import Settings
from shedwatch.supervise import Supervisor

PARTS = frozenset({"ingest", "vision", "alerts", "api"})


@dataclass
class House:
    """One process, with all parts of the service or some.

    Attributes:
        proved: `topology` and, beside it, the devices of the proofs (`alerts.proving_ground`).
        stack: closes what was opened, in reverse, after the loops have ended.
        keep: keeps the loops alive that end with the process.
        seed: of what the service leaves to chance; None draws from the system.
    """

    settings: Settings
    parts: frozenset[str]
    clock: Clock
    topology: Topology
    seed: int | None = None
    health: HealthBoard = field(default_factory=HealthBoard)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def __post_init__(self) -> None:
        self.proved = with_proving_ground(self.topology, camera=self.settings.watches_cameras())
        self.figures = Figures(self.clock)
        self.keep = self.figures.supervisor = Supervisor(self.health.report)

    def has(self, part: str) -> bool:
        """Whether a part is in this process."""
        return part in self.parts

    @property
    def whole(self) -> bool:
        """Whether all of them are."""
        return self.parts == PARTS
