"""A device that sends nothing but nonsense is counted; what others send stays readable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.counters import IntakeCounters, RefusalKind
from ingest.refusals import BEGINNING_BYTES, BURST, EVERY_MS, Refusals, source_of
from ingest.store.dead_letters import PAYLOAD_BYTES
from tests.ingest.ingest_samples import FRAME, NOW_MS, SENSOR, TELEMETRY, TOPOLOGY


@pytest.fixture
def counters() -> IntakeCounters:
    return IntakeCounters()


@pytest.fixture
def refusals(counters: IntakeCounters) -> Refusals:
    return Refusals(TOPOLOGY, counters, "sheds")


def test_a_babbling_device_is_kept_now_and_then(refusals: Refusals, counters: IntakeCounters) -> None:
    """The next letter says how many were not kept; every one of them is counted."""
    for n in range(1000):
        refusals.add(NOW_MS + n, TELEMETRY, b"{", RefusalKind.PAYLOAD, "no JSON")
    first = refusals.pop()
    refusals.add(NOW_MS + EVERY_MS, TELEMETRY, b"{", RefusalKind.PAYLOAD, "no JSON")
    (later,) = refusals.pop()

    assert len(first) == BURST
    assert later.unkept == counters.refusals_limited == 1000 - BURST
    assert counters.refused[RefusalKind.PAYLOAD] == 1001
    assert later.source == "cuiping-beili/shed-1/c1"


def test_others_and_other_reasons_have_their_own_allowance(refusals: Refusals) -> None:
    """A rare fault is not lost in the flood of a common one."""
    for _ in range(100):
        refusals.add(NOW_MS, TELEMETRY, b"{", RefusalKind.PAYLOAD, "no JSON")
    refusals.add(NOW_MS, TELEMETRY, b"{}", RefusalKind.VALUE, "power_w: not finite")
    refusals.add(NOW_MS, SENSOR, b"{", RefusalKind.PAYLOAD, "no JSON")
    kept = refusals.pop()

    assert [(each.kind, each.source.rpartition("/")[2]) for each in kept[BURST:]] == [
        ("value", "c1"),
        ("payload", "smoke-1"),
    ]


def test_made_up_names_share_one_allowance(refusals: Refusals) -> None:
    """Of their shed where that exists, else of nowhere: a flood of new ids fills neither memory nor disk."""
    for n in range(500):
        refusals.add(NOW_MS, f"sheds/cuiping-beili/shed-1/charger/x{n}/telemetry", b"{}", RefusalKind.DEVICE, "unknown")
        refusals.add(NOW_MS, f"sheds/nowhere/x{n}/charger/c1/telemetry", b"{}", RefusalKind.DEVICE, "unknown")
        refusals.add(NOW_MS, f"sheds/{n}", b"{}", RefusalKind.DEVICE, "unknown")

    assert len(refusals.pop()) == 2 * BURST
    assert len(refusals._allowances) == 2


def test_what_may_be_taken_again_is_kept_whole(refusals: Refusals) -> None:
    """Pictures and what is too large by their beginning."""
    refusals.add(NOW_MS, TELEMETRY, b"x" * PAYLOAD_BYTES, RefusalKind.PORT, "port 13")
    refusals.add(NOW_MS, TELEMETRY, b"x" * (PAYLOAD_BYTES + 1), RefusalKind.SIZE, "too large")
    refusals.add(NOW_MS, TELEMETRY, b"beginning", RefusalKind.SIZE, "too large", size=9_000_000)
    refusals.add(NOW_MS, FRAME, b"x" * 9000, RefusalKind.PICTURE, "neither a JPEG nor a PNG")
    kept = [(len(each.payload), each.size) for each in refusals.pop()]

    assert kept == [
        (PAYLOAD_BYTES, PAYLOAD_BYTES),
        (BEGINNING_BYTES, PAYLOAD_BYTES + 1),
        (9, 9_000_000),
        (BEGINNING_BYTES, 9000),
    ]


def test_what_waits_for_a_store_that_is_away_is_bounded(
    refusals: Refusals, counters: IntakeCounters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In number and in bytes; the rest is counted and told with the next letter."""
    monkeypatch.setattr("ingest.refusals.MAX_WAITING_BYTES", 3 * PAYLOAD_BYTES)
    for _ in range(5):
        refusals.add(NOW_MS, TELEMETRY, b"x" * PAYLOAD_BYTES, RefusalKind.PORT, "port 13")
    waiting = refusals.pop()
    refusals.add(NOW_MS, TELEMETRY, b"x", RefusalKind.PORT, "port 13")

    assert len(waiting) == 3
    assert counters.refusals_dropped == 2
    assert refusals.pop()[0].unkept == 2


def test_a_clock_set_back_stops_nothing(refusals: Refusals) -> None:
    """The allowance refills from there."""
    for _ in range(BURST):
        refusals.add(NOW_MS, TELEMETRY, b"", RefusalKind.PAYLOAD, "empty")
    for n in range(3):
        refusals.add(NOW_MS - 10**9 + n * EVERY_MS, TELEMETRY, b"", RefusalKind.PAYLOAD, "empty")

    assert len(refusals.pop()) == BURST + 2


@given(st.text(max_size=80))
def test_a_source_is_an_address_or_nothing(topic: str) -> None:
    """Whatever the topic."""
    assert source_of(topic, "sheds") == ""


def test_a_source_is_read_from_the_topic() -> None:
    """Also where the channel is unknown; an id that is none names nobody."""
    assert source_of("sheds/a/b/charger/c1/whatever", "sheds") == "a/b/c1"
    assert source_of("sheds/a/b/charger/C 1/telemetry", "sheds") == ""
    assert source_of("other/a/b/charger/c1/telemetry", "sheds") == ""
