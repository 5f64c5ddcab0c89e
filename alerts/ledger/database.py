"""The ledger's database: alerts, transitions and notices in SQLite or PostgreSQL, one query code for both.

Errors:
    LedgerError(Exception): the database cannot do it now; nothing of the call was kept
    └── LedgerRefusalError: it never will: the values themselves are refused
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar
from weakref import WeakSet

import msgspec
from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    RowMapping,
    Select,
    Table,
    and_,
    event,
    func,
    make_url,
    or_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from alerts.desk import AlertQuery
from alerts.ledger.schema import ALERTS, MARKS, NOTICES, TRANSITIONS
from alerts.model import Alert, AlertChange, Transition

MIGRATIONS = Path(__file__).with_name("migrations")
MAX_PAGE = 1000
OPEN_AGAIN_S = (0.05, 0.2, 0.5, 1.0)
"""Pauses before a file that others are making is opened again."""

ANSWER_S = 10.0
"""A database that takes longer is taken for gone; its answer may still come, and writes are made to be repeatable."""

CLOSE_S = 2.0

_MIGRATION_LOCK = 5_774_001
_LARGEST = 2**63 - 1
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}

T = TypeVar("T")


class LedgerError(Exception):
    """The database cannot do it now."""


class LedgerRefusalError(LedgerError):
    """The database refuses these values, now and later."""


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """A notice as it is kept: `state` is pending, sent or failed; `body` is the channel-independent content."""

    id: str
    channel: str
    alert_id: str
    seq: int
    event_action: str
    body: dict[str, Any]
    state: str
    attempts: int
    created_ms: int
    done_ms: int | None = None
    error: str | None = None


class Ledger:
    """Keeps what happened. Safe to use from any task of one event loop; `open` before use, `close` after.

    Args:
        url: an SQLAlchemy URL; `sqlite:///PATH` and `postgresql://…` get their asynchronous drivers by themselves.

    Raises:
        ValueError: no such URL, a database other than those two, or its driver is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
            self._url = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
            self._url.get_dialect(_is_async=True).import_dbapi()
        except (SQLAlchemyError, ImportError) as error:
            raise ValueError(f"the alert database cannot be used: {error}") from error
        if self._url.get_backend_name() not in ("sqlite", "postgresql"):
            raise ValueError(f"the alert database is SQLite or PostgreSQL, not {self._url.get_backend_name()}")
        self._engine: AsyncEngine | None = None
        self._connections: WeakSet[Any] = WeakSet()

    async def open(self) -> None:
        """Connect and bring the tables to the newest version. Raises LedgerError; may be tried again."""
        if self._engine is None:
            try:
                self._engine = _make_engine(self._url, self._connections)
            except OSError as error:
                raise LedgerError(str(error)) from error
        for pause_s in OPEN_AGAIN_S:
            try:
                await self._migrate()
            except LedgerError as error:
                # Of processes that start together one switches a new file to WAL; for that SQLite lets nobody wait.
                if "locked" not in str(error):
                    raise
            else:
                return
            await asyncio.sleep(pause_s)
        await self._migrate()

    async def _migrate(self) -> None:
        async with self._begin() as connection:
            await connection.run_sync(_migrate)

    async def close(self) -> None:
        """Let go of all connections, those too whose user was cancelled in the middle."""
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None
            threads = [connection._thread for connection in self._connections]
            await asyncio.to_thread(_join, threads)

    async def append(
        self,
        changes: Sequence[AlertChange],
        notices: Sequence[NoticeRow] = (),
        marks: Mapping[str, int] | None = None,
    ) -> None:
        """Keep changes, notices and marks in one transaction; what is there already is brought up to date.

        Raises:
            LedgerError: nothing was kept.
        """
        newest = {change.alert.id: change.alert for change in changes}
        rows = [msgspec.to_builtins(alert) for alert in newest.values()]
        log = [msgspec.to_builtins(change.transition) for change in changes]
        async with self._begin() as connection:
            await _upsert(connection, ALERTS, rows)
            await _upsert(connection, TRANSITIONS, log)
            await _upsert(connection, NOTICES, [_notice_values(row) for row in notices])
            await _upsert(connection, MARKS, [{"name": name, "seq": seq} for name, seq in (marks or {}).items()])

    async def open_alerts(self) -> list[Alert]:
        """All that are not closed."""
        return await self._alerts(select(ALERTS).where(ALERTS.c.closed_ts.is_(None)).order_by(ALERTS.c.raised_ts))

    async def last_seq(self) -> int:
        """Number of the newest transition, 0 where there is none."""
        async with self._begin() as connection:
            return int(await connection.scalar(select(func.coalesce(func.max(TRANSITIONS.c.seq), 0))) or 0)

    async def mark(self, name: str) -> int | None:
        """A kept position in the transitions, or None."""
        async with self._begin() as connection:
            value: int | None = await connection.scalar(select(MARKS.c.seq).where(MARKS.c.name == name))
            return value

    async def find(self, alert_id: str) -> Alert | None:
        """One alert, open or closed, or None."""
        found = await self._alerts(select(ALERTS).where(ALERTS.c.id == alert_id))
        return found[0] if found else None

    async def log(self, alert_id: str) -> list[Transition]:
        """Its transitions, oldest first."""
        wanted = select(TRANSITIONS).where(TRANSITIONS.c.alert_id == alert_id).order_by(TRANSITIONS.c.seq)
        return [_convert(row, Transition) for row in await self._rows(wanted)]

    async def query(self, query: AlertQuery) -> tuple[list[Alert], str | None]:
        """Alerts that match, newest first, and the next page's cursor. Raises ValueError for a foreign cursor."""
        limit = min(max(query.limit, 1), MAX_PAGE)
        found = await self._alerts(_filtered(query).limit(limit + 1))
        more = len(found) > limit
        found = found[:limit]
        return found, write_cursor(found[-1]) if more else None

    async def changes_after(self, seq: int, limit: int) -> list[AlertChange]:
        """The newest `limit` transitions after `seq`, oldest first, each with its alert as it is now."""
        return await self._changes(TRANSITIONS.c.seq > seq, limit)

    async def changes_since(self, at_ms: int, limit: int) -> list[AlertChange]:
        """The newest `limit` transitions at or after a time, as `changes_after`."""
        return await self._changes(TRANSITIONS.c.at_ms >= at_ms, limit)

    async def _changes(self, which: ColumnElement[bool], limit: int) -> list[AlertChange]:
        rows = await self._rows(select(TRANSITIONS).where(which).order_by(TRANSITIONS.c.seq.desc()).limit(limit))
        transitions = [_convert(row, Transition) for row in reversed(rows)]
        ids = {transition.alert_id for transition in transitions}
        alerts = {alert.id: alert for alert in await self._alerts(select(ALERTS).where(ALERTS.c.id.in_(ids)))}
        return [AlertChange(alerts[transition.alert_id], transition) for transition in transitions]

    async def between(self, from_ms: int, to_ms: int) -> list[tuple[Alert, Transition]]:
        """The log, in order, of every alert that was open at some time from `from_ms` on and before `to_ms`."""
        was_open = and_(ALERTS.c.raised_ts < to_ms, or_(ALERTS.c.closed_ts.is_(None), ALERTS.c.closed_ts >= from_ms))
        alerts = {alert.id: alert for alert in await self._alerts(select(ALERTS).where(was_open))}
        joined = select(TRANSITIONS).join(ALERTS, ALERTS.c.id == TRANSITIONS.c.alert_id).where(was_open)
        rows = await self._rows(joined.order_by(TRANSITIONS.c.seq))
        log = [_convert(row, Transition) for row in rows]
        return [(alerts[entry.alert_id], entry) for entry in log if entry.alert_id in alerts]

    async def pending_notices(self) -> list[NoticeRow]:
        """Notices that are neither sent nor given up, oldest first."""
        rows = await self._rows(select(NOTICES).where(NOTICES.c.state == "pending").order_by(NOTICES.c.seq))
        return [NoticeRow(**row) for row in rows]

    async def notices(self, alert_id: str) -> list[NoticeRow]:
        """All notices about one alert, oldest first."""
        wanted = select(NOTICES).where(NOTICES.c.alert_id == alert_id).order_by(NOTICES.c.seq, NOTICES.c.channel)
        return [NoticeRow(**row) for row in await self._rows(wanted)]

    async def _rows(self, wanted: Select[Any]) -> Sequence[RowMapping]:
        async with self._begin() as connection:
            result = await connection.execute(wanted)
            return list(result.mappings())

    async def _alerts(self, wanted: Select[Any]) -> list[Alert]:
        return [_convert(row, Alert) for row in await self._rows(wanted)]

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[AsyncConnection]:
        if self._engine is None:
            raise LedgerError("not open")
        try:
            async with asyncio.timeout(ANSWER_S), self._engine.begin() as connection:
                yield connection
        except TimeoutError as error:
            raise LedgerError(f"no answer within {ANSWER_S:g} s") from error
        except (DataError, IntegrityError) as error:
            raise LedgerRefusalError(_reason(error)) from error
        except (SQLAlchemyError, CommandError, OSError) as error:
            raise LedgerError(_reason(error)) from error


