"""A whole neighbourhood on this machine for the demo and for rehearsals: broker, service, simulated sheds.

Each is a child process that ends with us. The service is the real one (`shedwatch run`), with a configuration made from
the scenario's sites; only its clock may run faster.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx2
import yaml

from api.auth import Role, TokenBook
from ingest.embedded_broker import EmbeddedBroker
from shedwatch.backstage import OwnGrounds
from shedwatch.clock import ScaledClock
from shedwatch.configuration import from_data
from shedwatch.parent import Child
from shedwatch.settings import Settings

READY_S = 60.0

Progress = Callable[[str], None]


class StageError(Exception):
    """Something did not come up; the message says what, and ends with its last words."""


@dataclass(frozen=True, slots=True)
class StageOptions:
    """What is to be started. `port` 0 takes a free one; `more` are further sections of the configuration."""

    sites: list[dict[str, Any]]
    folder: Path
    clock: ScaledClock
    port: int = 0
    login: str = "rehearsal"
    more: dict[str, Any] = field(default_factory=dict)


class Stage:
    """Broker and service up; `url`, `token` and `broker_url` tell where, `grounds` what can be done to them. Use as `async with`."""

    def __init__(self, options: StageOptions, progress: Progress) -> None:
        self._options = options
        self._progress = progress
        self._stack = AsyncExitStack()
        self.broker_url = ""
        self.url = ""
        self.token = ""
        self.service: Child | None = None
        self.grounds: OwnGrounds

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        folder = self._options.folder
        folder.mkdir(parents=True, exist_ok=True)
        port = self._options.port or free_port()
        check_port(port)
        self._progress("starting the broker")
        broker = await self._stack.enter_async_context(EmbeddedBroker(folder / "broker"))
        self.broker_url = broker.url
        self.url = f"http://127.0.0.1:{port}"
        config, settings = self._write_configuration(port)
        self.grounds = OwnGrounds(broker, settings.register_path())
        self.token = TokenBook(folder / "auth.db").create(self._options.login, Role.OPERATOR)
        self._progress("starting the service")
        self.service = await self.child("service", ["run", "-c", str(config)])
        await self._until_ready(self.service)

    def _write_configuration(self, port: int) -> tuple[Path, Settings]:
        folder = self._options.folder
        data: dict[str, Any] = {
            "sites": self._options.sites,
            "mqtt": {"url": self.broker_url},
            "store": {"url": "embedded:telemetry.db"},
            "api": {"host": "127.0.0.1", "port": port},
            "data_dir": ".",
            **self._options.more,
        }
        settings = from_data(data, os.environ, base=folder)
        path = folder / "shedwatch.yaml"
        path.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")
        return path, settings

    async def child(self, name: str, arguments: list[str]) -> Child:
        """Start `shedwatch` with these arguments as a child on this stage's clock."""
        environ = {**os.environ, "SHEDWATCH_CLOCK": self._options.clock.spec, "PYTHONUNBUFFERED": "1"}
        child = Child(
            name, [sys.executable, "-m", "shedwatch", *arguments], environ, self._options.folder / f"{name}.log"
        )
        await child.start()
        self._stack.push_async_callback(child.stop)
        return child

    async def _until_ready(self, service: Child) -> None:
        async with httpx2.AsyncClient() as client:
            for _ in range(int(READY_S / 0.2)):
                if service.ended is not None:
                    raise StageError(f"the service ended with status {service.ended}:\n{service.last_words()}")
                try:
                    answer = await client.get(f"{self.url}/readyz", timeout=2.0)
                    if answer.status_code == httpx2.codes.OK:
                        return
                except httpx2.HTTPError:
                    pass
                await asyncio.sleep(0.2)
        raise StageError(f"the service was not ready within {READY_S:g} s:\n{service.last_words()}")


def free_port() -> int:
    """A port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def check_port(port: int) -> None:
    """Raise StageError where someone else listens on that port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise StageError(f"port {port} of 127.0.0.1 is taken; choose another with --port") from None
