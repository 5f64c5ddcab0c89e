"""One suite for the ledger on a real SQLite file and on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import msgspec
import pytest
from alarm_samples import NOW_MS, condition
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import JSON, TextClause, bindparam, text

from alerts.desk import AlertQuery, Order
from alerts.engine import AlarmEngine, alert_ids
from alerts.ledger import database
from alerts.ledger.database import Ledger, LedgerError, LedgerRefusalError, NoticeRow, read_cursor
from alerts.ledger.schema import METADATA
from alerts.model import Alert, AlertChange, AlertKind, Severity
from tests.servers import PostgreSQL


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'deep' / 'alerts.db'}"
    return str(request.getfixturevalue("postgresql").new_database())


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[Ledger]:
    opened = Ledger(url)
    await opened.open()
    yield opened
    await opened.close()


def raised(count: int, **more: object) -> list[AlertChange]:
    """Alerts of ports 1, 2, …, a second apart."""
    machine = AlarmEngine(alert_ids(Random(1)), first_seq=1)
    said = [condition(port=port, **more) for port in range(1, count + 1)]  # type: ignore[arg-type]
    changes = [machine.apply(one, NOW_MS + 1000 * number) for number, one in enumerate(said)]
    return [change for change in changes if change is not None]


async def test_an_alert_comes_back_as_it_went_in(ledger: Ledger) -> None:
    """Every field, pictures and both languages included."""
    (change,) = raised(1, value=72.5, threshold=65.0, unit="°C", evidence=("a.jpg", "b.jpg"))
    await ledger.append([change])
    assert await ledger.find(change.alert.id) == change.alert
    assert await ledger.open_alerts() == [change.alert]
    assert await ledger.log(change.alert.id) == [change.transition]
    assert await ledger.find("none") is None


async def test_what_is_appended_twice_is_there_once(ledger: Ledger) -> None:
    """A write whose answer was lost may be repeated."""
    changes = raised(3)
    await ledger.append(changes)
    await ledger.append(changes)
    assert len(await ledger.open_alerts()) == 3
    assert [change.transition.seq for change in await ledger.changes_after(0, 100)] == [1, 2, 3]


async def test_a_list_is_read_page_by_page_newest_first(ledger: Ledger) -> None:
    """Without a gap and without a repetition, also where alerts are of the same millisecond."""
    machine = AlarmEngine(alert_ids(Random(1)), first_seq=1)
    changes = [machine.apply(condition(port=port), NOW_MS + port // 3) for port in range(1, 11)]
    await ledger.append([change for change in changes if change is not None])
    seen: list[Alert] = []
    cursor = None
    for _ in range(4):
        page, cursor = await ledger.query(AlertQuery(state="all", limit=3, cursor=cursor))
        seen += page
    assert cursor is None
    assert len({alert.id for alert in seen}) == 10
    assert [(a.raised_ts, a.id) for a in seen] == sorted(((a.raised_ts, a.id) for a in seen), reverse=True)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (AlertQuery(), {1, 2}),
        (AlertQuery(state="closed"), {3}),
        (AlertQuery(state="all"), {1, 2, 3}),
        (AlertQuery(kind="leakage"), {2}),
        (AlertQuery(severity="critical"), {2}),
        (AlertQuery(site="cuiping", shed="shed-1"), {1, 2}),
        (AlertQuery(shed="shed-2"), set()),
        (AlertQuery(state="all", since_ms=NOW_MS + 1), {2, 3}),
        (AlertQuery(state="all", since_ms=2**80), set()),
    ],
)
async def test_a_list_is_filtered(ledger: Ledger, query: AlertQuery, expected: set[int]) -> None:
    """By every filter of the API."""
    machine = AlarmEngine(alert_ids(Random(1)), first_seq=1)
    changes = [
        machine.apply(condition(port=1), NOW_MS),
        machine.apply(condition(port=2, kind=AlertKind.LEAKAGE, severity=Severity.CRITICAL), NOW_MS + 1),
        third := machine.apply(condition(port=3), NOW_MS + 2),
    ]
    assert third is not None
    changes += [machine.acknowledge(third.alert.id, "wang", "", NOW_MS + 3)]
    changes += [machine.apply(condition(False, port=3), NOW_MS + 4)]
    await ledger.append([change for change in changes if change is not None])
    found, _ = await ledger.query(query)
    assert {alert.port for alert in found} == expected


@pytest.mark.parametrize("cursor", ["", "x", "ä", "MTIz", "bm9uZTp4", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5Ong"])
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    """It is the caller's mistake, not an empty page."""
    with pytest.raises(ValueError, match="no cursor"):
        read_cursor(cursor)


