"""From a charger's message to what the page reads: publish → the value stands in `GET /sheds/…`, on a whole service.

The service is a process of its own (`shedwatch run`) with a broker beside it. A fleet publishes at a steady rate; beside it
one port at a time reports a figure that was never reported before, and its shed is asked for until the figure is there.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import httpx2
import numpy as np
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from ingest.contract import ChargerTelemetry, PortTelemetry, encode
from ingest.mqtt_url import parse_url
from shedwatch.bench.alarm_way import FLEET, TOGETHER, sites_of
from shedwatch.bench.fleet import topic
from shedwatch.bench.report import BenchError
from shedwatch.clock import scaled
from shedwatch.configuration import ConfigurationError
from shedwatch.stage import Stage, StageError, StageOptions

PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class PageScale:
    """How much is run: seconds before it counts, figures looked for, messages a second beside them."""

    warm_up_s: float = 3.0
    looks: int = 200
    rate: float = 1000.0


def measure(scale: PageScale = PageScale()) -> dict[str, float]:
    """Run it once; milliseconds from publish to visible, a request's own time among them.

    Raises:
        BenchError: a part did not come up, or a figure never came.
    """
    with tempfile.TemporaryDirectory(prefix="shedwatch-bench-") as folder:
        try:
            return asyncio.run(_measure(scale, Path(folder)))
        except (StageError, ConfigurationError, OSError) as error:
            raise BenchError(str(error)) from None


async def _measure(scale: PageScale, folder: Path) -> dict[str, float]:
    options = StageOptions(
        sites_of(FLEET), folder, scaled(round(time.time() * 1000), 1.0), more={"vision": {"enabled": False}}
    )
    async with Stage(options, lambda _text: None) as stage:
        stopped = threading.Event()
        crowd = asyncio.create_task(asyncio.to_thread(_crowd, stage.broker_url, scale.rate, stopped))
        try:
            await asyncio.sleep(scale.warm_up_s)
            delays_s = await asyncio.to_thread(_look, stage.url, stage.token, stage.broker_url, scale.looks)
        finally:
            stopped.set()
            per_s = await crowd
    p50, p99 = np.percentile(delays_s, [50, 99]) * 1000
    return {"page_beside_messages_per_s": per_s, "page_p50_ms": float(p50), "page_p99_ms": float(p99)}


def _crowd(url: str, rate: float, stopped: threading.Event) -> float:
    """All but the last charger report at the rate until stopped; messages a second as it came out."""
    client, begun, sent = _connected(url, "shedwatch-bench-crowd"), time.perf_counter(), 0
    others = topic(FLEET.refs()[-1])
    for number, message in enumerate(FLEET.single_ports(10**9, round(time.time() * 1000))):
        if stopped.is_set():
            break
        if number % TOGETHER == 0:
            time.sleep(max(0.0, begun + number / rate - time.perf_counter()))
        if message[0] != others:
            client.publish(*message, qos=1)
            sent += 1
    seconds = time.perf_counter() - begun
    client.loop_stop()
    client.disconnect()
    return sent / seconds


def _look(url: str, token: str, broker_url: str, looks: int) -> list[float]:
    """Report a new figure, ask until it is there, and again; how long each took."""
    ref, delays_s = FLEET.refs()[-1], []
    devices = _connected(broker_url, "shedwatch-bench-probe")
    with httpx2.Client(headers={"Authorization": f"Bearer {token}"}, timeout=10.0) as client:
        for number in range(looks):
            energy_wh = 1000.0 + number
            port = PortTelemetry(port=1, state="charging", energy_wh=energy_wh)
            sent = encode(ChargerTelemetry(ts=round(time.time() * 1000), ports=[port]))
            begun = time.perf_counter()
            devices.publish(topic(ref), sent, qos=1)
            while f"{energy_wh:.1f}" not in client.get(f"{url}/api/v1/sheds/{ref.site}/{ref.shed}").text:
                if time.perf_counter() - begun > PATIENCE_S:
                    raise BenchError(f"a figure was not in /sheds after {PATIENCE_S:g} s")
            delays_s.append(time.perf_counter() - begun)
    devices.loop_stop()
    devices.disconnect()
    return delays_s


def _connected(url: str, client_id: str) -> paho.Client:
    address = parse_url(url)
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id)
    client.max_inflight_messages_set(1000)
    client.connect(address.host, address.port)
    client.loop_start()
    return client
