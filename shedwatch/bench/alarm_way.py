"""From a charger's message to the screen: publish → `alert` event of the API's live stream, on a whole service.

The service is a process of its own (`shedwatch run`) with a broker beside it. Chargers publish at a steady rate; one
message in so many reports a port whose relay is welded, each of another. A webhook channel and a remote store take
connections and never answer, so that what is measured is what people see while both hang. Beside it, in the same time,
messages go through the same broker and back to a bare client: what the broker alone takes.
"""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from ingest.contract import ChargerTelemetry, PortTelemetry, encode
from ingest.mqtt_url import parse_url
from shedwatch.bench.fleet import HOT_EVERY, Fleet, topic
from shedwatch.bench.report import BenchError
from shedwatch.clock import scaled
from shedwatch.configuration import ConfigurationError
from shedwatch.stage import Stage, StageError, StageOptions

FLEET = Fleet(sheds=20, chargers=10, ports=10)
ECHO = "bench/echo"
# Published together; a real fleet's messages do not come evenly either.
TOGETHER = 10


@dataclass(frozen=True, slots=True)
class WayScale:
    """How much is run: seconds before it counts and while it does, messages a second, one alarm of so many."""

    warm_up_s: float = 4.0
    seconds: float = 20.0
    rate: float = 1000.0
    one_of: int = 50


@dataclass(slots=True)
class _Times:
    """When what was published, and when it was seen, by port (of welded ones) and number (of echoes)."""

    told: dict[tuple[str, int], float] = field(default_factory=dict)
    seen: dict[tuple[str, int], float] = field(default_factory=dict)
    echo: dict[int, float] = field(default_factory=dict)
    echoed: dict[int, float] = field(default_factory=dict)

    def figures(self, after: float) -> dict[str, float]:
        """Percentiles of what was published after a moment. Raises BenchError where an alarm never came."""
        told = [place for place, at in self.told.items() if at >= after]
        lost = [place for place in told if place not in self.seen]
        if lost or not told:
            raise BenchError(f"{len(lost)} of {len(told)} alarms never reached the live stream")
        alarms_ms = [(self.seen[place] - self.told[place]) * 1000 for place in told]
        echoes_ms = [(self.echoed[n] - at) * 1000 for n, at in self.echo.items() if at >= after and n in self.echoed]
        figures = {"alarms": float(len(told))}
        for name, values in (("alarm", alarms_ms), ("broker", echoes_ms)):
            p50, p99 = np.percentile(values, [50, 99]) if values else (float("nan"), float("nan"))
            figures |= {f"{name}_p50_ms": float(p50), f"{name}_p99_ms": float(p99)}
        return figures


def measure(scale: WayScale = WayScale()) -> dict[str, float]:
    """Run it once.

    Raises:
        BenchError: a part did not come up, or an alarm was lost.
    """
    with (
        tempfile.TemporaryDirectory(prefix="shedwatch-bench-") as folder,
        _hung_server() as notifier,
        _hung_server() as store,
    ):
        try:
            return asyncio.run(_measure(scale, Path(folder), notifier, store))
        except (StageError, ConfigurationError, OSError) as error:
            raise BenchError(str(error)) from None


async def _measure(scale: WayScale, folder: Path, notifier: int, store: int) -> dict[str, float]:
    webhook = {"type": "webhook", "url": f"http://127.0.0.1:{notifier}/", "secret": "a-secret-of-a-bench-0123456789"}
    more = {
        "notify": {"channels": [webhook]},
        "vision": {"enabled": False},
        "store": {"url": f"victoria://127.0.0.1:{store}", "file": "telemetry.db"},
    }
    options = StageOptions(sites_of(FLEET), folder, scaled(round(time.time() * 1000), 1.0), more=more)
    async with Stage(options, lambda _text: None) as stage:
        times = _Times()
        stopped = threading.Event()
        listening = asyncio.create_task(asyncio.to_thread(_listen, stage.url, stage.token, times, stopped))
        try:
            begun, per_s = await asyncio.to_thread(_publish, stage.broker_url, scale, times)
            await _until_all_seen(times)
            waiting = await asyncio.to_thread(_waiting_lines, stage.url)
        finally:
            stopped.set()
            await listening
        return {"messages_per_s": per_s, "lines_waiting_for_the_store": waiting, **times.figures(begun)}


