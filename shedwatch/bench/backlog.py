"""Fills a session's queue at the broker: MQTT 3.1.1 packets made beforehand and written in large pieces.

A client library would need as long to publish as the other side to consume.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from shedwatch.bench.report import BenchError

PATIENCE_S = 60.0
# Sent before the broker's acknowledgements are waited for.
TOGETHER = 500
_ACK_BYTES = 4


def leave_session(address: tuple[str, int], client_id: str, filters: Sequence[str]) -> None:
    """Make a session that keeps what comes on `filters` (QoS 1), and go away.

    Raises:
        BenchError: the broker refuses, or does not answer.
    """
    body = struct.pack("!H", 1) + b"".join(_text(topic) + b"\x01" for topic in filters)
    with _connected(address, client_id, clean=False) as connection:
        connection.sendall(_packet(0x82, body))
        _receive(connection, _ACK_BYTES + len(filters))


def publish(address: tuple[str, int], messages: Iterable[tuple[str, bytes]]) -> None:
    """Publish topics and payloads with QoS 1; returns when the broker has acknowledged all.

    Raises:
        BenchError: the broker does not answer.
    """
    numbered = enumerate(messages)
    with _connected(address, "shedwatch-bench-publisher", clean=True) as connection:
        while packets := [_publish(number % 65_535 + 1, *message) for number, message in islice(numbered, TOGETHER)]:
            connection.sendall(b"".join(packets))
            _receive(connection, _ACK_BYTES * len(packets))


@contextmanager
def _connected(address: tuple[str, int], client_id: str, *, clean: bool) -> Iterator[socket.socket]:
    try:
        with socket.create_connection(address, PATIENCE_S) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            flags = 0x02 if clean else 0x00
            connection.sendall(_packet(0x10, _text("MQTT") + struct.pack("!BBH", 4, flags, 60) + _text(client_id)))
            if _receive(connection, 4)[3] != 0:
                raise BenchError("the broker refuses us")
            yield connection
            connection.sendall(_packet(0xE0, b""))
    except OSError as error:
        raise BenchError(f"the broker does not answer: {error}") from None


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


def _receive(connection: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        piece = connection.recv(count - len(received))
        if not piece:
            raise BenchError("the broker hung up")
        received += piece
    return received
