"""Devices' connections to the broker: wire messages → MQTT, one connection with its own will for each device.

A device announces itself as `online` (retained) on every connection and leaves `offline` as its will. Messages wait in a
bounded queue while there is no connection; what does not fit is dropped, oldest first, and counted. MQTT 5 is tried
first; brokers that only speak 3.1.1 get that.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

import aiomqtt
import structlog
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.contract import DEFAULT_PREFIX, topic_of
from ingest.model import DeviceKind, DeviceRef

log = structlog.get_logger(__name__)

QUEUE_LIMIT = 500
_RETRY_S = 1.0
# A broker that has gone while it owes an answer gives none; who waits for one is not told of the broken connection.
_ANSWER_S = 4.0
OnCommand = Callable[[DeviceRef, bytes], None]


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is, taken from `mqtt://user:password@host:port` or `mqtts://…`."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    tls: bool = False

    @classmethod
    def parse(cls, url: str) -> BrokerAddress:
        """Read a URL.

        Raises:
            ValueError: another scheme, or no host.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise ValueError("the broker's URL must read mqtt://host:1883 or mqtts://host:8883")
        tls = parts.scheme == "mqtts"
        user = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else None
        return cls(parts.hostname, parts.port or (8883 if tls else 1883), user, password, tls)

    def client(self, version: aiomqtt.ProtocolVersion, will: aiomqtt.Will | None = None) -> aiomqtt.Client:
        """A client that is not connected yet."""
        return aiomqtt.Client(
            self.host,
            self.port,
            username=self.username,
            password=self.password,
            protocol=version,
            will=will,
            tls_context=ssl.create_default_context() if self.tls else None,
            timeout=_ANSWER_S,
        )


async def speaks(address: BrokerAddress) -> aiomqtt.ProtocolVersion:
    """The newest protocol version the broker accepts.

    Raises:
        aiomqtt.MqttError: it accepts none, or is not there.
    """
    try:
        async with address.client(aiomqtt.ProtocolVersion.V5):
            return aiomqtt.ProtocolVersion.V5
    except aiomqtt.MqttError:
        async with address.client(aiomqtt.ProtocolVersion.V311):
            return aiomqtt.ProtocolVersion.V311


