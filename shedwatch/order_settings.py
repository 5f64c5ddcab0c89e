"""What people may order about alarms, as configured: how long one may be put aside, and how many have to take notice."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from alerts.model import AlertKind, Severity
from alerts.orders import Several
from shedwatch.notify_settings import Place
from shedwatch.sections import Section

DAY = 1440


class PutAsideSettings(Section):
    """The longest an alarm may be put aside, in minutes; what speaks of fire for minutes only, whatever is set."""

    shelve_critical: Annotated[int, Field(ge=1, le=60)] = 15
    shelve_high: Annotated[int, Field(ge=1, le=480)] = 120
    shelve_medium: Annotated[int, Field(ge=1, le=DAY)] = 480
    shelve_low: Annotated[int, Field(ge=1, le=7 * DAY)] = 1440
    shelve_fire: Annotated[int, Field(ge=1, le=15)] = 5
    out_of_service: Annotated[int, Field(ge=1, le=90 * DAY)] = 43_200
    out_of_service_fire: Annotated[int, Field(ge=1, le=DAY)] = 480

    def shelve(self) -> dict[Severity, int]:
        """By severity."""
        return {
            Severity.CRITICAL: self.shelve_critical,
            Severity.HIGH: self.shelve_high,
            Severity.MEDIUM: self.shelve_medium,
            Severity.LOW: self.shelve_low,
        }


class SeveralSettings(Section):
    """So many different people have to acknowledge these alarms; the first entry that fits is used."""

    people: Annotated[int, Field(ge=2, le=5)]
    kinds: list[AlertKind] = []
    min_severity: Severity = Severity.CRITICAL
    match: Place | None = None

    def rule(self) -> Several:
        """As the alarm room knows it."""
        place = tuple(self.match.split("/")) if self.match else ()
        return Several(self.people, frozenset(self.kinds), self.min_severity, place)
