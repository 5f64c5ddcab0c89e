"""Settings of silence, blindness and neglect, with the reason of every default."""

from __future__ import annotations

from typing import Annotated

import msgspec

from alerts.model import Severity
from alerts.rules.hazard import Delay, Hazard, Positive, rising


class ChargerOffline(Hazard, frozen=True, kw_only=True):
    """A charger is not there: its will says so, or it is silent for longer than its own habit.

    The limit is `missed_intervals` times the gap that is usual for this charger, within floor and ceiling.

    severity: medium; what happens there is not seen, and nothing is known to be wrong.
    missed_intervals: 2.5: two missed reports and half of one for the network, as the field's heads do it.
    unknown_limit_s: 2,400 s until the habit is known, which it is after four reports and over restarts: the slowest report
        in the field comes every 30 minutes. An `offline` status counts at once all the same.
    start_grace_s: 420 s after a start of the service devices are awaited whatever their habit: two native heartbeats of
        180 s and a minute.
    floor_s: 30 s, a reconnect of a cellular modem.
    ceiling_s: 4500 s: the slowest habit in the field is the 30-minute report of leakage hosts.
    on_delay_s: 20 s after an `offline` status: chargers that reconnect do it within that.
    off_delay_s: 10 s.
    """

    on_delay_s: Delay = 20.0
    off_delay_s: Delay = 10.0
    severity: Severity = Severity.MEDIUM
    missed_intervals: Annotated[float, msgspec.Meta(ge=1, le=100)] = 2.5
    unknown_limit_s: Positive = 2_400.0
    start_grace_s: Delay = 420.0
    floor_s: Positive = 30.0
    ceiling_s: Positive = 4500.0

    def __post_init__(self) -> None:
        rising(self, "floor_s", "ceiling_s")


class TelemetryStale(Hazard, frozen=True, kw_only=True):
    """Connected, yet not receiving: a charger that is heard without telemetry, a port missing in it, a silent sensor.

    Never for a charger that is offline; that is `charger_offline`.

    missed_intervals, floor_s, ceiling_s, unknown_limit_s, start_grace_s: as for `charger_offline`, with a floor of two minutes because
        some chargers report a port only when it changes.
    port_limit_s: a configured port that was never heard is missing after 40 minutes of its charger's telemetry.
    sensor_limit_s: 4500 s, 2.5 times the slowest 30-minute report, until a sensor's habit is known.
    severity, port_severity, sensor_severity: medium for a charger and a sensor of something else, low for a port; a smoke
        head, heat or CO detector that is gone is a blind spot: high.
    """

    severity: Severity = Severity.MEDIUM
    port_severity: Severity = Severity.LOW
    sensor_severity: Severity = Severity.HIGH
    off_delay_s: Delay = 10.0
    missed_intervals: Annotated[float, msgspec.Meta(ge=1, le=100)] = 2.5
    unknown_limit_s: Positive = 2_400.0
    start_grace_s: Delay = 420.0
    floor_s: Positive = 120.0
    ceiling_s: Positive = 4500.0
    port_limit_s: Positive = 2_400.0
    sensor_limit_s: Positive = 4500.0

    def __post_init__(self) -> None:
        rising(self, "floor_s", "ceiling_s")


class ShedOffline(Hazard, frozen=True, kw_only=True):
    """A whole shed, or a configured group, fell silent: one alarm, under which its silent devices wait.

    severity: high; nothing of the shed is watched.
    window_s: 300 s, one interval of the slowest native power report: within it devices of a common cause are missed.
    correlate_s: 15 s that a silent device waits for others before it is announced; it is no fire.
    several_s: 120 s that devices wait where several fell silent: brokers tell a lost connection within 90 s.
    cut_s: 900 s: chargers that reported a power cut are missed within this, or they still have power.
    settle_s: 180 s, a native heartbeat, that devices not heard since have to report when the cause is over, before they are
        announced.
    """

    severity: Severity = Severity.HIGH
    window_s: Positive = 300.0
    correlate_s: Delay = 15.0
    several_s: Delay = 120.0
    cut_s: Positive = 900.0
    settle_s: Delay = 180.0


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
        more.
    missed_intervals: 3 of a slow camera's own intervals; camera networks drop pictures.
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
        rising(self, "limit_s", "ceiling_s")


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
    due_days: 365; equipment is to be checked yearly. A register may give a day of its own (`due`).
    """

    severity: Severity = Severity.LOW
    off_delay_s: Delay = 0.0
    due_days: Annotated[float, msgspec.Meta(gt=0, le=36_500)] = 365.0


class ExtinguisherMissing(Hazard, frozen=True, kw_only=True):
    """A patrol found an extinguisher missing from its place or unusable, and noted it in the register.

    severity: medium; where it is missing the first minutes of a fire are lost.
    off_delay_s: 0; the next register ends it.
    """

    severity: Severity = Severity.MEDIUM
    off_delay_s: Delay = 0.0


class ServiceDegraded(Hazard, frozen=True, kw_only=True):
    """A part of this service does not work.

    severity, down_severity: medium for degraded, high for down.
    on_delay_s: 5 s, a reconnect to a database or a broker.
    """

    on_delay_s: Delay = 5.0
    off_delay_s: Delay = 30.0
    severity: Severity = Severity.MEDIUM
    down_severity: Severity = Severity.HIGH
