"""Messages a second on the service's whole way from the broker to the disk, against a bare paho client that only counts.

Each run finds a queue that was filled beforehand, so that neither side ever waits for a message and the broker does
nothing but deliver.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ingest.embedded_broker import EmbeddedBroker, EmbeddedBrokerError, Kind
from shedwatch.bench import backlog
from shedwatch.bench.children import figures_of
from shedwatch.bench.consumer import FILTERS, FLEET
from shedwatch.bench.report import BenchError, Report, Run, interleave
from shedwatch.clock import SystemClock
from shedwatch.progress import Tell

RUN_LIMIT_S = 120.0


@dataclass(frozen=True, slots=True)
class IngestScale:
    """How much is run. `messages` None: as many as the broker there is delivers within seconds."""

    messages: int | None = None
    pairs: int = 5
    broker: Kind | None = None


MESSAGES: dict[Kind, int] = {"mosquitto": 20_000, "amqtt": 3_000}


def run(tell: Tell | None = None, scale: IngestScale = IngestScale()) -> Report:
    """Fill, take, fill, take …; mosquitto where it is installed, else the embedded broker.

    Raises:
        BenchError: there is no broker, or messages were lost or refused.
    """
    with tempfile.TemporaryDirectory(prefix="shedwatch-bench-") as folder, _broker(Path(folder), scale) as broker:
        bench = _Bench(broker, Path(folder), scale.messages or MESSAGES[broker.kind])
        pairs = interleave(lambda: bench.run("ours"), lambda: bench.run("reference"), scale.pairs, tell)
        size = len(next(FLEET.single_ports(1, SystemClock().now_ms()))[1])
        return Report(
            "ingest",
            f"{bench.messages} messages of one port ({size} bytes, QoS 1) that wait in {broker.kind}: received, decoded, "
            "judged by all rules, committed to the disk, acknowledged",
            "a bare paho client that only counts the same messages (QoS 1, MQTT 3.1.1)",
            "messages/s",
            "higher",
            pairs,
        )


@dataclass(slots=True)
class _Bench:
    broker: EmbeddedBroker
    folder: Path
    messages: int
    runs: int = 0

    def run(self, role: str) -> Run:
        """Fill a session's queue, and have it taken."""
        self.runs += 1
        client_id, folder = f"bench-{self.runs}", self.folder / f"run-{self.runs}"
        folder.mkdir()
        address = ("127.0.0.1", self.broker.port)
        backlog.leave_session(address, client_id, FILTERS)
        backlog.publish(address, FLEET.single_ports(self.messages, SystemClock().now_ms()))
        figures = figures_of(
            "shedwatch.bench.consumer",
            role,
            self.broker.url,
            client_id,
            str(self.messages),
            str(folder),
            limit_s=RUN_LIMIT_S,
        )
        if figures.get("refused") or figures.get("late"):
            raise BenchError(f"{figures['refused']:g} messages were refused, {figures['late']:g} taken for late")
        return Run(figures.pop("messages_per_s"), figures)


@contextmanager
def _broker(folder: Path, scale: IngestScale) -> Iterator[EmbeddedBroker]:
    broker = EmbeddedBroker(folder / "broker", prefer=scale.broker)
    with asyncio.Runner() as runner:
        try:
            runner.run(broker.start())
        except EmbeddedBrokerError as error:
            raise BenchError(str(error)) from None
        try:
            yield broker
        finally:
            runner.run(broker.stop())
