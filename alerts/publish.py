"""Keeps the MQTT topic of every open alert: retained while it is open, cleared when it closes.

The bus may come and go: whatever was not told is told by `resync`, which is to be called after every (re)connect.

    async with AlertPublisher(desk, publish, clock) as publisher:
        ...                                  # on every reconnect:
        publisher.resync()
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Protocol, Self

import msgspec
import structlog

from alerts.desk import AlertQuery, DeskUnavailableError
from alerts.feed import Subscription
from alerts.model import Alert
from ingest.contract import DEFAULT_PREFIX, alert_topic
from shedwatch.clock import Clock
from shedwatch.supervise import Supervisor

_log = structlog.get_logger(__name__)

Publish = Callable[[str, bytes, bool], Awaitable[None]]
"""`publish(topic, payload, retain)`: returns when the broker has it; raises when it has not."""

SEND_WAIT_S = 10.0
RETRY_S = 5.0
STALE_LOOKED_BACK = 500
"""Newest closed alerts whose topics are cleared once at start: they may have closed while the bus was away."""


class PublisherDesk(Protocol):
    """What the publisher needs of the alarm service."""

    def open_alerts(self) -> Sequence[Alert]:
        """See `AlarmDesk`."""

    def changes(self, after_seq: int | None = None) -> Subscription:
        """See `AlarmService.changes`."""

    async def query(self, query: AlertQuery) -> tuple[Sequence[Alert], str | None]:
        """See `AlarmDesk`."""


class AlertPublisher:
    """Follows the desk while it is open as an asynchronous context."""

    def __init__(
        self,
        desk: PublisherDesk,
        publish: Publish,
        clock: Clock,
        prefix: str = DEFAULT_PREFIX,
        keep: Supervisor | None = None,
    ) -> None:
        self._desk = desk
        self._publish = publish
        self._clock = clock
        self._prefix = prefix
        # Topics to be told, each with what it shall hold: the newest wins, however long the bus was away.
        self._due: dict[str, bytes] = {}
        self._told: dict[str, bytes] = {}
        self._news = asyncio.Event()
        self._keep = keep or Supervisor()
        self._live: Subscription | None = None
        self.failures = 0

    async def __aenter__(self) -> Self:
        self._live = self._desk.changes()
        self.resync()
        self._keep.finish("alerts-publish-follow", self._follow)
        self._keep.finish("alerts-publish-stale", self._clear_stale)
        self._keep.keep("alerts-publish-send", self._send)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._keep.end()

    def resync(self) -> None:
        """Tell every open alert anew, and clear every topic of one that has closed since it was told."""
        open_now = {self._topic(alert): msgspec.json.encode(alert) for alert in self._desk.open_alerts()}
        self._due = {topic: b"" for topic in (*self._told, *self._due) if topic not in open_now} | open_now
        self._news.set()

    async def _follow(self) -> None:
        while True:
            live, self._live = self._live, None
            if live is None:
                live = self._desk.changes()
                self.resync()
            async with aclosing(live):
                async for change in live:
                    alert = change.alert
                    self._due[self._topic(alert)] = msgspec.json.encode(alert) if alert.open else b""
                    self._news.set()
            if not live.lost:
                return

    async def _clear_stale(self) -> None:
        while True:
            try:
                closed, _ = await self._desk.query(AlertQuery(state="closed", limit=STALE_LOOKED_BACK))
                break
            except DeskUnavailableError:
                await self._clock.sleep(RETRY_S)
        for alert in closed:
            self._due.setdefault(self._topic(alert), b"")
        self._news.set()

    async def _send(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._due:
                topic = next(iter(self._due))
                payload = self._due.pop(topic)
                if not await self._tell(topic, payload):
                    # A newer state may have come meanwhile; this one must not replace it.
                    self._due.setdefault(topic, payload)
                    await self._clock.sleep(RETRY_S)

    async def _tell(self, topic: str, payload: bytes) -> bool:
        try:
            async with asyncio.timeout(SEND_WAIT_S):
                await self._publish(topic, payload, True)
        except Exception as error:  # noqa: BLE001 - supervised: the bus is another room's, any fault of it may pass
            self.failures += 1
            if not isinstance(error, OSError):
                # The bus that is away is told of by itself.
                self._keep.survived("alerts-publish-send", error)
            _log.warning("alert not published, will be tried again", topic=topic, reason=repr(error))
            return False
        if payload:
            self._told[topic] = payload
        else:
            self._told.pop(topic, None)
        return True

    def _topic(self, alert: Alert) -> str:
        return alert_topic(alert.site, alert.shed, alert.id, self._prefix)
