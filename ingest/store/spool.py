"""The table of lines that a remote store has not taken yet, filled in the transaction that stores their rows.

A row of it holds the lines of one commit, or a part of many. `meta` holds the sums, so that nobody has to read them all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ingest.store.port import StoreError

DAY_MS = 86_400_000
OnFull = Literal["drop_oldest", "stop"]
# Lines a row; a request to the server is made of whole rows.
ROW_LINES = 2000

TABLE = """
CREATE TABLE IF NOT EXISTS outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, created_ms INTEGER NOT NULL, lines INTEGER NOT NULL, size INTEGER NOT NULL,
    body BLOB NOT NULL)
"""
_ADD_TO_SUMS = (
    "INSERT INTO meta VALUES ('outbox_lines', ?), ('outbox_size', ?), ('outbox_dropped', ?)"
    " ON CONFLICT DO UPDATE SET value = value + excluded.value"
)
# In one row, because every row read hands the interpreter's lock to others.
_LEVEL = (
    "SELECT coalesce((SELECT value FROM meta WHERE key = 'outbox_lines'), 0),"
    " coalesce((SELECT value FROM meta WHERE key = 'outbox_size'), 0),"
    " (SELECT created_ms FROM outbox ORDER BY seq LIMIT 1),"
    " coalesce((SELECT value FROM meta WHERE key = 'outbox_dropped'), 0)"
)


class OutboxFullError(StoreError):
    """The remote store has taken too little for too long, and nothing is to be given up."""


@dataclass(frozen=True, slots=True)
class OutboxLimits:
    """How much may wait for the remote store, and what happens then.

    `drop_oldest` gives up the oldest lines, which the embedded store still has; `stop` takes no more readings, so that
    they wait at the broker.
    """

    max_bytes: int = 2 << 30
    max_age_ms: int = 7 * DAY_MS
    on_full: OnFull = "drop_oldest"


class OutboxLevel(NamedTuple):
    """What waits. `oldest_ms` is None where nothing does; `dropped` counts lines given up since the file was made."""

    lines: int = 0
    size: int = 0
    oldest_ms: int | None = None
    dropped: int = 0


class Parcel(NamedTuple):
    """The next lines to be sent, and the number of the last row they come from."""

    last_seq: int
    lines: list[bytes]


class Spool:
    """Adds and removes in the running transaction of an open connection; `tell` hears of it by `committed`, after that."""

    def __init__(
        self, connection: sqlite3.Connection, limits: OutboxLimits, tell: Callable[[OutboxLevel], None]
    ) -> None:
        self._connection = connection
        self._limits = limits
        self._tell = tell
        self._level: OutboxLevel | None = None

    def committed(self) -> None:
        """What was added and removed is there for everybody now."""
        level, self._level = self._level, None
        if level is not None:
            self._tell(level)

    def add(self, lines: Sequence[str], now_ms: int) -> None:
        """Let lines wait.

        Raises:
            OutboxFullError: there is no room, and nothing may be given up to make some.
        """
        if not lines:
            return
        size = 0
        for at in range(0, len(lines), ROW_LINES):
            some = lines[at : at + ROW_LINES]
            body = "\n".join(some).encode()
            self._connection.execute(
                "INSERT INTO outbox (created_ms, lines, size, body) VALUES (?, ?, ?, ?)",
                (now_ms, len(some), len(body), body),
            )
            size += len(body)
        self._change(len(lines), size)
        self.keep_within(now_ms)

    def keep_within(self, now_ms: int) -> None:
        """Give up the oldest lines where there are too many or too old ones. Raises like `add`."""
        level = read_level(self._connection)
        if self._is_over(level, now_ms) and self._limits.on_full == "stop":
            raise OutboxFullError(
                f"the outbox is full ({level.size >> 20} MiB, {level.lines} lines wait for the remote store)"
            )
        while self._is_over(level, now_ms):
            seq, lines = self._connection.execute("SELECT seq, lines FROM outbox ORDER BY seq LIMIT 1").fetchone()
            self._remove(seq, dropped=lines)
            level = read_level(self._connection)
        self._level = level

    def remove(self, last_seq: int) -> None:
        """Forget the rows up to this one."""
        self._remove(last_seq)
        self._level = read_level(self._connection)

    def _remove(self, last_seq: int, dropped: int = 0) -> None:
        lines, size = self._connection.execute(
            "SELECT coalesce(sum(lines), 0), coalesce(sum(size), 0) FROM outbox WHERE seq <= ?", (last_seq,)
        ).fetchone()
        self._connection.execute("DELETE FROM outbox WHERE seq <= ?", (last_seq,))
        self._change(-lines, -size, dropped)

    def _is_over(self, level: OutboxLevel, now_ms: int) -> bool:
        if level.oldest_ms is None:
            return False
        return level.size > self._limits.max_bytes or now_ms - level.oldest_ms > self._limits.max_age_ms

    def _change(self, lines: int, size: int, dropped: int = 0) -> None:
        self._connection.execute(_ADD_TO_SUMS, (lines, size, dropped))


def read_level(connection: sqlite3.Connection) -> OutboxLevel:
    """How much waits now."""
    return OutboxLevel(*connection.execute(_LEVEL).fetchone())


def read_parcel(connection: sqlite3.Connection, max_lines: int, max_bytes: int) -> Parcel | None:
    """The oldest lines, of at least one row and of as many more as the limits allow; None where nothing waits."""
    bodies: list[bytes] = []
    lines = size = last_seq = 0
    for seq, more, more_size, body in connection.execute("SELECT seq, lines, size, body FROM outbox ORDER BY seq"):
        if bodies and (lines + more > max_lines or size + more_size > max_bytes):
            break
        bodies.append(body)
        lines, size, last_seq = lines + more, size + more_size, seq
    return Parcel(last_seq, b"\n".join(bodies).split(b"\n")) if bodies else None
