"""An extinguisher's inspection is overdue, or a patrol found it missing or unusable: by the register, else the configuration."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from alerts.messages import compose, place
from alerts.model import Alert, AlertKey, AlertKind, Condition, Severity, Text
from alerts.register import Entry
from alerts.rules.base import BaseRule, Surroundings, key_of
from alerts.rules.hazards_presence import ExtinguisherDue, ExtinguisherMissing
from ingest.model import DeviceKind, DeviceRef

_LOOK_EVERY_MS = 3_600_000
"""Dates change by the day; another register is looked at at once."""
_KINDS = (AlertKind.EXTINGUISHER_DUE, AlertKind.EXTINGUISHER_MISSING)


class ExtinguisherRule(BaseRule):
    """Compares dates with today; without a date nothing is claimed."""

    name = "extinguishers"

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._active: set[AlertKey] = set()
        self._looked: tuple[int, int] | None = None

    def tick(self, now_ms: int) -> Iterator[Condition]:
        version = self._around.register.version
        if self._looked is not None and self._looked[0] == version and 0 <= now_ms - self._looked[1] < _LOOK_EVERY_MS:
            return
        self._looked = (version, now_ms)
        today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
        entries = self._entries()
        for entry in entries.values():
            yield from self._due(entry, today)
            yield from self._missing(entry)
        for key in [key for key in self._active if DeviceRef(*key[1:4]) not in entries]:
            # It was taken out of the register.
            yield self._say(key, False, Severity.LOW, Text("已移出登记", "no longer in the register"))

    def restore(self, alert: Alert, now_ms: int) -> bool:  # noqa: ARG002 - the port's signature
        key = alert.key
        if key.kind not in _KINDS:
            return False
        self._active.add(key)
        return True

    def _entries(self) -> dict[DeviceRef, Entry]:
        configured = {
            device.ref: Entry(
                site=device.ref.site, shed=device.ref.shed, id=device.ref.device, inspected=device.inspected
            )
            for device in self._around.topology.devices(DeviceKind.EXTINGUISHER)
        }
        return configured | dict(self._around.register.entries)

    def _due(self, entry: Entry, today: date) -> Iterator[Condition]:
        own = self._around.book.of(AlertKind.EXTINGUISHER_DUE, ExtinguisherDue, entry.ref)
        key = key_of(AlertKind.EXTINGUISHER_DUE, entry.ref)
        due = entry.due or (entry.inspected + timedelta(days=own.due_days) if entry.inspected else None)
        over_days = (today - due).days if due else 0
        overdue = own.enabled and over_days > 0
        if not overdue and key not in self._active:
            return
        age_days = (today - entry.inspected).days if entry.inspected else over_days
        if entry.due:
            what = Text(
                f"检查已过期{over_days}天（{entry.due}）", f"inspection was due {over_days} days ago ({entry.due})"
            )
        else:
            what = Text(f"已{age_days}天未检查", f"last inspected {age_days} days ago")
        value, limit = (over_days, 0.0) if entry.due else (age_days, own.due_days)
        yield self._say(key, overdue, own.severity, what, float(value), limit)

    def _missing(self, entry: Entry) -> Iterator[Condition]:
        own = self._around.book.of(AlertKind.EXTINGUISHER_MISSING, ExtinguisherMissing, entry.ref)
        key = key_of(AlertKind.EXTINGUISHER_MISSING, entry.ref)
        missing = own.enabled and entry.condition != "ok"
        if not missing and key not in self._active:
            return
        zh, en = ("缺失", "missing") if entry.condition != "unusable" else ("不可用", "unusable")
        note = f"（{entry.note}）" if entry.note else ""
        yield self._say(
            key, missing, own.severity, Text(f"{zh}{note}", f"{en}{f' ({entry.note})' if entry.note else ''}")
        )

    def _say(
        self,
        key: AlertKey,
        active: bool,
        severity: Severity,
        what: Text,
        value: float | None = None,
        limit: float | None = None,
    ) -> Condition:
        (self._active.add if active else self._active.discard)(key)
        return Condition(
            key=key,
            active=active,
            severity=severity,
            message=compose(key.kind, place(self._around.topology, key), what),
            value=value,
            threshold=limit,
            unit="d" if value is not None else "",
            details={"rule": self.name},
        )
