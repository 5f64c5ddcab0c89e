"""The shapes of the JSON answers: encoded as they stand, and the source of their schemas (`api.schema`)."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from fastapi import Response

from alerts.cutoff.model import Cut
from alerts.model import Alert, Severity, Transition
from api.auth import Role
from api.deps import DependencyState


class Names(msgspec.Struct, frozen=True):
    """A display name in both languages."""

    zh: str
    en: str


class PortCounts(msgspec.Struct, frozen=True):
    """How many of a shed's ports are in which state; `unknown` where none was reported yet."""

    total: int = 0
    idle: int = 0
    plugged: int = 0
    charging: int = 0
    float: int = 0
    full: int = 0
    fault: int = 0
    off: int = 0
    unknown: int = 0


class AlertCounts(msgspec.Struct, frozen=True):
    """Open alerts by severity."""

    critical: int = 0
    high: int = 0
    medium: int = 0
    low: int = 0


class CameraCounts(msgspec.Struct, frozen=True):
    """Cameras, and how many of them cannot see now."""

    total: int
    blind: int


class ChargerCounts(msgspec.Struct, frozen=True):
    """Chargers, and how many of them are silent now."""

    total: int
    offline: int


class ShedEntry(msgspec.Struct, frozen=True):
    """A shed at a glance. `updated_ts`: when anything of it last reported; null before that."""

    site: str
    site_name: Names
    shed: str
    name: Names
    ports: PortCounts
    power_w: float
    open_alerts: AlertCounts
    worst: Severity | None
    cameras: CameraCounts
    chargers: ChargerCounts
    updated_ts: int | None


class Sheds(msgspec.Struct, frozen=True):
    """All sheds, in the order of the configuration."""

    server_ts: int
    sheds: list[ShedEntry]


class AgedValue(msgspec.Struct, frozen=True):
    """The newest value of a field, when it was measured, and how long ago that is."""

    value: float | bool | str
    ts: int
    age_s: float


Values = dict[str, AgedValue]


class PortView(msgspec.Struct, frozen=True):
    """One port now. `state` is null before its first report."""

    port: int
    state: str | None
    fault: str | None
    age_s: float | None
    values: Values


class ChargerView(msgspec.Struct, frozen=True):
    """One charger now. `online` is null until it was heard or missed."""

    id: str
    name: Names
    online: bool | None
    values: Values
    ports: list[PortView]


class SensorView(msgspec.Struct, frozen=True):
    """One sensor now."""

    id: str
    name: Names
    kind: str
    online: bool | None
    values: Values


class CameraView(msgspec.Struct, frozen=True):
    """One camera now. `blind_s` counts from the first alert that says it cannot see; `zones`: the name of each by its id."""

    id: str
    name: Names
    picture_ts: int | None
    picture_age_s: float | None
    stale: bool
    blind_since_ts: int | None
    blind_s: float
    blind_kinds: list[str]
    zones: dict[str, Names] = {}


class ExtinguisherView(msgspec.Struct, frozen=True):
    """One extinguisher; `inspected` is a date."""

    id: str
    name: Names
    inspected: str | None


class ShedDetail(msgspec.Struct, frozen=True):
    """Everything of one shed now."""

    server_ts: int
    site: str
    shed: str
    site_name: Names
    name: Names
    summary: ShedEntry
    chargers: list[ChargerView]
    sensors: list[SensorView]
    cameras: list[CameraView]
    extinguishers: list[ExtinguisherView]
    open_alerts: list[Alert]


class PortChange(msgspec.Struct, frozen=True):
    """What a port, or with `port` null a charger itself, last reported; in `shed` events."""

    charger: str
    port: int | None
    state: str | None
    power_w: float | None
    temperature_c: float | None
    ts: int


class CameraEvent(msgspec.Struct, frozen=True):
    """Data of a `camera` event."""

    site: str
    shed: str
    camera: str
    picture_ts: int | None
    stale: bool
    blind_since_ts: int | None


class DependencyView(msgspec.Struct, frozen=True):
    """How one part is doing."""

    state: DependencyState
    detail: str = ""


class ServiceView(msgspec.Struct, frozen=True):
    """How the service is doing; also the data of a `service` event."""

    status: Literal["ok", "degraded"]
    dependencies: dict[str, DependencyView]


class Alive(msgspec.Struct, frozen=True):
    """The process answers."""

    status: Literal["ok"] = "ok"


class History(msgspec.Struct, frozen=True, omit_defaults=True):
    """A series. `values` names the words of a field whose points are indices into them."""

    unit: str
    points: list[tuple[int, float]]
    values: list[str] | None = None


class AlertPage(msgspec.Struct, frozen=True):
    """Alerts, newest first, and where the next page begins."""

    items: list[Alert]
    next: str | None


class LeftOut(msgspec.Struct, frozen=True):
    """An alert of a group that was not acknowledged, and why."""

    id: str
    why: str


class GroupAcknowledged(msgspec.Struct, frozen=True):
    """What became of a group: ids that were acknowledged, and what was left out."""

    acknowledged: list[str]
    left_out: list[LeftOut]


class PutAsideLimits(msgspec.Struct, frozen=True):
    """The longest that an alert may be put aside, in minutes: shelved by severity or as a fire kind, and out of service."""

    shelve: dict[Severity, int]
    shelve_fire: int
    out_of_service: int
    out_of_service_fire: int


class CutList(msgspec.Struct, frozen=True):
    """Cuts of power, newest first."""

    items: list[Cut]


class AlertLog(msgspec.Struct, frozen=True):
    """Everything that happened to one alert, oldest first."""

    items: list[Transition]


class Me(msgspec.Struct, frozen=True):
    """Who the request came from, and by what."""

    name: str
    role: Role
    via: Literal["token", "session"]


class ProblemView(msgspec.Struct, frozen=True):
    """RFC 9457; further members depend on `type`."""

    type: str
    title: str
    status: int
    detail: str


_encoder = msgspec.json.Encoder()


def encode(value: Any) -> bytes:
    """A value of this file as JSON."""
    return _encoder.encode(value)


def json_response(value: Any, status: int = 200) -> Response:
    """A value of this file as an answer."""
    return Response(encode(value), status, media_type="application/json")
