"""Where a rehearsed service's webhook channels deliver to: notices in, by channel and alert, with the time they came.

The last part of the address is the channel's name: a channel `duty-room` posts to `http://HOST:PORT/duty-room`. What a
notice looks like stands in docs/operation.md; only its `event_action` and the alert's id are read.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import msgspec
import structlog
from fastapi import FastAPI, Request, Response

from shedwatch.clock import Clock
from shedwatch.http import listen, serve

log = structlog.get_logger(__name__)


class _AlertId(msgspec.Struct):
    id: str


class _Notice(msgspec.Struct):
    event_action: str
    alert: _AlertId


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notice that arrived."""

    channel: str
    alert_id: str
    event_action: str
    at_ms: int


def first_told_ms(deliveries: Sequence[Delivery], channel: str, alert_id: str, from_ms: int) -> int | None:
    """When a channel was first told that an alert was raised, from that time on; None: never."""
    wanted = (channel, alert_id, "trigger")
    told = (it for it in deliveries if (it.channel, it.alert_id, it.event_action) == wanted)
    return next((it.at_ms for it in told if it.at_ms >= from_ms), None)


class Receiver:
    """Listens while it is open as an asynchronous context; `url` tells where.

    Attributes:
        refuses: channels that answer every notice with an error for now.

    Raises:
        AddressTakenError: somebody else listens there.
    """

    def __init__(self, clock: Clock, host: str = "127.0.0.1", port: int = 0) -> None:
        self.deliveries: list[Delivery] = []
        self.refuses: set[str] = set()
        self._clock = clock
        self._socket = listen(host, port)
        self.url = f"http://{host}:{self._socket.getsockname()[1]}"
        self._serving: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        app = FastAPI(openapi_url=None)
        app.post("/{channel}")(self._take)
        self._serving = asyncio.create_task(serve(app, self._socket), name="rehearsal-receiver")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._serving is not None:
            self._serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._serving

    async def _take(self, channel: str, request: Request) -> Response:
        if channel in self.refuses:
            return Response("this channel is down", status_code=503)
        try:
            notice = msgspec.json.decode(await request.body(), type=_Notice)
        except msgspec.DecodeError as error:
            log.warning("notice_not_understood", channel=channel, error=str(error))
            return Response(str(error), status_code=400)
        self.deliveries.append(Delivery(channel, notice.alert.id, notice.event_action, self._clock.now_ms()))
        return Response(status_code=204)
