"""Whatever loop of the service breaks: it is started again, an alarm tells of it, and readiness and metrics show it.

Every loop of a real service is hit by an exception in the middle of its work, all within a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakSet

import httpx2
import pytest

from api.auth import Role, TokenBook
from shedwatch import house as house_module
from shedwatch import supervise
from shedwatch.clock import SystemClock
from shedwatch.configuration import from_data
from shedwatch.service import PARTS, Service
from shedwatch.stage import free_port
from shedwatch.supervise import Loop, Supervisor
from tests.chaos.chaos import client as bus

pytestmark = [pytest.mark.slow, pytest.mark.servers]

NOBODY = "127.0.0.1:1"
HIT_AFTER_S = 1.0
INSIDE: ContextVar[str | None] = ContextVar("INSIDE", default=None)


class Sabotaged(Supervisor):
    """Each loop's first run is broken a second after its start."""

    runs: ClassVar[Counter[str]] = Counter()

    def keep(self, name: str, loop: Loop) -> None:
        super().keep(name, self._breaking(name, loop))

    def finish(self, name: str, job: Loop) -> None:
        super().finish(name, self._breaking(name, job))

    def _breaking(self, name: str, loop: Loop) -> Loop:
        async def run() -> None:
            INSIDE.set(name)
            self.runs[name] += 1
            if self.runs[name] > 1:
                await loop()
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HIT_AFTER_S):
                    await loop()
            raise RuntimeError(f"injected into {name}")

        return run


@pytest.fixture(autouse=True)
def sabotage(monkeypatch: pytest.MonkeyPatch) -> None:
    Sabotaged.runs.clear()
    monkeypatch.setattr(house_module, "Supervisor", Sabotaged)
    monkeypatch.setattr(supervise, "WELL_AFTER_S", 3.0)


Orphans = Callable[[], set[str]]


@pytest.fixture
async def orphans() -> Orphans:
    """What runs now and nothing supervised has created."""
    found: WeakSet[asyncio.Task[Any]] = WeakSet()
    own = {asyncio.current_task()}

    def factory(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=loop, **options)
        if INSIDE.get() is None:
            found.add(task)
        return task

    def names() -> set[str]:
        alive = {it for it in found if not it.done()} - own - {asyncio.current_task()}
        return {it.get_coro().__qualname__ for it in alive} - {"Service.run", "Supervisor._keep"}

    asyncio.get_running_loop().set_task_factory(factory)  # type: ignore[arg-type]
    return names


def configuration(folder: Path, port: int) -> dict[str, Any]:
    """One that has everything a service can have."""
    picture = folder / "picture.jpg"
    picture.write_bytes(b"")
    return {
        "sites": [
            {
                "id": "north",
                "sheds": [
                    {
                        "id": "shed-1",
                        "chargers": [{"id": "c1", "ports": 2}],
                        "cameras": [
                            {
                                "id": "cam-1",
                                "source": str(picture),
                                "zones": [
                                    {
                                        "id": "way",
                                        "kind": "corridor",
                                        "polygon": [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]],
                                    }
                                ],
                            }
                        ],
                    }
                ],
            }
        ],
        "mqtt": {"url": f"mqtt://127.0.0.1:{free_port()}", "embedded": True},
        "store": {"url": f"victoria://{NOBODY}", "file": "telemetry.db"},
        "alerts": {"rules": {"service_degraded": {"on_delay_s": 0}}},
        "api": {"host": "127.0.0.1", "port": port},
        "cutoff": {"automatic": [{"kinds": ["over_temperature"]}]},
        "notify": {
            "channels": [{"type": "webhook", "name": "desk", "url": f"http://{NOBODY}/", "secret": "s"}],
            "siren": {},
            "heartbeat": {"url": f"http://{NOBODY}/"},
            "escalation": [{"steps": [{"after_s": 60, "channels": ["desk"]}]}],
        },
        "data_dir": ".",
    }


@asynccontextmanager
async def serving(folder: Path, data: dict[str, Any], parts: frozenset[str]) -> AsyncIterator[Service]:
    service, stop = Service(from_data(data, os.environ, base=folder), parts, SystemClock()), asyncio.Event()
    running = asyncio.create_task(service.run(stop))
    try:
        yield service
        assert not running.done(), "the service ended"
    finally:
        stop.set()
        await asyncio.wait_for(running, 30)


