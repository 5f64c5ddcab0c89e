"""Which kinds have a rule, and the settings each takes; overridden per site, shed and device by `alerts.rules.settings`."""

from __future__ import annotations

from alerts.model import AlertKind
from alerts.rules.hazard import Hazard
from alerts.rules.hazards_charging import ContactAgeing, CutFailed, NoTaper, SessionOverlong
from alerts.rules.hazards_electrical import (
    Fault,
    Leakage,
    OverCurrent,
    OverPower,
    OverTemperature,
    OverVoltage,
    RelayWelded,
    TemperatureRise,
    UnderVoltage,
)
from alerts.rules.hazards_fire import CorridorBlocked, FireSensor, Sight, Water
from alerts.rules.hazards_presence import (
    CameraBlind,
    CameraOffline,
    ChargerOffline,
    ClockSkew,
    ExtinguisherDue,
    ExtinguisherMissing,
    ServiceDegraded,
    ShedOffline,
    TelemetryStale,
)

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
    AlertKind.CONTACT_AGEING: ContactAgeing,
    AlertKind.NO_TAPER: NoTaper,
    AlertKind.SESSION_OVERLONG: SessionOverlong,
    AlertKind.CUT_FAILED: CutFailed,
    AlertKind.RELAY_WELDED: RelayWelded,
    AlertKind.CHARGER_FAULT: Fault,
    AlertKind.CHARGER_OFFLINE: ChargerOffline,
    AlertKind.TELEMETRY_STALE: TelemetryStale,
    AlertKind.CLOCK_SKEW: ClockSkew,
    AlertKind.EXTINGUISHER_MISSING: ExtinguisherMissing,
    AlertKind.EXTINGUISHER_DUE: ExtinguisherDue,
    AlertKind.SERVICE_DEGRADED: ServiceDegraded,
    AlertKind.SHED_OFFLINE: ShedOffline,
}
"""The kinds that have a rule, and the settings each takes."""
