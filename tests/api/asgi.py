"""A client for answers that never end: reads an application's chunks as they are sent, and hangs up when told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI


class Listening:
    """An answer that has begun."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        self.gone = asyncio.Event()
        self.status = 0
        self.headers: dict[str, str] = {}
        self._rest = b""

    async def chunk(self, timeout_s: float = 3.0) -> bytes:
        """The next piece, or nothing at the end."""
        async with asyncio.timeout(timeout_s):
            message = await self.messages.get()
        return bytes(message["body"])

    async def until(self, mark: bytes, timeout_s: float = 3.0) -> bytes:
        """Everything up to and with `mark`."""
        async with asyncio.timeout(timeout_s):
            while mark not in self._rest:
                more = await self.chunk(timeout_s)
                assert more, f"the stream ended; it still had {self._rest!r}"
                self._rest += more
        found, _, self._rest = self._rest.partition(mark)
        return found + mark

    async def ended(self, timeout_s: float = 3.0) -> bytes:
        """What came until the end."""
        rest = self._rest
        while more := await self.chunk(timeout_s):
            rest += more
        return rest


@asynccontextmanager
async def listen(app: FastAPI, path: str, headers: Mapping[str, str]) -> AsyncIterator[Listening]:
    """GET `path` and hold on to the answer; leaving the block hangs up."""
    listening = Listening()
    asked = False

    async def receive() -> Mapping[str, Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await listening.gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Mapping[str, Any]) -> None:
        await listening.messages.put(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("203.0.113.7", 5000),
        "server": ("test", 80),
        "state": {},
    }
    task = asyncio.create_task(app(scope, receive, send))
    start = await asyncio.wait_for(listening.messages.get(), 3)
    listening.status = start["status"]
    listening.headers = {name.decode(): value.decode() for name, value in start["headers"]}
    try:
        yield listening
    finally:
        listening.gone.set()
        await asyncio.wait_for(task, 3)
