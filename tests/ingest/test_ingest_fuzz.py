"""Whatever anybody publishes: nothing escapes, nothing is lost without a word, and every refusal has a reason."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.counters import RefusalKind
from ingest.group_commit import Batch
from ingest.inbox import Inbox
from ingest.intake import Intake
from ingest.model import FIELDS, Reading
from shedwatch.clock import ManualClock
from tests.ingest.ingest_samples import EVENT, FRAME, NOW_MS, SENSOR, TELEMETRY, TOPOLOGY, inbound

TOPICS = [
    TELEMETRY,
    EVENT,
    SENSOR,
    FRAME,
    TELEMETRY.replace("telemetry", "status"),
    TELEMETRY.replace("telemetry", "reply"),
]
topics = (
    st.sampled_from(TOPICS)
    | st.builds(
        lambda topic, at, text: topic[:at] + text + topic[at:],
        st.sampled_from(TOPICS),
        st.integers(0, 40),
        st.text(max_size=4),
    )
    | st.text(max_size=60)
)

names = st.sampled_from([*FIELDS, "ts", "seq", "ports", "port", "kind", "event", "status", "id", "accepted"]) | st.text(
    max_size=6
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["charging", "smoke", "online", "2026-11-26T08:00:00+08:00", "2026-11-26T08:00:00", "idle"])
    | st.text(max_size=8)
)
trees = st.recursive(
    scalars, lambda it: st.lists(it, max_size=4) | st.dictionaries(names, it, max_size=6), max_leaves=24
)
messages = st.dictionaries(names, trees, max_size=8) | trees
payloads = (
    st.binary(max_size=80)
    | messages.map(lambda tree: msgspec.json.encode(_within(tree)))
    | messages.flatmap(lambda tree: st.integers(0, 60).map(lambda cut: msgspec.json.encode(_within(tree))[:cut]))
)


def _within(tree: Any) -> Any:
    """The encoder takes no integers beyond 64 bits; a device's may well send them, as digits."""
    if isinstance(tree, dict):
        return {name: _within(value) for name, value in tree.items()}
    if isinstance(tree, list):
        return [_within(value) for value in tree]
    if isinstance(tree, int) and not isinstance(tree, bool) and not -(2**63) <= tree < 2**64:
        return msgspec.Raw(str(tree).encode())
    return tree


async def _hear(_readings: object) -> None:
    """Alarms that say nothing."""


def take(topic: str, payload: bytes, retain: bool) -> tuple[Intake, Batch]:
    """One message through the intake, as far as the alarms and the store."""
    intake = Intake(
        TOPOLOGY,
        None,  # type: ignore[arg-type]
        ManualClock(NOW_MS),
        Inbox(),
        on_readings=_hear,
        on_frame=lambda _frame: None,
    )
    batch = Batch()
    intake._take_one(inbound(topic, payload, retain=retain), batch)
    return intake, batch


def usable(reading: Reading) -> bool:
    """Values of the registry, finite, and times the store can keep."""
    return all(name in FIELDS for name in reading.values) and abs(reading.ts_ms) < 2**53


@pytest.mark.slow
@settings(max_examples=400)
@given(topics, payloads, st.booleans())
def test_no_message_breaks_the_intake_and_every_refusal_has_a_reason(topic: str, payload: bytes, retain: bool) -> None:
    """It is read, or it is a dead letter that says why, or both in part."""

    async def one() -> tuple[Intake, Batch]:
        return take(topic, payload, retain)

    intake, batch = asyncio.run(one())
    counters, refusals = intake.counters, intake._refusals.pop()

    assert not counters.refused[RefusalKind.INTERNAL]
    assert all(refusal.reason.strip() and refusal.topic == topic for refusal in refusals)
    assert all(usable(reading) for reading in batch.readings)
    handled = bool(batch.readings or refusals or counters.frames or counters.replies)
    assert handled or topic.endswith("/command")
