"""After a mend dead letters are taken as what they are: messages of the past."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from ingest.counters import RefusalKind
from ingest.model import Device, DeviceKind, Reading, Shed, Site, Topology
from ingest.replay import Replayer
from ingest.store.dead_letters import LetterQuery
from ingest.store.port import Appended, Message, Refusal, StoreError
from ingest.store.sqlite import SqliteStore
from ingest.translate import digest_of
from shedwatch.clock import ManualClock
from tests.ingest.ingest_samples import C1, EVENT, FRAME, NOW_MS, SENSOR, TELEMETRY, TOPOLOGY, charging

HOUR_MS = 3_600_000


def with_ports(ports: int) -> Topology:
    """The sample neighbourhood with another number of ports."""
    (site,) = TOPOLOGY.sites
    (shed,) = site.sheds
    devices: tuple[Device, ...] = (replace(shed.devices[0], ports=ports), *shed.devices[1:])
    return Topology((Site(site.id, site.name, (Shed(shed.site, shed.id, shed.name, devices),)),))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(tmp_path / "t.db", ManualClock(NOW_MS))
    yield opened
    await opened.close()


async def bury(store: SqliteStore, topic: str, payload: object, received_ms: int = NOW_MS - HOUR_MS) -> int:
    body = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
    await store.append([], [Refusal(received_ms, topic, "port 13: there are 12", body, kind="port")])
    (newest,) = await store.letters.find(LetterQuery(), 1)
    return newest.id


def replayer(store: SqliteStore, ports: int = 16) -> Replayer:
    return Replayer(with_ports(ports), store, store.letters, ManualClock(NOW_MS))


async def powers(store: SqliteStore, port: int) -> list[tuple[int, float]]:
    return await store.history(C1, port, "power_w", 0, 2**53, 0, "last")


async def test_a_mended_message_fills_history_where_it_belongs(store: SqliteStore) -> None:
    """At its device's time, or at the time it came where it told none; then it is a letter no more."""
    told = await bury(store, TELEMETRY, charging(NOW_MS - HOUR_MS - 5000, 100.0, port=13))
    untold = await bury(store, TELEMETRY, charging(None, 120.0, port=14))
    await store.letters.want([told, untold], "li")

    assert await replayer(store).take_wanted() == 2
    assert await powers(store, 13) == [(NOW_MS - HOUR_MS - 5000, 100.0)]
    assert await powers(store, 14) == [(NOW_MS - HOUR_MS, 120.0)]
    assert await store.letters.count() == 0
    assert [entry.outcome for entry in await store.letters.journal(5)] == ["stored", "stored"]


