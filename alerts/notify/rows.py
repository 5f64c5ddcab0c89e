"""A notice as the ledger keeps it, and back. Ids say where a notice comes from, so that none is made twice.

CHANNEL-SEQ             what a channel is told of a change by its route
CHANNEL-SEQ-POLICY-N    step N of an escalation
"""

from __future__ import annotations

from typing import Any

import msgspec

from alerts.ledger.database import NoticeRow
from alerts.model import Alert, AlertChange
from alerts.notify.escalation import Call
from alerts.notify.port import EventAction


class Told(msgspec.Struct, frozen=True):
    """What a row holds beside its columns: the alert as it was, and for an escalation whom it calls and how far it has come."""

    alert: Alert
    to: tuple[str, ...] = ()
    level: int | None = None


def row_of(channel: str, event: EventAction, change: AlertChange, now_ms: int) -> NoticeRow:
    """The notice a route makes of a change."""
    return _row(f"{channel}-{change.transition.seq}", channel, change.transition.seq, event, Told(change.alert), now_ms)


def row_of_call(channel: str, call: Call, to: tuple[str, ...], now_ms: int) -> NoticeRow:
    """The notice a step of an escalation makes for one of its channels."""
    told = Told(call.alert, to, call.level)
    return _row(f"{channel}-{call.id}", channel, call.seq, EventAction.TRIGGER, told, now_ms)


def told_of(row: NoticeRow) -> Told:
    """What a row holds."""
    body: dict[str, Any] = row.body
    # Rows of the first version are the alert alone.
    return msgspec.convert(body if "alert" in body else {"alert": body}, Told)


def call_id_of(row: NoticeRow) -> str | None:
    """The id of the call a row was made for; None for a notice of a route."""
    rest = row.id.removeprefix(f"{row.channel}-")
    return rest if "-" in rest else None


def _row(row_id: str, channel: str, seq: int, event: EventAction, told: Told, now_ms: int) -> NoticeRow:
    return NoticeRow(
        id=row_id,
        channel=channel,
        alert_id=told.alert.id,
        seq=seq,
        event_action=str(event),
        body=msgspec.to_builtins(told),
        state="pending",
        attempts=0,
        created_ms=now_ms,
    )
