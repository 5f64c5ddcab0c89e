"""The table of refused messages: bounded, fair, searchable, and taken over from an earlier version."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.store import dead_letters as table
from ingest.store.dead_letters import LetterQuery, SourceCount
from ingest.store.letter_book import LetterBook, RefusedAgain
from ingest.store.port import Refusal
from ingest.store.schema import connect_writer
from ingest.store.sqlite import SqliteStore
from shedwatch.clock import ManualClock
from tests.ingest.ingest_samples import NOW_MS, TELEMETRY

C1 = "cuiping-beili/shed-1/c1"
C2 = "cuiping-beili/shed-2/c2"


def refusal(source: str = C1, at_ms: int = NOW_MS, size: int = 10, kind: str = "value", unkept: int = 0) -> Refusal:
    return Refusal(at_ms, f"sheds/{source}", "because", b"x" * size, kind=kind, source=source, unkept=unkept)


def memory() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute(
        "CREATE TABLE dead_letter (id INTEGER PRIMARY KEY AUTOINCREMENT, received_ms INTEGER NOT NULL,"
        " topic TEXT NOT NULL, reason TEXT NOT NULL, payload BLOB NOT NULL, size INTEGER NOT NULL)"
    )
    table.prepare(connection)
    return connection


@pytest.fixture
async def letters(tmp_path: Path) -> AsyncIterator[LetterBook]:
    store = await SqliteStore.open(tmp_path / "t.db", ManualClock(NOW_MS))
    kinds = ("value", "value", "device", "payload")
    await store.append(
        [], [refusal(C1 if n < 3 else C2, NOW_MS + n, kind=kind, unkept=n) for n, kind in enumerate(kinds)]
    )
    yield store.letters
    await store.close()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (LetterQuery(), [4, 3, 2, 1]),
        (LetterQuery(within="cuiping-beili"), [4, 3, 2, 1]),
        (LetterQuery(within="cuiping-beili/shed-1"), [3, 2, 1]),
        (LetterQuery(within=C2), [4]),
        (LetterQuery(within="cuiping-beili/shed"), []),
        (LetterQuery(kind="value"), [2, 1]),
        (LetterQuery(topic="/c2"), [4]),
        (LetterQuery(since_ms=NOW_MS + 1, until_ms=NOW_MS + 3), [3, 2]),
        (LetterQuery(within=C1, kind="device"), [3]),
    ],
)
async def test_letters_are_found_by_what_is_known_of_them(
    letters: LetterBook, query: LetterQuery, found: list[int]
) -> None:
    """Newest first; a part of an id is no id."""
    assert [letter.id for letter in await letters.find(query, 10)] == found
    assert await letters.count(query) == len(found)
    assert await letters.ids(query) == sorted(found)


async def test_those_who_send_most_nonsense_are_named(letters: LetterBook) -> None:
    """With what was only counted."""
    assert await letters.sources() == [SourceCount(C1, 3, 3), SourceCount(C2, 1, 3)]


async def test_what_is_done_to_a_letter_is_written_down(letters: LetterBook) -> None:
    """Who, what, and what came of it."""
    assert await letters.want([1, 2, 99], "li") == 2
    wanted = await letters.wanted(10)
    await letters.settle([wanted[0]], [RefusedAgain(wanted[1], "port", "port 13: there are 12")])
    assert await letters.remove([3, 99], "wang") == 1
    second = await letters.get(2)

    assert [letter.id for letter in wanted] == [1, 2]
    assert await letters.get(1) is None
    assert await letters.get(3) is None
    assert second is not None
    assert (second.reason, second.kind, second.tries) == ("port 13: there are 12", "port", 1)
    assert (second.tried_ms, second.wanted_by) == (NOW_MS, None)
    assert [(entry.who, entry.action, entry.letter, entry.outcome) for entry in await letters.journal(10)] == [
        ("wang", "delete", 3, "deleted"),
        ("li", "replay", 2, "refused: port 13: there are 12"),
        ("li", "replay", 1, "stored"),
    ]


def test_a_file_of_the_version_before_is_taken_over(tmp_path: Path) -> None:
    """Its letters stay; what was not known of them then is empty."""
    path = tmp_path / "old.db"
    connect_writer(path).close()
    old = sqlite3.connect(path)
    old.executescript(
        "DROP TABLE dead_letter_journal; DROP TABLE dead_letter;"
        "CREATE TABLE dead_letter (id INTEGER PRIMARY KEY AUTOINCREMENT, received_ms INTEGER NOT NULL,"
        " topic TEXT NOT NULL, reason TEXT NOT NULL, payload BLOB NOT NULL, size INTEGER NOT NULL);"
    )
    old.execute(f"INSERT INTO dead_letter VALUES (7, {NOW_MS}, '{TELEMETRY}', 'because', x'6161', 2)")
    old.commit()
    old.close()
    connection = connect_writer(path)
    letter = table.get(connection, 7)
    kept = connection.execute("SELECT kept FROM dead_letter").fetchone()[0]
    connection.close()

    assert letter is not None
    assert (letter.payload, letter.whole, letter.kind, letter.source, letter.unkept) == (b"aa", True, "", "", 0)
    assert kept == 2


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 50)), max_size=60),
    st.integers(0, 30),
    st.integers(0, 500),
)
def test_whoever_has_most_makes_room(sent: list[tuple[str, int]], most: int, most_bytes: int) -> None:
    """Whatever came: within both limits, each keeps its newest, and nobody lost any while another held more than it had."""
    connection = memory()
    for source, size in sent:
        table.bury(connection, [refusal(source, size=size)])
    had = {source: [size for name, size in sent if name == source] for source in "abcd"}
    table.trim(connection, most, most_bytes)
    left = {
        source: [
            row[0] for row in connection.execute("SELECT kept FROM dead_letter WHERE source = ? ORDER BY id", source)
        ]
        for source in "abcd"
    }

    assert sum(map(len, left.values())) <= most
    assert sum(map(sum, left.values())) <= most_bytes
    for source in "abcd":
        assert left[source] == had[source][len(had[source]) - len(left[source]) :]
    if sum(map(sum, had.values())) <= most_bytes:
        largest = max(map(len, left.values()))
        assert all(len(had[source]) >= largest - 1 or left[source] == had[source] for source in "abcd")
    connection.close()


def test_a_babbler_pushes_out_its_own_letters_only() -> None:
    """The one letter of a quiet device outlives ten thousand of a loud one."""
    connection = memory()
    table.bury(connection, [refusal(C2)])
    for _ in range(20):
        table.bury(connection, [refusal(C1) for _ in range(1000)])

    assert table.count(connection, LetterQuery()) == table.MAX_LETTERS
    assert table.count(connection, LetterQuery(within=C2)) == 1
    connection.close()
