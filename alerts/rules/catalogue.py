"""Every rule there is, made for one topology and rule book."""

from __future__ import annotations

from alerts.rules.base import Rule, Surroundings
from alerts.rules.camera_blind import CameraBlindRule
from alerts.rules.camera_offline import CameraOfflineRule
from alerts.rules.charger_fault import ChargerFaultRule
from alerts.rules.clock_skew import ClockSkewRule
from alerts.rules.contact_ageing import ContactAgeingRule
from alerts.rules.extinguishers import ExtinguisherRule
from alerts.rules.fire_sensors import FireSensorRule
from alerts.rules.leakage import leakage
from alerts.rules.leakage_trend import LeakageTrendRule
from alerts.rules.no_taper import NoTaperRule
from alerts.rules.over_current import over_current
from alerts.rules.over_power import OverPowerRule
from alerts.rules.over_temperature import over_temperature
from alerts.rules.port_stale import PortStaleRule
from alerts.rules.relay_welded import RelayWeldedRule
from alerts.rules.session_overlong import SessionOverlongRule
from alerts.rules.sessions import Sessions
from alerts.rules.sight import SightRule
from alerts.rules.silence import SilenceRule
from alerts.rules.temperature_rise import TemperatureRiseRule
from alerts.rules.voltage import over_voltage, under_voltage


def all_rules(around: Surroundings, sessions: Sessions | None = None) -> list[Rule]:
    """One rule a hazard, fire first. `ServiceHealth` is the service's own and not among them.

    `sessions` is where those who ask about sessions find them.
    """
    sessions = sessions or Sessions(around)
    rise = TemperatureRiseRule(around)
    return [
        SightRule(around),
        FireSensorRule(around),
        # Asked first, it finds there what the port's last temperature was.
        over_temperature(around, rise.last),
        rise,
        over_current(around),
        OverPowerRule(around),
        leakage(around),
        LeakageTrendRule(around),
        over_voltage(around),
        under_voltage(around),
        ChargerFaultRule(around),
        RelayWeldedRule(around),
        NoTaperRule(around, sessions),
        SessionOverlongRule(around, sessions),
        ContactAgeingRule(around),
        CameraOfflineRule(around),
        CameraBlindRule(around),
        SilenceRule(around),
        PortStaleRule(around),
        ClockSkewRule(around),
        ExtinguisherRule(around),
    ]
