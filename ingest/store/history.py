"""A field's past: from the summaries for whole minutes that have one, from the raw rows for the rest.

The answer is that of the raw rows alone for as long as they are kept; older ranges are answered by the minute.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from ingest.store.port import Aggregate
from ingest.store.rollup import MINUTE_MS


class _Part(NamedTuple):
    """What one source knows of one bucket: how many values, up to when, and the aggregate over them."""

    bucket: int
    n: int
    until: int
    value: float


# Over raw rows `{f}` is the field's column; over summaries the columns are those of `rollup`. SQLite gives the bare
# column beside a single max() from the row of that maximum, which is how `last` finds its value.
_RAW = {"mean": "sum({f})", "min": "min({f})", "max": "max({f})", "last": "{f}", "count": "count({f})"}
_ROLLED = {"mean": "sum(total)", "min": "min(low)", "max": "max(high)", "last": "last", "count": "sum(n)"}


class Question(NamedTuple):
    """What is asked of one series; `step_ms` 0 for every value as it is."""

    series: int
    field: str
    from_ms: int
    to_ms: int
    step_ms: int
    agg: Aggregate


def read_history(connection: sqlite3.Connection, question: Question) -> list[tuple[int, float]]:
    """The points, in order of time; in one read transaction, so that no commit comes between its sources."""
    connection.execute("BEGIN")
    try:
        if question.step_ms == 0:
            return _every_value(connection, question)
        return _merge(_parts(connection, question), question.agg)
    finally:
        connection.execute("COMMIT")


def raw_floor_ms(connection: sqlite3.Connection) -> int:
    """Raw rows before this time have been given up."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'raw_floor_ms'").fetchone()
    return 0 if row is None else int(row[0])


def _every_value(connection: sqlite3.Connection, question: Question) -> list[tuple[int, float]]:
    series, field, from_ms, to_ms, _, _ = question
    rows = connection.execute(
        f"SELECT ts, {field} FROM raw WHERE series = ? AND ts >= ? AND ts < ? AND {field} IS NOT NULL ORDER BY ts",  # noqa: S608 - a field of the registry
        (series, from_ms, to_ms),
    )
    return [(ts, float(value)) for ts, value in rows]


def _parts(connection: sqlite3.Connection, question: Question) -> Iterable[_Part]:
    """Summaries serve the whole minutes from `head` to `tail`; raw rows the ends, and minutes without a summary."""
    series, field, from_ms, to_ms, step_ms, _ = question
    head = -(-from_ms // MINUTE_MS)
    # A step that is no whole number of minutes needs raw rows for as long as there are any.
    limit_ms = to_ms if step_ms % MINUTE_MS == 0 else min(to_ms, raw_floor_ms(connection))
    tail = limit_ms // MINUTE_MS
    if tail <= head:
        yield from _raw(connection, question, "raw.ts >= ? AND raw.ts < ?", (from_ms, to_ms))
        return
    yield from _raw(connection, question, "raw.ts >= ? AND raw.ts < ?", (from_ms, head * MINUTE_MS))
    yield from _raw(connection, question, "raw.ts >= ? AND raw.ts < ?", (tail * MINUTE_MS, to_ms))
    yield from _raw(
        connection,
        question,
        f"raw.ts >= dirty.minute * {MINUTE_MS} AND raw.ts < (dirty.minute + 1) * {MINUTE_MS}"
        " AND dirty.series = ? AND dirty.minute >= ? AND dirty.minute < ?",
        (series, head, tail),
        source="dirty CROSS JOIN raw",
    )
    value = _ROLLED[question.agg]
    rows = connection.execute(
        f"SELECT minute * {MINUTE_MS} / ? * ?, sum(n), max(minute * {MINUTE_MS}), {value} FROM rollup"  # noqa: S608 - literals of this file
        " WHERE series = ? AND field = ? AND minute >= ? AND minute < ? AND NOT EXISTS"
        " (SELECT 1 FROM dirty WHERE dirty.series = rollup.series AND dirty.minute = rollup.minute) GROUP BY 1",
        (step_ms, step_ms, series, field, head, tail),
    )
    yield from map(_Part._make, rows)


def _raw(
    connection: sqlite3.Connection, question: Question, where: str, bounds: tuple[int, ...], source: str = "raw"
) -> Iterable[_Part]:
    field, step_ms = question.field, question.step_ms
    value = _RAW[question.agg].format(f=field)
    rows = connection.execute(
        f"SELECT raw.ts / ? * ?, count({field}), max(raw.ts), {value} FROM {source}"  # noqa: S608 - a field of the registry
        f" WHERE raw.series = ? AND {field} IS NOT NULL AND {where} GROUP BY 1",
        (step_ms, step_ms, question.series, *bounds),
    )
    return map(_Part._make, rows)


def _merge(parts: Iterable[_Part], agg: Aggregate) -> list[tuple[int, float]]:
    """One point a bucket out of what the sources know of it."""
    buckets: dict[int, _Part] = {}
    for part in parts:
        known = buckets.get(part.bucket)
        buckets[part.bucket] = part if known is None else _join(known, part, agg)
    return [(bucket, _settle(buckets[bucket], agg)) for bucket in sorted(buckets)]


def _join(a: _Part, b: _Part, agg: Aggregate) -> _Part:
    newer = a if a.until > b.until else b
    value = {
        "mean": a.value + b.value,
        "count": a.value + b.value,
        "min": min(a.value, b.value),
        "max": max(a.value, b.value),
        "last": newer.value,
    }[agg]
    return _Part(a.bucket, a.n + b.n, newer.until, value)


def _settle(part: _Part, agg: Aggregate) -> float:
    return part.value / part.n if agg == "mean" else float(part.value)
