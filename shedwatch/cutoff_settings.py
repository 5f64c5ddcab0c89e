"""The `cutoff` section: how a cut is proved, and which alarms cut by themselves; none unless it says so."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from alerts.cutoff.machine import CutTimes
from alerts.cutoff.policy import CutPolicy
from alerts.model import AlertKind
from shedwatch.notify_settings import Place
from shedwatch.sections import Section


class AutomaticCutSettings(Section):
    """Alarms of these kinds cut once they are critical; the first entry whose `match` fits is used."""

    match: Place | None = None
    kinds: Annotated[list[AlertKind], Field(min_length=1)]
    uncertain: bool = False
    whole_shed: bool = False

    def policy(self) -> CutPolicy:
        """As the alarm room knows it."""
        place = tuple(self.match.split("/")) if self.match else ()
        return CutPolicy(frozenset(self.kinds), place, self.uncertain, self.whole_shed)


class CutoffSettings(Section):
    """The closed loop of a cut."""

    automatic: list[AutomaticCutSettings] = []
    breaker: bool = True
    verify_s: Annotated[float, Field(ge=3, le=600)] = 12.0
    resend_s: Annotated[float, Field(ge=1, le=60)] = 4.0
    poll_s: Annotated[float, Field(ge=0.5, le=60)] = 2.0
    watch_minutes: Annotated[float, Field(ge=1, le=1440)] = 60.0

    def times(self) -> CutTimes:
        """As the alarm room knows them."""
        return CutTimes(
            resend_s=self.resend_s, verify_s=self.verify_s, poll_s=self.poll_s, watch_s=self.watch_minutes * 60.0
        )

    def policies(self) -> tuple[CutPolicy, ...]:
        """Those that cut by themselves, in order."""
        return tuple(entry.policy() for entry in self.automatic)
