"""Keeping the service's loops alive: one that fails is reported, and started again after a pause."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from shedwatch.health import HealthBoard

log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0


class Supervisor:
    """Runs named loops in a task group. `failures` counts how often each had to be started again."""

    def __init__(self, group: asyncio.TaskGroup, health: HealthBoard) -> None:
        self._group = group
        self._health = health
        self._tasks: list[asyncio.Task[None]] = []
        self.failures: dict[str, int] = {}

    def keep(self, name: str, loop: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Run `loop` for ever: it ends only by being cancelled."""
        task = self._group.create_task(self._keep(name, loop), name=name)
        self._tasks.append(task)
        return task

    def end(self) -> None:
        """Ask every loop to end; the task group waits for them."""
        for task in self._tasks:
            task.cancel()

    async def _keep(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            started = asyncio.get_running_loop().time()
            try:
                await loop()
                why = "ended without being asked to"
            except Exception as error:
                # Supervised: the other loops, the safety path among them, must go on whatever broke here.
                log.exception("loop failed", loop=name)
                why = f"{type(error).__name__}: {error}"
            self.failures[name] = self.failures.get(name, 0) + 1
            self._health.report(name, "degraded", f"{why}; restarting")
            if asyncio.get_running_loop().time() - started > LONGEST_PAUSE_S:
                pause_s = FIRST_PAUSE_S
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
            self._health.report(name, "ok", "started again")
