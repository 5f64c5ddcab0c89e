"""The page on a real server over the API's fakes, and a browser to look at it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page

from api.app import create_app, hub_of
from api.auth import Role
from tests.api.fakes import House, house


def jpeg(grey: int = 120) -> bytes:
    """A small real picture of one shade."""
    return bytes(cv2.imencode(".jpg", np.full((90, 160, 3), grey, np.uint8))[1])


class Wall:
    """A house behind a real HTTP server of its own port, in a thread; `do` acts on the house in the server's loop."""

    def __init__(self, home: House) -> None:
        self.home = home
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Serve, and wait until it answers."""
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), daemon=True)
        self._thread.start()
        assert started.wait(10)

    def stop(self) -> None:
        """End all connections and stop listening."""
        self._loop.call_soon_threadsafe(self._end)
        self._thread.join(10)

    def do(self, act: Callable[..., Any], *values: Any, **named: Any) -> Any:
        """Call in the server's loop, where the house lives."""

        async def call() -> Any:
            return act(*values, **named)

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(5)

    def _end(self) -> None:
        hub_of(self.app).close()
        self._server.should_exit = True

    async def _serve(self, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self.app = create_app(self.home.deps)
        config = uvicorn.Config(self.app, port=self.port, log_level="critical", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        serving = asyncio.create_task(self._server.serve())
        while not self._server.started:
            await asyncio.sleep(0.01)
        started.set()
        await serving


@pytest.fixture
def wall(tmp_path: Path) -> Iterator[Wall]:
    home = house(tmp_path)
    made = Wall(home)
    made.start()
    yield made
    made.stop()
    home.tokens.close()


class Visitor:
    """Someone in front of a screen; `complaints` is what the browser refused or could not run."""

    def __init__(self, context: BrowserContext, wall: Wall) -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(8_000)
        self.wall = wall
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self._heard(message.text))
        self.page.on("request", lambda request: self._asked(request.url))

    def log_in(self, role: Role = Role.OPERATOR, path: str = "/") -> Page:
        """Enter the access code of a role and come to `path`."""
        self.page.goto(f"{self.wall.url}/login?next={path}")
        self.page.fill("#token", self.wall.home.token[role])
        self.page.click("button[type=submit]")
        self.page.wait_for_selector("body[data-connection=live]")
        return self.page

    def _heard(self, text: str) -> None:
        if "Content Security Policy" in text:
            self.complaints.append(text)

    def _asked(self, url: str) -> None:
        if not url.startswith((self.wall.url, "data:", "blob:")):
            self.elsewhere.append(url)


@pytest.fixture
def visitor(browser: Browser, wall: Wall) -> Iterator[Visitor]:
    context = browser.new_context(viewport={"width": 1920, "height": 1080})
    yield Visitor(context, wall)
    context.close()
