"""The socket of a connected client, moved by the event loop: bytes in become messages of the inbox, acknowledgements go out.

Reading happens in slices of milliseconds, and stops while the inbox is full.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import MQTTErrorCode

from ingest.broker_health import BrokerCounters
from ingest.delivery import AckQueue
from ingest.inbox import Inbound, Inbox
from ingest.paho_client import KEEPALIVE_S, BufferedClient, BufferedSocket, Publish, sent_ts

READ_SLICE_S = 0.005
# Far above every limit of the intake: what is larger is only counted and shown by its beginning.
MAX_PAYLOAD = 9 << 20
KEPT_OF_HUGE = 4096


class BrokerSocket:
    """`serve` a client, `attach` it when it has connected, `hang_up` when the connection is no longer wanted.

    Args:
        heartbeat_topic: messages on it are only counted as received.
        on_lost: the connection broke, and why.
        on_broken: reading failed by a fault of the program; nothing more is read on this connection.
    """

    def __init__(
        self,
        inbox: Inbox,
        counters: BrokerCounters,
        heartbeat_topic: str | None,
        *,
        on_lost: Callable[[str], None],
        on_broken: Callable[[Exception], None],
    ) -> None:
        self._inbox = inbox
        self._inbox.on_full, self._inbox.on_drained = self._pause, self._resume
        self._counters = counters
        self._heartbeat_topic = heartbeat_topic
        self._on_lost = on_lost
        self._on_broken = on_broken
        self._loop = asyncio.get_running_loop()
        self._client: BufferedClient | None = None
        self._watched: int | None = None
        self._unacked = AckQueue(lambda: self._loop.call_soon(self.acknowledge))
        self.paused = False
        """Whether nothing is read, because the inbox is full."""
        self.answers_from_s = 0.0
        """From when on, by the loop's time, the broker's answers to pings have been read."""

    @property
    def attached(self) -> bool:
        """Whether there is a connection that is read from and written to."""
        return self._watched is not None

    def serve(self, client: BufferedClient) -> None:
        """This is the client from now on; it need not be connected yet."""
        self._client = client
        client.on_message = self._on_message
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_want_write
        client.on_socket_unregister_write = self._on_wrote

    def attach(self) -> bool:
        """Begin to read and write; what an earlier connection brought is never acknowledged here. False where it closed at once."""
        self._unacked.clear()
        client = self._client
        sock = client.socket() if client is not None else None
        if client is None or sock is None:
            return False
        self._watched = sock.fileno()
        self.answers_from_s = 0.0
        if not self.paused:
            self._loop.add_reader(self._watched, self._read_on)
        if client.want_write():
            self._loop.add_writer(self._watched, self._writable)
        return True

    def hang_up(self) -> None:
        """Close the socket without a word; paho notices by itself."""
        self._unwatch()
        if (sock := self._socket()) is not None:
            sock.close()

    def acknowledge(self) -> None:
        """Acknowledge what is done, all in one piece."""
        mids, client = self._unacked.ready(), self._client
        if not mids or client is None or self._watched is None:
            return
        client.ack_all(mids)
        self._writable()
        if (sock := self._socket()) is not None and sock.unsent:
            self._on_want_write()

    def _unwatch(self) -> None:
        if self._watched is not None:
            self._loop.remove_reader(self._watched)
            self._loop.remove_writer(self._watched)
            self._watched = None

    def _socket(self) -> BufferedSocket | None:
        sock = self._client.socket() if self._client is not None else None
        return sock if isinstance(sock, BufferedSocket) else None

    def _on_socket_close(self, _client: Any, _userdata: Any, _sock: Any) -> None:
        """Before paho closes it: its number may belong to another connection a moment later."""
        self._unwatch()

    # ---- in

    def _read_on(self) -> None:
        try:
            self._readable()
        except Exception as error:  # noqa: BLE001 - handed to whoever supervises the connection
            # What was being read is lost, and would hold up the acknowledgement of all that follows: it must come again.
            self._unwatch()
            self._on_broken(error)

    def _readable(self) -> None:
        client = self._client
        if client is None or self._watched is None or self.paused:
            return
        until = self._loop.time() + READ_SLICE_S
        while not self.paused:
            messages = client.plain_messages(self._inbox.room)
            if messages:
                self._take_all(messages)
            elif messages is None:
                if client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                    return
                sock = self._socket()
                if sock is None or not sock.pending():
                    return
            else:
                return
            if self._loop.time() >= until:
                self._loop.call_soon(self._read_on)
                return

    def _pause(self) -> None:
        self.paused = True
        self._counters.pauses += 1
        if self._watched is not None:
            self._loop.remove_reader(self._watched)

    def _resume(self) -> None:
        self.paused = False
        if self._watched is not None:
            self.answers_from_s = self._loop.time() + KEEPALIVE_S
            self._loop.add_reader(self._watched, self._read_on)
            # What the buffer holds no selector will tell about.
            self._loop.call_soon(self._read_on)

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        topic = getattr(message, "_topic", b"")
        plain = Publish(topic, bytes(message.payload), message.mid, message.qos, message.dup, message.retain)
        self._take_all([plain], sent_ts(message))

    def _take_all(self, messages: Sequence[Publish], sent: str | None = None) -> None:
        taken = []
        for message in messages:
            payload, size = message.payload, len(message.payload)
            self._counters.received_bytes += size
            ack = self._unacked.add(message.mid) if message.qos else _nothing
            try:
                topic = message.topic.decode()
            except UnicodeDecodeError:
                self._counters.undecodable_topics += 1
                ack()
                continue
            if topic == self._heartbeat_topic:
                ack()
                continue
            if size > MAX_PAYLOAD:
                payload = payload[:KEPT_OF_HUGE]
            taken.append(Inbound(topic, payload, size, sent, message.dup, message.retain, ack))
        self._counters.received += len(messages)
        self._inbox.put_all(taken)

    # ---- out

    def _writable(self) -> None:
        client, sock = self._client, self._socket()
        if client is None or sock is None or client.loop_write() != MQTTErrorCode.MQTT_ERR_SUCCESS:
            return
        try:
            sock.flush()
        except OSError as error:
            self._on_lost(str(error))
            return
        self._on_wrote()

    def _on_want_write(self, *_paho: Any) -> None:
        if self._watched is not None:
            self._loop.add_writer(self._watched, self._writable)

    def _on_wrote(self, *_paho: Any) -> None:
        client, sock = self._client, self._socket()
        if self._watched is None or client is None or sock is None:
            return
        if not sock.unsent and not client.want_write():
            self._loop.remove_writer(self._watched)


def _nothing() -> None:
    """QoS 0 needs no acknowledgement."""
