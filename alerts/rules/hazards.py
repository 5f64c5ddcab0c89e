"""The settings of every hazard, with the reason of every default.

Temperatures and currents are vendors' and field figures, none is taken from a standard; all can be changed per site, shed
and device (`alerts.rules.settings`). Two vendors found that one fixed temperature threshold cuts off too often and turned
their trips off, so that the server's two levels, delays and the rise over the surroundings are what is left.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from alerts.model import AlertKind, Severity

Delay = Annotated[float, msgspec.Meta(ge=0, le=86_400 * 31)]
Celsius = Annotated[float, msgspec.Meta(ge=-40, le=400)]
Positive = Annotated[float, msgspec.Meta(gt=0, le=1e6)]
Margin = Annotated[float, msgspec.Meta(ge=0, le=1e5)]


class Hazard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every kind has.

    enabled: whether the kind is watched at all.
    on_delay_s: how long it must last before it is raised; 0 raises at the first sign.
    off_delay_s: how long it must be gone before it clears, so that a value at the limit does not chatter (three
        raises a minute count as chattering).
    """

    enabled: bool = True
    on_delay_s: Delay = 0.0
    off_delay_s: Delay = 60.0


class OverTemperature(Hazard, frozen=True, kw_only=True):
    """A port or a charger's case is too hot.

    high_c, charger_high_c: 65 °C, the stop limit of one vendor's firmware; a socket in use stays below 45-50 °C.
    critical_c, charger_critical_c: 80 °C, the common trip of AP3000 piles, which is switched off in the field since 2021.
    on_delay_s: 30 s, the persistence those piles asked for; one wrong sample does not last that long at 5-10 s reports.
    critical_delay_s: 5 s; at 80 °C a minute matters more than a false alarm.
    hysteresis_c: 3 °C, above the 1 °C resolution of the hardware.
    """

    on_delay_s: Delay = 30.0
    high_c: Celsius = 65.0
    critical_c: Celsius = 80.0
    charger_high_c: Celsius = 65.0
    charger_critical_c: Celsius = 80.0
    critical_delay_s: Delay = 5.0
    hysteresis_c: Margin = 3.0

    def __post_init__(self) -> None:
        _rising(self, "high_c", "critical_c")
        _rising(self, "charger_high_c", "charger_critical_c")


class TemperatureRise(Hazard, frozen=True, kw_only=True):
    """A port is hotter than its load explains: the mark of a loose or corroded contact, before it is over-temperature.

    The reference is the charger's own temperature, else the median of its other ports. Allowed over it is
    `excess_c + per_a2_c x current²` (contact heat grows with the square of the current).

    excess_c: 20 °C; a socket in the sun or beside a warm one is not further off.
    per_a2_c: 0.5 °C/A²: 5 A through a sound contact (5.5 A is the meter limit of common ports) explains about 12 °C.
    unknown_current_a: 5 A is granted where the charger does not report a current.
    high_margin_c: 20 °C more than allowed is no longer a hint but a hot spot: high instead of medium.
    fast_rise_c, fast_window_s: 12 °C over the reference gained within five minutes is faster than a sound socket warms
        after a charge begins (10-20 minutes), and catches the loose contact on its way up.
    reference_age_s: a reference older than ten minutes is none (the slow native report of power is every five).
    on_delay_s: 60 s, one more report than a spike has.
    hysteresis_c: 3 °C, above the 1 °C resolution of the hardware.
    """

    on_delay_s: Delay = 60.0
    off_delay_s: Delay = 120.0
    excess_c: Positive = 20.0
    per_a2_c: Margin = 0.5
    unknown_current_a: Margin = 5.0
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
        _rising(self, "high_a", "critical_a")


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
        _rising(self, "high_w", "critical_w")
        _rising(self, "charger_high_w", "charger_critical_w")


class Leakage(Hazard, frozen=True, kw_only=True):
    """Residual current of a charger, as its leakage host reports it.

    high_ma: 30 mA, the trip that residual-current devices of sockets commonly have (a convention, not a citation).
    critical_ma: 100 mA; no charger leaks that much while its insulation is whole.
    on_delay_s: 10 s, so that one switching transient is not an alarm.
    critical_delay_s: 2 s; a person may be touching it.
    hysteresis_ma: 3 mA, above the 1 mA resolution of the hardware.
    """

    on_delay_s: Delay = 10.0
    high_ma: Positive = 30.0
    critical_ma: Positive = 100.0
    critical_delay_s: Delay = 2.0
    hysteresis_ma: Margin = 3.0

    def __post_init__(self) -> None:
        _rising(self, "high_ma", "critical_ma")


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
        _rising(self, "medium_v", "high_v")


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
        _rising(self, "high_v", "medium_v")


class Fault(Hazard, frozen=True, kw_only=True):
    """A fault the charger reports of a port.

    on_delay_s: 10 s: pre-checks at plug-in report faults that are gone with the next message.
    """

    on_delay_s: Delay = 10.0


