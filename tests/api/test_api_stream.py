"""Live events."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from alerts.model import AlertKind
from api import news, stream
from api.app import create_app, hub_of
from api.auth import TokenBook
from api.news import Mailbox, PlainNews
from api.views import ServiceView
from tests.api.asgi import Listening, listen
from tests.api.fakes import CAMERA, House, alert, reading

PATH = "/api/v1/events"


@pytest.fixture
def app(home: House) -> FastAPI:
    return create_app(home.deps)


async def event(listening: Listening) -> tuple[str, str | None, Any]:
    """The next event's name, id and data; heartbeats and the greeting's settings are passed over."""
    while True:
        block = (await listening.until(b"\n\n")).decode()
        fields = dict(line.split(": ", 1) for line in block.strip().split("\n") if not line.startswith(":"))
        if "data" in fields:
            return fields["event"], fields.get("id"), json.loads(fields["data"])


async def greeting(listening: Listening) -> list[tuple[str, str | None, Any]]:
    """The present state, which comes first: the service, two sheds, one camera."""
    return [await event(listening) for _ in range(4)]


async def test_the_present_state_comes_first(home: House, app: FastAPI) -> None:
    """Whoever begins to listen is told at once how everything is, and when to come back after a break."""
    home.pictures.put(CAMERA, home.clock.now_ms())
    async with listen(app, PATH, home.bearer()) as events:
        assert events.status == 200
        assert events.headers["content-type"].startswith("text/event-stream")
        assert events.headers["cache-control"] == "no-store"
        assert await events.until(b"\n\n") == b"retry: 2000\n\n"
        service, first, second, camera = await greeting(events)

    assert service == ("service", None, {"status": "ok", "dependencies": {"store": {"state": "ok", "detail": ""}}})
    assert (first[0], first[2]["shed"], first[2]["changed"]) == ("shed", "shed-1", [])
    assert (second[0], second[2]["shed"]) == ("shed", "shed-2")
    assert camera[2] == {
        "site": "cuiping-beili",
        "shed": "shed-1",
        "camera": "cam-1",
        "picture_ts": home.clock.now_ms(),
        "stale": False,
        "blind_since_ts": None,
    }


async def test_an_alarm_is_there_at_once(home: House, app: FastAPI) -> None:
    """An alert's change reaches the page without waiting for any round, with the id to resume from."""
    async with listen(app, PATH, home.bearer()) as events:
        await greeting(events)
        began_s = time.perf_counter()
        home.desk.put(alert("a1"))
        kind, event_id, data = await event(events)
        took_s = time.perf_counter() - began_s

    assert (kind, event_id) == ("alert", "1")
    assert data["alert"]["id"] == "a1"
    assert data["transition"]["action"] == "raise"
    assert took_s < 0.2


async def test_alarms_go_before_everything_else(home: House, app: FastAPI) -> None:
    """What waits for a slow client is sent alarms first."""
    mailbox = Mailbox()
    mailbox.post("service", PlainNews("service", ServiceView("ok", {})))
    await mailbox.post_alert(b"alarm")

    assert await mailbox.take(1) == b"alarm"
    assert (await mailbox.take(1) or b"").startswith(b"event: service")
    assert await mailbox.take(0.01) is None


async def test_resuming_gives_exactly_what_was_missed(home: House, app: FastAPI) -> None:
    """A client that comes back gets every alert change after the last it had, once, in order, then the new ones."""
    for number in range(1, 6):
        home.desk.put(alert(f"a{number}"))
    async with listen(app, PATH, {**home.bearer(), "Last-Event-ID": "2"}) as events:
        seen = []
        while len(seen) < 4:
            kind, event_id, _data = await event(events)
            if kind == "alert":
                seen.append(event_id)
                if event_id == "5":
                    home.desk.put(alert("a6"))

    assert seen == ["3", "4", "5", "6"]


async def test_without_an_id_the_past_is_not_repeated(home: House, app: FastAPI) -> None:
    """A new client gets changes from now on only."""
    home.desk.put(alert("old"))
    async with listen(app, PATH, home.bearer()) as events:
        await greeting(events)
        home.desk.put(alert("new"))

        assert (await event(events))[2]["alert"]["id"] == "new"


