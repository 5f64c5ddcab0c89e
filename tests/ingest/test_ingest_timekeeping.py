"""Backlogs fill charts and do not ring; slow clocks must not silence a device."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest.timekeeping import DeviceClocks
from tests.ingest.ingest_samples import C1, HEAD, NOW_MS

HOUR_MS = 3_600_000


def test_a_message_without_time_belongs_to_its_arrival() -> None:
    """And is news."""
    assert DeviceClocks().judge(C1, None, NOW_MS) == (NOW_MS, False, False)


def test_a_right_clock_is_believed() -> None:
    """To the millisecond."""
    assert DeviceClocks().judge(C1, NOW_MS - 1_500, NOW_MS) == (NOW_MS - 1_500, False, False)


def test_a_clock_that_was_never_set_is_not_believed_and_still_rings() -> None:
    """A charger in the year 2000 must be able to raise an alarm."""
    assert DeviceClocks().judge(C1, 946_684_800_000, NOW_MS) == (NOW_MS, False, True)


def test_a_clock_ahead_is_not_believed_and_still_rings() -> None:
    """Nothing is stored in the future."""
    assert DeviceClocks().judge(C1, NOW_MS + HOUR_MS, NOW_MS) == (NOW_MS, False, True)


def test_a_backlog_never_rings() -> None:
    """Two hours of readings, delivered within a minute, keep their times and are all late."""
    clocks = DeviceClocks()
    judged = [clocks.judge(C1, NOW_MS - 2 * HOUR_MS + n * 10_000, NOW_MS + n * 100) for n in range(600)]

    assert all(late for _, late, _ in judged)
    assert judged[5].ts_ms == NOW_MS - 2 * HOUR_MS + 50_000


def test_a_slow_clock_is_recognised_and_its_device_rings_again() -> None:
    """The same ten minutes of lag for half a minute are the clock's, not the network's."""
    clocks = DeviceClocks()
    judged = [clocks.judge(C1, NOW_MS + n * 5_000 - 600_000, NOW_MS + n * 5_000) for n in range(20)]

    assert [late for _, late, _ in judged] == [True] * 6 + [False] * 14
    assert judged[-1].skewed


def test_a_slow_clock_that_drifts_is_followed() -> None:
    """Seconds a minute, for hours: once it is known for a clock, its device goes on ringing."""
    clocks = DeviceClocks()
    judged = [clocks.judge(C1, NOW_MS + n * 9_900 - 600_000, NOW_MS + n * 10_000) for n in range(1000)]

    assert not any(it.late for it in judged[5:])
    assert all(it.skewed for it in judged[5:])


def test_a_backlog_from_a_slow_clock_is_still_a_backlog() -> None:
    """What was buffered in an outage is older than the clock is slow."""
    clocks = DeviceClocks()
    for n in range(20):
        clocks.judge(C1, NOW_MS + n * 5_000 - 600_000, NOW_MS + n * 5_000)
    late = [clocks.judge(C1, NOW_MS - 1_200_000 + n * 1_000, NOW_MS + 200_000 + n * 10).late for n in range(300)]

    assert all(late)


def test_devices_are_judged_apart() -> None:
    """One charger's slow clock says nothing about another."""
    clocks = DeviceClocks()
    for n in range(20):
        clocks.judge(C1, NOW_MS + n * 5_000 - 600_000, NOW_MS + n * 5_000)

    assert clocks.judge(HEAD, NOW_MS - 600_000, NOW_MS).late


@given(st.lists(st.tuples(st.integers(-(2**62), 2**62), st.integers(0, 60_000)), max_size=30))
def test_nothing_is_kept_in_the_future_or_the_far_past(claims: list[tuple[int, int]]) -> None:
    """Whatever a device claims, the store's time lies within the credible window."""
    clocks, now_ms = DeviceClocks(), NOW_MS
    for device_ms, pause_ms in claims:
        now_ms += pause_ms
        ts_ms = clocks.judge(C1, device_ms, now_ms).ts_ms
        assert now_ms - 7 * 24 * HOUR_MS <= ts_ms <= now_ms + 120_000
