"""Lines over the wire: what a server may do to a request, and what we make of it; with the real client library."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.outbox import Shipper
from ingest.store.influx import InfluxStore
from ingest.store.remote import Answer
from ingest.store.remote_url import RemoteUrl, StoreUrlError, parse_remote_url
from ingest.store.retention import Retention
from ingest.store.spool import OutboxLimits
from ingest.store.sqlite import SqliteStore
from shedwatch.clock import SystemClock
from tests.ingest.ingest_samples import NOW_MS, message
from tests.servers import free_port
from tests.store_servers import FaultServer, Reply, running, until

pytestmark = [pytest.mark.slow]


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with running(FaultServer()) as started:
        yield started


async def answer_of(server: FaultServer, reply: Reply, timeout_s: float = 5.0) -> Answer:
    server.script = lambda _lines: reply
    store = InfluxStore(parse_remote_url(server.url), lambda: "secret", timeout_s)
    try:
        return await store.write(b"m f=1 1\nm f=2 2")
    finally:
        await store.close()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(204),
        Reply(200, '{"message":"partial write"}'),
        Reply(201, "{}"),
        Reply(302, "", {"Location": "/login"}),
        Reply(400, '{"code":"invalid","message":"unable to parse"}'),
        Reply(401, '{"code":"unauthorized"}'),
        Reply(413),
        Reply(429, "", {"Retry-After": "3"}),
        Reply(500, '{"error":"partial write of line protocol occurred"}'),
        Reply(503, "", {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}),
    ],
    ids=lambda reply: f"{reply.status}",
)
async def test_status_body_and_retry_after_come_through(server: FaultServer, reply: Reply) -> None:
    """As the server said them; a redirection is not followed, it would lose the body."""
    answer = await answer_of(server, reply)

    assert answer.status == reply.status
    assert answer.body in (reply.body, f"{reply.status}: {reply.body}") or not reply.body
    assert answer.retry_after_s == (3.0 if reply.headers.get("Retry-After") == "3" else None)
    assert server.requests == [[b"m f=1 1", b"m f=2 2"]]


@pytest.mark.parametrize("reply", [Reply(how="hang"), Reply(200, '{"a":1}', how="reset")], ids=lambda it: it.how)
async def test_no_answer_is_no_exception(server: FaultServer, reply: Reply) -> None:
    """Silence, and a connection that breaks off in the middle of the answer."""
    answer = await answer_of(server, reply, timeout_s=0.5)

    assert answer.status == 0
    assert answer.body


async def test_an_answer_that_trickles_is_waited_for(server: FaultServer) -> None:
    """As long as the time limit allows."""
    answer = await answer_of(server, Reply(400, "slowly", how="trickle"))

    assert (answer.status, answer.body.strip()) == (400, "slowly")


async def test_nobody_there_is_no_exception() -> None:
    """And the probe says so."""
    store = InfluxStore(RemoteUrl("influxdb", f"http://127.0.0.1:{free_port()}", "o", "b"), str)
    answer, there = await store.write(b"m f=1 1"), await store.is_there()
    await store.close()

    assert (answer.status, there) == (0, False)


async def test_a_token_that_was_replaced_counts_at_the_next_request(server: FaultServer, tmp_path: Path) -> None:
    """Without a restart; a file that cannot be read is trouble like any other."""
    file = tmp_path / "token"
    store = InfluxStore(parse_remote_url(server.url), file.read_text)
    answers = [await store.write(b"m f=1 1")]
    for token in ("one", "two"):
        file.write_text(token)
        answers.append(await store.write(b"m f=1 1"))
    await store.close()

    assert [answer.status for answer in answers] == [0, 204, 204]
    assert "token" in answers[0].body


async def test_a_hostile_server_loses_nothing(server: FaultServer, tmp_path: Path) -> None:
    """Any of the above at random, for a while: in the end every line is there, in the order of its first sending."""
    rng = random.Random(3)
    faults = [
        Reply(503),
        Reply(500, "internal error"),
        Reply(413),
        Reply(429, "", {"Retry-After": "0"}),
        Reply(200, "{", how="reset"),
        Reply(400, '{"message":"unable to parse"}'),
    ]
    bad = b"power_w=13.0"

    def script(lines: list[bytes]) -> Reply:
        if len(server.requests) < 40 and rng.random() < 0.6 and (fault := rng.choice(faults)).status != 400:
            return fault if len(lines) > 1 or fault.status != 413 else Reply(503)
        return faults[-1] if any(bad in line for line in lines) else Reply()

    server.script = script
    clock = SystemClock()
    local = await SqliteStore.open(tmp_path / "t.db", clock, Retention(), OutboxLimits())
    remote = InfluxStore(parse_remote_url(server.url), str)
    shipper = Shipper(local.outbox, remote, clock, lambda *_: None, random.Random(4))
    task = asyncio.create_task(shipper.run())
    for n in range(0, 200, 10):
        await local.append([message(NOW_MS + n + m, float(n + m)) for m in range(10)])
    await until(lambda: local.outbox.level.lines == 0, 60)
    letters = await local.dead_letters(10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await remote.close()
    await local.close()

    first_seen = list(dict.fromkeys(int(line.rpartition(b" ")[2]) - NOW_MS for line in server.stored))
    assert first_seen == [n for n in range(200) if n != 13]
    assert [letter.payload for letter in letters] == [
        f"port,site=cuiping-beili,shed=shed-1,device=c1,port=3 power_w=13.0,state=2i {NOW_MS + 13}".encode()
    ]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("influxdb://db:8086/shed/telemetry", RemoteUrl("influxdb", "http://db:8086", "shed", "telemetry")),
        ("influxdb://db/shed/tele%20metry", RemoteUrl("influxdb", "http://db:8086", "shed", "tele metry")),
        ("influxdb://db/-/base/policy", RemoteUrl("influxdb", "http://db:8086", "-", "base/policy")),
        ("influxdb+https://[::1]:443/o/b", RemoteUrl("influxdb", "https://[::1]:443", "o", "b")),
        ("victoria://vm", RemoteUrl("victoria", "http://vm:8428")),
        ("victoria+https://vm:1/insert/0/", RemoteUrl("victoria", "https://vm:1/insert/0")),
        ("embedded:data/t.db", None),
    ],
)
def test_store_urls_are_read(url: str, expected: RemoteUrl | None) -> None:
    """As the configuration's page has them."""
    assert parse_remote_url(url) == expected


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("postgres://db", "no store begins with 'postgres'"),
        ("influxdb://db:8086", "organisation and bucket are missing"),
        ("influxdb://db:8086/org", "organisation and bucket are missing"),
        ("influxdb:///o/b", "no host"),
        ("influxdb://db:port/o/b", "port"),
        ("influxdb://me:secret@db/o/b", "token_file"),
        ("victoria://vm?x=1", "nothing may follow"),
        ("embedded:", "no path"),
    ],
)
def test_what_is_no_store_url_is_refused_with_the_way_to_mend_it(url: str, what: str) -> None:
    """And a password in it is never repeated."""
    with pytest.raises(StoreUrlError, match=what) as caught:
        parse_remote_url(url)
    assert "secret" not in str(caught.value)