async def test_a_new_client_can_resume_before_its_first_alarm(home: House, app: FastAPI) -> None:
    """Once the service saw a change, it tells newcomers where they stand, so that a break loses nothing."""
    hub = hub_of(app)
    running = asyncio.create_task(hub.run())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    home.desk.put(alert("a1"))
    await asyncio.sleep(0.01)
    async with listen(app, PATH, home.bearer()) as events:
        assert await events.until(b"\n\n") == b"id: 1\nretry: 2000\n\n"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "٣", "9" * 19])
def test_a_forged_id_is_refused(home: House, client: TestClient, last: str) -> None:
    """What never was an id is named as a mistake."""
    answer = client.get(PATH, headers={**home.bearer(), "Last-Event-ID": last.encode()})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "Last-Event-ID"


async def test_a_shed_tells_what_changed(home: House, app: FastAPI) -> None:
    """A round after readings came, the shed's state and the ports that reported are told once."""
    hub = hub_of(app)
    async with listen(app, PATH, home.bearer()) as events:
        await greeting(events)
        hub.notify_readings([reading(home.clock, 3, state="charging", power_w=182.4, temperature_c=36.0)])
        hub.notify_readings([reading(home.clock, 3, power_w=190.0)])
        hub.tick()
        kind, event_id, data = await event(events)
        hub.tick()
        home.desk.put(alert("a1"))

        assert (await event(events))[0] == "alert"

    assert (kind, event_id) == ("shed", None)
    assert data["ports"]["charging"] == 1
    assert data["changed"] == [
        {
            "charger": "c1",
            "port": 3,
            "state": "charging",
            "power_w": 190.0,
            "temperature_c": 36.0,
            "ts": home.clock.now_ms(),
        }
    ]


async def test_a_camera_that_goes_blind_is_told(home: House, app: FastAPI) -> None:
    """A picture that grows old, and an alarm about a camera, change its state."""
    hub = hub_of(app)
    home.pictures.put(CAMERA, home.clock.now_ms())
    hub_states = []
    async with listen(app, PATH, home.bearer()) as events:
        await greeting(events)
        home.clock.advance(11)
        hub.tick()
        blind = alert("b1", kind=AlertKind.CAMERA_FROZEN, raised_ts=home.clock.now_ms() - 4_000)
        home.desk.put(blind)
        hub.tick()
        while len(hub_states) < 1:
            kind, _id, data = await event(events)
            if kind == "camera":
                hub_states.append(data)

    assert hub_states == [
        {
            "site": "cuiping-beili",
            "shed": "shed-1",
            "camera": "cam-1",
            "picture_ts": home.clock.now_ms() - 11_000,
            "stale": True,
            "blind_since_ts": blind.raised_ts,
        }
    ]


async def test_the_services_own_trouble_is_told(home: House, app: FastAPI) -> None:
    """A part that fails shows on the page."""
    async with listen(app, PATH, home.bearer()) as events:
        await greeting(events)
        home.health.parts = {"store": ("down", "disk full")}
        hub_of(app).tick()
        kind = ""
        while kind != "service":
            kind, _id, data = await event(events)

    assert data == {"status": "degraded", "dependencies": {"store": {"state": "down", "detail": "disk full"}}}


async def test_a_slow_client_holds_little_and_misses_no_state(home: House, app: FastAPI) -> None:
    """News of a state takes the place of older news, and the ports of both are told."""
    hub = hub_of(app)
    chunks = hub.events(None, lambda: True, 1)
    await anext(chunks)
    for _ in range(500):
        home.clock.advance(1)
        hub.notify_readings(
            [reading(home.clock, 1, power_w=1.0), reading(home.clock, 2, power_w=home.clock.monotonic())]
        )
        hub.tick()
    waiting = [await anext(chunks) for _ in range(4)]
    shed = json.loads(waiting[1].decode().split("data: ")[1])
    await chunks.aclose()

    assert [chunk.split(b"\n")[0] for chunk in waiting] == [
        b"event: service",
        b"event: shed",
        b"event: shed",
        b"event: camera",
    ]
    assert {change["port"]: change["power_w"] for change in shed["changed"]} == {1: 1.0, 2: 500.0}


