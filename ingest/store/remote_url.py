"""Where a remote store is: `influxdb://HOST:PORT/ORG/BUCKET`, `victoria://HOST:PORT`; with `+https` for TLS.

Errors:
    StoreUrlError(ValueError): the URL names no store; the message says how to write one.
"""

from __future__ import annotations

from typing import Literal, NamedTuple
from urllib.parse import unquote, urlsplit

PORTS = {"influxdb": 8086, "victoria": 8428}
_HOW = "write embedded:PATH, influxdb://HOST:PORT/ORG/BUCKET or victoria://HOST:PORT (influxdb+https:// with TLS)"


class StoreUrlError(ValueError):
    """No store's URL."""


class RemoteUrl(NamedTuple):
    """A remote store's address. `org` and `bucket` are empty for VictoriaMetrics."""

    kind: Literal["influxdb", "victoria"]
    base: str
    org: str = ""
    bucket: str = ""

    def __str__(self) -> str:
        where = self.base.partition("://")[2]
        return f"{self.kind} {where}" + (f" {self.bucket}" if self.bucket else "")


def parse_remote_url(url: str) -> RemoteUrl | None:
    """Read a store's URL; None for the embedded one.

    Raises:
        StoreUrlError: no store's URL.
    """
    if url.startswith("embedded:"):
        if url == "embedded:":
            raise StoreUrlError("no path after embedded:")
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise StoreUrlError(f"{error}; {_HOW}") from None
    kind, _, transport = parts.scheme.partition("+")
    if kind not in PORTS or transport not in ("", "http", "https"):
        raise StoreUrlError(f"no store begins with {parts.scheme!r}; {_HOW}")
    if parts.username or parts.password:
        raise StoreUrlError(
            "a token does not belong into the URL; put it into a file and name that in store.token_file"
        )
    if not parts.hostname:
        raise StoreUrlError(f"no host; {_HOW}")
    if parts.query or parts.fragment:
        raise StoreUrlError(f"nothing may follow the path; {_HOW}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    base = f"{transport or 'http'}://{host}:{port or PORTS[kind]}"
    if kind == "victoria":
        return RemoteUrl("victoria", base + parts.path.rstrip("/"))
    org, _, bucket = parts.path.strip("/").partition("/")
    if not org or not bucket:
        raise StoreUrlError("organisation and bucket are missing; write influxdb://HOST:PORT/ORG/BUCKET")
    return RemoteUrl("influxdb", base, unquote(org), unquote(bucket))