async def test_a_replay_is_backlog(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it came a moment ago: nothing that is replayed can be taken for news."""
    appended: list[Message] = []

    async def append(messages: Sequence[Message], _refusals: Sequence[Refusal] = ()) -> Appended:
        appended.extend(messages)
        return Appended(len(messages), 0)

    for topic, payload in (
        (TELEMETRY, charging(NOW_MS, 100.0, port=13)),
        (EVENT, {"event": "smoke"}),
        (SENSOR, {"kind": "smoke", "alarm": True}),
    ):
        await store.letters.want([await bury(store, topic, payload, NOW_MS)], "li")
    monkeypatch.setattr(store, "append", append)
    await replayer(store).take_wanted()
    readings = [reading for message in appended for reading in message.readings]

    assert len(appended) == 3
    assert all(reading.late and reading.received_ms == NOW_MS for reading in readings)


async def test_a_message_that_is_still_wrong_stays_with_its_new_reason(store: SqliteStore) -> None:
    """Also where a part of it is right by now; that part is stored."""
    both = {"ts": NOW_MS - HOUR_MS, "ports": [{"port": 13, "power_w": 1.0}, {"port": 20, "power_w": 2.0}]}
    partly = await bury(store, TELEMETRY, both)
    wholly = await bury(store, "sheds/cuiping-beili/shed-1/charger/c9/telemetry", charging(None))
    await store.letters.want([partly, wholly], "li")
    await replayer(store).take_wanted()
    left = {letter.id: letter for letter in await store.letters.find(LetterQuery(), 10)}

    assert await powers(store, 13) == [(NOW_MS - HOUR_MS, 1.0)]
    assert (left[partly].kind, left[partly].tries) == ("port", 1)
    assert "port 20" in left[partly].reason
    assert (left[wholly].kind, left[wholly].wanted_by) == ("device", None)


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("sheds/cuiping-beili/shed-1/charger/c1/status", "a status counts when it comes"),
        ("sheds/cuiping-beili/shed-1/charger/c1/reply", "a reply is awaited only after its command"),
        (FRAME, "a picture of the past"),
    ],
)
async def test_what_is_of_the_moment_is_not_taken_again(store: SqliteStore, topic: str, reason: str) -> None:
    """An `offline` of yesterday would be a lie today."""
    number = await bury(store, topic, b"offline")
    await store.letters.want([number], "li")
    await replayer(store).take_wanted()
    letter = await store.letters.get(number)

    assert letter is not None
    assert (letter.kind, letter.tries) == ("stale", 1)
    assert letter.reason.startswith(reason)


async def test_a_message_of_which_only_the_beginning_was_kept_is_refused(store: SqliteStore) -> None:
    """Half a message is none."""
    await store.append([], [Refusal(NOW_MS, TELEMETRY, "too large", b'{"ports":[', size=90_000)])
    await store.letters.want([1], "li")
    await replayer(store).take_wanted()
    letter = await store.letters.get(1)

    assert letter is not None
    assert letter.reason == "only 10 of its 90000 bytes were kept"


async def test_a_replay_that_was_cut_off_is_done_again_without_harm(store: SqliteStore) -> None:
    """What was stored by then is not stored twice."""
    number = await bury(store, TELEMETRY, charging(None, 100.0, port=13))
    await store.letters.want([number], "li")
    taking = replayer(store)
    tried = taking._try((await store.letters.wanted(1))[0])
    await taking._store_all([tried])
    await taking.take_wanted()

    assert await powers(store, 13) == [(NOW_MS - HOUR_MS, 100.0)]
    assert await store.letters.count() == 0


async def test_one_letter_the_store_chokes_on_does_not_stop_the_others(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays, with the store's words."""
    for power_w in (1.0, 666.0, 3.0):
        await store.letters.want([await bury(store, TELEMETRY, charging(None, power_w, port=13))], "li")
    append = store.append

    async def choke(messages: Sequence[Message], refusals: Sequence[Refusal] = ()) -> Appended:
        if any(reading.values.get("power_w") == 666.0 for message in messages for reading in message.readings):
            raise OverflowError("too large for the store")
        return await append(messages, refusals)

    monkeypatch.setattr(store, "append", choke)
    await replayer(store).take_wanted()
    (left,) = await store.letters.find(LetterQuery(), 10)

    assert sorted(power_w for _, power_w in await powers(store, 13)) == [1.0, 3.0]
    assert (left.id, left.kind) == (2, "internal")
    assert "too large for the store" in left.reason


async def test_a_wish_of_another_process_is_seen(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that meets a store that is away is done when that is back."""
    monkeypatch.setattr("ingest.replay.LOOK_EVERY_S", 0.01)
    monkeypatch.setattr("ingest.replay.AGAIN_S", 0.01)
    number = await bury(store, TELEMETRY, charging(None, 100.0, port=13))
    errors = [StoreError("locked")]
    append = store.append

    async def flaky(messages: Sequence[Message], refusals: Sequence[Refusal] = ()) -> Appended:
        if errors:
            raise errors.pop()
        return await append(messages, refusals)

    monkeypatch.setattr(store, "append", flaky)
    task = asyncio.create_task(replayer(store).run())
    other = await SqliteStore.open(store.path, ManualClock(NOW_MS))
    await other.letters.want([number], "li")
    async with asyncio.timeout(10):
        while await store.letters.count():
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await other.close()

    assert errors == []
    assert len(await powers(store, 13)) == 1


async def test_a_value_that_was_refused_is_not_claimed_to_be_stored(store: SqliteStore) -> None:
    """The rest of its row was stored when it came; one whose row was not there yet is stored."""
    there = msgspec.json.encode({"ts": NOW_MS - HOUR_MS, "ports": [{"port": 1, "state": "idle", "power_w": 5.0}]})
    missing = msgspec.json.encode({"ts": NOW_MS - HOUR_MS + 9, "ports": [{"port": 2, "power_w": 6.0}]})
    row = Reading(C1, DeviceKind.CHARGER, NOW_MS - HOUR_MS, NOW_MS - HOUR_MS, 1, NOW_MS - HOUR_MS, {"state": "idle"})
    letters = [
        Refusal(NOW_MS - HOUR_MS, TELEMETRY, "power_w", body, kind=RefusalKind.VALUE) for body in (there, missing)
    ]
    await store.append([Message((row,), digest_of(TELEMETRY, there))], letters)
    await store.letters.want([1, 2], "li")
    await replayer(store).take_wanted()
    (left,) = await store.letters.find(LetterQuery(), 10)

    assert (left.id, left.tries) == (1, 1)
    assert "cannot be added" in left.reason
    assert await powers(store, 1) == []
    assert await powers(store, 2) == [(NOW_MS - HOUR_MS + 9, 6.0)]
