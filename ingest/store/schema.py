"""The embedded store's file: its tables, its version, and how a connection to it is opened.

Errors:
    StoreError
    └── SchemaError: the file is no Shedwatch store, or one of another version; waiting will not help
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.store import dead_letters, spool
from ingest.store.port import StoreError
from ingest.store.rows import COLUMNS

SCHEMA_VERSION = 1
APPLICATION_ID = 0x53484544  # "SHED", so that another program's database is never taken for ours
BUSY_TIMEOUT_S = 5.0
# Every series has a page of its own that its next row goes to: room for those of some thousand.
CACHE_KIB = 16 << 10
# 16 MiB. A page that is written again and again until then is copied into the file once.
CHECKPOINT_PAGES = 4000

_TABLES = f"""
CREATE TABLE series (
    id INTEGER PRIMARY KEY, site TEXT NOT NULL, shed TEXT NOT NULL, device TEXT NOT NULL, kind TEXT NOT NULL,
    port INTEGER NOT NULL, UNIQUE (site, shed, device, port));
CREATE TABLE raw (
    series INTEGER NOT NULL, ts INTEGER NOT NULL, received_ms INTEGER NOT NULL, digest INTEGER NOT NULL,
    device_ms INTEGER, {", ".join(COLUMNS)}, PRIMARY KEY (series, ts)) WITHOUT ROWID;
CREATE TABLE latest (series INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE event (
    series INTEGER NOT NULL, ts INTEGER NOT NULL, kind TEXT NOT NULL, word TEXT NOT NULL, digest INTEGER NOT NULL,
    received_ms INTEGER NOT NULL, PRIMARY KEY (series, ts, kind, word, digest)) WITHOUT ROWID;
CREATE INDEX event_by_time ON event (ts);
CREATE TABLE dirty (series INTEGER NOT NULL, minute INTEGER NOT NULL, PRIMARY KEY (series, minute)) WITHOUT ROWID;
CREATE TABLE rollup (
    series INTEGER NOT NULL, field TEXT NOT NULL, minute INTEGER NOT NULL, n INTEGER NOT NULL, low REAL NOT NULL,
    high REAL NOT NULL, total REAL NOT NULL, last REAL NOT NULL, PRIMARY KEY (series, field, minute)) WITHOUT ROWID;
CREATE TABLE dead_letter (
    id INTEGER PRIMARY KEY AUTOINCREMENT, received_ms INTEGER NOT NULL, topic TEXT NOT NULL, reason TEXT NOT NULL,
    payload BLOB NOT NULL, size INTEGER NOT NULL);
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""


class SchemaError(StoreError):
    """The file is no Shedwatch store, or one of another version."""


def connect_writer(path: Path) -> sqlite3.Connection:
    """Open the file for writing, creating or extending its tables. Every commit reaches the disk before it returns.

    Raises:
        SchemaError: not a store of this version.
        sqlite3.Error: it cannot be opened now.
    """
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        if _is_new(connection, path):
            connection.execute("PRAGMA journal_mode = WAL")
            _create(connection)
        connection.execute("PRAGMA synchronous = FULL")
        # What a step of a transaction may have to undo fits into memory many times over.
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA journal_size_limit = {64 << 20}")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        _add_new_columns(connection)
        connection.execute(spool.TABLE)
        if not dead_letters.is_prepared(connection):
            with transaction(connection):
                dead_letters.prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open the file for reading only; readers never wait for the writer (WAL). Raises like `connect_writer`."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        new = _is_new(connection, path)
    except BaseException:
        connection.close()
        raise
    if new:
        connection.close()
        raise SchemaError(f"{path} holds no store yet")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing; durable when it returns."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite itself has already rolled back after some errors, a full disk among them.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _is_new(connection: sqlite3.Connection, path: Path) -> bool:
    try:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        application = int(connection.execute("PRAGMA application_id").fetchone()[0])
        tables = int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    except sqlite3.DatabaseError as error:
        if "not a database" in str(error):
            raise SchemaError(f"{path} is not an SQLite file") from error
        raise
    if not tables:
        return True
    if application != APPLICATION_ID:
        raise SchemaError(f"{path} belongs to another program; choose another file for the embedded store")
    if version != SCHEMA_VERSION:
        newer = "a newer" if version > SCHEMA_VERSION else "an older"
        raise SchemaError(
            f"{path} was written by {newer} version of the store (schema {version}, this one knows {SCHEMA_VERSION})"
        )
    return False


def _create(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        for statement in _TABLES.split(";"):
            if statement.strip():
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _add_new_columns(connection: sqlite3.Connection) -> None:
    """The registry of fields only grows; a file from before gets the columns it lacks."""
    known = {row[1] for row in connection.execute("PRAGMA table_info(raw)")}
    for name in COLUMNS:
        if name not in known:
            connection.execute(f"ALTER TABLE raw ADD COLUMN {name}")
