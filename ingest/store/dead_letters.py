"""The table of refused messages: bounded in number and in bytes, and shared out fairly between those who send nonsense.

Where there are too many, the source with the most gives up its oldest: a device that babbles pushes out its own letters
and nobody else's. Everything here runs in the caller's transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ingest.model import DeadLetter
from ingest.store.port import Refusal

# The largest message that can be right is kept whole, so that it can be taken after a mend.
PAYLOAD_BYTES = 64 * 1024
MAX_LETTERS = 10_000
MAX_BYTES = 64 << 20
MAX_JOURNAL = 10_000

_ADDED = {
    "kind": "TEXT NOT NULL DEFAULT ''",
    "source": "TEXT NOT NULL DEFAULT ''",
    "kept": "INTEGER NOT NULL DEFAULT 0",
    "unkept": "INTEGER NOT NULL DEFAULT 0",
    "tries": "INTEGER NOT NULL DEFAULT 0",
    "tried_ms": "INTEGER",
    "wanted_by": "TEXT",
}
_INDEXES = (
    "CREATE INDEX IF NOT EXISTS dead_letter_by_source ON dead_letter (source, kept)",
    "CREATE INDEX IF NOT EXISTS dead_letter_wanted ON dead_letter (id) WHERE wanted_by IS NOT NULL",
)
_JOURNAL = """
CREATE TABLE IF NOT EXISTS dead_letter_journal (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL,
    letter INTEGER NOT NULL, topic TEXT NOT NULL, outcome TEXT NOT NULL)
"""
_SELECT = (
    "SELECT id, received_ms, topic, reason, payload, size, kind, source, unkept, tries, tried_ms, wanted_by"
    " FROM dead_letter"
)


@dataclass(frozen=True, slots=True)
class LetterQuery:
    """Which letters; what is None does not matter.

    Attributes:
        within: `site`, `site/shed` or `site/shed/device`.
        topic: a part of the topic.
        since_ms: received at or after; `until_ms`: before.
    """

    within: str | None = None
    kind: str | None = None
    topic: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None


class SourceCount(NamedTuple):
    """What is kept of one source, and how many refusals of it were only counted. `source` is empty where nobody is named."""

    source: str
    letters: int
    unkept: int


class JournalEntry(NamedTuple):
    """What was done to a letter: `action` is `replay` or `delete`, `outcome` what came of it."""

    at_ms: int
    who: str
    action: str
    letter: int
    topic: str
    outcome: str


def is_prepared(connection: sqlite3.Connection) -> bool:
    """Whether the table is of this version."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'dead_letter_journal'").fetchone() is not None


def prepare(connection: sqlite3.Connection) -> None:
    """Give the table of an earlier version what it lacks, in the running transaction."""
    known = {row[1] for row in connection.execute("PRAGMA table_info(dead_letter)")}
    for name, declared in _ADDED.items():
        if name not in known:
            connection.execute(f"ALTER TABLE dead_letter ADD COLUMN {name} {declared}")
    if "kept" not in known:
        connection.execute("UPDATE dead_letter SET kept = length(payload)")
    for statement in (*_INDEXES, _JOURNAL):
        connection.execute(statement)


