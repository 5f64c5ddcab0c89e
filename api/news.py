"""What waits to be sent to a client of the event stream: news as bytes, made once for all, and the mailbox that holds it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property

import msgspec
from fastapi.sse import format_sse_event

from alerts.model import AlertChange
from api.latest import Place
from api.views import CameraEvent, PortChange, ServiceView, ShedEntry, encode

ALERTS_WAITING = 512
PUT_S = 10.0
"""How long a client may take no alarm change before it is let go."""


@dataclass
class ShedNews:
    """A `shed` event to be: a shed's entry and the places that reported since the last one."""

    entry: ShedEntry
    changed: dict[Place, PortChange] = field(default_factory=dict)

    def after(self, older: StateNews | None) -> ShedNews:
        """This news, with what an older one that was never sent had to say."""
        if not isinstance(older, ShedNews):
            return self
        return ShedNews(self.entry, {**older.changed, **self.changed})

    @cached_property
    def wire(self) -> bytes:
        """The event as it is sent; made once for all clients."""
        data = {**msgspec.structs.asdict(self.entry), "changed": list(self.changed.values())}
        return _event("shed", data)


@dataclass
class PlainNews:
    """A `camera` or `service` event to be."""

    kind: str
    data: CameraEvent | ServiceView

    def after(self, _older: StateNews | None) -> PlainNews:
        """This news; it says all that an older one said."""
        return self

    @cached_property
    def wire(self) -> bytes:
        """The event as it is sent; made once for all clients."""
        return _event(self.kind, self.data)


StateNews = ShedNews | PlainNews


def _event(kind: str, data: object, event_id: str | None = None) -> bytes:
    return format_sse_event(data_str=encode(data).decode(), event=kind, id=event_id)


def alert_event(change: AlertChange) -> bytes:
    """An `alert` event as it is sent; its id is where a client goes on from."""
    return _event("alert", change, str(change.transition.seq))


class Mailbox:
    """What waits to be sent to one client: alarm changes in order and first, then the newest state of everything else."""

    def __init__(self) -> None:
        self._alerts: asyncio.Queue[bytes] = asyncio.Queue(ALERTS_WAITING)
        self._states: dict[object, StateNews] = {}
        self._wake = asyncio.Event()
        self.closed = False

    def post(self, key: object, news: StateNews) -> None:
        """Put news of a state; takes the place of what waits under the same key."""
        self._states[key] = news.after(self._states.get(key))
        self._wake.set()

    async def post_alert(self, event: bytes) -> None:
        """Put an alarm change, waiting for room. Raises TimeoutError where the client takes nothing."""
        async with asyncio.timeout(PUT_S):
            await self._alerts.put(event)
        self._wake.set()

    def close(self) -> None:
        """Let the client go."""
        self.closed = True
        self._wake.set()

    async def take(self, timeout_s: float) -> bytes | None:
        """The next event, or None where there was none in that time or the mailbox is closed."""
        if not self._ready():
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._wake.wait()
        if self.closed:
            return None
        if not self._alerts.empty():
            return self._alerts.get_nowait()
        if self._states:
            return self._states.pop(next(iter(self._states))).wire
        return None

    def _ready(self) -> bool:
        return self.closed or bool(self._states) or not self._alerts.empty()
