"""A paho client that reads its socket in large pieces.

paho reads a packet with three calls of `recv`, two of them for a single byte; against a buffer these cost nothing.
"""

from __future__ import annotations

import socket
import ssl

from paho.mqtt import client as paho

READ_BYTES = 65_536


class BufferedSocket:
    """A non-blocking socket with a read buffer, as far as paho uses one."""

    def __init__(self, sock: socket.socket | ssl.SSLSocket) -> None:
        self._sock = sock
        self._buffer = b""
        self._at = 0

    def recv(self, limit: int) -> bytes:
        """Up to `limit` bytes; b"" at the end. Raises BlockingIOError or SSLWantReadError where there are none now."""
        if self._at == len(self._buffer):
            self._buffer, self._at = self._sock.recv(READ_BYTES), 0
        piece = self._buffer[self._at : self._at + limit]
        self._at += len(piece)
        return piece

    def pending(self) -> int:
        """Bytes that are here already, which no selector will tell about."""
        below = self._sock.pending() if isinstance(self._sock, ssl.SSLSocket) else 0
        return len(self._buffer) - self._at + below

    def send(self, data: bytes | bytearray) -> int:
        """As a socket's."""
        return self._sock.send(data)

    def close(self) -> None:
        """As a socket's."""
        self._sock.close()

    def fileno(self) -> int:
        """As a socket's; -1 once closed."""
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        """As a socket's."""
        self._sock.setblocking(flag)


class BufferedClient(paho.Client):
    """paho's client on a `BufferedSocket`."""

    def _create_socket(self) -> BufferedSocket:
        return BufferedSocket(super()._create_socket())  # type: ignore[arg-type]