async def test_changes_are_resumed_from_a_number_newest_kept(ledger: Ledger) -> None:
    """A returning reader gets what it missed, at most so many."""
    await ledger.append(raised(5))
    assert [change.transition.seq for change in await ledger.changes_after(2, 100)] == [3, 4, 5]
    assert [change.transition.seq for change in await ledger.changes_after(0, 2)] == [4, 5]
    assert await ledger.last_seq() == 5


async def test_notices_and_marks_stay_over_a_restart(url: str) -> None:
    """What is still to be sent is sent by the next life."""
    row = NoticeRow("hook-1", "hook", "a", 1, "trigger", {"id": "a"}, "pending", 0, NOW_MS)
    first = Ledger(url)
    await first.open()
    await first.append([], [row], {"notifier": 7})
    await first.close()
    second = Ledger(url)
    await second.open()
    assert (await second.pending_notices(), await second.mark("notifier")) == ([row], 7)
    assert await second.mark("other") is None
    await second.append([], [NoticeRow("hook-1", "hook", "a", 1, "trigger", {}, "sent", 1, NOW_MS, NOW_MS)])
    assert await second.pending_notices() == []
    assert [notice.state for notice in await second.notices("a")] == ["sent"]
    await second.close()


async def test_a_write_is_all_or_nothing(ledger: Ledger) -> None:
    """A notice the table refuses takes the rest of its transaction with it."""
    row = NoticeRow("hook-1", "hook", "a", 1, "trigger", {}, None, 0, NOW_MS)  # type: ignore[arg-type]
    with pytest.raises(LedgerRefusalError):
        await ledger.append(raised(2), [row])
    assert await ledger.open_alerts() == []


async def test_a_ledger_that_cannot_be_reached_says_so(tmp_path: Path) -> None:
    """As its own error, whichever way it fails, and opens once the cause is gone."""
    (tmp_path / "file").write_text("in the way")
    blocked = Ledger(f"sqlite:///{tmp_path / 'file' / 'alerts.db'}")
    with pytest.raises(LedgerError):
        await blocked.open()
    with pytest.raises(LedgerError):
        await blocked.last_seq()
    (tmp_path / "file").unlink()
    await blocked.open()
    assert await blocked.last_seq() == 0
    await blocked.close()


async def test_several_processes_may_start_at_once(url: str) -> None:
    """The first makes the tables, the others find them."""
    ledgers = [Ledger(url) for _ in range(4)]
    await asyncio.gather(*(ledger.open() for ledger in ledgers))
    await ledgers[0].append(raised(1))
    assert [await ledger.last_seq() for ledger in ledgers] == [1] * 4
    for ledger in ledgers:
        await ledger.close()


@pytest.mark.slow
async def test_a_database_that_does_not_answer_is_taken_for_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asked is told, and it works again when the cause is gone."""
    ledger = Ledger(f"sqlite:///{tmp_path / 'alerts.db'}")
    await ledger.open()
    monkeypatch.setattr("alerts.ledger.database.ANSWER_S", 0.1)
    hoarder = sqlite3.connect(tmp_path / "alerts.db", isolation_level=None)
    hoarder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LedgerError, match=r"no answer within 0\.1 s"):
        await ledger.append(raised(1))
    hoarder.execute("ROLLBACK")
    hoarder.close()
    monkeypatch.undo()
    await ledger.append(raised(1))
    assert len(await ledger.open_alerts()) == 1
    await ledger.close()


async def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    """It is not overwritten."""
    (tmp_path / "alerts.db").write_bytes(b"not a database" * 100)
    ledger = Ledger(f"sqlite:///{tmp_path / 'alerts.db'}")
    with pytest.raises(LedgerError, match="not a database"):
        await ledger.open()
    await ledger.close()
    assert (tmp_path / "alerts.db").read_bytes().startswith(b"not a database")


@pytest.mark.parametrize("url", ["mysql://host/alerts", "no url", "sqlite+nothing:///x"])
def test_a_url_that_cannot_work_is_refused_at_once(url: str) -> None:
    """Before the service starts."""
    with pytest.raises(ValueError, match="alert database"):
        Ledger(url)


async def test_opening_leaves_logging_alone_and_sets_sqlite_up_to_survive(tmp_path: Path) -> None:
    """Alembic's habit of configuring the root logger is not ours."""
    handlers, level = list(logging.getLogger().handlers), logging.getLogger().level
    ledger = Ledger(f"sqlite:///{tmp_path / 'alerts.db'}")
    await ledger.open()
    await ledger.close()
    assert (logging.getLogger().handlers, logging.getLogger().level) == (handlers, level)
    raw = sqlite3.connect(tmp_path / "alerts.db")
    assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    raw.close()


