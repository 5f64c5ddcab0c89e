"""Refused messages over HTTP: found, looked at, taken again, deleted, and who did it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.auth import Role
from ingest.replay import Replayer
from ingest.store import dead_letters as table
from ingest.store.port import Refusal
from ingest.store.schema import connect_writer, transaction
from ingest.store.sqlite import SqliteStore
from shedwatch.clock import ManualClock
from tests.api.fakes import House, topology

AT_MS = 1_795_400_000_000
TOPIC = "sheds/cuiping-beili/shed-1/charger/{}/telemetry"
RIGHT = b'{"ports": [{"port": 1, "power_w": 7.0}]}'


def bury(home: House, *letters: tuple[str, str, bytes]) -> None:
    """Letters of (device, kind, payload), one a second."""
    connection = connect_writer(home.evidence.parent / "telemetry.db")
    with transaction(connection):
        table.bury(
            connection,
            [
                Refusal(
                    AT_MS + n * 1000, TOPIC.format(device), "why", payload, None, kind, f"cuiping-beili/shed-1/{device}"
                )
                for n, (device, kind, payload) in enumerate(letters)
            ],
        )
    connection.close()


@pytest.fixture
def ask(home: House, client: TestClient) -> Any:
    """A request as someone with a role; its JSON where it succeeds."""

    def asked(method: str, path: str = "", role: Role = Role.ADMIN, **options: Any) -> Any:
        return client.request(method, f"/api/v1/dead-letters{path}", headers=home.bearer(role), **options)

    return asked


def test_letters_come_newest_first_page_by_page(home: House, ask: Any) -> None:
    """As text where they are text; with everything that is known of them."""
    bury(
        home, ("c1", "value", b'{"power_w": NaN}'), ("c1", "payload", b"\xff\xd8\xff"), ("c2", "device", "电".encode())
    )
    first = ask("GET", "?limit=2", Role.OPERATOR).json()
    second = ask("GET", f"?limit=2&cursor={first['next']}").json()

    assert [item["device"] for item in first["items"] + second["items"]] == [
        "cuiping-beili/shed-1/c2",
        "cuiping-beili/shed-1/c1",
        "cuiping-beili/shed-1/c1",
    ]
    assert (first["items"][0]["payload"], first["items"][1]["payload"]) == ("电", "/9j/")
    assert second["items"][0] == {
        "id": 1,
        "received_ts": AT_MS,
        "topic": TOPIC.format("c1"),
        "reason": "why",
        "size": 16,
        "encoding": "text",
        "payload": '{"power_w": NaN}',
        "kind": "value",
        "device": "cuiping-beili/shed-1/c1",
        "unkept": 0,
        "whole": True,
        "tries": 0,
        "tried_ts": None,
        "waiting": False,
    }
    assert second["next"] is None
    assert first["total"] == 3
    assert first["sources"][0] == {"device": "cuiping-beili/shed-1/c1", "letters": 2, "unkept": 0}
    assert ask("GET", "?cursor=x").json()["errors"][0]["parameter"] == "cursor"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("within=cuiping-beili/shed-1/c1", [2, 1]),
        ("within=cuiping-beili", [3, 2, 1]),
        ("within=", [3, 2, 1]),
        ("kind=payload", [2]),
        ("topic=/c2/", [3]),
        (f"since={AT_MS + 1000}", [3, 2]),
        ("until=2026-11-22T22:13:21Z", []),
    ],
)
def test_letters_are_filtered(home: House, ask: Any, query: str, found: list[int]) -> None:
    """By whose they are, by the kind of reason, by topic and time."""
    bury(home, ("c1", "value", b"1"), ("c1", "payload", b"2"), ("c2", "device", b"3"))

    assert [item["id"] for item in ask("GET", f"?{query}").json()["items"]] == found


@pytest.mark.parametrize("query", ["within=A/b", "within=a/b/c/d", "kind=bad", "since=yesterday", "limit=0"])
def test_a_filter_that_says_nothing_is_refused(ask: Any, query: str) -> None:
    """Rather than read as no filter."""
    answer = ask("GET", f"?{query}")

    assert answer.status_code == 422
    assert answer.json()["errors"]


def test_a_letter_is_shown_as_text_and_as_bytes(home: House, ask: Any) -> None:
    """Whole, however long; a payload that is no text by its bytes alone."""
    bury(home, ("c1", "value", b"x" * 9000), ("c1", "payload", b"\x00\xff"))
    long, binary = ask("GET", "/1").json(), ask("GET", "/2").json()

    assert (len(long["text"]), len(long["hex"].split()), len(long["letter"]["payload"])) == (9000, 9000, 4096)
    assert (binary["text"], binary["hex"]) == (None, "00 ff")
    assert ask("GET", "/3").status_code == 404
    assert ask("GET", f"/{2**63}").status_code == 422


def test_deleting_is_for_admins_and_leaves_a_trace(home: House, ask: Any) -> None:
    """One, or all that fit; the journal has who and what."""
    bury(home, ("c1", "value", b"1"), ("c1", "payload", b"2"), ("c2", "device", b"3"))

    assert ask("DELETE", "/1", Role.OPERATOR).status_code == 403
    assert ask("POST", "/delete", Role.OPERATOR, json={"all": True}).status_code == 403
    assert ask("DELETE", "/1").json() == {"deleted": 1}
    assert ask("DELETE", "/1").status_code == 404
    assert ask("POST", "/delete", json={}).status_code == 422
    assert ask("POST", "/delete", json={"within": "cuiping-beili/shed-1/c2"}).json() == {"deleted": 1}
    assert ask("POST", "/delete", json={"ids": [2, 77]}).json() == {"deleted": 1}
    journal = ask("GET", "/journal", Role.OPERATOR).json()["items"]
    assert [(entry["who"], entry["action"], entry["letter"]) for entry in journal] == [
        ("admin-li", "delete", 2),
        ("admin-li", "delete", 3),
        ("admin-li", "delete", 1),
    ]


def test_without_the_process_that_takes_messages_a_replay_waits(
    home: House, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told so, and the letter shows it."""
    monkeypatch.setattr("api.routes.dead_letters.REPLAY_WAIT_S", 0.1)
    bury(home, ("c1", "value", RIGHT), ("c1", "value", RIGHT))

    assert ask("POST", "/1/replay", Role.VIEWER).status_code == 403
    assert ask("POST", "/1/replay", Role.OPERATOR).json() == {"outcome": "waiting", "reason": ""}
    assert ask("GET", "/1").json()["letter"]["waiting"]
    many = ask("POST", "/replay", Role.OPERATOR, json={"kind": "value"})
    assert (many.status_code, many.json()) == (202, {"wanted": 2})
    assert ask("POST", "/9/replay").status_code == 404


async def test_a_replay_tells_what_came_of_it(home: House) -> None:
    """Stored, or refused again with the reason of now."""
    bury(home, ("c1", "value", RIGHT), ("c9", "device", RIGHT))
    store = await SqliteStore.open(home.evidence.parent / "telemetry.db", ManualClock(AT_MS))
    home.letters.wanted_here.clear()
    task = asyncio.create_task(Replayer(topology(), store, home.letters, ManualClock(AT_MS)).run())
    transport = httpx2.ASGITransport(create_app(home.deps))
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://test", headers=home.bearer(Role.OPERATOR)
    ) as client:
        right = await client.post("/api/v1/dead-letters/1/replay")
        wrong = await client.post("/api/v1/dead-letters/2/replay")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    latest = await store.latest()
    await store.close()

    assert right.json() == {"outcome": "stored", "reason": ""}
    assert wrong.json()["outcome"] == "refused"
    assert "c9" in wrong.json()["reason"]
    assert any(values["power_w"].value == 7.0 for values in latest.values())
