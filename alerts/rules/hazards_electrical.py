"""Settings of what chargers measure and report, with the reason of every default.

Temperatures and currents are vendors' and field figures, none is taken from a standard. Two vendors found that one fixed
temperature threshold cuts off too often and turned their trips off, so that the server's two levels, delays and the rise
over the surroundings are what is left.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from alerts.model import Severity
from alerts.rules.hazard import Celsius, Delay, Hazard, Margin, Positive, rising


class OverTemperature(Hazard, frozen=True, kw_only=True):
    """A port or a charger's case is too hot.

    high_c, charger_high_c: 65 °C, the stop limit of one vendor's firmware; a socket in use stays below 45-50 °C.
    critical_c, charger_critical_c: 80 °C, the common trip of AP3000 piles, which is switched off in the field since 2021.
    on_delay_s, critical_delay_s: none. Piles report every three to five minutes, so that a delay would bring no second
        sample and only cost time; no sound socket reads this hot even once. For chargers that report every few seconds
        through a noisy sensor, 30 s (the persistence those piles asked for) is a good override.
    hysteresis_c: 3 °C, above the 1 °C resolution of the hardware.
    jump_c_per_s: 3 °C/s: no socket heats faster (its time constant is minutes), a sensor's wire that touches something does.
        Such a reading counts when the next one is as hot,
    jump_wait_s: or none has come for 20 s. After a slow report there is no such doubt: minutes have passed.
    """

    on_delay_s: Delay = 0.0
    jump_c_per_s: Positive = 3.0
    jump_wait_s: Delay = 20.0
    high_c: Celsius = 65.0
    critical_c: Celsius = 80.0
    charger_high_c: Celsius = 65.0
    charger_critical_c: Celsius = 80.0
    critical_delay_s: Delay = 0.0
    hysteresis_c: Margin = 3.0

    def __post_init__(self) -> None:
        rising(self, "high_c", "critical_c")
        rising(self, "charger_high_c", "charger_critical_c")


class TemperatureRise(Hazard, frozen=True, kw_only=True):
    """A port is hotter than its load explains: the mark of a loose or corroded contact, before it is over-temperature.

    The reference is the charger's own temperature, else the median of its other ports. Allowed over it is
    `excess_c + per_a2_c x current²` (contact heat grows with the square of the current; the heat of a load that has ended
    stays for a while).

    excess_c: 20 °C; a socket in the sun or beside a warm one is not further off.
    per_a2_c: 0.5 °C/A²: 5 A through a sound contact (5.5 A is the meter limit of common ports) explains about 12 °C.
    unknown_current_a: 5 A is granted where the charger does not report a current.
    load_memory_s: 900 s, in which what a past load explains fades to a third: a socket cools with a time constant of ten
        to fifteen minutes.
    high_margin_c: 20 °C more than allowed is no longer a hint but a hot spot: high instead of medium.
    fast_rise_c, fast_window_s: 12 °C over the reference gained within five minutes is faster than a sound socket warms
        after a charge begins (10-20 minutes), and catches the loose contact on its way up; what the load explains is
        added here too.
    reference_age_s: a reference older than ten minutes is none (the slow native report of power is every five).
    on_delay_s: 30 s, more than one wrong sample lasts at 5-10 s reports, and before it is over-temperature.
    hysteresis_c: 3 °C, above the 1 °C resolution of the hardware.
    """

    on_delay_s: Delay = 30.0
    off_delay_s: Delay = 120.0
    excess_c: Positive = 20.0
    per_a2_c: Margin = 0.5
    unknown_current_a: Margin = 5.0
    load_memory_s: Positive = 900.0
    high_margin_c: Positive = 20.0
    fast_rise_c: Positive = 12.0
    fast_window_s: Positive = 300.0
    reference_age_s: Positive = 600.0
    hysteresis_c: Margin = 3.0


class OverCurrent(Hazard, frozen=True, kw_only=True):
    """A port draws more than a socket of a charging pile is for.

    high_a: 10 A: the usual port cap of 2000 W at 220 V is 9.1 A.
    critical_a: 16 A: the 3500 W cap of a high-power port.
    on_delay_s: 30 s, the AP3000's own overload persistence; in-rush is over long before.
    critical_delay_s: 5 s; 16 A heat a worn contact within a minute.
    hysteresis_a: 0.3 A, the ripple of a charger's current.
    """

    on_delay_s: Delay = 30.0
    high_a: Positive = 10.0
    critical_a: Positive = 16.0
    critical_delay_s: Delay = 5.0
    hysteresis_a: Margin = 0.3

    def __post_init__(self) -> None:
        rising(self, "high_a", "critical_a")


class OverPower(Hazard, frozen=True, kw_only=True):
    """A port, or all ports of a charger together, draw too much.

    high_w: 2000 W, the per-port cap of two- and multi-port piles; a bicycle charger draws 100-400 W.
    critical_w: 3500 W, the cap of a high-power port.
    charger_high_w, charger_critical_w: 7800 W is where a 12-gun pile takes no new start, 8700 W is its cap.
    critical_delay_s: 5 s, as for current.
    hysteresis_w: 50 W, the ripple of a charger's power.
    sum_age_s: a port's power older than 15 minutes (three native reports) is left out of the sum.
    """

    on_delay_s: Delay = 30.0
    high_w: Positive = 2000.0
    critical_w: Positive = 3500.0
    charger_high_w: Positive = 7800.0
    charger_critical_w: Positive = 8700.0
    critical_delay_s: Delay = 5.0
    hysteresis_w: Margin = 50.0
    sum_age_s: Positive = 900.0

    def __post_init__(self) -> None:
        rising(self, "high_w", "critical_w")
        rising(self, "charger_high_w", "charger_critical_w")


class Leakage(Hazard, frozen=True, kw_only=True):
    """Residual current of a charger, as its leakage host reports it.

    high_ma: 30 mA, the trip that residual-current devices of sockets commonly have (a convention, not a citation).
    critical_ma: 100 mA; no charger leaks that much while its insulation is whole.
    on_delay_s: 10 s, so that one switching transient is not an alarm.
    critical_delay_s: 2 s; a person may be touching it.
    hysteresis_ma: 3 mA, above the 1 mA resolution of the hardware.
    trend_ma: 10 mA more over the last `trend_s` than is usual for this charger is medium, well below the trip: twelve
        chargers plugged in at night add some 6 mA by their filters, water in a socket or a chafed wire more.
    trend_s: 7,200 s, two hours: four of the slow half-hour reports of leakage hosts.
    habit_days: 7, the mean of which is what is usual,
    learn_days: judged after 1 day; before it nothing is usual.
    """

    on_delay_s: Delay = 10.0
    high_ma: Positive = 30.0
    critical_ma: Positive = 100.0
    critical_delay_s: Delay = 2.0
    hysteresis_ma: Margin = 3.0
    trend_ma: Positive = 10.0
    trend_s: Positive = 7_200.0
    habit_days: Positive = 7.0
    learn_days: Positive = 1.0

    def __post_init__(self) -> None:
        rising(self, "high_ma", "critical_ma")


class OverVoltage(Hazard, frozen=True, kw_only=True):
    """The supply is too high.

    medium_v: 250 V; above it bicycle chargers run hot and the supplier should be called.
    high_v: 270 V, where AP3000 piles refuse to charge; the mark of a lost neutral.
    on_delay_s: 20 s, longer than a motor's switching.
    high_delay_s: 5 s; a lost neutral destroys chargers within seconds.
    hysteresis_v: 3 V, the ordinary swing of a supply.
    """

    on_delay_s: Delay = 20.0
    medium_v: Positive = 250.0
    high_v: Positive = 270.0
    high_delay_s: Delay = 5.0
    hysteresis_v: Margin = 3.0

    def __post_init__(self) -> None:
        rising(self, "medium_v", "high_v")


class UnderVoltage(Hazard, frozen=True, kw_only=True):
    """The supply is too low; not judged while the charger's breaker is open.

    medium_v: 180 V; a sag that deep under load points at a bad joint or an overloaded cable.
    high_v: 100 V, where AP3000 piles refuse to charge.
    high_delay_s: 10 s, longer than a short interruption of the supply.
    hysteresis_v: 3 V, the ordinary swing of a supply.
    """

    on_delay_s: Delay = 20.0
    medium_v: Positive = 180.0
    high_v: Positive = 100.0
    high_delay_s: Delay = 10.0
    hysteresis_v: Margin = 3.0

    def __post_init__(self) -> None:
        rising(self, "high_v", "medium_v")


class Fault(Hazard, frozen=True, kw_only=True):
    """A fault the charger reports of a port.

    on_delay_s: 10 s: pre-checks at plug-in report faults that are gone with the next message.
    """

    on_delay_s: Delay = 10.0


class RelayWelded(Hazard, frozen=True, kw_only=True):
    """The port's relay no longer opens: the charger says so itself, or current flows where it says the port is off.

    severity: high; by itself it harms nobody, but the port can no longer be cut off.
    on_delay_s: 0 for the charger's own word.
    reports, current_delay_s: for current that flows, two reports in a row over at least 2 s: the meter's figure may be
        one report behind the state.
    min_power_w: 5 W; the standby of a charger on a full lithium pack is less and cannot be told from the meter's error.
    min_current_a: 0.15 A; the filter of a charger that is off draws some 50 mA.
    """

    severity: Severity = Severity.HIGH
    reports: Annotated[int, msgspec.Meta(ge=1, le=100)] = 2
    current_delay_s: Delay = 2.0
    min_power_w: Positive = 5.0
    min_current_a: Positive = 0.15
