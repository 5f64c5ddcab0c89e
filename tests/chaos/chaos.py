"""A service that can be killed, devices that never stop, and what of theirs is in the store, told by sequence numbers."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import yaml

from ingest.broker import Broker
from ingest.contract import ChargerTelemetry, PortTelemetry, encode
from shedwatch.clock import SystemClock

FULL = os.environ.get("SHEDWATCH_CHAOS") == "full"
"""Thirty thousand messages at a thousand a second each, instead of what fits a run of all tests."""

RATE = 1000
CHARGERS, PORTS = 5, 10
SITES = [
    {
        "id": "north",
        "sheds": [{"id": "shed-1", "chargers": [{"id": f"c{n}", "ports": PORTS} for n in range(1, CHARGERS + 1)]}],
    }
]


class Service:
    """`shedwatch run --only PARTS` in a folder; what `kill` ends is gone as after a power cut of this process.

    `remote`: the configuration's `store` where there is another beside the embedded one.
    """

    def __init__(
        self,
        folder: Path,
        mqtt_url: str,
        parts: str = "ingest",
        name: str = "",
        remote: dict[str, str] | None = None,
        **mqtt: Any,
    ) -> None:
        self.store = folder / "data" / "telemetry.db"
        self._remote = remote
        self._parts = parts
        self._config = folder / f"shedwatch{name}.yaml"
        self._log = folder / f"service{name}.log"
        self._url = mqtt_url
        self._mqtt = mqtt
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait for nothing."""
        settings = {
            "sites": SITES,
            "mqtt": {"url": self._url, **self._mqtt},
            "store": {**self._remote, "file": str(self.store)} if self._remote else {"url": f"embedded:{self.store}"},
            "data_dir": str(self._config.parent / "data"),
            "api": {"port": 0},
        }
        self._config.write_text(yaml.safe_dump(settings), encoding="utf-8")
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "shedwatch", "run", "-c", str(self._config), "--only", self._parts],
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """At once, in the middle of whatever it does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(10)

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def stored(self) -> Counter[int]:
        """Sequence numbers in the store, and how often each."""
        if not self.store.exists():
            return Counter()
        with closing(sqlite3.connect(f"{self.store.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'raw'").fetchone():
                return Counter()
            rows = connection.execute("SELECT energy_wh FROM raw WHERE energy_wh IS NOT NULL")
            return Counter(int(number) for (number,) in rows)

    def refused(self) -> int:
        """Dead letters."""
        with closing(sqlite3.connect(f"{self.store.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            return int(connection.execute("SELECT count(*) FROM dead_letter").fetchone()[0])

    def troubles(self, active: bool) -> set[str]:
        """Parts of the service that an alarm was raised for, and is still active or not."""
        with closing(sqlite3.connect(self._config.parent / "data" / "alerts.db", timeout=10)) as connection:
            rows = connection.execute("SELECT device, active FROM alerts WHERE kind = 'service_degraded'")
            return {str(device) for device, is_active in rows if bool(is_active) is active}


@asynccontextmanager
async def client(url: str, client_id: str, *topics: str) -> AsyncIterator[Broker]:
    """A client of the broker that is there."""
    broker = Broker(url, client_id, topics)
    task = asyncio.create_task(broker.run())
    try:
        await asyncio.wait_for(broker.wait_online(), 30)
        yield broker
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def publish(devices: Broker, count: int, when: dict[int, Callable[[], Awaitable[None]]] | None = None) -> None:
    """Messages 0 to `count`, a thousand a second, each until the broker has it; `when` is done beside them at its number."""
    began_ms, beside = SystemClock().now_ms(), []
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for number in range(count):
        if when and number in when:
            beside.append(asyncio.ensure_future(when[number]()))
        if number % 10 == 0:
            await asyncio.sleep(max(0.0, began_s + number / RATE - loop.time()))
        charger, port = number % CHARGERS + 1, number // CHARGERS % PORTS + 1
        payload = encode(ChargerTelemetry(ts=began_ms + number, ports=[PortTelemetry(port, energy_wh=float(number))]))
        while not devices.publish(f"sheds/north/shed-1/charger/c{charger}/telemetry", payload):
            await asyncio.sleep(0.01)
    await asyncio.gather(*beside)


async def until(condition: Callable[[], object], limit_s: float) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.1)


async def settled(service: Service, count: int, limit_s: float = 90.0) -> Counter[int]:
    """What is in the store once everything is, and a moment later."""
    await until(lambda: len(service.stored()) >= count, limit_s)
    await asyncio.sleep(1.0)
    return service.stored()
