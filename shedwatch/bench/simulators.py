"""Messages a second that the simulated fleet publishes, against what a bare client that only counts takes of the same messages.

Above 1 the simulators are not the bottleneck of whatever is measured with them.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ingest.embedded_broker import EmbeddedBroker, EmbeddedBrokerError, find_mosquitto
from shedwatch.bench import backlog
from shedwatch.bench.children import figures_of
from shedwatch.bench.consumer import FILTERS
from shedwatch.bench.report import BenchError, Report, Run, interleave
from shedwatch.clock import SystemClock
from shedwatch.progress import Tell
from simulators.load import burst, load_scenario, prepare
from simulators.pipeline import PipelineError

RUN_LIMIT_S = 120.0


@dataclass(frozen=True, slots=True)
class SimulatorsScale:
    """How much is run."""

    chargers: int = 100
    ports: int = 12
    messages: int = 10_000
    pairs: int = 5


def run(tell: Tell | None = None, scale: SimulatorsScale = SimulatorsScale()) -> Report:
    """Publish into a session that waits, count what waits there, and so on.

    Raises:
        BenchError: there is no mosquitto, or messages were lost.
    """
    if find_mosquitto() is None:
        raise BenchError("needs mosquitto: the other broker keeps nothing for who is away")
    scenario = load_scenario(scale.chargers, scale.ports)
    messages = prepare(scenario, scale.messages, start_ms=SystemClock().now_ms())
    size = sum(len(payload) for _, payload in messages) // len(messages)
    with tempfile.TemporaryDirectory(prefix="shedwatch-bench-") as folder, _broker(Path(folder)) as broker:
        bench = _Bench(broker, Path(folder), messages)
        pairs = interleave(bench.publish, bench.count, scale.pairs, tell)
    return Report(
        "simulators",
        f"{len(messages)} prepared messages of {scale.chargers} simulated chargers with {scale.ports} ports each "
        f"({size} bytes on average, QoS 1), published over one connection and acknowledged by mosquitto, which keeps "
        "them for a session",
        "a bare paho client that only counts the same messages out of that session (QoS 1, MQTT 3.1.1)",
        "messages/s",
        "higher",
        pairs,
    )


@dataclass(slots=True)
class _Bench:
    broker: EmbeddedBroker
    folder: Path
    messages: list[tuple[str, bytes]]
    runs: int = 0

    def publish(self) -> Run:
        """Ours."""
        self.runs += 1
        backlog.leave_session(("127.0.0.1", self.broker.port), self._session, FILTERS)
        try:
            report = asyncio.run(burst(self.broker.url, self.messages))
        except PipelineError as error:
            raise BenchError(str(error)) from None
        return Run(report.per_s, {"cores_used": report.cores})

    def count(self) -> Run:
        """The reference takes what was published just before."""
        count, folder = str(len(self.messages)), str(self.folder)
        figures = figures_of(
            "shedwatch.bench.consumer",
            "reference",
            self.broker.url,
            self._session,
            count,
            folder,
            limit_s=RUN_LIMIT_S,
        )
        return Run(figures.pop("messages_per_s"), figures)

    @property
    def _session(self) -> str:
        return f"bench-simulators-{self.runs}"


@contextmanager
def _broker(folder: Path) -> Iterator[EmbeddedBroker]:
    broker = EmbeddedBroker(folder / "broker", prefer="mosquitto")
    with asyncio.Runner() as runner:
        try:
            runner.run(broker.start())
        except EmbeddedBrokerError as error:
            raise BenchError(str(error)) from None
        try:
            yield broker
        finally:
            runner.run(broker.stop())
