"""Messages a second on the service's whole way from the broker to the disk, against a bare paho client that only counts.

With Mosquitto each run finds a queue that was filled beforehand, so that neither side ever waits for a message and the
broker does nothing but deliver. The embedded broker keeps nothing for who is away: there the messages are published
once the consumer is there, faster than that broker can deliver them.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

from ingest.embedded_broker import EmbeddedBroker, EmbeddedBrokerError, Kind
from shedwatch.bench import backlog, page_way
from shedwatch.bench.children import figures_of
from shedwatch.bench.consumer import FILTERS, FLEET
from shedwatch.bench.page_way import PageScale
from shedwatch.bench.report import BenchError, Report, Run, interleave
from shedwatch.clock import SystemClock
from shedwatch.progress import Tell

RUN_LIMIT_S = 120.0
# A connection is there before its subscriptions.
SUBSCRIBING_S = 0.5


@dataclass(frozen=True, slots=True)
class IngestScale:
    """How much is run. `messages` None: as many as the broker there is delivers within seconds. `page` None: no latency."""

    messages: int | None = None
    pairs: int = 5
    broker: Kind | None = None
    page: PageScale | None = None


MESSAGES: dict[Kind, int] = {"mosquitto": 30_000, "amqtt": 3_000}


WHOLE = IngestScale(page=PageScale())


def run(tell: Tell | None = None, scale: IngestScale = WHOLE) -> Report:
    """Fill, take, fill, take …; mosquitto where it is installed, else the embedded broker.

    Raises:
        BenchError: there is no broker, or messages were lost or refused.
    """
    with tempfile.TemporaryDirectory(prefix="shedwatch-bench-") as folder, _broker(Path(folder), scale) as broker:
        bench = _Bench(broker, Path(folder), scale.messages or MESSAGES[broker.kind])
        pairs = interleave(lambda: bench.run("ours"), lambda: bench.run("reference"), scale.pairs, tell)
        besides = bench.besides(scale.page) if broker.kind == "mosquitto" else {}
        size = len(next(FLEET.single_ports(1, SystemClock().now_ms()))[1])
        return Report(
            "ingest",
            f"{bench.messages} messages of one port ({size} bytes, QoS 1) through {broker.kind}: received, decoded, "
            "judged by all rules, committed to the disk with rollups and an outbox, acknowledged",
            "a bare paho client that only counts the same messages (QoS 1, MQTT 3.1.1)",
            "messages/s",
            "higher",
            pairs,
            besides=besides,
        )


@dataclass(slots=True)
class _Bench:
    broker: EmbeddedBroker
    folder: Path
    messages: int
    runs: int = 0

    def besides(self, page: PageScale | None) -> dict[str, float]:
        """Messages a second while devices go on publishing, the tutorial's bridge, and how soon the page shows a value."""
        figures = {f"live_{role}_messages_per_s": self.run(role, live=True).value for role in ("ours", "reference")}
        figures["live_ratio"] = figures["live_ours_messages_per_s"] / figures["live_reference_messages_per_s"]
        if find_spec("influxdb_client") is not None:
            ours, tutorial = self.run("ours").value, self.run("tutorial").value
            figures |= {"tutorial_messages_per_s": tutorial, "ours_to_tutorial_ratio": ours / tutorial}
        return figures | (page_way.measure(page) if page is not None else {})

    def run(self, role: str, live: bool = False) -> Run:
        """Fill a session's queue, and have it taken; `live`: fill it while it is taken."""
        self.runs += 1
        client_id, folder = f"bench-{self.runs}", self.folder / f"run-{self.runs}"
        folder.mkdir()
        keeps = self.broker.kind == "mosquitto"
        if keeps:
            backlog.leave_session(self._address, client_id, FILTERS)
            if not live:
                self._publish()
        figures = figures_of(
            "shedwatch.bench.consumer",
            role,
            self.broker.url,
            client_id,
            str(self.messages),
            str(folder),
            limit_s=RUN_LIMIT_S,
            when_ready=(lambda: None) if keeps and not live else self._publish_beside if keeps else self._publish_later,
        )
        if figures.get("refused") or figures.get("late"):
            raise BenchError(f"{figures['refused']:g} messages were refused, {figures['late']:g} taken for late")
        return Run(figures.pop("messages_per_s"), figures)

    def _publish(self) -> None:
        backlog.publish(self._address, FLEET.single_ports(self.messages, SystemClock().now_ms()))

    def _publish_beside(self) -> None:
        Thread(target=self._publish, daemon=True).start()

    def _publish_later(self) -> None:
        time.sleep(SUBSCRIBING_S)
        self._publish()

    @property
    def _address(self) -> tuple[str, int]:
        return "127.0.0.1", self.broker.port


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
