"""Who may come in: API tokens and browser sessions in a small SQLite file of their own.

Only SHA-256 digests are kept: the texts have 256 bits of entropy, so a slow hash would add nothing, and looking a digest
up tells nothing about the text by its timing. Several processes may use the file at once; a revocation by any of them is
seen by all with the next question. While the file cannot be read, those who were let in before stay in.

Errors:
    TokenBookError(Exception): the file cannot be read or written now.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from shedwatch.clock import Clock, SystemClock

CACHE_S = 2.0
"""How long an answer is believed while nobody has written to the file; a session that is over goes on for so long."""
SESSION_S = 14 * 86_400
"""A session outlives several shifts, so that a wall screen is not logged out in the middle of one."""
_CACHE_ENTRIES = 2_048
_BUSY_S = 5.0
_READER_BUSY_S = 0.2
"""Who reads does so on the event loop and must not hold it up; in WAL mode readers wait for nobody in ordinary times."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS token (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, role TEXT NOT NULL, digest BLOB NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL, revoked_ms INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS session (
    digest BLOB PRIMARY KEY, token_id INTEGER NOT NULL REFERENCES token (id), expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""
_WHO_HAS_IT = "SELECT name, role, NULL FROM token WHERE digest = ? AND revoked_ms IS NULL"
_WHO_IS_LOGGED_IN = (
    "SELECT name, role, expires_ms FROM session JOIN token ON token.id = session.token_id "
    "WHERE session.digest = ? AND revoked_ms IS NULL"
)


class TokenBookError(Exception):
    """The file cannot be read or written now."""


class Role(StrEnum):
    """What someone may do; each role may all that those before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def allows(self, needed: Role) -> bool:
        """Whether this role is enough where `needed` is asked for."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)


@dataclass(frozen=True, slots=True)
class Principal:
    """Someone who proved who they are."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class TokenEntry:
    """A token as it is listed; its text is known only to whom it was given."""

    id: int
    name: str
    role: Role
    created_ms: int
    revoked_ms: int | None


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


class TokenBook:
    """Tokens and sessions in the file at `path`, which is made where it is missing, readable by its owner only.

    Reading is a look-up in memory or in one small index and is done on the caller's thread; what writes commits to
    disk, so call it from a worker thread where waiting matters. Expiry and caching follow `clock`, which is the
    machine's own unless a test says otherwise: a simulated hour must not log people out.

    Raises:
        TokenBookError: from every method, and on construction.
    """

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self._path = path
        self._clock = clock or SystemClock()
        self._cache: dict[tuple[str, bytes], tuple[Principal | None, float, int]] = {}
        self._lock = threading.Lock()
        with _told(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            with closing(_connect(path, _BUSY_S)) as connection:
                connection.executescript(_SCHEMA)
            self._reader = _connect(path, _READER_BUSY_S)

    def create(self, name: str, role: Role) -> str:
        """Make a token; its text is returned this once.

        Raises:
            ValueError: no name, or one of more than 80 characters.
        """
        name = name.strip()
        if not 1 <= len(name) <= 80 or not name.isprintable():
            raise ValueError(
                "a token needs a name of 1 to 80 printable characters: it stands in the log of what was done"
            )
        text = f"sw_{secrets.token_urlsafe(32)}"
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO token (name, role, digest, created_ms) VALUES (?, ?, ?, ?)",
                (name, Role(role).value, _digest(text), self._clock.now_ms()),
            )
        return text

    def verify(self, token: str) -> Principal | None:
        """Whom a token belongs to, or None where it is unknown or revoked."""
        return self._find(_WHO_HAS_IT, token)

    def revoke(self, token_id: int) -> bool:
        """End a token and its sessions; False where no valid token has this id."""
        with self._writing() as connection:
            connection.execute("DELETE FROM session WHERE token_id = ?", (token_id,))
            changed = connection.execute(
                "UPDATE token SET revoked_ms = ? WHERE id = ? AND revoked_ms IS NULL", (self._clock.now_ms(), token_id)
            ).rowcount
        return changed > 0

    def list(self) -> Sequence[TokenEntry]:
        """All tokens, revoked ones too, oldest first."""
        rows = self._read("SELECT id, name, role, created_ms, revoked_ms FROM token ORDER BY id", ())
        return [TokenEntry(id_, name, Role(role), created, revoked) for id_, name, role, created, revoked in rows]

    def open_session(self, token: str) -> str | None:
        """Begin a browser session for whom `token` belongs to; None where the token is not valid."""
        text = f"ss_{secrets.token_urlsafe(32)}"
        now_ms = self._clock.now_ms()
        with self._writing() as connection:
            connection.execute("DELETE FROM session WHERE expires_ms <= ?", (now_ms,))
            opened = connection.execute(
                "INSERT INTO session (digest, token_id, expires_ms) "
                "SELECT ?, id, ? FROM token WHERE digest = ? AND revoked_ms IS NULL",
                (_digest(text), now_ms + SESSION_S * 1000, _digest(token)),
            ).rowcount
        return text if opened else None

    def session(self, text: str) -> Principal | None:
        """Whom a session belongs to, or None where it is unknown, over, or its token was revoked."""
        return self._find(_WHO_IS_LOGGED_IN, text)

    def close_session(self, text: str) -> None:
        """End a session; one that is not open stays so."""
        with self._writing() as connection:
            connection.execute("DELETE FROM session WHERE digest = ?", (_digest(text),))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._reader.close()

    def _find(self, query: str, text: str) -> Principal | None:
        key = (query, _digest(text))
        now_s = self._clock.monotonic()
        found = self._cache.get(key)
        try:
            version = self._version()
            if found is not None and now_s - found[1] < CACHE_S and version == found[2]:
                return found[0]
            principal = self._look_up(query, key[1])
        except TokenBookError:
            # Screens that are logged in must go on showing alarms while the disk is in trouble.
            if found is None or found[0] is None:
                raise
            return found[0]
        if len(self._cache) >= _CACHE_ENTRIES:
            self._cache.clear()
        self._cache[key] = (principal, now_s, version)
        return principal

    def _version(self) -> int:
        """A number that is another one after every commit of anybody else, told from shared memory and not from the disk."""
        return int(self._read("PRAGMA data_version", ())[0][0])

    def _look_up(self, query: str, digest: bytes) -> Principal | None:
        rows = self._read(query, (digest,))
        if not rows:
            return None
        name, role, expires_ms = rows[0]
        return Principal(name, Role(role)) if expires_ms is None or expires_ms > self._clock.now_ms() else None

    def _read(self, query: str, values: tuple[object, ...]) -> Sequence[Any]:
        with self._lock, _told(self._path):
            return self._reader.execute(query, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        # A connection of its own: a writer that waits for another process must not hold up those who only read.
        with _told(self._path), closing(_connect(self._path, _BUSY_S)) as connection, connection:
            yield connection


def _connect(path: Path, busy_s: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=busy_s, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    return connection


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise TokenBookError(f"{path}: {error}") from error
