"""One consumer's process: `python -m shedwatch.bench.consumer ROLE URL CLIENT_ID COUNT FOLDER`.

ROLE is `ours`, `reference` or `tutorial`. Takes COUNT messages as client CLIENT_ID: those that wait in its session, and others that come. Prints one JSON object
when it is connected and its figures as another at the end. `ours` is the service's way of a message: connection,
intake, rules and alarm ledger, durable store, acknowledgement. What the first messages of a device cost beyond others
(its series, its settings, its memories) is left out on both sides: the first `WARM_UP` of the messages do not count.
"""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from alerts.ledger.database import Ledger
from alerts.rules.settings import RuleBook
from alerts.service import AlarmService
from ingest.broker import Broker
from ingest.intake import Intake
from ingest.model import Frame
from ingest.mqtt_url import BrokerUrl, parse_url
from ingest.store.retention import Retention
from ingest.store.spool import OutboxLimits
from ingest.store.sqlite import SqliteStore
from shedwatch.bench.fleet import Fleet
from shedwatch.clock import SystemClock
from shedwatch.logs import set_up_logs
from shedwatch.memory import settle
from shedwatch.parent import die_with_parent

FLEET = Fleet(sheds=20, chargers=10, ports=10)
FILTERS = ("sheds/+/+/charger/+/+", "sheds/+/+/sensor/+/+", "sheds/+/+/camera/+/status")
LOOK_EVERY_S = 0.005
_NULL_SERVER = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Null(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()
    def log_message(self, *_):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Null)
