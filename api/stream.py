"""Live events: alarm changes, readings, pictures and health in, server-sent events out to any number of pages.

Nothing here can hold up who feeds it: readings only mark a place as touched, and each client has a mailbox of bounded
size. Of sheds, cameras and health a client that is slow gets the newest state only; alarm changes are never left out:
a client too slow for them is let go, and comes back with the `Last-Event-ID` from which it goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import structlog
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from alerts.desk import AlarmDesk
from alerts.model import AlertChange
from api.deps import HealthSource
from api.latest import ShedKey
from api.news import Mailbox, PlainNews, ShedNews, StateNews, alert_event
from api.responses import let_go
from api.sheds import Observatory, Situation
from api.views import CameraEvent, DependencyView, ServiceView, ShedEntry
from ingest.model import DeviceKind, Reading
from shedwatch.clock import Clock
from shedwatch.supervise import Supervisor

RETRY_MS = 2_000
MAX_CLIENTS = 500
"""Far more than a control room has screens; a program that leaks connections must not take the service down."""

_log = structlog.get_logger(__name__)


class Hub:
    """Turns what happens into events for every client that listens.

    `run` must be running for events of sheds, cameras and health; alarm changes reach each client straight from the
    desk. Pacing is for people and networks and so in seconds of the machine, not of the service's clock.
    """

    def __init__(
        self,
        observatory: Observatory,
        desk: AlarmDesk,
        health: HealthSource,
        clock: Clock,
        tick_s: float = 1.0,
        keep: Supervisor | None = None,
    ) -> None:
        self._observatory = observatory
        self._desk = desk
        self._health = health
        self._clock = clock
        self._tick_s = tick_s
        self._supervisor = keep or Supervisor()
        self._mailboxes: set[Mailbox] = set()
        self._entries: dict[ShedKey, ShedEntry] = {}
        self._cameras: dict[object, CameraEvent] = {}
        self._service: ServiceView | None = None
        self._last_seq: int | None = None
        self.closed = False
        self.let_go = 0

    @property
    def clients(self) -> int:
        """How many listen now."""
        return len(self._mailboxes)

    @property
    def full(self) -> bool:
        """Whether nobody else may listen."""
        return len(self._mailboxes) >= MAX_CLIENTS

    def notify_readings(self, readings: Iterable[Reading]) -> None:
        """Take in readings that were just accepted; returns at once."""
        self._observatory.board.note(readings)

    def close(self) -> None:
        """End every client's stream, so that a server that waits for open connections can stop."""
        self.closed = True
        for mailbox in self._mailboxes:
            mailbox.close()

    async def run(self) -> None:
        """Look once a tick at what changed, and tell; until cancelled."""
        self.closed = False
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_desk())
            tasks.create_task(self._tick_on())

    async def _tick_on(self) -> None:
        while True:
            try:
                self.tick()
            except Exception as error:  # noqa: BLE001 - supervised loop: one bad look must not end the live page
                self._supervisor.survived("api-live", error, "a look at the state failed")
            await asyncio.sleep(self._tick_s)

    async def _follow_desk(self) -> None:
        while True:
            try:
                async for change in self._desk.changes():
                    self._last_seq = change.transition.seq
            except Exception as error:  # noqa: BLE001 - supervised loop: where to resume from is known again with the next change
                self._supervisor.survived("api-live", error, "alarm changes ended")
            await asyncio.sleep(self._tick_s)

    def tick(self) -> None:
        """Tell what changed since the last tick, if anyone listens."""
        if self._mailboxes:
            self._look()
        else:
            self._observatory.board.take_touched()

    def _look(self) -> None:
        situation = Situation.of(self._desk.open_alerts())
        self._tell_sheds(situation)
        self._tell_cameras(situation)
        self._tell_service()

    async def events(
        self, after_seq: int | None, allowed: Callable[[], bool], heartbeat_s: float
    ) -> AsyncGenerator[bytes]:
        """The event stream of one client as bytes.

        First comes the present state of everything, so that a page is right at once however long it was away; with
        `after_seq` also every alarm change since. A client that is new is told where it stands, so that it can resume
        even if it is cut off before its first alarm. Ends when `allowed` says no, on `close`, or for a client too slow.
        """
        start = self._last_seq if after_seq is None else after_seq
        async with self._mailbox(start) as mailbox:
            yield format_sse_event(retry=RETRY_MS, id=None if start is None else str(start))
            while True:
                event = await mailbox.take(heartbeat_s)
                if mailbox.closed or not allowed():
                    return
                yield event or KEEPALIVE_COMMENT

    @asynccontextmanager
    async def _mailbox(self, after_seq: int | None) -> AsyncIterator[Mailbox]:
        mailbox = Mailbox()
        # Begun before the present state is read: what changes in between is told, twice rather than not at all.
        changes = self._desk.changes(after_seq)
        self._greet(mailbox)
        self._mailboxes.add(mailbox)
        pump = asyncio.create_task(self._pump_alerts(mailbox, changes))
        if self.closed:
            mailbox.close()
        try:
            yield mailbox
        finally:
            self._mailboxes.discard(mailbox)
            await let_go(changes, pump)

    async def _pump_alerts(self, mailbox: Mailbox, changes: AsyncIterator[AlertChange]) -> None:
        try:
            async for change in changes:
                await mailbox.post_alert(alert_event(change))
        except TimeoutError:
            self.let_go += 1
            _log.warning("live events: let a client go that was too slow")
        except Exception as error:  # noqa: BLE001 - supervised loop: the client is let go and comes back
            self._supervisor.survived("api-live", error, "a client's alarm changes ended")
        finally:
            mailbox.close()

    def _greet(self, mailbox: Mailbox) -> None:
        # With others listening what is known is of the last tick; the next one tells this client the difference too.
        if not self._mailboxes:
            self._look()
        if self._service is not None:
            mailbox.post("service", PlainNews("service", self._service))
        for key, entry in self._entries.items():
            mailbox.post(key, ShedNews(entry))
        for camera, event in self._cameras.items():
            mailbox.post(camera, PlainNews("camera", event))

    def _tell(self, key: object, news: StateNews) -> None:
        for mailbox in self._mailboxes:
            mailbox.post(key, news)

    def _tell_sheds(self, situation: Situation) -> None:
        touched = self._observatory.board.take_touched()
        for entry in self._observatory.entries(situation):
            key = (entry.site, entry.shed)
            if self._entries.get(key) == entry:
                continue
            self._entries[key] = entry
            changed = {place: self._observatory.port_change(place) for place in touched.get(key, ())}
            self._tell(key, ShedNews(entry, changed))

    def _tell_cameras(self, situation: Situation) -> None:
        now_ms = self._clock.now_ms()
        for camera in self._observatory.topology.devices(DeviceKind.CAMERA):
            event = self._observatory.camera_event(camera.ref, situation, now_ms)
            if self._cameras.get(camera.ref) != event:
                self._cameras[camera.ref] = event
                self._tell(camera.ref, PlainNews("camera", event))

    def _tell_service(self) -> None:
        view = service_view(self._health)
        if view != self._service:
            self._service = view
            self._tell("service", PlainNews("service", view))


def service_view(health: HealthSource) -> ServiceView:
    """How the service is doing: degraded as soon as one part is not well."""
    dependencies = {name: DependencyView(*told) for name, told in health.dependencies().items()}
    well = all(dependency.state == "ok" for dependency in dependencies.values())
    return ServiceView("ok" if well else "degraded", dependencies)
