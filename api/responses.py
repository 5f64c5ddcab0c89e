"""Answers that go on for as long as someone listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

from anyio import CancelScope
from fastapi.responses import StreamingResponse
from starlette.types import Send


async def let_go(source: AsyncIterator[Any], reader: asyncio.Task[Any]) -> None:
    """End a task that reads an iterator, and tell the iterator that its reader has gone, where it wants to know.

    Done to the end even where the caller was cancelled because its listener hung up.
    """
    reader.cancel()
    with CancelScope(shield=True):
        await asyncio.gather(reader, return_exceptions=True)
        aclose = getattr(source, "aclose", None)
        if aclose is not None:
            await aclose()


class Stream(StreamingResponse):
    """A stream that lets go of what it holds at the moment its listener is gone, not at the next garbage collection."""

    def __init__(
        self, chunks: AsyncGenerator[bytes], media_type: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(chunks, media_type=media_type, headers={"X-Accel-Buffering": "no", **(headers or {})})
        self._chunks = chunks

    async def stream_response(self, send: Send) -> None:
        try:
            await super().stream_response(send)
        finally:
            with CancelScope(shield=True):
                await self._chunks.aclose()
