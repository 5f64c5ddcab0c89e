"""History out of summaries and raw rows is always what the raw rows alone would give."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.store.port import AGGREGATES, Message
from ingest.store.sqlite import SqliteStore
from shedwatch.clock import ManualClock
from tests.ingest.ingest_samples import C1, reading

BASE_MS = 1_795_400_040_000  # a whole minute
Point = tuple[int, float]


def brute_force(points: list[Point], from_ms: int, to_ms: int, every_s: int, agg: str) -> list[Point]:
    """What the words of the port mean, without any cleverness."""
    inside = sorted((ts, value) for ts, value in points if from_ms <= ts < to_ms)
    if every_s == 0:
        return inside
    step_ms = every_s * 1000
    buckets: dict[int, list[float]] = {}
    for ts, value in inside:
        buckets.setdefault(ts // step_ms * step_ms, []).append(value)
    folds: dict[str, Callable[[list[float]], float]] = {
        "mean": lambda values: sum(values) / len(values),
        "min": min,
        "max": max,
        "last": lambda values: values[-1],
        "count": len,
    }
    return [(bucket, float(folds[agg](values))) for bucket, values in sorted(buckets.items())]


OFFSETS = st.integers(0, 15 * 60_000)
VALUES = st.floats(-50, 20_000, allow_nan=False)
POINTS = st.dictionaries(OFFSETS, VALUES, max_size=60)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    early=POINTS,
    late=POINTS,
    summarised_to_s=st.integers(0, 20 * 60),
    ranges=st.lists(
        st.tuples(OFFSETS, OFFSETS, st.sampled_from([0, 7, 30, 60, 90, 120, 300, 3600]), st.sampled_from(AGGREGATES)),
        min_size=1,
        max_size=8,
    ),
)
def test_history_is_what_the_raw_rows_say(
    early: dict[int, float], late: dict[int, float], summarised_to_s: int, ranges: list[tuple[int, int, int, str]]
) -> None:
    """For readings before and after summaries were made, late ones among them, every range, step and aggregate."""

    async def ask() -> None:
        with TemporaryDirectory() as folder:
            clock = ManualClock(BASE_MS)
            store = await SqliteStore.open(Path(folder) / "t.db", clock)
            known = dict(early)
            await store.append(messages(early))
            clock.advance(summarised_to_s)
            await store.summarise()
            fresh = {offset: value for offset, value in late.items() if offset not in known}
            known |= fresh
            await store.append(messages(fresh))
            points = [(BASE_MS + offset, value) for offset, value in known.items()]
            try:
                for a, b, every_s, agg in ranges:
                    from_ms, to_ms = BASE_MS + min(a, b), BASE_MS + max(a, b)
                    expected = brute_force(points, from_ms, to_ms, every_s, agg)
                    answer = await store.history(C1, 3, "power_w", from_ms, to_ms, every_s, agg)  # type: ignore[arg-type]
                    assert [ts for ts, _ in answer] == [ts for ts, _ in expected]
                    assert [value for _, value in answer] == pytest.approx([value for _, value in expected], abs=1e-6)
            finally:
                await store.close()

    asyncio.run(ask())


def messages(points: dict[int, float]) -> list[Message]:
    return [Message((reading(BASE_MS + offset, value),), offset) for offset, value in points.items()]


async def test_a_late_reading_reaches_a_minute_already_summarised(tmp_path: Path) -> None:
    """At once, and again after the minute was summarised anew."""
    clock = ManualClock(BASE_MS + 600_000)
    store = await SqliteStore.open(tmp_path / "t.db", clock)
    await store.append(messages({0: 10.0, 1000: 20.0}))
    await store.summarise()
    await store.append(messages({500: 60.0}))
    at_once = await store.history(C1, 3, "power_w", BASE_MS, BASE_MS + 60_000, 60, "mean")
    await store.summarise()
    afterwards = await store.history(C1, 3, "power_w", BASE_MS, BASE_MS + 60_000, 60, "mean")
    await store.close()

    assert at_once == afterwards == [(BASE_MS, 30.0)]


async def test_whole_minutes_are_answered_from_summaries(tmp_path: Path) -> None:
    """Or a chart of a month would read millions of rows: with the raw rows gone the answer is the same."""
    clock = ManualClock(BASE_MS + 600_000)
    store = await SqliteStore.open(tmp_path / "t.db", clock)
    await store.append(messages({0: 10.0, 1000: 20.0, 61_000: 5.0}))
    await store.summarise()
    await store._write(lambda connection: connection.execute("DELETE FROM raw").rowcount)
    answer = await store.history(C1, 3, "power_w", BASE_MS, BASE_MS + 120_000, 60, "max")
    await store.close()

    assert answer == [(BASE_MS, 20.0), (BASE_MS + 60_000, 5.0)]
