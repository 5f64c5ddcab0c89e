"""The application behind a real HTTP server."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
import uvicorn

from api.app import create_app, hub_of
from tests.api.fakes import CAMERA, House, alert, reading

pytestmark = [pytest.mark.servers]


@asynccontextmanager
async def serving(home: House) -> AsyncIterator[tuple[uvicorn.Server, str]]:
    """The application on a free port of this machine, in this loop."""
    app = create_app(home.deps)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", timeout_graceful_shutdown=5))
    running = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield server, f"http://127.0.0.1:{port}"
    finally:
        hub_of(app).close()
        server.should_exit = True
        await asyncio.wait_for(running, 10)


async def read_event(lines: AsyncIterator[str], wanted: str) -> tuple[dict[str, str], Any]:
    """The next event of a kind, with its fields and data."""
    fields: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields.get("event") == wanted:
            return fields, json.loads(fields["data"])
        else:
            fields = {}
    raise AssertionError(f"the stream ended without {wanted}")


async def test_events_over_a_real_connection(home: House) -> None:
    """Alarms reach a real client within a fraction of a second, and one that comes back gets what it missed."""
    async with serving(home) as (_server, url), httpx2.AsyncClient(base_url=url, headers=home.bearer()) as client:
        delays_s = []
        async with client.stream("GET", "/api/v1/events") as answer:
            lines = answer.aiter_lines()
            await read_event(lines, "camera")
            for number in range(20):
                began_s = time.perf_counter()
                home.desk.put(alert(f"a{number}"))
                fields, _data = await read_event(lines, "alert")
                delays_s.append(time.perf_counter() - began_s)
        home.desk.put(alert("missed"))
        async with client.stream("GET", "/api/v1/events", headers={"Last-Event-ID": fields["id"]}) as answer:
            _fields, data = await read_event(answer.aiter_lines(), "alert")

    assert data["alert"]["id"] == "missed"
    assert sorted(delays_s)[10] < 0.1
    assert max(delays_s) < 0.5


async def test_sheds_and_pictures_are_told_by_themselves(home: House) -> None:
    """While the application is served, readings and pictures turn into events within about a second."""
    async with (
        serving(home) as (server, url),
        httpx2.AsyncClient(base_url=url, headers=home.bearer()) as client,
        client.stream("GET", "/api/v1/events") as answer,
    ):
        lines = answer.aiter_lines()
        await read_event(lines, "camera")
        hub_of(server.config.app).notify_readings([reading(home.clock, 2, state="charging")])
        home.pictures.put(CAMERA, home.clock.now_ms())
        async with asyncio.timeout(3):
            _fields, shed = await read_event(lines, "shed")
            _fields, camera = await read_event(lines, "camera")

    assert shed["ports"]["charging"] == 1
    assert camera["picture_ts"] == home.clock.now_ms()


async def test_the_server_stops_while_people_watch(home: House) -> None:
    """Open streams do not hold up a stop."""
    home.pictures.put(CAMERA, home.clock.now_ms())
    live = "/api/v1/cameras/cuiping-beili/shed-1/cam-1/live"
    async with httpx2.AsyncClient(headers=home.bearer()) as client, serving(home) as (server, url):
        events = client.stream("GET", f"{url}/api/v1/events")
        pictures = client.stream("GET", f"{url}{live}")
        async with events, pictures:
            began_s = time.perf_counter()
            hub_of(server.config.app).close()
            server.should_exit = True
            while server.server_state.connections:
                await asyncio.sleep(0.01)
            took_s = time.perf_counter() - began_s

    assert took_s < 3