def bury(connection: sqlite3.Connection, refusals: Sequence[Refusal]) -> None:
    """Keep refusals, each with the beginning of its payload; where that is too many, the oldest go."""
    rows = []
    for refusal in refusals:
        payload = refusal.payload[:PAYLOAD_BYTES]
        size = len(refusal.payload) if refusal.size is None else refusal.size
        rows.append(
            (
                refusal.received_ms,
                refusal.topic[:512],
                refusal.reason[:1024],
                payload,
                size,
                refusal.kind,
                refusal.source,
                len(payload),
                refusal.unkept,
            )
        )
    connection.executemany(
        "INSERT INTO dead_letter (received_ms, topic, reason, payload, size, kind, source, kept, unkept)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    if rows:
        trim(connection)


def trim(connection: sqlite3.Connection, max_letters: int = MAX_LETTERS, max_bytes: int = MAX_BYTES) -> int:
    """Give up the oldest letters of whoever has the most, until what is left is within the limits; how many went."""
    held = {
        source: [letters, size]
        for source, letters, size in connection.execute(
            "SELECT source, count(*), total(kept) FROM dead_letter GROUP BY source"
        )
    }
    gone = 0
    for measure, limit in ((0, max_letters), (1, max_bytes)):
        while (over := sum(each[measure] for each in held.values()) - limit) > 0:
            most = max(held, key=lambda source: held[source][measure])
            others = max((each[measure] for source, each in held.items() if source != most), default=0)
            # Down to the next in size at most; of bytes at least one letter.
            surplus = min(over, max(held[most][measure] - others, 1))
            gone += _give_up(connection, most, held[most], measure, surplus)
    connection.execute(
        "DELETE FROM dead_letter_journal WHERE id <= (SELECT max(id) FROM dead_letter_journal) - ?", (MAX_JOURNAL,)
    )
    return gone


def _give_up(connection: sqlite3.Connection, source: str, held: list[float], measure: int, surplus: float) -> int:
    """Delete a source's oldest letters until `surplus` of them or of their bytes went; `held` is brought up to date."""
    ids, freed = [], [0, 0]
    oldest = connection.execute("SELECT id, kept FROM dead_letter WHERE source = ? ORDER BY id", (source,))
    for number, size in oldest:
        if freed[measure] >= surplus:
            break
        ids.append((number,))
        freed = [freed[0] + 1, freed[1] + size]
    connection.executemany("DELETE FROM dead_letter WHERE id = ?", ids)
    held[0], held[1] = held[0] - freed[0], held[1] - freed[1]
    return len(ids)


def find(connection: sqlite3.Connection, query: LetterQuery, limit: int, before_id: int | None) -> list[DeadLetter]:
    """Letters that match, newest first."""
    where, values = _where(query, before_id)
    rows = connection.execute(f"{_SELECT} WHERE {where} ORDER BY id DESC LIMIT ?", (*values, limit))
    return [DeadLetter(*row) for row in rows]


def ids(connection: sqlite3.Connection, query: LetterQuery) -> list[int]:
    """Numbers of all that match, oldest first."""
    where, values = _where(query, None)
    found = connection.execute(f"SELECT id FROM dead_letter WHERE {where} ORDER BY id", values)  # noqa: S608 - terms of ours
    return [row[0] for row in found]


def get(connection: sqlite3.Connection, letter: int) -> DeadLetter | None:
    """One letter, or None where there is none of this number."""
    row = connection.execute(f"{_SELECT} WHERE id = ?", (letter,)).fetchone()
    return None if row is None else DeadLetter(*row)


def count(connection: sqlite3.Connection, query: LetterQuery) -> int:
    """How many match."""
    where, values = _where(query, None)
    found = connection.execute(f"SELECT count(*) FROM dead_letter WHERE {where}", values)  # noqa: S608 - terms of ours
    return int(found.fetchone()[0])


def sources(connection: sqlite3.Connection, limit: int) -> list[SourceCount]:
    """Who sends what is refused, the worst first."""
    rows = connection.execute(
        "SELECT source, count(*), sum(unkept) FROM dead_letter GROUP BY source"
        " ORDER BY count(*) + sum(unkept) DESC, source LIMIT ?",
        (limit,),
    )
    return [SourceCount(*row) for row in rows]


def want(connection: sqlite3.Connection, ids: Iterable[int], who: str) -> int:
    """Ask for letters to be taken again; how many of them there are."""
    return connection.executemany(
        "UPDATE dead_letter SET wanted_by = ? WHERE id = ?", [(who, number) for number in ids]
    ).rowcount


def wanted(connection: sqlite3.Connection, limit: int) -> list[DeadLetter]:
    """Letters that somebody wants taken again, oldest first."""
    rows = connection.execute(f"{_SELECT} WHERE wanted_by IS NOT NULL ORDER BY id LIMIT ?", (limit,))
    return [DeadLetter(*row) for row in rows]


def taken(connection: sqlite3.Connection, letters: Iterable[DeadLetter], now_ms: int) -> None:
    """These were taken: they are dead letters no more."""
    for letter in letters:
        connection.execute("DELETE FROM dead_letter WHERE id = ?", (letter.id,))
        _enter(connection, JournalEntry(now_ms, letter.wanted_by or "", "replay", letter.id, letter.topic, "stored"))


def refused_again(connection: sqlite3.Connection, letter: DeadLetter, kind: str, reason: str, now_ms: int) -> None:
    """It was refused again, for this reason."""
    connection.execute(
        "UPDATE dead_letter SET kind = ?, reason = ?, tries = tries + 1, tried_ms = ?, wanted_by = NULL WHERE id = ?",
        (kind, reason[:1024], now_ms, letter.id),
    )
    outcome = f"refused: {reason}"[:1024]
    _enter(connection, JournalEntry(now_ms, letter.wanted_by or "", "replay", letter.id, letter.topic, outcome))


def remove(connection: sqlite3.Connection, ids: Iterable[int], who: str, now_ms: int) -> int:
    """Delete letters for good; how many there were."""
    gone = 0
    for number in ids:
        row = connection.execute("DELETE FROM dead_letter WHERE id = ? RETURNING topic", (number,)).fetchone()
        if row is not None:
            _enter(connection, JournalEntry(now_ms, who, "delete", number, row[0], "deleted"))
            gone += 1
    return gone


def journal(connection: sqlite3.Connection, limit: int) -> list[JournalEntry]:
    """What was done to letters, newest first."""
    rows = connection.execute(
        "SELECT at_ms, who, action, letter, topic, outcome FROM dead_letter_journal ORDER BY id DESC LIMIT ?", (limit,)
    )
    return [JournalEntry(*row) for row in rows]


def _enter(connection: sqlite3.Connection, entry: JournalEntry) -> None:
    connection.execute(
        "INSERT INTO dead_letter_journal (at_ms, who, action, letter, topic, outcome) VALUES (?, ?, ?, ?, ?, ?)", entry
    )


def _where(query: LetterQuery, before_id: int | None) -> tuple[str, list[int | str]]:
    """A condition with its values."""
    terms: list[str] = ["1"]
    values: list[int | str] = []

    def add(term: str, *given: int | str) -> None:
        terms.append(term)
        values.extend(given)

    if before_id is not None:
        add("id < ?", before_id)
    if query.within is not None:
        add("(source = ? OR substr(source, 1, ?) = ?)", query.within, len(query.within) + 1, query.within + "/")
    if query.kind is not None:
        add("kind = ?", query.kind)
    if query.topic is not None:
        add("instr(topic, ?) > 0", query.topic)
    if query.since_ms is not None:
        add("received_ms >= ?", query.since_ms)
    if query.until_ms is not None:
        add("received_ms < ?", query.until_ms)
    return " AND ".join(terms), values
