"""Alert changes to people: routes each change to the channels, keeps every notice in the ledger until it is delivered.

At least once: a notice whose delivery could not be written down before a crash is sent again, under the same id. While
the ledger is down notices still go out. A channel that fails raises `service_degraded` and never holds up another.

    async with Notifier(desk, [(Route(Severity.HIGH), WebhookChannel(...))], clock, evidence):
        ...
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from random import Random
from typing import Protocol, Self

import structlog

from alerts.desk import DeskError
from alerts.feed import Subscription
from alerts.ledger.database import LedgerError, NoticeRow
from alerts.model import AlarmState, Alert, AlertChange
from alerts.notify.chaser import Chaser, ChaserDesk
from alerts.notify.directory import Directory
from alerts.notify.lane import GIVE_UP_MS, Lane, Waiting
from alerts.notify.port import (
    Channel,
    EventAction,
    Notice,
    PacedError,
    PermanentError,
    Person,
    Picture,
    Receipt,
    RetryableError,
)
from alerts.notify.routing import Route, event_of, summary
from alerts.notify.rows import row_of
from alerts.rules.service_health import HealthState
from shedwatch.clock import Clock
from shedwatch.supervise import Supervisor

_log = structlog.get_logger(__name__)

MARK = "notifier"
"""Name of the position in the transitions up to which notices have been made."""

DOWN_AFTER = 3
"""Failures in a row after which a channel counts as down; one or two are the weather."""

MAX_PICTURES = 2
MAX_PICTURE_BYTES = 3_000_000
"""The first and the newest picture, within what receivers commonly take in one message."""

POLL_S = 0.5
RELOAD_S = 5.0


Links = Callable[[str, int, Alert, Sequence[Person], int], tuple[str, str]]
"""From a channel, an annunciation's number, its alert, who is told and the time: where to acknowledge, and where the picture is; empty for nowhere."""


class NoticeDesk(ChaserDesk, Protocol):
    """What the notifier needs of the alarm service."""

    @property
    def started_seq(self) -> int:
        """Transitions up to this one are of an earlier life."""

    def changes(self, after_seq: int | None = None) -> Subscription:
        """See `AlarmService.changes`."""

    def submit_health(self, name: str, state: HealthState, detail: str = "") -> None:
        """See `AlarmService.submit_health`."""

    def keep(self, notices: Sequence[NoticeRow], marks: dict[str, int] | None = None) -> None:
        """Have notices written to the ledger, in order, when it can be."""

    async def missed(self, mark: int) -> Sequence[AlertChange]:
        """Changes of earlier lives above a mark, in order. Raises LedgerError."""

    async def unfinished(self) -> tuple[int | None, list[NoticeRow]]:
        """The notifier's mark and the notices still to be sent. Raises LedgerError."""


