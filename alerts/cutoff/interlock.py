"""What holds back cuts that a policy orders; a person is held back by nothing but a cut that runs already. Pure.

A detector that errs must not darken a neighbourhood: never two sheds at once without a person, and not one port after the other
for ever. What is held back goes to people.
"""

from __future__ import annotations

from collections.abc import Iterable

from alerts.cutoff.model import Cut

OTHER_SHED_MS = 600_000
"""Ten minutes: by then somebody is in front of the screen. A real fire in two sheds at once is rarer than a detector that errs."""

MAX_IN_SHED = 6
"""Automatic cuts in one shed in that time: a burning pack and its neighbours on both sides, twice over."""


def held_back(site: str, shed: str, earlier: Iterable[Cut], now_ms: int) -> str | None:
    """Why a policy may not cut in this shed now, or None where it may. `earlier` are recent cuts, of people too."""
    recent = [cut for cut in earlier if cut.automatic and now_ms - cut.requested_ts < OTHER_SHED_MS]
    elsewhere = next((cut for cut in recent if (cut.site, cut.shed) != (site, shed)), None)
    if elsewhere is not None:
        return f"{elsewhere.site}/{elsewhere.shed} was cut by itself within ten minutes; a person must order the second shed"
    if len(recent) >= MAX_IN_SHED:
        return f"{len(recent)} automatic cuts in this shed within ten minutes; a person must order more"
    return None
