"""The inbox drops nothing: it says when to stop reading and when to go on."""

from __future__ import annotations

import asyncio

from ingest.inbox import Inbox
from tests.ingest.ingest_samples import TELEMETRY, inbound


async def test_messages_come_out_in_the_order_they_came() -> None:
    """At most as many as were asked for."""
    inbox = Inbox()
    messages = [inbound(TELEMETRY, {"n": n}) for n in range(5)]
    for message in messages:
        inbox.put(message)

    assert await inbox.take(3) == messages[:3]
    assert await inbox.take(3) == messages[3:]


async def test_taking_waits_for_a_message() -> None:
    """And wakes with the first."""
    inbox = Inbox()
    taking = asyncio.create_task(inbox.take(10))
    await asyncio.sleep(0)
    inbox.put(inbound(TELEMETRY, {}))

    assert len(await taking) == 1


async def test_reading_stops_when_it_is_full_and_goes_on_when_it_is_half_empty() -> None:
    """Once each, at the edges."""
    told: list[str] = []
    inbox = Inbox(max_messages=4)
    inbox.on_full, inbox.on_drained = lambda: told.append("stop"), lambda: told.append("go")
    for n in range(5):
        inbox.put(inbound(TELEMETRY, {"n": n}))
    await inbox.take(1)
    before = list(told)
    await inbox.take(2)

    assert before == ["stop"]
    assert told == ["stop", "go"]


async def test_a_few_large_messages_fill_it_too() -> None:
    """Pictures count by their bytes."""
    inbox = Inbox(max_bytes=1000)
    inbox.put(inbound(TELEMETRY, bytes(1001)))

    assert inbox.full
