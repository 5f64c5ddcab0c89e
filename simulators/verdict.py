"""The judgement of a scenario, as reports and programs read it."""

from __future__ import annotations

import msgspec

# A device may stamp, and the service round, a moment before the second the scenario names.
EARLY_S = 1.0


class Outcome(msgspec.Struct, frozen=True):
    """One expectation judged, of an alarm or of a cut. `reason` says what is missing; `delay_s` counts from the hazard's beginning.

    `delivered_s`: for each channel asked for, how long after the alarm people were told by it; None: never.
    """

    expected: str
    after_s: float
    within_s: float
    ok: bool
    reason: str = ""
    alert_id: str | None = None
    cut_id: str | None = None
    delay_s: float | None = None
    severity: str | None = None
    evidence: int = 0
    cleared_delay_s: float | None = None
    delivered_s: dict[str, float | None] = {}


class Unexpected(msgspec.Struct, frozen=True):
    """An alarm, or an automatic cut, that nobody expected, `at_s` seconds into the scenario."""

    alert: str
    alert_id: str
    severity: str
    at_s: float
    message: str = ""


class Verdict(msgspec.Struct, frozen=True):
    """The judgement of a whole scenario. `met`: every expectation was, and nothing else alarmed."""

    name: str
    met: bool
    outcomes: list[Outcome]
    unexpected: list[Unexpected]
