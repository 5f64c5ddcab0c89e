"""A password file as Mosquitto reads it: `name:$7$ITERATIONS$SALT$HASH`, PBKDF2 with SHA-512.

Passwords are made here and have 144 bits of chance, so that neither more rounds nor secrecy of the file are needed
to keep them; the few rounds keep a broker alive to whom a thousand devices come back at once.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterable, Mapping

ITERATIONS = 101
# What mosquitto_passwd uses, and all that Mosquitto 2.0 accepts.
_SALT_BYTES = 12
_HASH_BYTES = 64
_PASSWORD_BYTES = 18


def new_password() -> str:
    """A password of 24 letters, digits, `-` and `_`."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def hashed(password: str, salt: bytes | None = None) -> str:
    """A password as it stands in the file."""
    salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS, _HASH_BYTES)
    return f"$7${ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def parse(text: str) -> dict[str, str]:
    """Name to hash of a password file; lines that are none are dropped."""
    found = {}
    for line in text.splitlines():
        name, colon, secret = line.strip().partition(":")
        if colon and secret.startswith("$") and not name.startswith("#"):
            found[name] = secret
    return found


def update(
    known: Mapping[str, str], users: Iterable[str], renew: Iterable[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """The file's content for these users, and the passwords that are new: of users not known before or to be renewed.

    Who is no user any more is dropped.
    """
    renewed, content, fresh = set(renew), {}, {}
    for user in users:
        if user in known and user not in renewed:
            content[user] = known[user]
        else:
            fresh[user] = new_password()
            content[user] = hashed(fresh[user])
    return content, fresh


def file_text(content: Mapping[str, str]) -> str:
    """The file."""
    return "".join(f"{user}:{secret}\n" for user, secret in content.items())
