"""The nouns of alarming, in the words of IEC 62682: kinds, severities, states, the alert and its transitions."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

import msgspec


class AlertKind(StrEnum):
    """Every kind of alert of the public contract."""

    SMOKE = "smoke"
    FLAME = "flame"
    SMOKE_SENSOR = "smoke_sensor"
    HEAT_SENSOR = "heat_sensor"
    WATER = "water"
    CORRIDOR_BLOCKED = "corridor_blocked"
    OVER_TEMPERATURE = "over_temperature"
    TEMPERATURE_RISE = "temperature_rise"
    OVER_CURRENT = "over_current"
    OVER_POWER = "over_power"
    OVER_VOLTAGE = "over_voltage"
    UNDER_VOLTAGE = "under_voltage"
    LEAKAGE = "leakage"
    CONTACT_AGEING = "contact_ageing"
    NO_TAPER = "no_taper"
    SESSION_OVERLONG = "session_overlong"
    RELAY_WELDED = "relay_welded"
    CUT_FAILED = "cut_failed"
    CHARGER_FAULT = "charger_fault"
    CHARGER_OFFLINE = "charger_offline"
    TELEMETRY_STALE = "telemetry_stale"
    CLOCK_SKEW = "clock_skew"
    CAMERA_OFFLINE = "camera_offline"
    CAMERA_FROZEN = "camera_frozen"
    CAMERA_COVERED = "camera_covered"
    CAMERA_BLURRED = "camera_blurred"
    CAMERA_MOVED = "camera_moved"
    CAMERA_DARK = "camera_dark"
    EXTINGUISHER_MISSING = "extinguisher_missing"
    EXTINGUISHER_DUE = "extinguisher_due"
    SERVICE_DEGRADED = "service_degraded"
    SHED_OFFLINE = "shed_offline"


class Severity(StrEnum):
    """How bad; compare with `rank`."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for low up to 3 for critical."""
        return ("low", "medium", "high", "critical").index(self.value)


class AlarmState(StrEnum):
    """States of IEC 62682 / ISA-18.2."""

    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED_UNACKNOWLEDGED = "returned_unacknowledged"
    NORMAL = "normal"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed"
    OUT_OF_SERVICE = "out_of_service"


class AlertKey(NamedTuple):
    """What one open alert is about: at most one alert is open for a key."""

    kind: AlertKind
    site: str
    shed: str
    device: str
    port: int | None = None
    zone: str | None = None


class Text(msgspec.Struct, frozen=True):
    """A sentence in both languages."""

    zh: str
    en: str


class Condition(msgspec.Struct, frozen=True):
    """What a rule says of one key now: whether the hazard is there, how bad, and by which figures.

    Its delays have passed when it is told. `heard_ms`, of silence, is the steady time of the last word that showed that
    the device was there just then; None where there was none in this life.
    """

    key: AlertKey
    active: bool
    severity: Severity
    message: Text
    value: float | None = None
    threshold: float | None = None
    unit: str = ""
    evidence: tuple[str, ...] = ()
    details: dict[str, Any] = {}
    heard_ms: int | None = None


class Aside(msgspec.Struct, frozen=True):
    """Why an alert is shelved, suppressed or out of service, and what ends that. Times are epoch milliseconds UTC.

    Attributes:
        by: the person who did it or asked for it; of a suppressed alert the rule that explains it.
        note: the reason.
        until_ts: when it ends by itself; null where it ends with its cause.
        approved_by: the second person, who allowed an alert to be out of service.
        parent: id of the alert that explains a suppressed one.
        sources: rules that held the alert when it was put aside; another one is a second kind of evidence.
    """

    by: str
    since_ts: int
    note: str = ""
    until_ts: int | None = None
    approved_by: str | None = None
    parent: str | None = None
    sources: tuple[str, ...] = ()


class Acknowledgement(msgspec.Struct, frozen=True):
    """One person has taken notice, at epoch milliseconds UTC."""

    by: str
    ts: int


class ServiceRequest(msgspec.Struct, frozen=True):
    """Someone wants an alert out of service for so long; it takes another person to allow it before `lapses_ts`."""

    by: str
    at_ts: int
    minutes: int
    note: str
    lapses_ts: int


class Alert(msgspec.Struct, frozen=True):
    """An alert as the contract shows it; encoded with msgspec it is the alert object of HTTP and MQTT.

    `state` NORMAL with `closed_ts` set is the end of an alert's life. `active` tells whether the hazard is still there.
    Times are epoch milliseconds UTC. `count`: how often the condition was raised within this alert. `aside` tells why
    a shelved, suppressed or out-of-service alert is that; `false_alarm` that someone has judged it so, `cause` why.
    `test`: it is a proof of the way to people (`alerts.proof`) and no danger. `acknowledgements`: who has taken notice of this
    annunciation; it counts as acknowledged once they are `acknowledgements_needed`.
    """

    id: str
    kind: AlertKind
    severity: Severity
    site: str
    shed: str
    device: str
    port: int | None
    zone: str | None
    state: AlarmState
    active: bool
    raised_ts: int
    message: Text
    acknowledged_ts: int | None = None
    acknowledged_by: str | None = None
    cleared_ts: int | None = None
    closed_ts: int | None = None
    shelved_until_ts: int | None = None
    count: int = 1
    value: float | None = None
    threshold: float | None = None
    unit: str = ""
    evidence: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    cause: str | None = None
    assignee: str | None = None
    aside: Aside | None = None
    service_request: ServiceRequest | None = None
    false_alarm: bool = False
    test: bool = False
    acknowledgements: tuple[Acknowledgement, ...] = ()
    acknowledgements_needed: int = 1

    @property
    def key(self) -> AlertKey:
        """What this alert is about."""
        return AlertKey(self.kind, self.site, self.shed, self.device, self.port, self.zone)

    @property
    def open(self) -> bool:
        """Whether its life has not ended."""
        return self.closed_ts is None


class Transition(msgspec.Struct, frozen=True):
    """One line of an alert's log. `seq` rises over all alerts and is the resume point of the event stream.

    `action` is the verb (`raise`, `clear`, `acknowledge`, `comment`, `worsen`, …), `who` a person's name or `system`.
    """

    seq: int
    alert_id: str
    at_ms: int
    who: str
    action: str
    from_state: AlarmState | None
    to_state: AlarmState
    note: str = ""


class AlertChange(msgspec.Struct, frozen=True):
    """What the engine hands out: the alert as it is now and the transition that made it so."""

    alert: Alert
    transition: Transition