@dataclass(frozen=True, slots=True)
class Post:
    """One message in the queue. `captured_ms` goes along as user property `ts` where the broker speaks MQTT 5."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    captured_ms: int | None = None


@dataclass
class PublisherCounts:
    """What was sent and what was lost.

    Attributes:
        passed: what the broker has to pass on: all that was sent, every `online`, and the wills of broken connections.
    """

    sent: int = 0
    passed: int = 0
    dropped: int = 0
    connections: int = 0


@dataclass
class _Link:
    """One device's connection.

    `wanted` unset: cut off, neither connected nor sending. `breaking`: it breaks once what waits is sent. `listening`:
    orders reach it, and `heard` of them did.
    """

    ref: DeviceRef
    kind: DeviceKind
    wanted: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: deque[Post] = field(default_factory=deque)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    announced: asyncio.Event = field(default_factory=asyncio.Event)
    client: aiomqtt.Client | None = None
    breaking: bool = False
    listening: bool = False
    heard: int = 0


class Publisher:
    """Connections of many devices; a context in which they are kept up.

    Args:
        limit: how many posts may wait for a device; cameras should let only one or two wait.
        on_command: called with a charger and the bytes of each order for it.
    """

    def __init__(
        self,
        url: str,
        devices: dict[DeviceRef, DeviceKind],
        *,
        prefix: str = DEFAULT_PREFIX,
        limit: int = QUEUE_LIMIT,
        on_command: OnCommand | None = None,
    ) -> None:
        self.counts = PublisherCounts()
        self._address = BrokerAddress.parse(url)
        self._prefix = prefix
        self._limit = limit
        self._on_command = on_command
        self._version = aiomqtt.ProtocolVersion.V5
        self._links = {ref: _Link(ref, kind) for ref, kind in devices.items()}
        self._tasks: list[asyncio.Task[None]] = []
        self._ending = False

    async def __aenter__(self) -> Self:
        """Connect all devices. Raises aiomqtt.MqttError where there is no broker."""
        self._version = await speaks(self._address)
        for link in self._links.values():
            link.wanted.set()
            self._tasks.append(asyncio.create_task(self._keep(link), name=f"simulated {link.ref}"))
        for link in self._links.values():
            await link.announced.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say goodbye: devices that end with the simulation are offline, and say so."""
        self._ending = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def connected(self) -> int:
        """How many devices are connected now."""
        return sum(link.client is not None for link in self._links.values())

    @property
    def at_rest(self) -> bool:
        """Whether every device is as it should be: connected with nothing left to send, or cut off."""
        return all(_at_rest(link) for link in self._links.values())

    def hears(self, ref: DeviceRef) -> bool:
        """Whether orders reach a device now; not one that never connects."""
        return ref in self._links and self._links[ref].listening

    def heard(self, ref: DeviceRef) -> int:
        """How many orders have reached a device."""
        return self._links[ref].heard if ref in self._links else 0

    def waiting(self, ref: DeviceRef) -> int:
        """How many messages of a device wait to be sent."""
        return len(self._links[ref].waiting)

    def send(self, ref: DeviceRef, post: Post) -> None:
        """Send as soon as the device is connected; a device that is cut off sends nothing."""
        link = self._links[ref]
        if not link.wanted.is_set():
            return
        if len(link.waiting) >= self._limit:
            link.waiting.popleft()
            self.counts.dropped += 1
        link.waiting.append(post)
        link.news.set()

    def link(self, ref: DeviceRef, up: bool) -> None:
        """Cut a device off without goodbye (the broker then sends its will), or let it connect again.

        What it had sent before leaves first, a last gasp above all: only in a fast run does it wait here still.
        """
        link = self._links[ref]
        if up:
            link.wanted.set()
            return
        link.wanted.clear()
        link.breaking = link.client is not None
        if not link.breaking:
            link.waiting.clear()
        link.news.set()

    def _break(self, client: aiomqtt.Client) -> None:
        # Only a connection that breaks makes the broker send the will; the client's own ways of leaving are polite.
        if isinstance(sock := client._client.socket(), socket.socket):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
                self.counts.passed += 1

    async def _keep(self, link: _Link) -> None:
        status = topic_of(link.ref, link.kind, "status", self._prefix)
        # A connection that breaks while it is being ended turns the cancelling into its own error.
        while not self._ending:
            await link.wanted.wait()
            will = aiomqtt.Will(status, b"offline", qos=1, retain=True)
            try:
                async with self._address.client(self._version, will) as client:
                    self.counts.connections += 1
                    await client.publish(status, b"online", qos=1, retain=True)
                    self.counts.passed += 1
                    link.announced.set()
                    await self._live(link, client, status)
            except aiomqtt.MqttError as error:
                if link.wanted.is_set() and not self._ending:
                    log.warning("simulated_device_lost_connection", device=str(link.ref), error=str(error))
                    await asyncio.sleep(_RETRY_S)
            finally:
                link.client = None
                link.listening = False
                link.breaking = False
                if not link.wanted.is_set():
                    link.waiting.clear()

    async def _live(self, link: _Link, client: aiomqtt.Client, status: str) -> None:
        link.client = client
        # It may have been cut off while it was connecting.
        link.breaking = not link.wanted.is_set()
        # Apart, for a broker that goes while it owes an acknowledgement is noticed by who listens, at once.
        tasks = {
            asyncio.create_task(self._listen(link, client)),
            asyncio.create_task(self._send_waiting(link, client)),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except asyncio.CancelledError:
            await client.publish(status, b"offline", qos=1, retain=True, timeout=2.0)
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_waiting(self, link: _Link, client: aiomqtt.Client) -> None:
        while True:
            while link.waiting:
                post = link.waiting[0]
                await self._publish(client, post)
                # The queue may have been emptied, or its head dropped, while the broker was asked.
                if link.waiting and link.waiting[0] is post:
                    link.waiting.popleft()
            if link.breaking:
                self._break(client)
            link.news.clear()
            await link.news.wait()

    async def _listen(self, link: _Link, client: aiomqtt.Client) -> None:
        if link.kind is DeviceKind.CHARGER and self._on_command is not None:
            await client.subscribe(
                f"{self._prefix}/{link.ref.site}/{link.ref.shed}/charger/{link.ref.device}/command", qos=1
            )
        link.listening = True
        async for message in client.messages:
            if self._on_command is not None and isinstance(message.payload, bytes):
                link.heard += 1
                self._on_command(link.ref, message.payload)

    async def _publish(self, client: aiomqtt.Client, post: Post) -> None:
        properties = None
        if post.captured_ms is not None and self._version is aiomqtt.ProtocolVersion.V5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.UserProperty = ("ts", str(post.captured_ms))
        await client.publish(post.topic, post.payload, qos=post.qos, retain=post.retain, properties=properties)
        self.counts.sent += 1
        self.counts.passed += 1


def _at_rest(link: _Link) -> bool:
    """Whether a device is as it should be: connected, listening and with nothing left to send, or cut off."""
    if not link.wanted.is_set():
        return link.client is None
    return link.client is not None and link.listening and not link.waiting and not link.breaking
