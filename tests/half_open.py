"""A TCP proxy whose connections can be made half open: one direction is swallowed, and neither end is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal

Way = Literal["up", "down"]
"""To the server, or from it."""


class Proxy:
    """Stands before `port` of this machine; connections made after `mute` are whole again."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._muted: list[set[Way]] = []
        self.port = 0

    def mute(self, way: Way) -> None:
        """From now on nothing gets through in this direction on the connections that are there."""
        for muted in self._muted:
            muted.add(way)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        muted: set[Way] = set()
        self._muted.append(muted)
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(_pump(reader, back, muted, "up"))
                ways.create_task(_pump(there, writer, muted, "down"))
        finally:
            writer.close()
            back.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, muted: set[Way], way: Way) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            if way not in muted:
                writer.write(data)
                await writer.drain()
    if way not in muted:
        writer.close()


@asynccontextmanager
async def proxy(port: int) -> AsyncIterator[Proxy]:
    """A proxy before a port, listening on its own."""
    made = Proxy(port)
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        with suppress(asyncio.CancelledError):
            await made.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
