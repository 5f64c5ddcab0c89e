"""An extinguisher's inspection is overdue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from alerts.messages import compose, place
from alerts.model import Alert, AlertKey, AlertKind, Condition, Text
from alerts.rules.base import BaseRule, Surroundings, key_of
from alerts.rules.hazards_presence import ExtinguisherDue
from ingest.model import Device, DeviceKind

_LOOK_EVERY_MS = 3_600_000
"""Dates change by the day."""


class ExtinguisherDueRule(BaseRule):
    """Compares the configured date of inspection with today; without a date nothing is claimed."""

    name = str(AlertKind.EXTINGUISHER_DUE)

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._active: set[AlertKey] = set()
        self._looked_ms: int | None = None

    def tick(self, now_ms: int) -> Iterator[Condition]:
        if self._looked_ms is not None and 0 <= now_ms - self._looked_ms < _LOOK_EVERY_MS:
            return
        self._looked_ms = now_ms
        for device in self._around.topology.devices(DeviceKind.EXTINGUISHER):
            yield from self._judge(device, now_ms)

    def restore(self, alert: Alert, now_ms: int) -> bool:  # noqa: ARG002 - the port's signature
        key = alert.key
        if key.kind is not AlertKind.EXTINGUISHER_DUE:
            return False
        self._active.add(key)
        return True

    def _judge(self, device: Device, now_ms: int) -> Iterator[Condition]:
        own = self._around.book.of(AlertKind.EXTINGUISHER_DUE, ExtinguisherDue, device.ref)
        key = key_of(AlertKind.EXTINGUISHER_DUE, device.ref)
        today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
        age_days = (today - device.inspected).days if device.inspected else 0
        due = own.enabled and age_days > own.due_days
        if not due and key not in self._active:
            return
        (self._active.add if due else self._active.discard)(key)
        what = Text(f"已{age_days}天未检查", f"was last inspected {age_days} days ago")
        yield Condition(
            key=key,
            active=due,
            severity=own.severity,
            message=compose(key.kind, place(self._around.topology, key), what),
            value=float(age_days),
            threshold=own.due_days,
            unit="d",
            details={"rule": self.name},
        )
