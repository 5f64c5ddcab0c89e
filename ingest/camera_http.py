"""Pictures from a camera's snapshot address, asked for again and again."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx2

from shedwatch.clock import Clock

TIMEOUT_S = 5.0
MAX_BYTES = 8 << 20


class SnapshotError(Exception):
    """The camera's answer is no picture."""


async def http_pictures(source: str, every_s: float, clock: Clock) -> AsyncGenerator[tuple[bytes, int]]:
    """A picture every `every_s` seconds. Raises SnapshotError or httpx2.HTTPError.

    Name and password in the URL are offered as Digest, which most cameras want, or Basic where Digest is not asked for.
    """
    parts = urlsplit(source)
    url = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
    name, password = unquote(parts.username or ""), unquote(parts.password or "")
    auth: httpx2.Auth | None = None
    async with httpx2.AsyncClient(timeout=TIMEOUT_S) as client:
        while True:
            asked_s = clock.monotonic()
            image, status, challenge = await _fetch(client, url, auth)
            if status == 401 and name and auth is None:
                digest = challenge.lower().startswith("digest")
                auth = httpx2.DigestAuth(name, password) if digest else httpx2.BasicAuth(name, password)
                continue
            if status != 200:
                raise SnapshotError(f"the camera answers with status {status}")
            yield image, clock.now_ms()
            await clock.sleep(max(0.0, every_s - (clock.monotonic() - asked_s)))


async def _fetch(client: httpx2.AsyncClient, url: str, auth: httpx2.Auth | None) -> tuple[bytes, int, str]:
    """Body, status and challenge; never more than a picture may have."""
    async with client.stream("GET", url, auth=auth) as response:
        body = bytearray()
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > MAX_BYTES:
                raise SnapshotError(f"the camera sends more than {MAX_BYTES} bytes")
        return bytes(body), response.status_code, response.headers.get("www-authenticate", "")
