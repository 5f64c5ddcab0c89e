"""Settings of what a charge shows over hours and days, with the reason of every default.

The curves are those of the packs and chargers met in sheds: lead acid is charged at a seventh of its capacity, so that
even an empty pack has left constant current after 6.6 hours; lithium is faster. No figure here is taken from a standard.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from alerts.model import Severity
from alerts.rules.hazard import Delay, Hazard, Positive, rising

Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
Days = Annotated[float, msgspec.Meta(gt=0, le=3650)]
Count = Annotated[int, msgspec.Meta(ge=1, le=10_000)]


class NoTaper(Hazard, frozen=True, kw_only=True):
    """A charge that goes on at full power after its pack must be full, or whose power comes back after it had fallen.

    The limit is this port's own: `over_history` times its longest full-power time of charges with a similar peak, never
    below `floor_s` nor above `limit_s`, which holds alone while the port has shown fewer than `min_sessions` of them.

    severity: high; an overcharged pack smokes within the hour (a test with a wrong charger: 52 minutes).
    late_rise_severity: medium; a second charge of the same pack is rare, and mostly a battery management that opens again.
    taper_ratio: a charge has left full power when it draws less than 80 % of its peak for `settle_s`; within constant
        current the power of a sound charge only rises.
    limit_s: 27,000 s (7 h 30 min): an empty lead pack at a seventh of its capacity needs 6 h 36 min.
    floor_s: 18,000 s (5 h): a guest may come with an emptier pack than this port has ever seen.
    over_history: 1.4: of twelve charges the emptiest pack took about 70 % of what an empty one takes.
    min_sessions: 12, for the same reason.
    similar: 0.15: peaks within 15 % of each other are taken for the same sort of pack.
    min_power_w: 60 W; less is no e-bike in constant current.
    settle_s: 600 s: two of the slow native reports of power.
    fallen_ratio, risen_ratio: a late rise goes from below 50 % of the peak to above 80 %, each for `settle_s`; topping up
        from float is shorter.
    off_delay_s: 0; what ends it is the taper or the end of the session.
    """

    severity: Severity = Severity.HIGH
    late_rise_severity: Severity = Severity.MEDIUM
    off_delay_s: Delay = 0.0
    taper_ratio: Share = 0.8
    limit_s: Positive = 27_000.0
    floor_s: Positive = 18_000.0
    over_history: Annotated[float, msgspec.Meta(ge=1, le=10)] = 1.4
    min_sessions: Count = 12
    similar: Share = 0.15
    min_power_w: Positive = 60.0
    settle_s: Positive = 600.0
    fallen_ratio: Share = 0.5
    risen_ratio: Share = 0.8

    def __post_init__(self) -> None:
        rising(self, "floor_s", "limit_s")
        rising(self, "fallen_ratio", "risen_ratio")


class SessionOverlong(Hazard, frozen=True, kw_only=True):
    """A session far longer than its energy warrants: the pack has been full for long, and nobody switched it off.

    What the energy warrants is the time it takes at the session's peak power; a sound charge has besides it a tail, the
    charger's detection of full and its float.

    severity: medium; it should have been switched off when full.
    slack_s: 18,000 s (5 h) beyond what the energy warrants. The longest sound ones: 1 h 40 min for a lead tail, half an
        hour until field firmware recognises full, one hour of float: 3 h 10 min.
    limit_s: 39,600 s (11 h), whatever the energy: devices end a session after 10 h by themselves.
    min_power_w: 20 W; a session that never drew more cannot be judged by its energy.
    off_delay_s: 0; it ends with the session.
    """

    severity: Severity = Severity.MEDIUM
    off_delay_s: Delay = 0.0
    slack_s: Positive = 18_000.0
    limit_s: Positive = 39_600.0
    min_power_w: Positive = 20.0

    def __post_init__(self) -> None:
        rising(self, "slack_s", "limit_s")


class ContactAgeing(Hazard, frozen=True, kw_only=True):
    """A port's contact heats more than it used to at the same current: it corrodes or loosens, with weeks of lead.

    Compared is the rise over the charger's own temperature (else the median of its other ports) while the current is
    steady, as a straight line in the square of the current (ΔT = a + r·I²), between the last `recent_days` and the days
    before, whose weight halves every `half_life_days`. Rises count from what the port shows without current on the same day,
    so that a sensor that was moved is no wear; what all ports of the charger share (a season, the sun on the case) is
    taken out.

    severity: medium; the contact is worn, not burning. `temperature_rise` tells when it is.
    per_a2_c: 2 °C/A² more is worn: some 0.3 Ω more in a contact that has 0.06 Ω,
    floor_c: where that comes to 3 °C at the loads of these days; sensors resolve one, an hour of samples is averaged.
    limit_c: 8 °C more is worn at any load.
    high_factor: twice as much is high.
    hold_ratio: it is told until the drift has fallen below 60 % of what raised it, so that lighter loads do not end it.
    min_current_a: 0.5 A; below it a contact gives no heat that could be measured.
    steady_s, steady_ratio: 1,200 s within 15 % of the same current: a socket settles within ten to fifteen minutes.
    sample_s: 300 s, the slow native report of power.
    min_samples: 12 a side, an hour of steady charging.
    learn_days: 3 days with samples make the port's habit,
    recent_days: and the last 2 with samples are judged by it.
    half_life_days: 45: shorter, and slow ageing would become the habit; longer, and a replaced socket would stay unknown.
    reference_age_s: a reference older than 15 minutes is none.
    """

    severity: Severity = Severity.MEDIUM
    off_delay_s: Delay = 0.0
    per_a2_c: Positive = 2.0
    floor_c: Positive = 3.0
    limit_c: Positive = 8.0
    high_factor: Annotated[float, msgspec.Meta(ge=1, le=10)] = 2.0
    hold_ratio: Share = 0.6
    min_current_a: Positive = 0.5
    steady_s: Positive = 1_200.0
    steady_ratio: Share = 0.15
    sample_s: Positive = 300.0
    min_samples: Count = 12
    learn_days: Count = 3
    recent_days: Count = 2
    half_life_days: Days = 45.0
    reference_age_s: Positive = 900.0

    def __post_init__(self) -> None:
        rising(self, "floor_c", "limit_c")


class CutFailed(Hazard, frozen=True, kw_only=True):
    """A port was ordered off and current still flows, or its charger does not answer: nothing can cut it but a person.

    severity: critical; a port is cut because of danger there.
    off_delay_s: 0; it ends when the port is seen without current.
    """

    severity: Severity = Severity.CRITICAL
    off_delay_s: Delay = 0.0
