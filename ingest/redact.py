"""Addresses without what must stay secret in them: for everything that people or logs get to see."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

# Also within JSON, where a quote that ends an address is written `\"`.
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^\s'\"\\<>]+)")


def without_password(text: str) -> str:
    """The text with `user:password@` of every URL in it, and values of its query, blotted out.

    A password may hold what should have been escaped, `/` or `@` or `?`: all before the last `@` is taken for it.
    """
    return _ADDRESS.sub(_clean, text) if "://" in text else text


def _clean(match: re.Match[str]) -> str:
    scheme: str = match[1]
    secret, at, place = match[2].rpartition("@")
    try:
        parts = urlsplit(f"{scheme}://{place}")
    except ValueError:
        return f"{scheme}://***"
    netloc = f"***@{parts.netloc}" if at and secret else parts.netloc
    return urlunsplit((scheme, netloc, parts.path, "***" if parts.query else "", ""))