async def test_a_client_too_slow_for_alarms_is_let_go(
    home: House, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody's slowness is kept in memory without end: the stream ends and is counted, others go on."""
    monkeypatch.setattr(news, "PUT_S", 0.05)
    hub = hub_of(app)
    slow, quick = hub.events(None, lambda: True, 0.01), hub.events(None, lambda: True, 0.01)
    await anext(slow)
    await anext(quick)
    await asyncio.sleep(0)
    took = 0
    for number in range(news.ALERTS_WAITING + 10):
        home.desk.put(alert(f"a{number}"))
        if number % 50 == 0:
            while b"event: alert" in await anext(quick):
                took += 1
    await asyncio.sleep(0.1)

    with pytest.raises(StopAsyncIteration):
        while True:
            await anext(slow)
    assert hub.let_go == 1
    assert hub.clients == 1
    assert took > 100
    await quick.aclose()


async def test_streams_are_not_without_end(home: House, app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """More streams than any control room needs are refused, and there is room again when one ends."""
    monkeypatch.setattr(stream, "MAX_CLIENTS", 1)
    async with listen(app, PATH, home.bearer()) as first:
        await greeting(first)
        async with listen(app, PATH, home.bearer()) as second:
            assert second.status == 503
    async with listen(app, PATH, home.bearer()) as third:
        assert third.status == 200


async def test_heartbeats(home: House, app: FastAPI) -> None:
    """When nothing happens a comment keeps the connection open."""
    chunks = hub_of(app).events(None, lambda: True, 0.01)
    for _ in range(5):
        await anext(chunks)

    assert await anext(chunks) == b": ping\n\n"
    await chunks.aclose()


async def test_a_revoked_token_ends_the_stream(home: House, app: FastAPI) -> None:
    """Who is let out no longer hears, from the next event or heartbeat on."""
    may = [True]
    chunks = hub_of(app).events(None, lambda: may[0], 0.01)
    await anext(chunks)
    may[0] = False

    with pytest.raises(StopAsyncIteration):
        await anext(chunks)
    assert hub_of(app).clients == 0


async def test_what_happens_after_a_revocation_is_not_told_any_more(home: House, app: FastAPI) -> None:
    """Another process takes the token back while the stream waits for the next event."""
    async with listen(app, PATH, home.bearer()) as events:
        await greeting(events)
        other = TokenBook(home.evidence.parent / "tokens.db")
        for entry in other.list():
            other.revoke(entry.id)
        other.close()
        home.desk.put(alert("a9"))
        assert b"a9" not in await events.ended()


async def test_a_service_that_stops_ends_the_streams(home: House, app: FastAPI) -> None:
    """A stopping service does not wait for those who listen, nor take new ones."""
    async with listen(app, PATH, home.bearer()) as events:
        await greeting(events)
        hub_of(app).close()
        await events.ended()
    async with listen(app, PATH, home.bearer()) as events:
        assert await events.ended() == b"retry: 2000\n\n"


async def test_a_service_that_starts_again_takes_clients_again(home: House, app: FastAPI) -> None:
    """A stop is no stop for ever: when the application is served anew, streams live."""
    hub = hub_of(app)
    hub.close()
    running = asyncio.create_task(hub.run())
    await asyncio.sleep(0)
    async with listen(app, PATH, home.bearer()) as events:
        assert len(await greeting(events)) == 4
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_hanging_up_leaves_nothing_behind(home: House, app: FastAPI) -> None:
    """A client that goes away is forgotten at once, at the desk too."""
    async with listen(app, PATH, home.bearer()) as events:
        await greeting(events)
        assert hub_of(app).clients == 1

    assert hub_of(app).clients == 0
    assert home.desk.feed._readers == set()


async def test_one_bad_look_does_not_end_the_page(home: House, app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the state cannot be read once, the next round goes on."""
    hub = hub_of(app)
    monkeypatch.setattr(hub, "_tick_s", 0.01)
    looks = []

    def dependencies() -> dict[str, tuple[str, str]]:
        looks.append(1)
        if len(looks) == 2:
            raise RuntimeError("boom")
        return {}

    monkeypatch.setattr(home.health, "dependencies", dependencies)
    running = asyncio.create_task(hub.run())
    with capture_logs() as logs:
        async with listen(app, PATH, home.bearer()) as events:
            await greeting(events)
            async with asyncio.timeout(5):
                while len(looks) < 4:
                    await asyncio.sleep(0.01)
    assert [line["why"] for line in logs] == ["a look at the state failed: RuntimeError: boom"]
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
