"""Settings of what detectors and cameras say of fire, water and the way out, with the reason of every default."""

from __future__ import annotations

from alerts.model import Severity
from alerts.rules.hazard import Delay, Hazard, Positive


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
    after_fire_s: 300 s after this camera last saw smoke or flames nothing new is believed to stand there: drifting
        smoke and what it leaves change the look of the floor, and the fire is told already.
    """

    after_fire_s: Delay = 300.0
    off_delay_s: Delay = 10.0
    renew_limit_s: Positive = 300.0
    severity: Severity = Severity.MEDIUM
    high_after_s: Delay = 600.0
