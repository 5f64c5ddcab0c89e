"""The wire: MQTT topics and payloads of `sheds/…`. The one file a charger maker reads.

`parse_topic` and `topic_of` know the topics, the structs below the payloads. `decode_telemetry` takes what is right
in a message and names what is not: one absurd value never costs the other ports of the same message.

Errors:
    WireError(ValueError): nothing of the message can be used; `str(error)` says what is wrong and where.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, get_args

import msgspec

from ingest.model import ID_PATTERN, BreakerWord, DeviceKind, DeviceRef, PortFaultWord, PortStateWord

T = TypeVar("T")

DEFAULT_PREFIX = "sheds"

EventWord = Literal["smoke", "water", "heat", "fuse", "door", "power_cut", "session_started", "session_ended", "boot"]
SensorWord = Literal["smoke", "heat", "water", "co", "temperature", "humidity", "door"]
CommandWord = Literal["stop", "start", "breaker_open", "breaker_close", "locate", "poll"]
EVENTS: tuple[str, ...] = get_args(EventWord)
SENSOR_KINDS: tuple[str, ...] = get_args(SensorWord)
COMMANDS: tuple[str, ...] = get_args(CommandWord)

# Channels of a device's topics that carry messages to the service.
CHARGER_CHANNELS = ("telemetry", "event", "status", "reply")
SENSOR_CHANNELS = ("telemetry", "status")
CAMERA_CHANNELS = ("frame", "status")
_CHANNELS: dict[str, tuple[str, ...]] = {
    "charger": CHARGER_CHANNELS,
    "sensor": SENSOR_CHANNELS,
    "camera": CAMERA_CHANNELS,
}


class WireError(ValueError):
    """A message of which nothing can be used."""


class Topic(NamedTuple):
    """A device topic taken apart."""

    ref: DeviceRef
    kind: DeviceKind
    channel: str


def parse_topic(topic: str, prefix: str = DEFAULT_PREFIX) -> Topic:
    """Take `{prefix}/{site}/{shed}/{charger|sensor|camera}/{id}/{channel}` apart.

    Raises:
        WireError: another prefix, number of levels, kind, channel, or an id outside `[a-z0-9][a-z0-9-]{0,62}`.
    """
    head, _, rest = topic.partition(prefix + "/")
    levels = rest.split("/")
    if head or len(levels) != 5:
        raise WireError(f"unknown topic: expected {prefix}/site/shed/kind/id/channel")
    site, shed, kind, device, channel = levels
    channels = _CHANNELS.get(kind)
    if channels is None:
        raise WireError(f"unknown topic: no device kind {kind!r}, use one of {', '.join(_CHANNELS)}")
    if channel not in channels:
        raise WireError(f"unknown topic: a {kind} has no {channel!r}, use one of {', '.join(channels)}")
    for level in (site, shed, device):
        if not ID_PATTERN.fullmatch(level):
            raise WireError(f"unknown topic: {level!r} is not an id (a-z, 0-9 and '-', at most 63)")
    return Topic(DeviceRef(site, shed, device), DeviceKind(kind), channel)


def topic_of(ref: DeviceRef, kind: DeviceKind, channel: str, prefix: str = DEFAULT_PREFIX) -> str:
    """The topic a device's channel is on."""
    return f"{prefix}/{ref.site}/{ref.shed}/{kind}/{ref.device}/{channel}"


def alert_topic(site: str, shed: str, alert_id: str, prefix: str = DEFAULT_PREFIX) -> str:
    """Where the service keeps an open alert as a retained message."""
    return f"{prefix}/{site}/{shed}/alert/{alert_id}"


def service_status_topic(instance: str, prefix: str = DEFAULT_PREFIX) -> str:
    """Where the service, or its will, says whether it is online."""
    return f"{prefix}/service/{instance}/status"


def heartbeat_topic(instance: str, client_id: str, prefix: str = DEFAULT_PREFIX) -> str:
    """Where a client of the service sends what has to come back to it."""
    return f"{prefix}/service/{instance}/heartbeat/{client_id}"


# Bounds are those of physics and of the field's hardware, wide enough for a fire: a value outside is a broken sensor.
Power = Annotated[float, msgspec.Meta(ge=-50.0, le=20_000.0)]
Current = Annotated[float, msgspec.Meta(ge=-1.0, le=200.0)]
Voltage = Annotated[float, msgspec.Meta(ge=0.0, le=600.0)]
Temperature = Annotated[float, msgspec.Meta(ge=-60.0, le=400.0)]
Leakage = Annotated[float, msgspec.Meta(ge=0.0, le=30_000.0)]
Percent = Annotated[float, msgspec.Meta(ge=0.0, le=100.0)]
Energy = Annotated[float, msgspec.Meta(ge=0.0, le=10_000_000.0)]
Seconds = Annotated[float, msgspec.Meta(ge=0.0, le=2_592_000.0)]
PortNumber = Annotated[int, msgspec.Meta(ge=1, le=64)]
Sequence = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Timestamp = int | str