print(server.server_port, flush=True)
server.serve_forever()
"""
# Three reports of every port, where the whole is 30 000.
WARM_UP = 0.2


@dataclass(slots=True)
class Meter:
    """Wall and processor time after the warm-up, and memory."""

    done_before: int = 0
    began_s: float = 0.0
    began_cpu_s: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)

    def begin(self, done: int) -> None:
        """So many messages are done with, and from here on it counts."""
        self.done_before = done
        self.began_s, self.began_cpu_s = time.perf_counter(), time.process_time()

    def end(self, done: int) -> None:
        """The last is done with."""
        messages = done - self.done_before
        seconds, cpu_s = time.perf_counter() - self.began_s, time.process_time() - self.began_cpu_s
        self.figures = {
            "messages_per_s": messages / seconds,
            "cpu_us_per_message": cpu_s * 1e6 / messages,
            "cores_used": cpu_s / seconds,
            "rss_peak_mib": _peak_mib(),
        }


def tutorial(url: str, client_id: str, count: int) -> dict[str, float]:
    """What a user would write after influxdb-client's documentation: a `Point` a port, the batching `WriteApi`.

    Written to a server that takes everything and stores nothing; done when all of it is written. It validates nothing,
    acknowledges before anything is durable, and has no rules.
    """
    influx: Any = import_module("influxdb_client")
    server, address, meter, warm = _NullServer(), parse_url(url), Meter(), round(count * WARM_UP)
    writer = influx.InfluxDBClient(server.url, token="t", org="o").write_api(  # noqa: S106 - nobody asks for it
        influx.WriteOptions(batch_size=1000, flush_interval=1000)
    )
    seen = 0

    def on_message(client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        nonlocal seen
        _, site, shed, _, device, _ = message.topic.split("/")
        telemetry = json.loads(message.payload)
        for port in telemetry["ports"]:
            point = influx.Point("port").tag("site", site).tag("shed", shed).tag("device", device)
            point.tag("port", port.pop("port")).time(telemetry["ts"], influx.WritePrecision.MS)
            for name, value in port.items():
                point.field(name, value)
            writer.write("b", record=point)
        seen += 1
        if seen == warm:
            meter.begin(seen)
        elif seen == count:
            client.disconnect()

    _consume(address, client_id, on_message)
    writer.close()
    meter.end(count)
    server.close()
    return meter.figures


class _NullServer:
    """Answers every request with 204."""

    def __init__(self) -> None:
        self._child = subprocess.Popen([sys.executable, "-c", _NULL_SERVER], stdout=subprocess.PIPE)  # noqa: S603 - our own text
        assert self._child.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._child.stdout.readline())}"

    def close(self) -> None:
        """End it."""
        self._child.kill()
        self._child.wait()


def count_only(url: str, client_id: str, count: int) -> dict[str, float]:
    """The reference: a bare paho client, as its documentation shows it."""
    address, meter, seen, warm = parse_url(url), Meter(), 0, round(count * WARM_UP)

    def on_message(client: paho.Client, _data: Any, _message: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == warm:
            meter.begin(seen)
        elif seen == count:
            meter.end(count)
            client.disconnect()

    _consume(address, client_id, on_message)
    return meter.figures


def _consume(
    address: BrokerUrl, client_id: str, on_message: Callable[[paho.Client, Any, paho.MQTTMessage], None]
) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id, clean_session=False)
    client.on_connect = lambda client, *_: client.subscribe([(topic, 1) for topic in FILTERS])
    client.on_subscribe = lambda *_: _say({"ready": True})
    client.on_message = on_message
    client.connect(address.host, address.port)
    client.loop_forever()


async def take_in(url: str, client_id: str, count: int, folder: Path) -> dict[str, float]:
    """Ours."""
    topology, clock, meter = FLEET.topology(), SystemClock(), Meter()
    async with AsyncExitStack() as stack:
        store = await SqliteStore.open(
            folder / "telemetry.db", clock, Retention(raw_days=8, rollup_days=366), OutboxLimits()
        )
        stack.push_async_callback(store.close)
        ledger = Ledger(f"sqlite+aiosqlite:///{folder / 'alerts.db'}")
        alarms = await stack.enter_async_context(
            AlarmService(topology, RuleBook.parse({}, topology), ledger, clock, seed=1)
        )
        broker = Broker(url, client_id, FILTERS, status_topic="sheds/service/bench/status")
        intake = Intake(topology, store, clock, broker.inbox, on_readings=alarms.submit_readings, on_frame=_no_frame)
        tasks = [asyncio.create_task(work()) for work in (broker.run, intake.run, store.maintain)]
        await broker.wait_online()
        _say({"ready": True})
        await _until(lambda: intake.counters.stored >= count * WARM_UP, tasks)
        meter.begin(intake.counters.stored)
        await _until(lambda: intake.counters.stored >= count and not intake.queue_depth, tasks)
        meter.end(count)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    counters = intake.counters
    return {
        **meter.figures,
        "commits": counters.commits,
        "commit_max_ms": counters.commit_max_s * 1000.0,
        "refused": sum(counters.refused.values()),
        "late": counters.late,
        "alarms": alarms.counts["action_raise"],
    }


async def _until(reached: Callable[[], bool], tasks: list[asyncio.Task[None]]) -> None:
    while not reached():
        for task in tasks:
            if task.done():
                task.result()
        await asyncio.sleep(LOOK_EVERY_S)


def _say(figures: Mapping[str, float]) -> None:
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()


def _no_frame(_frame: Frame) -> None:
    """No pictures are sent."""


def _peak_mib() -> float:
    """Most memory ever resident. What `getrusage` says on Linux may be the parent's."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024.0)


def main(role: str, url: str, client_id: str, count: str, folder: str) -> None:
    """Run one side and print its figures."""
    die_with_parent()
    set_up_logs(logging.WARNING)
    if role == "ours":
        settle()
        figures = asyncio.run(take_in(url, client_id, int(count), Path(folder)))
    elif role == "tutorial":
        figures = tutorial(url, client_id, int(count))
    else:
        figures = count_only(url, client_id, int(count))
    _say(figures)


if __name__ == "__main__":
    main(*sys.argv[1:])
