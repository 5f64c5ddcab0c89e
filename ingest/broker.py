"""The connection to the MQTT broker: messages in by an `Inbox`, messages out by `publish`.

With `broker_socket` and `paho_client` the one user of paho-mqtt.

QoS 1 messages are acknowledged by hand, in the order they came, when their `Inbound.ack` has been called. Everything
but opening the socket happens in the event loop, in slices of milliseconds. Time here is the real time of real
sockets, also where the service's clock is a scaled one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import structlog
from paho.mqtt import client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from ingest.broker_health import BrokerCounters, BrokerHealth
from ingest.broker_socket import BrokerSocket
from ingest.delivery import Outbox, Outgoing
from ingest.heartbeat import BusHeartbeat
from ingest.inbox import Inbox
from ingest.link import Link, LinkState, Protocol
from ingest.mqtt_url import parse_url
from ingest.paho_client import (
    KEEPALIVE_S,
    BufferedClient,
    Identity,
    make_client,
    retire,
)

log = structlog.get_logger(__name__)

CONNACK_S = 10.0
# Some brokers of 3.1.1 (amqtt among them) say nothing at all to a client of version 5.
FIRST_CONNACK_S = 2.0
GOODBYE_S = 2.0


class Broker:
    """One client of the broker. Make it inside the event loop, keep `run` running; cancelling `run` says goodbye.

    Args:
        url: `mqtt://user:password@host:port` or `mqtts://…`; raises BrokerUrlError.
        client_id: fixed, and different from every other client's.
        subscriptions: topic filters, subscribed with QoS 1 at every connection.
        persistent: let the broker keep what comes while we are away.
        max_packet_bytes: larger messages shall not be sent to us (MQTT 5 only).
        status_topic: where `online` is kept, and `offline` as our will.
        heartbeat_topic: a topic of our own; what we send there has to come back, or `health` says we are deaf, and the
            connection is given up for a new one.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        subscriptions: Sequence[str] = (),
        *,
        persistent: bool = True,
        max_packet_bytes: int | None = None,
        status_topic: str | None = None,
        heartbeat_topic: str | None = None,
        inbox: Inbox | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.address = parse_url(url)
        self.inbox = Inbox() if inbox is None else inbox
        self.counters = BrokerCounters()
        self._identity = Identity(self.address, client_id, persistent, status_topic, max_packet_bytes)
        self._subscriptions = (*subscriptions, *([heartbeat_topic] if heartbeat_topic else ()))
        self._heartbeat_topic = heartbeat_topic
        self._heartbeat = BusHeartbeat()
        self._status_topic = status_topic
        self._rng = rng or random.Random()
        self._link = Link()
        self._refused: tuple[str, ...] = ()
        self._client: BufferedClient | None = None
        self._made_for: Protocol | None = None
        self._loop = asyncio.get_running_loop()
        self._socket = BrokerSocket(
            self.inbox, self.counters, heartbeat_topic, on_lost=self._on_lost, on_broken=self._on_broken
        )
        self._beat_at = 0.0
        self._outbox = Outbox()
        self._broken: Exception | None = None
        self._ended: asyncio.Future[Link] = self._loop.create_future()
        self._greeted = asyncio.Event()
        self._goodbye_mid: int | None = None
        self._goodbye_sent = asyncio.Event()

    @property
    def health(self) -> BrokerHealth:
        """How the connection is now."""
        deaf_s = self._heartbeat.deaf_s(self._loop.time()) if self._link.state is LinkState.DEAF else None
        return BrokerHealth(self._link.state, self._link.protocol, self._link.reason, self._refused, deaf_s)

    @property
    def online(self) -> bool:
        """Whether the broker has us."""
        return self._link.connected

    async def wait_online(self) -> None:
        """Wait until the broker has us."""
        while not self.online:
            self._greeted.clear()
            await self._greeted.wait()

    def publish(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> bool:
        """Send a message, or keep it until there is a connection; returns at once.

        Of retained messages only the newest of each topic is kept while there is none. False, and counted, where the
        message was not taken: too many wait already, or it has QoS 0 and there is no connection.
        """
        message = Outgoing(topic, payload, qos, retain)
        # Behind what waits already; paho has a queue of its own, which may be full.
        taken = (self.online and not self._outbox and self._send(message)) or self._outbox.keep(message)
        if taken:
            self.counters.published += 1
        else:
            self.counters.publish_refused += 1
        return taken

    def renew(self, reason: str) -> None:
        """Give this connection up for a new one, on which the broker delivers again what was not acknowledged."""
        if self.online:
            self._end(self._link.lost(reason))

    async def read_by(self, reader: Callable[[], Awaitable[None]]) -> None:
        """Run a loop that takes from the inbox; what it had taken when it failed comes again. Raises what it raises."""
        try:
            await reader()
        except Exception as error:
            self.renew(f"{self.address}: whoever reads it failed: {error!r}")
            raise

    async def run(self) -> None:
        """Connect, and connect again, until cancelled; then say `offline` and leave."""
        ticking = self._loop.create_task(self._tick())
        try:
            while True:
                await self._connect_once()
                if (error := self._broken) is not None:
                    self._broken = None
                    raise error
                if ticking.done():
                    # Without keepalive no connection lives long; whoever supervises us starts anew.
                    ticking.result()
                if self._link.state is LinkState.WAITING:
                    log.warning("broker_lost", broker=str(self.address), reason=self._link.reason)
                await asyncio.sleep(self._link.delay_s(self._rng))
        finally:
            ticking.cancel()
            await self._goodbye()

    def _send(self, message: Outgoing) -> bool:
        assert self._client is not None
        return self._client.publish(*message).rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    async def _connect_once(self) -> None:
        self._link = self._link.opening()
        client = self._client_for(self._link.protocol)
        self._ended = self._loop.create_future()
        self._greeted.clear()
        try:
            await self._open(client)
        except (OSError, ValueError) as error:
            self._link = self._link.lost(f"{self.address}: {error}")
            return
        self._link = self._link.greeting()
        if not self._socket.attach():
            self._end(self._link.lost("the connection closed at once"))
        patience_s = CONNACK_S if self._link.settled else FIRST_CONNACK_S
        timeout = self._loop.call_later(patience_s, self._give_up_greeting, patience_s)
        try:
            self._link = await asyncio.shield(self._ended)
        finally:
            timeout.cancel()
        self._socket.hang_up()

    async def _open(self, client: BufferedClient) -> None:
        """Connect TCP and TLS and send our CONNECT, in a thread, because paho waits for these."""
        opening = self._loop.run_in_executor(None, client.reconnect)
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            await asyncio.wait({opening})
            self._socket.hang_up()
            raise

    def _client_for(self, protocol: Protocol) -> BufferedClient:
        if self._client is not None and self._made_for is protocol:
            return self._client
        if self._client is not None:
            unsent = retire(self._client)
            self._outbox.take_back(Outgoing(it.topic, bytes(it.payload), it.qos, it.retain) for it in unsent)
        self._client, self._made_for = self._new_client(protocol), protocol
        return self._client

    def _new_client(self, protocol: Protocol) -> BufferedClient:
        client = make_client(self._identity, protocol)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        self._socket.serve(client)
        return client

    def _end(self, link: Link) -> None:
        if not self._ended.done():
            self._ended.set_result(link)

    def _on_lost(self, why: str) -> None:
        self._end(self._link.lost(f"{self.address}: {why}"))

    def _on_broken(self, error: Exception) -> None:
        """Reading failed: `run` raises it, to whoever supervises us."""
        self._broken = error
        self.renew(f"{self.address}: what came could not be read: {error!r}")

    def _give_up_greeting(self, waited_s: float) -> None:
        if self._link.state is LinkState.GREETING:
            self._end(self._link.lost(f"{self.address}: no answer to CONNECT within {waited_s:.0f} s"))

    async def _tick(self) -> None:
        """Keepalive. While nothing is read no PINGRESP can be seen, so that paho must not miss one; we speak instead."""
        while True:
            await asyncio.sleep(1.0)
            client, now = self._client, self._loop.time()
            if client is None or not self.online:
                continue
            self._beat(client, now)
            if not self._socket.paused and now >= self._socket.answers_from_s:
                client.loop_misc()
            elif now >= self._beat_at and self._status_topic:
                self._beat_at = now + KEEPALIVE_S / 2
                client.publish(self._status_topic, b"online", qos=0, retain=True)

    def _beat(self, client: BufferedClient, now_s: float) -> None:
        self._heartbeat.received(self.counters.received, now_s)
        if self._socket.paused:
            self._heartbeat.excused(now_s)
        elif self._heartbeat_topic and self._heartbeat.due(now_s):
            client.publish(self._heartbeat_topic, b"", qos=0)
        # Where we may not listen to ourselves, silence proves nothing.
        excused = self._heartbeat_topic is None or self._heartbeat_topic in self._refused
        deaf_s = None if excused else self._heartbeat.deaf_s(now_s)
        if deaf_s is None:
            self._link = self._link.proved() if excused or self._heartbeat.proved else self._link
        else:
            self._link = self._link.deaf("nothing comes back")
        if deaf_s is not None and self._heartbeat.hopeless(deaf_s):
            self.counters.given_up += 1
            self.renew(f"{self.address}: nothing came back for {deaf_s:.0f} s, not even our own heartbeat")

    def _on_connect(self, client: paho.Client, _data: Any, flags: Any, reason: ReasonCode, _props: Any) -> None:
        if reason.is_failure:
            wrong_version = reason.getName() == "Unsupported protocol version"
            self._end(self._link.refused(f"{self.address}: {reason}", wrong_version))
            return
        self._link = self._link.accepted()
        self.counters.connects += 1
        self._heartbeat.connected(self._loop.time())
        log.info(
            "broker_online", broker=str(self.address), protocol=self._link.protocol.name, session=flags.session_present
        )
        if self._subscriptions:
            client.subscribe([(topic, 1) for topic in self._subscriptions])
        if self._status_topic:
            client.publish(self._status_topic, b"online", qos=1, retain=True)
        self._outbox.drain(self._send)
        self._greeted.set()

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: ReasonCode, _props: Any) -> None:
        # What paho says when the peer just hung up.
        words = "the connection broke" if reason.getName() == "Unspecified error" else str(reason)
        self._end(self._link.lost(f"{self.address}: {words}"))

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, reasons: Sequence[ReasonCode], _props: Any) -> None:
        pairs = zip(self._subscriptions, reasons, strict=False)
        self._refused = tuple(topic for topic, reason in pairs if reason.is_failure)
        if self._refused:
            log.error("subscriptions_refused", broker=str(self.address), topics=self._refused)

    def _on_publish(self, _client: Any, _data: Any, mid: int, _reason: Any, _props: Any) -> None:
        if mid == self._goodbye_mid:
            self._goodbye_sent.set()
        elif self._outbox and self.online:
            self._outbox.drain(self._send)

    async def _goodbye(self) -> None:
        client = self._client
        if client is not None and self.online and self._socket.attached:
            self._socket.acknowledge()
            if self._status_topic:
                self._goodbye_mid = client.publish(self._status_topic, b"offline", qos=1, retain=True).mid
                with suppress(TimeoutError):
                    async with asyncio.timeout(GOODBYE_S):
                        await self._goodbye_sent.wait()
            client.disconnect()
            with suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await asyncio.shield(self._ended)
        self._link = self._link.stopped()
        self._socket.hang_up()