def write_cursor(last: Alert) -> str:
    """The cursor of the page after this alert."""
    return base64.urlsafe_b64encode(f"{last.raised_ts}:{last.id}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[int, str]:
    """Time and id of the last alert of the page before. Raises ValueError."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        raised, separator, alert_id = text.partition(":")
        raised_ts = int(raised)
    except (binascii.Error, ValueError):
        raised_ts, separator, alert_id = 0, "", ""
    if not separator or not alert_id or abs(raised_ts) > _LARGEST:
        raise ValueError(f"no cursor of this list: {cursor[:80]!r}")
    return raised_ts, alert_id


def _filtered(query: AlertQuery) -> Select[Any]:
    wanted = select(ALERTS).order_by(ALERTS.c.raised_ts.desc(), ALERTS.c.id.desc())
    if query.state != "all":
        open_now = ALERTS.c.closed_ts.is_(None)
        wanted = wanted.where(open_now if query.state == "open" else ~open_now)
    for name in ("kind", "severity", "site", "shed"):
        if (value := getattr(query, name)) is not None:
            wanted = wanted.where(ALERTS.c[name] == value)
    if query.since_ms is not None:
        wanted = wanted.where(ALERTS.c.raised_ts >= min(max(query.since_ms, -_LARGEST), _LARGEST))
    if query.cursor is not None:
        raised, alert_id = read_cursor(query.cursor)
        older = ALERTS.c.raised_ts < raised
        wanted = wanted.where(or_(older, and_(ALERTS.c.raised_ts == raised, ALERTS.c.id < alert_id)))
    return wanted


def _make_engine(url: Any, connections: WeakSet[Any] | None = None) -> AsyncEngine:
    if url.drivername.startswith("sqlite") and url.database not in (None, "", ":memory:"):
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(url, pool_pre_ping=not url.drivername.startswith("sqlite"))
    if url.drivername.startswith("sqlite"):
        event.listen(engine.sync_engine, "connect", _set_up_sqlite)
        if connections is not None:
            event.listen(engine.sync_engine, "connect", lambda made, _record: connections.add(made.driver_connection))
    return engine


def _join(threads: Sequence[Thread]) -> None:
    # SQLite's connections live in threads; one that outlives its event loop could only complain to nobody.
    for thread in threads:
        thread.join(CLOSE_S)


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=2000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _migrate(connection: Connection, version: str = "head") -> None:
    # Several processes may start at once: the first migrates, the others wait and find it done.
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, version)


async def _upsert(connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    insert: Any = dialect.insert(table)
    keys = [column.name for column in table.primary_key]
    changed = {column.name: insert.excluded[column.name] for column in table.c if column.name not in keys}
    statement: Insert = insert.on_conflict_do_update(index_elements=keys, set_=changed)
    await connection.execute(statement, rows)


def _convert(row: RowMapping, kind: type[T]) -> T:
    # Keys are SQLAlchemy's own kind of string, which msgspec does not take for one.
    return msgspec.convert({str(name): value for name, value in row.items()}, kind)


def _notice_values(row: NoticeRow) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in NOTICES.c}


def _reason(error: BaseException) -> str:
    return str(error.orig) if isinstance(error, DBAPIError) and error.orig else str(error)
