"""Answers that go on for as long as someone listens."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

from fastapi.responses import StreamingResponse
from starlette.types import Send


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
            await self._chunks.aclose()
