"""A local HTTP server in a vendor's place: keeps each request and answers as told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from alerts.notify.wire import Wire


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Vendor:
    """Answers by the beginning of the path, in order; the last answer of a path stands."""

    answers: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    port: int = 0
    wires: list[Wire] = field(default_factory=list)

    def wire(self) -> Wire:
        """A client that is closed with the server."""
        self.wires.append(Wire())
        return self.wires[-1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def say(self, path: str, *answers: Any, status: int = 200) -> None:
        self.answers[path] = [(status, answer) for answer in answers]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                headers = {n.lower(): v for n, _, v in (line.partition(": ") for line in lines[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                path = lines[0].split()[1]
                self.asked.append(Asked(path, headers, body))
                status, answer = self._answer(path)
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data)
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    def _answer(self, path: str) -> tuple[int, Any]:
        for beginning, answers in self.answers.items():
            if path.startswith(beginning):
                return answers.pop(0) if len(answers) > 1 else answers[0]
        return 404, {}


@asynccontextmanager
async def vendor_server() -> AsyncIterator[Vendor]:
    """The server on a free port of this machine."""
    vendor = Vendor()
    server = await asyncio.start_server(vendor.serve, "127.0.0.1", 0)
    vendor.port = server.sockets[0].getsockname()[1]
    yield vendor
    for wire in vendor.wires:
        await wire.close()
    server.close()
    await server.wait_closed()