async def until(condition: Callable[[], object], limit_s: float, what: Callable[[], object]) -> None:
    try:
        async with asyncio.timeout(limit_s):
            while not condition():
                await asyncio.sleep(0.1)
    except TimeoutError:
        pytest.fail(f"not so after {limit_s:g} s: {what()}")


LOOPS = {
    *("alerts-ledger-writer", "alerts-memory", "alerts-publish-follow", "alerts-publish-send", "alerts-publish-stale"),
    *("alerts-tick", "api", "api-latest", "api-live", "broker", "cameras", "cuts", "cuts-policy", "cuts-tick"),
    *("evidence", "extinguishers", "health-watch", "heartbeat", "intake", "mqtt-frames", "mqtt-main", "mqtt-strays"),
    *("notify-chase", "notify-desk", "notify-follow", "notify-take-up", "proof", "replay", "republish", "siren-follow"),
    *("siren-send", "store-maintenance", "store-shipper", "strays", "vision"),
}


async def test_every_loop_that_breaks_is_started_again_and_an_alarm_tells_of_it(
    tmp_path: Path, orphans: Orphans
) -> None:
    """Broker, bus, store, detectors, alarms, notifiers and page: the service goes on."""
    port = free_port()
    token = TokenBook(tmp_path / "auth.db").create("test", Role.OPERATOR)
    client = httpx2.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {token}"}, timeout=10
    )
    data = configuration(tmp_path, port)
    async with serving(tmp_path, data, PARTS):
        runs = Sabotaged.runs
        await until(lambda: all(runs[name] > 1 for name in LOOPS), 60, lambda: [it for it in LOOPS if runs[it] < 2])
        await asyncio.sleep(HIT_AFTER_S)
        async with client:
            answer = await client.get("/api/v1/alerts", params={"kind": "service_degraded", "limit": 100})
            told = {alert["device"]: alert["message"]["en"] for alert in answer.json()["items"]}
            ready = (await client.get("/readyz")).json()["dependencies"]
            metrics = (await client.get("/metrics")).text

            nobodys = orphans()

            async def broken() -> list[str]:
                parts = (await client.get("/readyz")).json()["dependencies"]
                return [name for name, part in parts.items() if name.startswith("loop-") and part["state"] != "ok"]

            async with asyncio.timeout(30):
                while still := await broken():
                    await asyncio.sleep(0.2)
            async with bus(data["mqtt"]["url"], "a-charger") as charger, asyncio.timeout(10):
                charger.publish("sheds/north/shed-1/charger/c1/telemetry", b'{"ports": [{"port": 1, "power_w": 180}]}')
                while "messages_stored_total 1" not in (await client.get("/metrics")).text:
                    await asyncio.sleep(0.1)

    assert set(runs) == LOOPS
    assert all(f"injected into {name}" in told[f"loop-{name}"] for name in LOOPS)
    assert {f"loop-{name}" for name in LOOPS} <= set(ready)
    assert all(f'loop_restarts_total{{kind="{name}"}}' in metrics for name in LOOPS)
    assert still == []
    assert nobodys == set()


@pytest.mark.parametrize(
    ("parts", "loops"),
    [
        ({"api"}, {"relay", "mqtt-relay", "ledger-desk", "api", "intake"}),
        ({"vision"}, {"relay", "mqtt-relay", "vision", "intake"}),
        ({"alerts"}, {"relay", "mqtt-relay", "alerts-ledger-writer", "intake"}),
    ],
)
async def test_every_loop_of_a_part_that_breaks_is_started_again(
    tmp_path: Path, orphans: Orphans, parts: set[str], loops: set[str]
) -> None:
    """Where the service is several processes."""
    data = configuration(tmp_path, free_port())
    async with serving(tmp_path, data, frozenset(parts)) as service:
        runs = Sabotaged.runs
        await until(lambda: loops <= set(runs) and min(runs.values()) > 1, 60, lambda: runs)
        told = service._house.health.dependencies()
        nobodys = orphans()

    assert {f"loop-{name}" for name in loops} <= set(told)
    assert nobodys == set()
