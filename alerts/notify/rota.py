"""Who is on duty: weekly shifts, holidays, and overrides for a swap or an illness. Pure.

Times of day are those of the sheds' time zone. A shift that ends at or before its beginning goes on into the next day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Shift:
    """Hours of certain days and who works then.

    Attributes:
        days: on which it begins, 0 for Monday.
        holidays: it begins on holidays too; a shift for holidays alone has no `days`.
        people: ids, the first is called first.
    """

    begin: time
    end: time
    people: tuple[str, ...]
    days: frozenset[int] = EVERY_DAY
    holidays: bool = True

    def covers(self, at: datetime, holidays: frozenset[date]) -> bool:
        """Whether somebody works it at that local time."""
        today = at.date()
        if self.end > self.begin:
            return self._begins(today, holidays) and self.begin <= at.time() < self.end
        if at.time() >= self.begin:
            return self._begins(today, holidays)
        return at.time() < self.end and self._begins(today - timedelta(days=1), holidays)

    def _begins(self, day: date, holidays: frozenset[date]) -> bool:
        return self.holidays if day in holidays else day.weekday() in self.days


@dataclass(frozen=True, slots=True)
class Override:
    """Instead of the shifts, from one time to another (epoch milliseconds, end exclusive)."""

    begin_ms: int
    end_ms: int
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rota:
    """A duty: its shifts, exceptions, and who is called when a gap was left in it."""

    id: str
    shifts: Sequence[Shift]
    zone: tzinfo
    holidays: frozenset[date] = frozenset()
    overrides: Sequence[Override] = ()
    fallback: tuple[str, ...] = ()

    def on_duty(self, now_ms: int) -> tuple[str, ...]:
        """Ids of those on duty now, in the order they are called; the fallback where a gap was left."""
        for override in self.overrides:
            if override.begin_ms <= now_ms < override.end_ms:
                return override.people
        at = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(self.zone)
        found = [who for shift in self.shifts if shift.covers(at, self.holidays) for who in shift.people]
        return tuple(dict.fromkeys(found)) or self.fallback


def first_gap(shifts: Sequence[Shift]) -> datetime | None:
    """The first quarter of an hour of an ordinary week in which no shift is worked; None where there is none."""
    monday = datetime(2024, 1, 1, tzinfo=UTC)
    quarters = (monday + timedelta(minutes=15 * number) for number in range(7 * 96))
    return next((at for at in quarters if not any(shift.covers(at, frozenset()) for shift in shifts)), None)