class PortTelemetry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """One port of a charger's telemetry; only `port` is required."""

    port: PortNumber
    state: PortStateWord | None = None
    power_w: Power | None = None
    current_a: Current | None = None
    energy_wh: Energy | None = None
    temperature_c: Temperature | None = None
    session_s: Seconds | None = None
    fault: PortFaultWord | None = None

    def values(self) -> dict[str, Any]:
        """What it reports, by field. Written out, because this runs for each port of each message."""
        values: dict[str, Any] = {}
        if (state := self.state) is not None:
            values["state"] = state
        if (power_w := self.power_w) is not None:
            values["power_w"] = power_w
        if (current_a := self.current_a) is not None:
            values["current_a"] = current_a
        if (energy_wh := self.energy_wh) is not None:
            values["energy_wh"] = energy_wh
        if (temperature_c := self.temperature_c) is not None:
            values["temperature_c"] = temperature_c
        if (session_s := self.session_s) is not None:
            values["session_s"] = session_s
        if (fault := self.fault) is not None:
            values["fault"] = fault
        return values


class ChargerTelemetry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """`…/charger/{id}/telemetry`. `ts`: epoch milliseconds or RFC 3339 with an offset."""

    ts: Timestamp | None = None
    seq: Sequence | None = None
    voltage_v: Voltage | None = None
    temperature_c: Temperature | None = None
    leakage_ma: Leakage | None = None
    smoke: bool | None = None
    signal_pct: Percent | None = None
    breaker: BreakerWord | None = None
    ports: list[PortTelemetry] = []

    def values(self) -> dict[str, Any]:
        """What it reports of itself, by field."""
        values: dict[str, Any] = {}
        if (voltage_v := self.voltage_v) is not None:
            values["voltage_v"] = voltage_v
        if (temperature_c := self.temperature_c) is not None:
            values["temperature_c"] = temperature_c
        if (leakage_ma := self.leakage_ma) is not None:
            values["leakage_ma"] = leakage_ma
        if (smoke := self.smoke) is not None:
            values["smoke"] = smoke
        if (signal_pct := self.signal_pct) is not None:
            values["signal_pct"] = signal_pct
        if (breaker := self.breaker) is not None:
            values["breaker"] = breaker
        return values


class ChargerEvent(msgspec.Struct, omit_defaults=True):
    """`…/charger/{id}/event`. Further fields are allowed and ignored."""

    event: EventWord
    ts: Timestamp | None = None
    port: PortNumber | None = None


class SensorTelemetry(msgspec.Struct, omit_defaults=True):
    """`…/sensor/{id}/telemetry`: a measured `value`, an `alarm` contact, or both."""

    kind: SensorWord
    ts: Timestamp | None = None
    value: Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)] | None = None
    alarm: bool | None = None


class Status(msgspec.Struct, omit_defaults=True):
    """`…/status`: the bare word, or this."""

    status: Literal["online", "offline"]
    ts: Timestamp | None = None


class Command(msgspec.Struct, omit_defaults=True):
    """`…/charger/{id}/command`, from the service."""

    id: str
    command: CommandWord
    expires_ts: int
    port: PortNumber | None = None


class Reply(msgspec.Struct, omit_defaults=True):
    """`…/charger/{id}/reply`."""

    id: str
    accepted: bool
    reason: str | None = None


def parse_ts(ts: Timestamp | None) -> int | None:
    """Epoch milliseconds of a wire time; None stays None.

    Raises:
        WireError: text that is no RFC 3339 time, or one without offset (never taken for local time).
    """
    if ts is None or isinstance(ts, int):
        return ts
    try:
        moment = datetime.fromisoformat(ts)
    except ValueError:
        raise WireError(f"ts: {ts[:40]!r} is neither epoch milliseconds nor an RFC 3339 time") from None
    if moment.tzinfo is None:
        raise WireError(f"ts: {ts[:40]!r} has no offset; write one, as in 2026-11-23T08:00:00+08:00")
    return round(moment.timestamp() * 1000)


class Decoded(NamedTuple):
    """What could be used of a telemetry message, what was refused of it (each with its place), and unknown fields."""

    telemetry: ChargerTelemetry
    ts_ms: int | None
    refused: tuple[str, ...]
    unknown_fields: int


