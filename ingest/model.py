"""The nouns of ingestion: what stands where (`Topology`), what it reported (`Reading`), what it saw (`Frame`).

Times are epoch milliseconds UTC. `received_ms` is the server's clock and orders everything; `device_ms` is what the
device claimed and is only kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Literal, NamedTuple, get_args

import msgspec

ID_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class DeviceKind(StrEnum):
    """What a device is; also the word in its topics (an extinguisher has none)."""

    CHARGER = "charger"
    CAMERA = "camera"
    SENSOR = "sensor"
    EXTINGUISHER = "extinguisher"


class DeviceRef(NamedTuple):
    """Address of a device, written `site/shed/device`."""

    site: str
    shed: str
    device: str

    def __str__(self) -> str:
        return f"{self.site}/{self.shed}/{self.device}"

    @classmethod
    def parse(cls, text: str) -> DeviceRef:
        """Read `site/shed/device`.

        Raises:
            ValueError: not three ids.
        """
        parts = text.split("/")
        if len(parts) != 3 or not all(ID_PATTERN.fullmatch(part) for part in parts):
            raise ValueError(f"{text!r} is not site/shed/device with ids of a-z, 0-9 and '-'")
        return cls(*parts)


@dataclass(frozen=True, slots=True)
class Name:
    """A display name in Chinese and English."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Area:
    """A part of what a camera sees, by the name people give it."""

    id: str
    name: Name


@dataclass(frozen=True, slots=True)
class Device:
    """One device of a shed. `ports` only for chargers, `sensor_kind` only for sensors, `areas` only for cameras."""

    ref: DeviceRef
    kind: DeviceKind
    name: Name
    ports: int = 0
    sensor_kind: str = ""
    inspected: date | None = None
    areas: tuple[Area, ...] = ()


@dataclass(frozen=True, slots=True)
class Shed:
    """A shed and its devices, in the order of the configuration."""

    site: str
    id: str
    name: Name
    devices: tuple[Device, ...] = ()


@dataclass(frozen=True, slots=True)
class Site:
    """A neighbourhood with its sheds."""

    id: str
    name: Name
    sheds: tuple[Shed, ...] = ()


@dataclass(frozen=True)
class Topology:
    """Everything that is configured to exist."""

    sites: tuple[Site, ...] = ()
    _by_ref: dict[DeviceRef, Device] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_ref", {device.ref: device for device in self.devices()})

    def devices(self, kind: DeviceKind | None = None) -> Iterator[Device]:
        """All devices, or those of one kind."""
        for shed in self.sheds():
            for device in shed.devices:
                if kind is None or device.kind is kind:
                    yield device

    def sheds(self) -> Iterator[Shed]:
        """All sheds of all sites."""
        for site in self.sites:
            yield from site.sheds

    def find(self, ref: DeviceRef) -> Device | None:
        """The device at an address, or None."""
        return self._by_ref.get(ref)

    def site(self, site: str) -> Site | None:
        """The site with this id, or None."""
        return next((known for known in self.sites if known.id == site), None)

    def shed(self, site: str, shed: str) -> Shed | None:
        """The shed at this address, or None."""
        return next((known for known in self.sheds() if (known.site, known.id) == (site, shed)), None)


class FieldKind(StrEnum):
    """How a field's values are kept; fixed for ever, so that a series never changes type."""

    FLOAT = "float"
    BOOL = "bool"
    ENUM = "enum"


class FieldSpec(NamedTuple):
    """One field of the series: type and unit. Enum values are kept as their index in `values`."""

    kind: FieldKind
    unit: str
    values: tuple[str, ...] = ()


PortStateWord = Literal["idle", "plugged", "charging", "float", "full", "fault", "off"]
PortFaultWord = Literal[
    "relay_welded",
    "relay_open",
    "load_short",
    "bad_contact",
    "socket_stuck",
    "over_current",
    "over_power",
    "over_temperature",
    "leakage",
    "memory",
    "card_reader",
    "detector",
    "other",
]
BreakerWord = Literal["closed", "open"]
PORT_STATES: tuple[str, ...] = get_args(PortStateWord)
PORT_FAULTS: tuple[str, ...] = get_args(PortFaultWord)
BREAKER_STATES: tuple[str, ...] = get_args(BreakerWord)

# The typed registry of everything a store keeps: only ever added to, at the end of each tuple of values.
FIELDS: dict[str, FieldSpec] = {
    "voltage_v": FieldSpec(FieldKind.FLOAT, "V"),
    "temperature_c": FieldSpec(FieldKind.FLOAT, "°C"),
    "leakage_ma": FieldSpec(FieldKind.FLOAT, "mA"),
    "smoke": FieldSpec(FieldKind.BOOL, ""),
    "signal_pct": FieldSpec(FieldKind.FLOAT, "%"),
    "breaker": FieldSpec(FieldKind.ENUM, "", BREAKER_STATES),
    "power_w": FieldSpec(FieldKind.FLOAT, "W"),
    "current_a": FieldSpec(FieldKind.FLOAT, "A"),
    "energy_wh": FieldSpec(FieldKind.FLOAT, "Wh"),
    "session_s": FieldSpec(FieldKind.FLOAT, "s"),
    "state": FieldSpec(FieldKind.ENUM, "", PORT_STATES),
    "fault": FieldSpec(FieldKind.ENUM, "", PORT_FAULTS),
    "value": FieldSpec(FieldKind.FLOAT, ""),
    "alarm": FieldSpec(FieldKind.BOOL, ""),
}

Value = float | bool | str


class Reading(msgspec.Struct, frozen=True, gc=False):
    """What one device, or one port of it, reported at one time.

    Made by the ten thousand a second: a struct costs a twentieth of a dataclass, and holds nothing that could be a cycle.

    Attributes:
        port: 1-64 for a charger's port, None for the device itself.
        received_ms: server time of arrival; rules count with it.
        device_ms: the device's own claim, None where it gave none.
        ts_ms: time the store keeps it at: `device_ms` where that is credible, else `received_ms`.
        values: field name of `FIELDS` to value (enums as their word); only what was reported.
        event: an event push (`smoke`, `boot`, …) instead of or beside values.
        online: a status message's word, None for anything else.
        late: belongs to a backlog; fills charts, never rings as now.
        seq: the device's message counter, None where it gave none.
    """

    device: DeviceRef
    kind: DeviceKind
    received_ms: int
    ts_ms: int
    port: int | None = None
    device_ms: int | None = None
    values: dict[str, Value] = {}
    event: str | None = None
    online: bool | None = None
    late: bool = False
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """One encoded picture of one camera (JPEG or PNG, size and dimensions already checked, not decoded)."""

    camera: DeviceRef
    captured_ms: int
    received_ms: int
    image: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message, or a part of one, that was refused.

    Attributes:
        payload: its bounded beginning; `size` is its true length.
        kind: class of the reason, a word of `ingest.counters.RefusalKind`.
        source: `site/shed/device` it came from, as far as that is known.
        unkept: how many refusals of this source and kind before it were only counted.
        tries: how often it was tried again; `tried_ms` the last time.
        wanted_by: who wants it taken again, while that is not done.
    """

    id: int
    received_ms: int
    topic: str
    reason: str
    payload: bytes
    size: int
    kind: str = ""
    source: str = ""
    unkept: int = 0
    tries: int = 0
    tried_ms: int | None = None
    wanted_by: str | None = None

    @property
    def whole(self) -> bool:
        """Whether all of its payload is kept."""
        return len(self.payload) == self.size
