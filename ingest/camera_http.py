"""Pictures from a camera's snapshot address, asked for again and again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import NamedTuple

import httpx2

from ingest.camera_login import LoginRefusedError, split_login
from shedwatch.clock import Clock

TIMEOUT_S = 5.0
# A camera that sends a byte now and then meets no other limit.
WHOLE_S = 10.0
MAX_BYTES = 8 << 20


class SnapshotError(Exception):
    """The camera's answer is no picture."""


class _Answer(NamedTuple):
    """What the camera answered; `began_ms` is when, which is as near to the capture as one can know."""

    status: int
    body: bytes
    challenge: str
    began_ms: int


async def http_pictures(source: str, every_s: float, clock: Clock) -> AsyncGenerator[tuple[bytes, int]]:
    """A picture every `every_s` seconds. Raises SnapshotError, LoginRefusedError or httpx2.HTTPError.

    Name and password in the URL are offered as Digest, which most cameras want, or Basic where Digest is not asked for.
    """
    url, name, password = split_login(source)
    auth: httpx2.Auth | None = None
    async with httpx2.AsyncClient(timeout=TIMEOUT_S) as client:
        while True:
            asked_s = clock.monotonic()
            try:
                async with asyncio.timeout(WHOLE_S):
                    answer = await _fetch(client, url, auth, clock)
            except TimeoutError:
                raise SnapshotError(f"the camera took over {WHOLE_S:g} s for one picture") from None
            if answer.status == 401 and name and auth is None:
                digest = answer.challenge.lower().startswith("digest")
                auth = httpx2.DigestAuth(name, password) if digest else httpx2.BasicAuth(name, password)
                continue
            if answer.status == 401:
                raise LoginRefusedError("the camera refuses name and password" if name else "the camera wants a login")
            if answer.status != 200:
                raise SnapshotError(f"the camera answers with status {answer.status}")
            yield answer.body, answer.began_ms
            await clock.sleep(max(0.0, every_s - (clock.monotonic() - asked_s)))


async def _fetch(client: httpx2.AsyncClient, url: str, auth: httpx2.Auth | None, clock: Clock) -> _Answer:
    """One answer; never more of it than a picture may have."""
    async with client.stream("GET", url, auth=auth) as response:
        began_ms = clock.now_ms()
        body = bytearray()
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > MAX_BYTES:
                raise SnapshotError(f"the camera sends more than {MAX_BYTES} bytes")
        return _Answer(response.status_code, bytes(body), response.headers.get("www-authenticate", ""), began_ms)
