"""A fast way to the broker for many devices at once: topics and payloads → MQTT 3.1.1, QoS 1, without waiting for each answer.

One connection carries all devices, as a gateway's does. Packets are made beforehand and written in large pieces; the broker's
acknowledgements are counted. A client library would need many times as long for each message.

Errors:
    PipelineError(ConnectionError): the broker refuses, hangs up, or does not answer.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import Iterable, Sequence
from itertools import islice
from types import TracebackType
from typing import Self

from simulators.publisher import BrokerAddress

_PIECE = 200
_PATIENCE_S = 30.0
_IDS = 65_535
_ACK = b"\x40\x02"


class PipelineError(ConnectionError):
    """The broker refuses, hangs up, or does not answer."""


def packets(messages: Iterable[tuple[str, bytes]]) -> list[tuple[bytes, int]]:
    """Pieces to write, each with the number of messages in it, for one `Pipeline.write` after another from the first on."""
    numbered = enumerate(messages)
    pieces: list[tuple[bytes, int]] = []
    while piece := [_publish(number % _IDS + 1, *message) for number, message in islice(numbered, _PIECE)]:
        pieces.append((b"".join(piece), len(piece)))
    return pieces


class Pipeline:
    """One connection; a context in which it lives.

    Args:
        window: how many messages may wait for the broker's acknowledgement.
    """

    def __init__(self, address: BrokerAddress, client_id: str, *, window: int = 2000) -> None:
        self.acknowledged = 0
        self.written = 0
        self._address = address
        self._client_id = client_id
        self._window = window
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Connect. Raises PipelineError where the broker refuses or is not there."""
        address = self._address
        context = ssl.create_default_context() if address.tls else None
        try:
            self._reader, self._writer = await asyncio.open_connection(address.host, address.port, ssl=context)
            self._writer.write(_connect(self._client_id, address.username, address.password))
            async with asyncio.timeout(_PATIENCE_S):
                answer = await self._reader.readexactly(4)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            raise PipelineError(f"no broker answers at {address.host}:{address.port}: {error}") from None
        if answer[3] != 0:
            raise PipelineError(f"the broker refuses the connection (code {answer[3]})")
        self._listening = asyncio.create_task(self._listen(self._reader))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._listening is not None:
            self._listening.cancel()
        if self._writer is not None:
            self._writer.write(b"\xe0\x00")
            self._writer.close()

    async def write(self, pieces: Sequence[tuple[bytes, int]]) -> None:
        """Write what `packets` made, as fast as the broker acknowledges. Raises PipelineError."""
        assert self._writer is not None
        for piece, count in pieces:
            await self._until(self.written + count - self._window)
            self._writer.write(piece)
            self.written += count
            await self._writer.drain()

    async def send(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Write messages made just now. Raises PipelineError."""
        assert self._writer is not None
        await self._until(self.written + len(messages) - self._window)
        numbered = enumerate(messages, self.written)
        self._writer.write(b"".join(_publish(number % _IDS + 1, *message) for number, message in numbered))
        self.written += len(messages)
        await self._writer.drain()

    async def finish(self) -> None:
        """Wait until all is acknowledged. Raises PipelineError."""
        await self._until(self.written)

    async def _until(self, acknowledged: int) -> None:
        while self.acknowledged < acknowledged:
            if self._listening is None or self._listening.done():
                raise PipelineError("the broker hung up")
            self._news.clear()
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    await self._news.wait()
            except TimeoutError:
                raise PipelineError(f"the broker has acknowledged nothing for {_PATIENCE_S:g} s") from None

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        rest = b""
        while data := await reader.read(65_536):
            data = rest + data
            whole = len(data) // 4
            rest = data[whole * 4 :]
            # To who only publishes a broker sends nothing but acknowledgements, of four bytes each.
            if data[:2] != _ACK and whole:
                break
            self.acknowledged += whole
            self._news.set()
        self._news.set()


def _connect(client_id: str, username: str | None, password: str | None) -> bytes:
    flags, tail = 0x02, _text(client_id)
    if username is not None:
        flags |= 0x80
        tail += _text(username)
        if password is not None:
            flags |= 0x40
            tail += _text(password)
    # No keep-alive: whoever drives a fleet is never silent for long.
    return _packet(0x10, _text("MQTT") + struct.pack("!BBH", 4, flags, 0) + tail)


def _publish(number: int, topic: str, payload: bytes) -> bytes:
    return _packet(0x32, _text(topic) + struct.pack("!H", number) + payload)


def _packet(kind: int, body: bytes) -> bytes:
    length, rest = bytearray(), len(body)
    while True:
        rest, digit = divmod(rest, 128)
        length.append(digit | (0x80 if rest else 0))
        if not rest:
            return bytes((kind, *length)) + body


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("!H", len(encoded)) + encoded
