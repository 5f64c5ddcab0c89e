"""Turns the escalation's calls into notices, and takes up after a restart where an earlier life left off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from alerts.ledger.database import NoticeRow
from alerts.lifecycle import announces
from alerts.model import AlarmState, Alert, AlertChange, Transition
from alerts.notify.directory import Directory
from alerts.notify.escalation import Call, Escalation
from alerts.notify.rows import call_id_of, row_of_call


class ChaserDesk(Protocol):
    """What it needs of the alarm service."""

    def open_alerts(self) -> Sequence[Alert]:
        """See `AlarmDesk`."""

    async def log(self, alert_id: str) -> Sequence[Transition]:
        """See `AlarmDesk`."""

    async def notices(self, alert_id: str) -> Sequence[NoticeRow]:
        """All notices of an alert, sent or not. Raises LedgerError."""


class Chaser:
    """Whom to chase now. Give it every change, and ask for `rows` again and again."""

    def __init__(self, escalation: Escalation, directory: Directory, channels: Sequence[str]) -> None:
        self._escalation = escalation
        self._directory = directory
        self._channels = frozenset(channels)

    def take(self, change: AlertChange) -> None:
        """An alert has changed."""
        self._escalation.take(change)

    def rows(self, now_ms: int) -> list[NoticeRow]:
        """Notices of the steps that are due."""
        return [row for call in self._escalation.due(now_ms) for row in self._rows_of(call, now_ms)]

    def _rows_of(self, call: Call, now_ms: int) -> list[NoticeRow]:
        told = self._directory.on_call(call.step.to, now_ms)
        to = tuple(person for person in told if not self._knows(person, call.alert))
        if told and not to:
            # More people have to know of it, and all whom this step calls do.
            return []
        channels = [channel for channel in call.step.channels if channel in self._channels]
        return [row_of_call(channel, call, to, now_ms) for channel in channels]

    def _knows(self, person: str, alert: Alert) -> bool:
        names = {person, *(found.name for found in self._directory.find((person,)))}
        return any(one.by in names for one in alert.acknowledgements)

    async def restore(self, desk: ChaserDesk) -> None:
        """Take up the chase of open alerts of an earlier life. Raises LedgerError, DeskError."""
        for alert in desk.open_alerts():
            if alert.state is not AlarmState.UNACKNOWLEDGED:
                continue
            begun = [line for line in await desk.log(alert.id) if announces(line)]
            if begun:
                told = [call for row in await desk.notices(alert.id) if (call := call_id_of(row)) is not None]
                self._escalation.restore(alert, begun[-1].seq, begun[-1].at_ms, told)
