"""A paho client as the broker connection needs it: acknowledging by hand, using its socket in large pieces.

paho reads a packet with three calls of `recv`, two of them for a single byte, and sends each acknowledgement with a
call of its own. Here whole buffers are read and written, and runs of plain PUBLISH packets are taken out of them without
paho, which gets to see everything else.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from typing import NamedTuple

import msgspec
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.delivery import MAX_OUTBOX
from ingest.link import Protocol
from ingest.mqtt_url import BrokerUrl

READ_BYTES = 65_536
MAX_UNSENT_BYTES = 1 << 20
KEEPALIVE_S = 30
SESSION_EXPIRY_S = 7 * 86_400
RECEIVE_MAXIMUM = 4000
_PUBLISH = 3


class Identity(NamedTuple):
    """Who connects where.

    Attributes:
        persistent: the broker keeps what comes while we are away.
        will_topic: gets `offline` when we are gone.
        max_packet_bytes: larger messages are not sent to us (MQTT 5 only); None takes all.
    """

    address: BrokerUrl
    client_id: str
    persistent: bool
    will_topic: str | None
    max_packet_bytes: int | None = None


class BufferedSocket:
    """A non-blocking socket with buffers, as far as paho uses one. What is sent goes out with `flush`."""

    def __init__(self, sock: socket.socket | ssl.SSLSocket) -> None:
        self._sock = sock
        self._unsent = bytearray()
        self._buffer = b""
        self._at = 0

    def take_plain(self, v5: bool, limit: int) -> list[Publish] | None:
        """Up to `limit` plain PUBLISH packets that are here; none while one is not whole, None where another is next."""
        while True:
            found, self._at, unfinished = plain_run(self._buffer, self._at, v5, limit)
            if found or not unfinished:
                return found or None
            try:
                more = self._sock.recv(READ_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError):
                return []
            except OSError:
                # paho meets the same error, and ends the connection.
                return None
            if not more:
                return None
            self._buffer, self._at = self._buffer[self._at :] + more, 0

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

    @property
    def unsent(self) -> int:
        """Bytes that wait for `flush`."""
        return len(self._unsent)

    def send(self, data: bytes | bytearray) -> int:
        """Keep for the next `flush`. Raises BlockingIOError while too much waits already."""
        if len(self._unsent) > MAX_UNSENT_BYTES:
            raise BlockingIOError
        self._unsent += data
        return len(data)

    def flush(self) -> None:
        """Send what the network takes now. Raises OSError where the connection is gone."""
        try:
            while self._unsent:
                del self._unsent[: self._sock.send(self._unsent)]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return

    def close(self) -> None:
        """As a socket's; paho's DISCONNECT may still be waiting."""
        with suppress(OSError):
            self.flush()
        self._sock.close()

    def fileno(self) -> int:
        """As a socket's; -1 once closed."""
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        """As a socket's."""
        self._sock.setblocking(flag)


class Publish(msgspec.Struct, frozen=True, gc=False):
    """A PUBLISH packet without properties. `mid` is 0 for QoS 0."""

    topic: bytes
    payload: bytes
    mid: int
    qos: int
    dup: bool
    retain: bool


class BufferedClient(paho.Client):
    """paho's client on a `BufferedSocket`, with short ways past it for what comes by the ten thousand."""

    def plain_messages(self, limit: int) -> list[Publish] | None:
        """Up to `limit` messages without properties that have arrived, past paho; None where it is paho's turn (`loop_read`)."""
        sock = self._sock
        if not isinstance(sock, BufferedSocket) or self._in_packet["command"]:
            return None
        return sock.take_plain(self._protocol == MQTTProtocolVersion.MQTTv5, limit)

    def ack_all(self, mids: list[int]) -> None:
        """Acknowledge messages of QoS 1 in this order; `flush` of the socket is left to the caller."""
        sock = self._sock
        if not isinstance(sock, BufferedSocket):
            return
        if not self._out_packet:
            with suppress(BlockingIOError):
                sock.send(b"".join([b"\x40\x02" + mid.to_bytes(2, "big") for mid in mids]))
                return
        # Behind what paho has still to send: a packet must not begin in the middle of another.
        for mid in mids:
            self.ack(mid, 1)

    def _create_socket(self) -> BufferedSocket:
        return BufferedSocket(super()._create_socket())  # type: ignore[arg-type]

    def _ssl_wrap_socket(self, tcp_sock: socket.socket) -> ssl.SSLSocket:
        """As paho's, but nothing stays open after a handshake that failed."""
        context = self._ssl_context
        assert context is not None
        sock = context.wrap_socket(tcp_sock, server_hostname=self._host, do_handshake_on_connect=False)
        try:
            sock.settimeout(self._connect_timeout)
            sock.do_handshake()
        except BaseException:
            sock.close()
            raise
        return sock


