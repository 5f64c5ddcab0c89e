"""One-minute summaries of the raw rows, made for minutes that have ended and again for those a late row touched."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from ingest.store.rows import COLUMNS
from ingest.store.schema import transaction

MINUTE_MS = 60_000
# Minutes still being written would only be summarised again and again.
SETTLE_MS = 120_000

_SELECT = f"SELECT {', '.join(COLUMNS)} FROM raw WHERE series = ? AND ts >= ? AND ts < ? ORDER BY ts"  # noqa: S608 - columns of the registry


@dataclass(slots=True)
class Summary:
    """What is kept of a field's values in one minute."""

    n: int
    low: float
    high: float
    total: float
    last: float

    def add(self, value: float) -> None:
        """Take the next value in order of time."""
        self.n += 1
        self.low = min(self.low, value)
        self.high = max(self.high, value)
        self.total += value
        self.last = value


def count_due(connection: sqlite3.Connection, now_ms: int) -> int:
    """How many minutes are due."""
    row = connection.execute("SELECT count(*) FROM dirty WHERE minute < ?", ((now_ms - SETTLE_MS) // MINUTE_MS,))
    return int(row.fetchone()[0])


def summarise_due(connection: sqlite3.Connection, now_ms: int, limit: int = 50) -> int:
    """Summarise up to `limit` minutes that are due, in one transaction; how many there were."""
    due = connection.execute(
        "SELECT series, minute FROM dirty WHERE minute < ? LIMIT ?", ((now_ms - SETTLE_MS) // MINUTE_MS, limit)
    ).fetchall()
    if due:
        with transaction(connection):
            for series, minute in due:
                _summarise(connection, series, minute)
            connection.executemany("DELETE FROM dirty WHERE series = ? AND minute = ?", due)
    return len(due)


def _summarise(connection: sqlite3.Connection, series: int, minute: int) -> None:
    summaries: dict[str, Summary] = {}
    for row in connection.execute(_SELECT, (series, minute * MINUTE_MS, (minute + 1) * MINUTE_MS)):
        for name, value in zip(COLUMNS, row, strict=True):
            if value is None:
                continue
            summary = summaries.get(name)
            if summary is None:
                summaries[name] = Summary(1, value, value, value, value)
            else:
                summary.add(value)
    connection.executemany(
        "INSERT OR REPLACE INTO rollup VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(series, name, minute, s.n, s.low, s.high, s.total, s.last) for name, s in summaries.items()],
    )
