"""A paho client as the broker connection needs it: acknowledging by hand, using its socket in large pieces.

paho reads a packet with three calls of `recv`, two of them for a single byte, and sends each acknowledgement with a
call of its own; against buffers these cost nothing.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.delivery import MAX_OUTBOX
from ingest.link import Protocol
from ingest.mqtt_url import BrokerUrl

READ_BYTES = 65_536
MAX_UNSENT_BYTES = 1 << 20
KEEPALIVE_S = 30
SESSION_EXPIRY_S = 7 * 86_400
RECEIVE_MAXIMUM = 1000


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


class Publish(NamedTuple):
    """A PUBLISH packet without properties. `mid` is 0 for QoS 0."""

    topic: bytes
    payload: bytes
    mid: int
    qos: int
    dup: bool
    retain: bool


class BufferedClient(paho.Client):
    """paho's client on a `BufferedSocket`. `on_plain` gets the messages that have no properties, which are most."""

    on_plain: Callable[[Publish], None] | None = None

    def _handle_publish(self) -> MQTTErrorCode:
        """Paho spends twice the time of all the rest on the properties that a message of MQTT 5 does not have."""
        v5 = self._protocol == MQTTProtocolVersion.MQTTv5
        message = read_plain(self._in_packet["command"], self._in_packet["packet"], v5)
        if message is None or self.on_plain is None:
            return super()._handle_publish()
        self.on_plain(message)
        return MQTTErrorCode.MQTT_ERR_SUCCESS

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


def read_plain(command: int, packet: bytes | bytearray, v5: bool) -> Publish | None:
    """Read a PUBLISH of QoS 0 or 1 without properties (MQTT 5, 3.3); None for any other, or a malformed one."""
    qos = command >> 1 & 3
    at = 2 + int.from_bytes(packet[:2], "big")
    end = at + (2 if qos else 0) + (1 if v5 else 0)
    if qos > 1 or len(packet) < end or (v5 and packet[end - 1]):
        return None
    mid = int.from_bytes(packet[at : at + 2], "big") if qos else 0
    topic, payload = bytes(packet[2:at]), bytes(memoryview(packet)[end:])
    return Publish(topic, payload, mid, qos, bool(command & 8), bool(command & 1))


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
    client.on_plain = None
    client.on_socket_close = client.on_socket_register_write = client.on_socket_unregister_write = None
    return client.drop_out_messages()


def sent_ts(message: paho.MQTTMessage) -> str | None:
    """The MQTT 5 user property `ts` of a message."""
    pairs = getattr(message.properties, "UserProperty", ())
    return next((value for name, value in pairs if name == "ts"), None)
