"""Name and password of a camera: taken out of its address, and a refusal of them told from every other failure.

Errors:
    LoginRefusedError(Exception): the camera refuses them. Trying again soon would make many cameras lock the account
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit


class LoginRefusedError(Exception):
    """The camera refuses name and password."""


class Login(NamedTuple):
    """An address without a login, and the login, empty where there is none."""

    url: str
    name: str
    password: str


def split_login(source: str) -> Login:
    """Take `user:password@` out of an address."""
    parts = urlsplit(source)
    url = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
    return Login(url, unquote(parts.username or ""), unquote(parts.password or ""))