async def _at_version(url: str, version: str) -> None:
    """A database as an earlier release left it."""
    ledger = Ledger(url)
    engine = database._make_engine(ledger._url)
    async with engine.begin() as connection:
        await connection.run_sync(database._migrate, version)
    await engine.dispose()


def _old_row(table: str, **values: object) -> TextClause:
    names = ", ".join(values)
    typed = [
        bindparam(name, value, JSON() if isinstance(value, list | dict | tuple) else None)
        for name, value in values.items()
    ]
    return text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in values)})").bindparams(*typed)


async def test_a_database_of_the_first_version_is_brought_forward_with_all_that_is_in_it(url: str) -> None:
    """Whoever has run the first release loses nothing by the next: open alerts, their log, notices, marks."""
    await _at_version(url, "0001")
    (change,) = raised(1, value=72.5, threshold=65.0, unit="°C", evidence=("a.jpg",))
    old, line = msgspec.to_builtins(change.alert), msgspec.to_builtins(change.transition)
    for name in ("aside", "service_request", "false_alarm", "test", "acknowledgements", "acknowledgements_needed"):
        del old[name]
    engine = database._make_engine(Ledger(url)._url)
    async with engine.begin() as connection:
        await connection.execute(_old_row("alerts", **old))
        await connection.execute(_old_row("transitions", **line))
        await connection.execute(_old_row("marks", name="notifier", seq=7))
    await engine.dispose()

    ledger = Ledger(url)
    await ledger.open()

    assert await ledger.open_alerts() == [change.alert]
    assert await ledger.log(change.alert.id) == [change.transition]
    assert await ledger.mark("notifier") == 7
    shelved = AlarmEngine(alert_ids(Random(1)), first_seq=100)
    shelved.restore(change.alert, ["over_temperature"], NOW_MS)
    put = shelved.order(Order("shelve", change.alert.id, "wang", "steam", 5), NOW_MS)
    await ledger.append([put])
    assert await ledger.find(change.alert.id) == put.alert
    await ledger.close()


async def test_the_migrations_make_the_tables_the_code_uses(url: str) -> None:
    """No drift between the two, on either database."""
    ledger = Ledger(url)
    await ledger.open()
    await ledger.open()
    async with ledger._begin() as connection:
        found = await connection.run_sync(lambda it: compare_metadata(MigrationContext.configure(it), METADATA))
    await ledger.close()
    assert found == []


async def test_all_that_says_why_an_alert_is_put_aside_comes_back(ledger: Ledger) -> None:
    """Who, why, until when, who asked for an outage, and what was judged a false alarm."""
    machine = AlarmEngine(alert_ids(Random(1)), first_seq=1)
    changes = [machine.apply(condition(port=port), NOW_MS) for port in (1, 2, 3)]
    ids = [change.alert.id for change in changes if change is not None]
    changes += [
        machine.order(Order("shelve", ids[0], "wang", "steam", 5), NOW_MS),
        machine.order(Order("out_of_service", ids[1], "wang", "on order", 600), NOW_MS),
        machine.order(Order("false_alarm", ids[2], "wang", cause="steam"), NOW_MS),
    ]
    await ledger.append([change for change in changes if change is not None])
    assert sorted(await ledger.open_alerts(), key=lambda alert: alert.id) == sorted(
        machine.open_alerts(), key=lambda alert: alert.id
    )


@pytest.mark.servers
async def test_what_was_written_is_there_after_the_database_itself_was_cut_off(postgresql: PostgreSQL) -> None:
    """The ledger says that it is gone, and goes on with a new connection when it is back."""
    ledger = Ledger(postgresql.new_database())
    await ledger.open()
    changes = raised(2)
    await ledger.append(changes[:1])
    postgresql.stop()
    try:
        with pytest.raises(LedgerError):
            await ledger.append(changes[1:])
    finally:
        postgresql.start()
    await ledger.append(changes[1:])
    assert {alert.id for alert in await ledger.open_alerts()} == {change.alert.id for change in changes}
    await ledger.close()
