"""The charger's own rules for ending a session: pack, meter and firmware figures → when it ends, and why.

The figures are those of the AP3000 family (parameters 83/84/85 of its protocol), the firmware met in most sheds. What
that firmware has switched off since 2021 for false cuts, its thermal trips and dynamic overload, is not here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from simulators.battery import Charge

EndReason = Literal[
    "full", "max_time", "no_load", "low_power", "over_power", "unplugged", "server", "breaker", "over_voltage",
    "under_voltage",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class CutoffRules:
    """Thresholds of one charger.

    Attributes:
        max_session_s: the longest session; 8 h is what safety guides ask for, 10 h the device's own default.
        full_ratio: at this part of the session's highest power, or less, the pack is thought to be full …
        full_s: … when it has lasted so long; `full_late_s` once the session is older than `late_from_s`.
        float_s: how long power is still given after that.
        low_power_w, low_power_s: a session that never drew that much within that time is ended.
        no_load_s: how long nothing may flow before the session is ended.
        unplug_s: how long a pulled plug takes to be noticed.
        over_power_w, over_power_s: more than this for that long ends the session; 3500 W is the cap of high-power
            chargers, 2000 W that of ordinary ones.
        over_voltage_v, under_voltage_v: mains beyond these end and refuse sessions.
    """

    max_session_s: float = 28_800.0
    full_ratio: float = 0.2
    full_s: float = 1800.0
    full_late_s: float = 300.0
    late_from_s: float = 10_800.0
    float_s: float = 3600.0
    low_power_w: float = 30.0
    low_power_s: float = 1800.0
    no_load_s: float = 300.0
    unplug_s: float = 10.0
    over_power_w: float = 3500.0
    over_power_s: float = 30.0
    over_voltage_v: float = 270.0
    under_voltage_v: float = 100.0


class Load(NamedTuple):
    """A second load on a port, from `at_s` until `until_s`."""

    at_s: float
    until_s: float
    watts: float


class Fed(NamedTuple):
    """A session to which power flows since `since_s`, its pack then at the start of `charge`; `top_w` until then."""

    started_s: float
    since_s: float
    charge: Charge
    top_w: float
    loads: Sequence[Load]


def float_from_s(rules: CutoffRules, fed: Fed) -> float:
    """When the charger will think the pack full, if nothing changes until then."""
    top_w = max(fed.top_w, fed.charge.highest_w(math.inf))
    quiet_s = fed.since_s + fed.charge.falls_to_s(rules.full_ratio * top_w)
    # What else hangs on the port keeps its meter up.
    for load in fed.loads:
        if load.at_s < quiet_s + rules.full_s and load.until_s > quiet_s:
            quiet_s = load.until_s
    late_s = max(quiet_s, fed.started_s + rules.late_from_s) + rules.full_late_s
    return min(quiet_s + rules.full_s, late_s)


def end_by_power(rules: CutoffRules, fed: Fed) -> tuple[float, EndReason]:
    """When what the meter shows will end the session, and the reason; infinite where it never does."""
    ends: list[tuple[float, EndReason]] = [(float_from_s(rules, fed) + rules.float_s, "full")]
    for load in fed.loads:
        over_s = max(load.at_s, fed.since_s) + rules.over_power_s
        if load.until_s > over_s and load.watts + fed.charge.power_w(over_s - fed.since_s) > rules.over_power_w:
            ends.append((over_s, "over_power"))
    judged_s = fed.started_s + rules.low_power_s
    if judged_s >= fed.since_s and not any(load.at_s < judged_s for load in fed.loads):
        top_w = max(fed.top_w, fed.charge.highest_w(judged_s - fed.since_s))
        if top_w < rules.low_power_w:
            ends.append((judged_s, "low_power"))
    return min(ends, key=lambda end: end[0])
