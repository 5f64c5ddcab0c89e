"""At what time of day the automatic proof is made. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo


@dataclass(frozen=True, slots=True)
class Nightly:
    """Every day at that time where the sheds are."""

    at: time
    zone: tzinfo

    def next_ms(self, now_ms: int) -> int:
        """The first such time after `now_ms`, in epoch milliseconds."""
        now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(self.zone)
        for days in range(3):
            day = now.date() + timedelta(days=days)
            due_ms = round(datetime.combine(day, self.at, self.zone).timestamp() * 1000)
            if due_ms > now_ms:
                return due_ms
        raise AssertionError("every day has this time")