def plain_run(buffer: bytes, at: int, v5: bool, limit: int) -> tuple[list[Publish], int, bool]:
    """Up to `limit` consecutive PUBLISH packets of QoS 0 or 1 without properties (MQTT 5, 3.3) that begin at `at`.

    Returns:
        The packets, where the next one begins, and whether that may be another of them whose end is not here yet.
    """
    found: list[Publish] = []
    size = len(buffer)
    while len(found) < limit:
        if size - at < 2:
            return found, at, size == at or buffer[at] >> 4 == _PUBLISH
        command, length, body = buffer[at], buffer[at + 1], at + 2
        if command >> 4 != _PUBLISH or command & 4:
            return found, at, False
        if length > 127:
            length, body = length & 127, at + 3
            digit = buffer[at + 2] if size > at + 2 else 0
            length |= (digit & 127) << 7
            if digit > 127 or (not digit and size > at + 2):
                # 16 KiB or more is a picture; paho reads it piece by piece.
                return found, at, False
        end = body + length
        if end > size:
            return found, at, True
        topic_end = body + 2 + int.from_bytes(buffer[body : body + 2], "big")
        payload_at = topic_end + (command & 2) + v5
        if payload_at > end or (v5 and buffer[payload_at - 1]):
            return found, at, False
        mid = buffer[topic_end] << 8 | buffer[topic_end + 1] if command & 2 else 0
        found.append(
            Publish(
                buffer[body + 2 : topic_end],
                buffer[payload_at:end],
                mid,
                command >> 1 & 1,
                command & 8 != 0,
                command & 1 != 0,
            )
        )
        at = end
    return found, at, True


def make_client(who: Identity, protocol: Protocol) -> BufferedClient:
    """A client that is ready to `reconnect()`. Raises OSError where a certificate cannot be read."""
    v5 = protocol is Protocol.V5
    client = BufferedClient(
        CallbackAPIVersion.VERSION2,
        who.client_id,
        clean_session=None if v5 else not who.persistent,
        protocol=MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
        manual_ack=True,
    )
    client.max_queued_messages_set(MAX_OUTBOX)
    if who.address.username:
        client.username_pw_set(who.address.username, who.address.password)
    if who.address.tls:
        client.tls_set_context(who.address.tls_context())
    if who.will_topic:
        client.will_set(who.will_topic, b"offline", qos=1, retain=True)
    client.connect_async(
        who.address.host,
        who.address.port,
        KEEPALIVE_S,
        clean_start=not who.persistent if v5 else paho.MQTT_CLEAN_START_FIRST_ONLY,
        properties=_connect_properties(who) if v5 else None,
    )
    return client


def _connect_properties(who: Identity) -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.ReceiveMaximum = RECEIVE_MAXIMUM
    properties.SessionExpiryInterval = SESSION_EXPIRY_S if who.persistent else 0
    if who.max_packet_bytes is not None:
        properties.MaximumPacketSize = who.max_packet_bytes
    return properties


def retire(client: BufferedClient) -> list[paho.MQTTMessage]:
    """Make a client fall silent for good; what it had still to send.

    paho closes the socket of a client when it is collected as garbage, and would then speak up in the middle of its
    successor's life.
    """
    for name in ("connect", "disconnect", "subscribe", "message", "publish"):
        setattr(client, f"on_{name}", None)
    client.on_socket_close = client.on_socket_register_write = client.on_socket_unregister_write = None
    return client.drop_out_messages()


def sent_ts(message: paho.MQTTMessage) -> str | None:
    """The MQTT 5 user property `ts` of a message."""
    pairs = getattr(message.properties, "UserProperty", ())
    return next((value for name, value in pairs if name == "ts"), None)
