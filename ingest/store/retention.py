"""How long what is kept, and giving up the rest in small steps between which readings are committed."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from ingest.store.dead_letters import MAX_BYTES, MAX_LETTERS
from ingest.store.dead_letters import trim as trim_dead_letters
from ingest.store.history import raw_floor_ms
from ingest.store.rollup import MINUTE_MS
from ingest.store.schema import transaction

DAY_MS = 86_400_000
_STEP_MS = 3_600_000
_STEP_ROWS = 2000


@dataclass(frozen=True, slots=True)
class Retention:
    """How long each kind of record is kept.

    Raw rows: seven days, and one more because devices may deliver readings that are seven days old. Summaries and
    events: a year, for reports. Dead letters: so many, and so many bytes of payload.
    """

    raw_days: int = 8
    rollup_days: int = 366
    event_days: int = 366
    dead_letters: int = MAX_LETTERS
    dead_letter_bytes: int = MAX_BYTES


def trim_step(connection: sqlite3.Connection, keep: Retention, now_ms: int) -> int:
    """Give up one small piece of what is too old, in one short transaction; how many rows went (0: nothing left)."""
    with transaction(connection):
        raw_cut_ms = (now_ms - keep.raw_days * DAY_MS) // MINUTE_MS * MINUTE_MS
        return (
            _trim_raw(connection, raw_cut_ms)
            or _trim_rollup(connection, (now_ms - keep.rollup_days * DAY_MS) // MINUTE_MS)
            or _trim_events(connection, now_ms - keep.event_days * DAY_MS)
            or trim_dead_letters(connection, keep.dead_letters, keep.dead_letter_bytes)
        )


def _trim_raw(connection: sqlite3.Connection, cut_ms: int) -> int:
    if cut_ms > raw_floor_ms(connection):
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('raw_floor_ms', ?)", (cut_ms,))
    for (series,) in connection.execute("SELECT id FROM series").fetchall():
        oldest = connection.execute("SELECT min(ts) FROM raw WHERE series = ?", (series,)).fetchone()[0]
        if oldest is None or oldest >= cut_ms:
            continue
        waiting = connection.execute(
            "SELECT 1 FROM dirty WHERE series = ? AND minute < ?", (series, cut_ms // MINUTE_MS)
        ).fetchone()
        if waiting is None:
            until_ms = min(cut_ms, oldest + _STEP_MS)
            return connection.execute("DELETE FROM raw WHERE series = ? AND ts < ?", (series, until_ms)).rowcount
    return 0


def _trim_rollup(connection: sqlite3.Connection, cut_minute: int) -> int:
    for series, field in connection.execute("SELECT DISTINCT series, field FROM rollup").fetchall():
        gone = connection.execute(
            "DELETE FROM rollup WHERE series = ? AND field = ? AND minute IN"
            " (SELECT minute FROM rollup WHERE series = ? AND field = ? AND minute < ? ORDER BY minute LIMIT ?)",
            (series, field, series, field, cut_minute, _STEP_ROWS),
        ).rowcount
        if gone:
            return gone
    return 0


def _trim_events(connection: sqlite3.Connection, cut_ms: int) -> int:
    found = connection.execute(
        "SELECT max(ts) FROM (SELECT ts FROM event WHERE ts < ? ORDER BY ts LIMIT ?)", (cut_ms, _STEP_ROWS)
    )
    until_ms = found.fetchone()[0]
    if until_ms is None:
        return 0
    return connection.execute("DELETE FROM event WHERE ts <= ?", (until_ms,)).rowcount