def _waiting_lines(url: str) -> float:
    """How many lines the hung store has not taken. Raises BenchError where there are none: then it did not hang."""
    for line in httpx2.get(f"{url}/metrics", timeout=10.0).text.splitlines():
        name, _, value = line.rpartition(" ")
        if not line.startswith("#") and name.endswith("store_outbox_lines") and float(value) > 0:
            return float(value)
    raise BenchError("nothing waits for the store that should hang")


async def _until_all_seen(times: _Times) -> None:
    for _ in range(100):
        if times.told.keys() <= times.seen.keys():
            return
        await asyncio.sleep(0.1)


def _publish(url: str, scale: WayScale, times: _Times) -> tuple[float, float]:
    """Publish at the rate; the moment from which it counts, and messages a second as it came out."""
    address = parse_url(url)
    client = paho.Client(CallbackAPIVersion.VERSION2, "shedwatch-bench-chargers")
    client.max_inflight_messages_set(1000)
    client.on_message = lambda _c, _d, message: times.echoed.update({int(message.payload): time.perf_counter()})
    client.connect(address.host, address.port)
    client.subscribe(ECHO, 1)
    client.loop_start()
    count = round((scale.warm_up_s + scale.seconds) * scale.rate)
    messages = list(FLEET.single_ports(count, round(time.time() * 1000)))
    welded = _welded_messages(count // scale.one_of + 1)
    begun = time.perf_counter()
    try:
        for number, message in enumerate(messages):
            if number % TOGETHER == 0:
                time.sleep(max(0.0, begun + number / scale.rate - time.perf_counter()))
            client.publish(*message, qos=1)
            if number % scale.one_of == 0:
                place, name, payload = welded[number // scale.one_of]
                times.told[place] = times.echo[number] = time.perf_counter()
                client.publish(name, payload, qos=1)
                client.publish(ECHO, str(number), qos=1)
        per_s = count / (time.perf_counter() - begun)
    finally:
        client.loop_stop()
        client.disconnect()
    return begun + scale.warm_up_s, per_s


def _welded_messages(count: int) -> list[tuple[tuple[str, int], str, bytes]]:
    """So many messages, each of another port whose relay is welded."""
    now_ms = round(time.time() * 1000)
    places = [
        (ref, port)
        for index, ref in enumerate(FLEET.refs())
        for port in range(1, FLEET.ports + 1)
        if (index * FLEET.ports + port) % HOT_EVERY
    ]
    if len(places) < count:
        raise BenchError(f"{count} ports are more than the fleet has")
    return [
        ((str(ref), port), topic(ref), encode(ChargerTelemetry(ts=now_ms, ports=[_welded(port)])))
        for ref, port in places[:count]
    ]


def _welded(port: int) -> PortTelemetry:
    return PortTelemetry(port=port, state="charging", power_w=182.0, current_a=0.83, fault="relay_welded")


def _listen(url: str, token: str, times: _Times, stopped: threading.Event) -> None:
    """Read the live stream, and note when each welded port's alarm came."""
    headers = {"Authorization": f"Bearer {token}"}
    with (
        httpx2.Client(timeout=httpx2.Timeout(10.0)) as client,
        client.stream("GET", f"{url}/api/v1/events", headers=headers) as answer,
    ):
        for line in answer.iter_lines():
            if line.startswith("data:") and '"relay_welded"' in line:
                at = time.perf_counter()
                alert: dict[str, Any] = json.loads(line.removeprefix("data:"))["alert"]
                place = f"{alert['site']}/{alert['shed']}/{alert['device']}", alert["port"]
                times.seen.setdefault(place, at)
            if stopped.is_set():
                return


@contextmanager
def _hung_server() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield listener.getsockname()[1]


def sites_of(fleet: Fleet) -> list[dict[str, Any]]:
    """The fleet as a configuration has it."""
    return [
        {
            "id": site.id,
            "sheds": [
                {"id": shed.id, "chargers": [{"id": it.ref.device, "ports": it.ports} for it in shed.devices]}
                for shed in site.sheds
            ],
        }
        for site in fleet.topology().sites
    ]