# Bytes of a text that are no UTF-8 are told by an error of their own.
_NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_telemetry = msgspec.json.Decoder(ChargerTelemetry)
# A number beyond a float (1e999) becomes infinite here and is refused by its bounds; alone it would cost the message.
_untyped = msgspec.json.Decoder(float_hook=float)
_event = msgspec.json.Decoder(ChargerEvent)
_sensor = msgspec.json.Decoder(SensorTelemetry)
_reply = msgspec.json.Decoder(Reply)
_status = msgspec.json.Decoder(Status)
_envelope_types: dict[str, Any] = {
    info.name: info.type for info in msgspec.structs.fields(ChargerTelemetry) if info.name != "ports"
}
_port_types: dict[str, Any] = {info.name: info.type for info in msgspec.structs.fields(PortTelemetry)}


def decode_telemetry(payload: bytes) -> Decoded:
    """Decode a charger's telemetry.

    A message that is right is decoded in one step; otherwise it is gone through value by value, and each refused value
    is named with its place and reason.

    Raises:
        WireError: no JSON object, a wrong time, or nothing left that could be used.
    """
    try:
        telemetry = _telemetry.decode(payload)
    except msgspec.ValidationError:
        return _salvage(payload)
    except _NO_JSON as error:
        raise WireError(f"not JSON: {error}") from None
    if not telemetry.ports and not _has_values(telemetry):
        raise WireError("no ports and no values in the message")
    return Decoded(telemetry, parse_ts(telemetry.ts), (), 0)


def _has_values(telemetry: ChargerTelemetry) -> bool:
    return any(getattr(telemetry, name) is not None for name in _envelope_types if name not in ("ts", "seq"))


def _salvage(payload: bytes) -> Decoded:
    try:
        raw = _untyped.decode(payload)
    except _NO_JSON as error:
        raise WireError(f"not JSON: {error}") from None
    if not isinstance(raw, dict):
        raise WireError("the message is not a JSON object")
    refused: list[str] = []
    unknown = sum(1 for name in raw if name not in _envelope_types and name != "ports")
    ts = raw.pop("ts", None)
    if ts is not None and (isinstance(ts, bool) or not isinstance(ts, int | str)):
        raise WireError("ts: neither epoch milliseconds nor an RFC 3339 time")
    ts_ms = parse_ts(ts)
    envelope = _keep_right(raw, _envelope_types, "$", refused)
    ports: list[PortTelemetry] = []
    raw_ports = raw.get("ports", [])
    if not isinstance(raw_ports, list):
        refused.append("$.ports: not a list")
        raw_ports = []
    for index, raw_port in enumerate(raw_ports):
        where = f"$.ports[{index}]"
        if not isinstance(raw_port, dict):
            refused.append(f"{where}: not an object")
            continue
        unknown += sum(1 for name in raw_port if name not in _port_types)
        kept = _keep_right(raw_port, _port_types, where, refused)
        if "port" in kept:
            ports.append(PortTelemetry(**kept))
        elif "port" not in raw_port:
            refused.append(f"{where}: no port number")
    telemetry = ChargerTelemetry(**envelope, ports=ports)
    if not ports and not _has_values(telemetry):
        raise WireError("; ".join(refused) or "no ports and no values in the message")
    return Decoded(telemetry, ts_ms, tuple(refused), unknown)


def _keep_right(raw: dict[str, Any], types: dict[str, Any], where: str, refused: list[str]) -> dict[str, Any]:
    kept = {}
    for name, kind in types.items():
        if name not in raw:
            continue
        try:
            kept[name] = msgspec.convert(raw[name], kind)
        except msgspec.ValidationError as error:
            refused.append(f"{where}.{name}: {error}")
    return kept


def _decode(decoder: Callable[[bytes], T], payload: bytes) -> T:
    try:
        return decoder(payload)
    except _NO_JSON as error:
        raise WireError(str(error)) from None


def decode_event(payload: bytes) -> tuple[ChargerEvent, int | None]:
    """Decode an event push; with its time. Raises WireError."""
    event = _decode(_event.decode, payload)
    return event, parse_ts(event.ts)


def decode_sensor(payload: bytes) -> tuple[SensorTelemetry, int | None]:
    """Decode a sensor's telemetry; with its time. Raises WireError, also where there is neither value nor alarm."""
    telemetry = _decode(_sensor.decode, payload)
    if telemetry.value is None and telemetry.alarm is None:
        raise WireError("neither value nor alarm in the message")
    return telemetry, parse_ts(telemetry.ts)


def decode_reply(payload: bytes) -> Reply:
    """Decode a charger's answer to a command. Raises WireError."""
    return _decode(_reply.decode, payload)


def decode_status(payload: bytes) -> tuple[bool, int | None]:
    """True for online, and the time given with it. Raises WireError."""
    if payload in (b"online", b"offline"):
        return payload == b"online", None
    status = _decode(_status.decode, payload)
    return status.status == "online", parse_ts(status.ts)


encode = msgspec.json.encode
"""Any struct of this file as the bytes of its message."""
