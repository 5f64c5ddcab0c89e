"""A service in this very process, in lock-step with simulated devices: hours in seconds, the same result every time.

All parts are the real ones, over a real broker, judged by the real API; only the clock is steered. The loop must be
an `IdleLoop`, for it is asked when everything has come to rest.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

import structlog

from api.auth import Role, TokenBook
from ingest.embedded_broker import EmbeddedBroker
from ingest.model import DeviceRef
from shedwatch.backstage import OwnGrounds
from shedwatch.clock import SteeredClock
from shedwatch.configuration import from_data
from shedwatch.idle_loop import IdleLoop
from shedwatch.service import PARTS, Service
from shedwatch.stage import Progress, StageError, free_port
from simulators.steps import Passed

log = structlog.get_logger(__name__)

LEAD_S = 2
"""The service lives that long before the devices come; its parts report to be well within the first second."""

START_S = 60.0
PATIENCE_S = 30.0
"""Real seconds without an end of the work of one moment; then time moves on without it, and it is counted."""

_QUIET_S = 0.3
"""Real seconds without a message after which a broker that was restarted has passed on what it had kept."""


def clock_for(start_ms: int) -> SteeredClock:
    """A clock for a `LockStep` in which it will be `start_ms` when the devices come."""
    return SteeredClock(start_ms - LEAD_S * 1000)


class LockStep:
    """Broker and service of this process; `url`, `token` and `broker_url` tell where. Use as `async with`.

    It is the scenario's `Backstage` as well. While the broker is down nobody waits for what goes over it; whoever has
    lost it is back in the moment it is.

    Args:
        clock: of `clock_for`.
        configuration: of the service, besides what is known here.
        seed: of what the service leaves to chance.

    Attributes:
        given_up: how often time moved on although something was still under way.
    """

    def __init__(
        self, clock: SteeredClock, configuration: Mapping[str, Any], folder: Path, progress: Progress, seed: int = 1
    ) -> None:
        self.clock = clock
        self.given_up = 0
        self.broker_url = ""
        self.url = ""
        self.token = ""
        self._configuration = configuration
        self._folder = folder
        self._progress = progress
        self._seed = seed
        self._stack = AsyncExitStack()
        self._lost = 0
        self._unheard: dict[DeviceRef, int] = {}
        self._broker_down = False
        self._restarted = False
        self._grounds: OwnGrounds
        self._service: Service
        self._loop: IdleLoop

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, IdleLoop):
            raise StageError("lock-step needs an event loop that knows when it is idle; run it in an IdleLoop")
        self._loop = loop
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def settle(self, devices: Passed) -> None:
        """Wait until all that the devices sent has been judged and told; what does not end is given up, and counted."""
        if self._restarted:
            await self._settle_anew(devices)
        if await self._loop.until(lambda: self._rests(devices), PATIENCE_S):
            return
        self.given_up += 1
        why = self._under_way(devices) or "the devices cannot send"
        log.warning("time moves on although not all is done", moment_s=self.clock.monotonic(), why=why)
        self._lost += self._service.missing(devices.passed() - self._lost)
        self._forgive(devices, self._service.ordered)

    @property
    def keeps_sessions(self) -> bool:
        return self._grounds.keeps_sessions

    async def stop_broker(self) -> None:
        await self._grounds.stop_broker()
        self._broker_down = True
        if not await self._loop.until(lambda: self._service.bus.cut_off, PATIENCE_S):
            raise StageError("the service has not noticed that the broker is gone")

    async def start_broker(self) -> None:
        await self._grounds.start_broker()
        self._broker_down = False
        self._restarted = True

    async def patrol(self, extinguisher: DeviceRef, finds: str, note: str) -> None:
        await self._grounds.patrol(extinguisher, finds, note)

    async def _settle_anew(self, devices: Passed) -> None:
        """After a restart: until everybody is back, and what the broker had kept, wills among it, has come."""
        self._restarted = False
        self._lost = 0
        before, until_s = None, self._loop.time() + PATIENCE_S
        while (now := self._service.missing(devices.passed())) != before or not self._back(devices):
            if self._loop.time() > until_s:
                raise StageError(f"after its restart the broker does not have everybody back within {PATIENCE_S:g} s")
            before = now
            await asyncio.sleep(_QUIET_S)
        self._lost = now
        self._forgive(devices, self._service.ordered)

    def _back(self, devices: Passed) -> bool:
        return devices.at_rest() and self._service.bus.online

    def _rests(self, devices: Passed) -> bool:
        if self._broker_down:
            return not self._service.under_way(None)
        return devices.at_rest() and not self._under_way(devices)

    def _under_way(self, devices: Passed) -> str:
        if under_way := self._service.under_way(devices.passed() - self._lost):
            return under_way
        ordered = self._service.ordered
        self._forgive(devices, [it for it in ordered if not devices.hears(it)])
        late = [it for it in ordered if ordered[it] - devices.heard(it) > self._unheard.get(it, 0)]
        return f"orders are on their way to {', '.join(map(str, late))}" if late else ""

    def _forgive(self, devices: Passed, chargers: Iterable[DeviceRef]) -> None:
        """Orders to these that have not come will not: nobody keeps them for a charger that is away."""
        self._unheard |= {it: self._service.ordered[it] - devices.heard(it) for it in chargers}

    async def _start(self) -> None:
        self._progress("starting the broker")
        broker = await self._stack.enter_async_context(EmbeddedBroker(self._folder / "broker"))
        self.broker_url = broker.url
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        data: dict[str, Any] = {
            **self._configuration,
            "mqtt": {"url": self.broker_url},
            "store": {"url": "embedded:telemetry.db"},
            "api": {"host": "127.0.0.1", "port": port},
            "data_dir": ".",
        }
        settings = from_data(data, os.environ, base=self._folder)
        self._grounds = OwnGrounds(broker, settings.register_path())
        self.token = TokenBook(self._folder / "auth.db").create("rehearsal", Role.OPERATOR)
        self._progress("starting the service")
        self._service = Service(settings, PARTS, self.clock, self._seed)
        stop = asyncio.Event()
        running = asyncio.create_task(self._service.run(stop), name="service")
        self._stack.push_async_callback(_end, running, stop)
        for second in range(LEAD_S + 1):
            if not await self._loop.until(lambda: running.done() or not self._service.under_way(0), START_S):
                raise StageError(f"the service did not start within {START_S:g} s: {self._service.under_way(0)}")
            if running.done():
                running.result()
            self.clock.move_to(float(second))


async def _end(running: asyncio.Task[None], stop: asyncio.Event) -> None:
    stop.set()
    await asyncio.gather(running, return_exceptions=True)