class Notifier:
    """Sends notices while it is open as an asynchronous context.

    Args:
        channels: each channel and what it is told; names are unique.
        evidence: the bytes of a picture by its name, or None where it is gone; called in a thread.
        chaser: the escalation, where there is one.
        directory: the people a notice can be for.
        links: the addresses where an alert can be acknowledged and its picture seen, as made for the people who are told.
        seed: of the jitter.

    Attributes:
        taken_up: whether all that an earlier life left has been made into notices.
    """

    def __init__(
        self,
        desk: NoticeDesk,
        channels: Sequence[tuple[Route, Channel]],
        clock: Clock,
        evidence: Callable[[str], bytes | None],
        chaser: Chaser | None = None,
        directory: Directory | None = None,
        links: Links | None = None,
        seed: int | None = None,
        keep: Supervisor | None = None,
    ) -> None:
        self._desk = desk
        self._channels: dict[str, tuple[Route, Channel]] = {
            channel.name: (route, channel) for route, channel in channels
        }
        self._clock = clock
        self._evidence = evidence
        self._chaser = chaser
        self._directory = directory or Directory()
        self._links = links or (lambda _channel, _seq, _alert, _people, _now_ms: ("", ""))
        random = Random(seed)
        self._lanes = {name: Lane(random) for name in self._channels}
        self._news = {name: asyncio.Event() for name in self._channels}
        self._keep = keep or Supervisor()
        self._live: Subscription | None = None
        self._last_seq = desk.started_seq
        self._tests_to: frozenset[str] = frozenset()
        self.taken_up = False
        self.counts: Counter[str] = Counter()

    @property
    def waiting(self) -> dict[str, int]:
        """How many notices wait for each channel."""
        return {name: len(lane) for name, lane in self._lanes.items()}

    @property
    def due(self) -> bool:
        """Whether a notice is being sent, or is to be sent now."""
        now_s = self._clock.monotonic()
        return any(lane and lane.due(now_s) is not None for lane in self._lanes.values())

    def tell_tests(self, channels: Collection[str]) -> None:
        """From now on these channels tell test alerts, whatever their route; no other does."""
        self._tests_to = frozenset(channels)

    async def __aenter__(self) -> Self:
        # Subscribed before the ledger is asked, so that nothing falls between the two.
        self._live = self._desk.changes(self._desk.started_seq)
        self._keep.finish("notify-follow", self._follow)
        self._keep.finish("notify-take-up", self._take_up)
        if self._chaser is not None:
            self._keep.keep("notify-chase", partial(self._chase, self._chaser))
        for name in self._channels:
            self._keep.keep(f"notify-{name}", partial(self._work, name))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._keep.end()
        for name in self._channels:
            await self._channels[name][1].close()

    async def _follow(self) -> None:
        while True:
            live, self._live = self._live or self._desk.changes(self._last_seq), None
            async with aclosing(live):
                async for change in live:
                    self._route(change)
            if not live.lost:
                return

    def _route(self, change: AlertChange) -> None:
        self._last_seq = max(self._last_seq, change.transition.seq)
        if self._chaser is not None:
            self._chaser.take(change)
            if change.alert.state is not AlarmState.UNACKNOWLEDGED:
                self._withdraw(change.alert.id)
        # While there are older changes to be made into notices, the mark must not pass them: the next kill would lose them.
        self._desk.keep(self._make(change), {MARK: self._last_seq} if self.taken_up else None)

    def _make(self, change: AlertChange, before: Collection[str] = ()) -> list[NoticeRow]:
        made = []
        for name in self._channels:
            route = self._channels[name][0]
            event = self._test_event(name, route, change) if change.alert.test else route.event_of(change)
            row = row_of(name, event, change, self._clock.now_ms()) if event is not None else None
            if row is not None and row.id not in before:
                self._add(row)
                made.append(row)
        return made

    def _test_event(self, name: str, route: Route, change: AlertChange) -> EventAction | None:
        if name not in self._tests_to:
            return None
        event = event_of(change)
        # What opens something at its receiver has to close it again; people are not written to twice.
        return event if event is EventAction.TRIGGER or route.event_of(change) is EventAction.RESOLVE else None

    def _withdraw(self, alert_id: str) -> None:
        for lane in self._lanes.values():
            for row in lane.withdraw(alert_id):
                self._finish(row, "withdrawn", "somebody had it in hand before")

    async def _chase(self, chaser: Chaser) -> None:
        """Call people until somebody acknowledges."""
        while True:
            try:
                await chaser.restore(self._desk)
                break
            except (LedgerError, DeskError):
                # A ledger that is down must not keep a new alert from being chased.
                self._call(chaser)
                await self._clock.sleep(RELOAD_S)
        while True:
            self._call(chaser)
            await self._clock.sleep(POLL_S)

    def _call(self, chaser: Chaser) -> None:
        rows = chaser.rows(self._clock.now_ms())
        if rows:
            for row in rows:
                self._add(row)
            self._desk.keep(rows)

    def _add(self, row: NoticeRow) -> None:
        self._lanes[row.channel].add(row)
        self._news[row.channel].set()

    async def _take_up(self) -> None:
        """Go on with what an earlier life left: notices not yet sent, changes not yet made into notices."""
        while True:
            try:
                mark, rows = await self._desk.unfinished()
                missed = [] if mark is None else await self._desk.missed(mark)
                told_of = dict.fromkeys(change.alert.id for change in missed)
                made = {row.id for alert_id in told_of for row in await self._desk.notices(alert_id)}
                break
            except LedgerError:
                await self._clock.sleep(RELOAD_S)
        for row in rows:
            if row.seq > self._desk.started_seq:
                # Of this life, and queued already.
                continue
            if row.channel in self._channels:
                self._add(row)
            else:
                self._finish(row, "failed", "the channel is no longer configured")
        for change in missed:
            self._desk.keep(self._make(change, made))
        self.taken_up = True
        self._desk.keep([], {MARK: self._last_seq})

    async def _work(self, name: str) -> None:
        lane, news = self._lanes[name], self._news[name]
        while True:
            if not lane:
                news.clear()
                await news.wait()
            now_s = self._clock.monotonic()
            waiting = lane.due(now_s)
            if waiting is None:
                await self._rest(min(max(lane.wait_s(now_s), 0.01), POLL_S), news)
            else:
                await self._try(name, lane, waiting)

    async def _rest(self, seconds: float, news: asyncio.Event) -> None:
        """Wait for the next attempt, but not while a notice that has just come may be sent."""
        news.clear()
        waking = [asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(news.wait())]
        try:
            await asyncio.wait(waking, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waking:
                one.cancel()

    async def _try(self, name: str, lane: Lane, waiting: Waiting) -> None:
        row = replace(waiting.row, attempts=waiting.row.attempts + 1)
        waiting.row = row
        if self._clock.now_ms() - row.created_ms > GIVE_UP_MS:
            lane.done(waiting, delivered=False)
            self._finish(row, "failed", f"given up after {row.attempts - 1} attempts: {row.error}")
            return
        companions = lane.companions(waiting)
        try:
            await self._send(name, waiting, companions)
        except PermanentError as error:
            lane.done(waiting, delivered=False)
            self._finish(row, "failed", str(error))
            self._desk.submit_health(f"notify-{name}", "degraded", f"a notice was refused: {error}")
            _log.warning("notice refused for good", channel=name, notice=row.id, reason=str(error))
        except PacedError as error:
            # No fault of the channel: it will take the notice when its time has passed.
            self.counts[f"{name}_paced"] += 1
            lane.pause(self._clock.monotonic() + (error.retry_after_s or 0.0))
            waiting.row = replace(row, attempts=row.attempts - 1, error=str(error))
        except RetryableError as error:
            lane.failed(waiting, row.attempts, self._clock.monotonic(), error.retry_after_s)
            self._postpone(name, lane, waiting, str(error))
        except Exception as error:  # noqa: BLE001 - supervised: a channel's fault must not end its worker
            self.counts[f"{name}_faults"] += 1
            _log.exception("channel failed", channel=name, notice=row.id)
            lane.failed(waiting, row.attempts, self._clock.monotonic(), None)
            self._postpone(name, lane, waiting, f"{type(error).__name__}: {error}")
        else:
            lane.done(waiting, delivered=True)
            self._finish(row, "sent", None)
            for other in companions:
                lane.done(other, delivered=True)
                self._finish(other.row, "sent", f"told with {row.id}")
            self._desk.submit_health(f"notify-{name}", "ok")

    async def _send(self, name: str, waiting: Waiting, companions: Sequence[Waiting]) -> Receipt:
        row, alert = waiting.row, waiting.alert
        event = EventAction(row.event_action)
        pictures = await asyncio.to_thread(self._pictures, alert) if event is EventAction.TRIGGER else []
        people = self._directory.find(waiting.told.to)
        now_ms = self._clock.now_ms()
        link, picture_link = self._links(name, row.seq, alert, people, now_ms)
        personal = []
        if alert.acknowledgements_needed > 1 and len(people) > 1 and link:
            link, personal = "", [(one.name, self._links(name, row.seq, alert, (one,), now_ms)[0]) for one in people]
        notice = Notice(
            id=row.id,
            event_action=event,
            dedup_key=f"shedwatch-{alert.id}",
            created_ms=row.created_ms,
            alert=alert,
            summary=summary(alert, event),
            pictures=pictures,
            people=people,
            link=link,
            personal_links=personal,
            picture_link=picture_link,
            level=waiting.told.level or 0,
            also=[summary(other.alert, EventAction(other.row.event_action)) for other in companions],
            test=alert.test,
        )
        return await self._channels[name][1].send(notice)

    def _pictures(self, alert: Alert) -> list[Picture]:
        names = list(dict.fromkeys((*alert.evidence[:1], *alert.evidence[-1:])))[:MAX_PICTURES]
        found, size = [], 0
        for name in names:
            data = self._evidence(name)
            if data and size + len(data) <= MAX_PICTURE_BYTES:
                size += len(data)
                found.append(Picture(name, "image/png" if name.endswith(".png") else "image/jpeg", data))
        return found

    def _postpone(self, name: str, lane: Lane, waiting: Waiting, reason: str) -> None:
        self.counts[f"{name}_retries"] += 1
        waiting.row = replace(waiting.row, error=reason)
        self._desk.keep([waiting.row])
        if lane.failures >= DOWN_AFTER:
            self._desk.submit_health(f"notify-{name}", "down", reason)

    def _finish(self, row: NoticeRow, state: str, error: str | None) -> None:
        self.counts[f"{row.channel}_{state}"] += 1
        self._desk.keep([replace(row, state=state, done_ms=self._clock.now_ms(), error=error)])
