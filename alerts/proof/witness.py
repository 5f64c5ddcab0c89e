"""Follows one test alarm from the message to every receipt, only by what others can see too."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Protocol

import structlog
from msgspec.structs import replace

from alerts.feed import Subscription
from alerts.ledger.database import LedgerError, NoticeRow
from alerts.ledger.proofs import ProofBook
from alerts.lifecycle import Action, announces
from alerts.notify.port import EventAction
from alerts.proof.signals import Outside, Signal
from alerts.proof.track import StageMissedError, Track
from shedwatch.clock import Clock

_log = structlog.get_logger(__name__)

LOOK_S = 0.5
PUBLISH_S = 40.0
"""A clip shows a calm scene first, as a detector needs it."""

RECEIVE_S = 10.0
SEE_S = 40.0
RAISE_S = 30.0
"""Beside the rule's own delay."""

TELL_S = 15.0
NOTICE_S = 180.0
CLEAR_S = 120.0


class ProofAlarms(Protocol):
    """What a proof needs of the alarm service."""

    def changes(self, after_seq: int | None = None) -> Subscription:
        """See `AlarmService.changes`."""

    async def notices(self, alert_id: str) -> list[NoticeRow]:
        """See `AlarmService.notices`."""

    async def end_tests(self) -> None:
        """See `AlarmService.end_tests`."""


class Listener(Outside, Protocol):
    """The outside, which also hears what the service tells the bus."""

    def on_alert(self, heard: Callable[[str], None]) -> None:
        """Call `heard` with the id of each test alert whose topic comes."""


class Witness:
    """Of one proof; what it sees goes into its track."""

    def __init__(self, track: Track, alarms: ProofAlarms, book: ProofBook, clock: Clock) -> None:
        self._track = track
        self._alarms = alarms
        self._book = book
        self._clock = clock
        self._told: set[str] = set()

    async def follow(
        self, signal: Signal, outside: Listener, page: AsyncIterator[bytes] | None, raise_s: float, clear_s: float
    ) -> None:
        """Have the signal sent and see how far it comes; `raise_s`, `clear_s` are the rule's own delays."""
        outside.on_alert(self._hear_alert)
        async with asyncio.TaskGroup() as tasks:
            helpers = [tasks.create_task(self._follow_alarms()), tasks.create_task(signal.send(outside, self._track))]
            if page is not None:
                helpers.append(tasks.create_task(self._follow_page(page)))
            try:
                await self._pass_all(raise_s)
                signal.calm = True
                await self._track.reach("cleared", CLEAR_S + clear_s)
            except StageMissedError as missed:
                _log.warning("proof failed", kind=str(self._track.proof.kind), stage=str(missed))
            finally:
                for helper in helpers:
                    helper.cancel()

    async def _pass_all(self, raise_s: float) -> None:
        within = {"published": PUBLISH_S, "received": RECEIVE_S, "seen": SEE_S, "alarm": RAISE_S + raise_s}
        names = [stage.name for stage in self._track.proof.stages]
        for name in names:
            if name not in within:
                continue
            try:
                await self._track.reach(name, within[name])
            except StageMissedError:
                # What one of several detectors sees goes on to people all the same, and is followed.
                if not self._track.partly(name):
                    raise
        if self._track.proof.alert_id in self._told:
            self._track.passed("mqtt")
        # Side by side: what is missed keeps nothing else from being proved.
        seen = [self._reach(name) for name in names if name in ("mqtt", "page")]
        await asyncio.gather(*seen, self._look_for_ledger(), self._look_for_notices())

    async def _reach(self, name: str) -> None:
        with contextlib.suppress(StageMissedError):
            await self._track.reach(name, TELL_S)

    async def _follow_alarms(self) -> None:
        changes, track = self._alarms.changes(), self._track
        try:
            async for change in changes:
                alert, line = change.alert, change.transition
                if not alert.test:
                    continue
                if announces(line) and track.proof.alert_id is None:
                    track.proof = replace(track.proof, alert_id=alert.id)
                    track.passed("alarm", line.at_ms, line.note)
                elif alert.id == track.proof.alert_id and line.action == Action.CLEAR:
                    track.passed("cleared", line.at_ms)
        finally:
            await changes.aclose()

    async def _follow_page(self, events: AsyncIterator[bytes]) -> None:
        async for event in events:
            # Only one proof runs at a time, and this may come before our own subscription has told of the alarm.
            if b"event: alert" in event and b'"test":true' in event:
                self._track.passed("page")

    def _hear_alert(self, alert_id: str) -> None:
        self._told.add(alert_id)
        if alert_id == self._track.proof.alert_id:
            self._track.passed("mqtt")

    async def _look_for_ledger(self) -> None:
        why = f"not within {TELL_S:g} s"
        for _ in range(int(TELL_S / LOOK_S)):
            try:
                if await self._book.has_alert(self._track.proof.alert_id or ""):
                    self._track.passed("ledger")
                    return
            except LedgerError as error:
                why = str(error)
            await self._clock.sleep(LOOK_S)
        self._track.missed("ledger", why)

    async def _look_for_notices(self) -> None:
        wanted, rows = set(self._track.proof.channels), dict[str, NoticeRow]()
        for _ in range(int(NOTICE_S / LOOK_S)):
            with contextlib.suppress(LedgerError):
                found = await self._alarms.notices(self._track.proof.alert_id or "")
                rows = {row.channel: row for row in found if row.event_action == EventAction.TRIGGER}
            wanted -= {name for name in wanted if name in rows and self._take(rows[name])}
            if not wanted:
                return
            await self._clock.sleep(LOOK_S)
        for name in sorted(wanted):
            why = rows[name].error if name in rows else "no notice was made"
            self._track.missed(f"notice:{name}", f"not taken within {NOTICE_S:g} s: {why or 'no answer'}")

    def _take(self, row: NoticeRow) -> bool:
        """Whether it is known what became of a notice."""
        if row.state == "sent":
            self._track.passed(f"notice:{row.channel}", row.done_ms)
        elif row.state != "pending":
            self._track.missed(f"notice:{row.channel}", row.error or row.state)
        return row.state != "pending"