class RelayWelded(Hazard, frozen=True, kw_only=True):
    """The port's relay no longer opens: it stays live whatever it is told, so this is raised at once.

    severity: high; by itself it harms nobody, but the port can no longer be cut off.
    """

    severity: Severity = Severity.HIGH


class FireSensor(Hazard, frozen=True, kw_only=True):
    """A smoke head, heat detector, hot-melt fuse or CO detector.

    severity: critical; a wired detector is the best evidence of a fire there is.
    on_delay_s: 0; the detector has its own.
    event_hold_s: 600 s: the chargers' push says only that it began and is sent once, so it is taken to last ten minutes
        unless it is repeated; a charger's `smoke: false` does not end it, as many always report that.
    """

    severity: Severity = Severity.CRITICAL
    event_hold_s: Delay = 600.0


class Water(FireSensor, frozen=True, kw_only=True):
    """Water on the floor of the shed, or in the charger.

    severity: high; it is a danger of shock, not of fire.
    """

    severity: Severity = Severity.HIGH


class ChargerOffline(Hazard, frozen=True, kw_only=True):
    """A charger is not there: its will says so, or it is silent for longer than its own habit.

    The limit is `missed_intervals` times the gap that is usual for this charger, within floor and ceiling.

    severity: medium; what happens there is not seen, and nothing is known to be wrong.
    missed_intervals: 2.5: two missed reports and half of one for the network, as the field's heads do it.
    unknown_limit_s: 420 s until the habit is known: two native heartbeats of 180 s and a minute.
    floor_s: 30 s, a reconnect of a cellular modem.
    ceiling_s: 4500 s: the slowest habit in the field is the 30-minute report of leakage hosts.
    on_delay_s: 20 s after an `offline` status: chargers that reconnect do it within that.
    off_delay_s: 10 s.
    """

    on_delay_s: Delay = 20.0
    off_delay_s: Delay = 10.0
    severity: Severity = Severity.MEDIUM
    missed_intervals: Annotated[float, msgspec.Meta(ge=1, le=100)] = 2.5
    unknown_limit_s: Positive = 420.0
    floor_s: Positive = 30.0
    ceiling_s: Positive = 4500.0

    def __post_init__(self) -> None:
        _rising(self, "floor_s", "ceiling_s")


class TelemetryStale(Hazard, frozen=True, kw_only=True):
    """Connected, yet not receiving: a charger that is heard without telemetry, a port missing in it, a silent sensor.

    Never for a charger that is offline; that is `charger_offline`.

    missed_intervals, floor_s, ceiling_s, unknown_limit_s: as for `charger_offline`, with a floor of two minutes because
        some chargers report a port only when it changes.
    port_limit_s: a configured port that was never heard is missing after 30 minutes of its charger's telemetry.
    sensor_limit_s: 4500 s, 2.5 times the slowest 30-minute report, until a sensor's habit is known.
    severity, port_severity, sensor_severity: medium for a charger, low for a port; a fire sensor that is gone is a blind
        spot: high.
    """

    severity: Severity = Severity.MEDIUM
    port_severity: Severity = Severity.LOW
    sensor_severity: Severity = Severity.HIGH
    off_delay_s: Delay = 10.0
    missed_intervals: Annotated[float, msgspec.Meta(ge=1, le=100)] = 2.5
    unknown_limit_s: Positive = 420.0
    floor_s: Positive = 120.0
    ceiling_s: Positive = 4500.0
    port_limit_s: Positive = 1800.0
    sensor_limit_s: Positive = 4500.0

    def __post_init__(self) -> None:
        _rising(self, "floor_s", "ceiling_s")


class ClockSkew(Hazard, frozen=True, kw_only=True):
    """A device's clock is wrong; its times are not used for alarms, but its charts and reports suffer.

    severity: low; nobody is in danger by it.
    limit_s: 300 s: hosts synchronise every 12 hours and drift by seconds; minutes are a fault (an 8-hour error is a
        naive UTC+8 stamp, 1970 a clock that was never set).
    samples: three reports in a row, so that one delayed message is not a wrong clock.
    """

    severity: Severity = Severity.LOW
    limit_s: Positive = 300.0
    samples: Annotated[int, msgspec.Meta(ge=1, le=100)] = 3


class CameraOffline(Hazard, frozen=True, kw_only=True):
    """No picture comes: the shed is not seen.

    limit_s: 20 s without a frame, the watchdog of a common open recorder; cameras that send slower get
        `missed_intervals` (3, networks of cameras drop pictures) of their habit.
    ceiling_s: 900 s; a camera that sends less than every five minutes watches nothing.
    severity: high; the shed is not seen.
    start_grace_s: 60 s after the start for cameras to connect.
    on_delay_s: 10 s after an `offline` status.
    """

    severity: Severity = Severity.HIGH
    on_delay_s: Delay = 10.0
    off_delay_s: Delay = 5.0
    limit_s: Positive = 20.0
    ceiling_s: Positive = 900.0
    missed_intervals: Annotated[float, msgspec.Meta(ge=1, le=100)] = 3.0
    start_grace_s: Delay = 60.0

    def __post_init__(self) -> None:
        _rising(self, "limit_s", "ceiling_s")


class Sight(Hazard, frozen=True, kw_only=True):
    """Something a camera sees; the detector has voted over time already, so there is no further delay to raise.

    severity: critical; from the first wisp to the explosion there are about three minutes.
    off_delay_s: 15 s: smoke that a gust takes out of the picture is not gone.
    renew_limit_s: 300 s without a renewal, which vision gives every 5 s: its detector was restarted and has forgotten.
    """

    off_delay_s: Delay = 15.0
    renew_limit_s: Positive = 300.0
    severity: Severity = Severity.CRITICAL


class CorridorBlocked(Hazard, frozen=True, kw_only=True):
    """An object stands in the way out.

    severity: medium at first: someone unloading a bicycle.
    high_after_s: high after ten minutes: nobody came for it, the way out is blocked.
    off_delay_s: 10 s.
    renew_limit_s: as for what else cameras see.
    """

    off_delay_s: Delay = 10.0
    renew_limit_s: Positive = 300.0
    severity: Severity = Severity.MEDIUM
    high_after_s: Delay = 600.0


class CameraBlind(Hazard, frozen=True, kw_only=True):
    """A camera sends pictures that show nothing (frozen, covered, dark, moved, blurred).

    severity: high; the shed is not seen.
    on_delay_s: 3 s, in which several signs of one cause arrive, of which only the most telling is raised.
    off_delay_s: 10 s, longer than a lorry's headlights.
    renew_limit_s: as for what else cameras see.
    """

    severity: Severity = Severity.HIGH
    on_delay_s: Delay = 3.0
    renew_limit_s: Positive = 300.0
    off_delay_s: Delay = 10.0


class ExtinguisherDue(Hazard, frozen=True, kw_only=True):
    """An extinguisher was not inspected for long.

    severity: low; it is a task, not a danger now.
    due_days: 365; equipment is to be checked yearly.
    """

    severity: Severity = Severity.LOW
    off_delay_s: Delay = 0.0
    due_days: Annotated[float, msgspec.Meta(gt=0, le=36_500)] = 365.0


class ServiceDegraded(Hazard, frozen=True, kw_only=True):
    """A part of this service does not work.

    severity, down_severity: medium for degraded, high for down.
    on_delay_s: 5 s, a reconnect to a database or a broker.
    """

    on_delay_s: Delay = 5.0
    off_delay_s: Delay = 30.0
    severity: Severity = Severity.MEDIUM
    down_severity: Severity = Severity.HIGH


HAZARDS: dict[AlertKind, type[Hazard]] = {
    AlertKind.SMOKE: Sight,
    AlertKind.FLAME: Sight,
    AlertKind.CORRIDOR_BLOCKED: CorridorBlocked,
    AlertKind.CAMERA_OFFLINE: CameraOffline,
    AlertKind.CAMERA_FROZEN: CameraBlind,
    AlertKind.CAMERA_COVERED: CameraBlind,
    AlertKind.CAMERA_BLURRED: CameraBlind,
    AlertKind.CAMERA_MOVED: CameraBlind,
    AlertKind.CAMERA_DARK: CameraBlind,
    AlertKind.SMOKE_SENSOR: FireSensor,
    AlertKind.HEAT_SENSOR: FireSensor,
    AlertKind.WATER: Water,
    AlertKind.OVER_TEMPERATURE: OverTemperature,
    AlertKind.TEMPERATURE_RISE: TemperatureRise,
    AlertKind.OVER_CURRENT: OverCurrent,
    AlertKind.OVER_POWER: OverPower,
    AlertKind.OVER_VOLTAGE: OverVoltage,
    AlertKind.UNDER_VOLTAGE: UnderVoltage,
    AlertKind.LEAKAGE: Leakage,
    AlertKind.RELAY_WELDED: RelayWelded,
    AlertKind.CHARGER_FAULT: Fault,
    AlertKind.CHARGER_OFFLINE: ChargerOffline,
    AlertKind.TELEMETRY_STALE: TelemetryStale,
    AlertKind.CLOCK_SKEW: ClockSkew,
    AlertKind.EXTINGUISHER_DUE: ExtinguisherDue,
    AlertKind.SERVICE_DEGRADED: ServiceDegraded,
}
"""The kinds that have a rule, and the settings each takes."""


def _rising(hazard: Hazard, low: str, high: str) -> None:
    if getattr(hazard, low) >= getattr(hazard, high):
        raise ValueError(f"{low} {getattr(hazard, low):g} is not below {high} {getattr(hazard, high):g}")
