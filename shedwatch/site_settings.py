"""The `sites` section: sheds, their devices and the zones of their cameras, and the topology they make."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from ingest.contract import SensorWord
from ingest.model import Area, Device, DeviceKind, DeviceRef, Name, Shed, Site
from shedwatch.sections import Id, Section, refuse_twice
from vision.model import Zone, ZoneKind

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


class NameSettings(Section):
    """A display name; a plain text counts for both languages."""

    zh: str
    en: str


def _both_languages(value: Any) -> Any:
    return {"zh": value, "en": value} if isinstance(value, str) else value


DisplayName = Annotated[NameSettings, BeforeValidator(_both_languages)]


_ZONE_NAMES = {
    ZoneKind.CORRIDOR: ("通道", "corridor"),
    ZoneKind.BAY: ("车位", "bay"),
    ZoneKind.IGNORE: ("不监看区域", "unwatched area"),
}


class ZoneSettings(Section):
    """A part of a camera's picture, in 0-1 coordinates, origin top left."""

    id: Id
    name: DisplayName | None = None
    kind: ZoneKind
    port: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}#[1-9][0-9]?$")] | None = None
    polygon: Annotated[list[tuple[Fraction, Fraction]], Field(min_length=3)]

    def zone(self) -> Zone:
        """As vision knows it."""
        return Zone(self.id, self.kind, tuple(self.polygon), self.port)

    def area(self) -> Area:
        """As people call it: `通道`, or `通道（east）` where the id says more than the kind."""
        if self.name:
            return Area(self.id, Name(self.name.zh, self.name.en))
        zh, en = _ZONE_NAMES[self.kind]
        return Area(self.id, Name(zh, en) if self.id == self.kind else Name(f"{zh}（{self.id}）", f"{en} ({self.id})"))


class DeviceSettings(Section):
    """What all devices have."""

    id: Id
    name: DisplayName | None = None


class ChargerSettings(DeviceSettings):
    """A charger with its ports, counted from 1."""

    ports: Annotated[int, Field(ge=1, le=64)]


class SensorSettings(DeviceSettings):
    """A smoke head, a heat or water sensor and so on."""

    kind: SensorWord


MaxFps = Annotated[float, Field(ge=0.1, le=60)]


class CameraSettings(DeviceSettings):
    """A camera. `source`: `mqtt`, `rtsp://…`, `http://…/snapshot.jpg`, or a file or folder."""

    source: str = "mqtt"
    zones: list[ZoneSettings] = []
    fps: Annotated[float, Field(gt=0, le=60)] = 5.0
    max_fps: MaxFps | None = None

    @model_validator(mode="after")
    def _zones_are_unique(self) -> Self:
        refuse_twice([zone.id for zone in self.zones], "zone id", f" in camera {self.id!r}")
        return self


class ExtinguisherSettings(DeviceSettings):
    """An extinguisher and the day it was last inspected."""

    inspected: date | None = None


class ShedSettings(Section):
    """A shed and what is in it."""

    id: Id
    name: DisplayName | None = None
    chargers: list[ChargerSettings] = []
    sensors: list[SensorSettings] = []
    cameras: list[CameraSettings] = []
    extinguishers: list[ExtinguisherSettings] = []

    def devices(self) -> list[DeviceSettings]:
        """All devices in the order of the sections."""
        return [*self.chargers, *self.sensors, *self.cameras, *self.extinguishers]

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        ids = [device.id for device in self.devices()]
        refuse_twice(ids, "device id", f" in shed {self.id!r}; ids are unique in a shed")
        return self

    @model_validator(mode="after")
    def _bays_name_real_ports(self) -> Self:
        ports = {charger.id: charger.ports for charger in self.chargers}
        for camera in self.cameras:
            for zone in camera.zones:
                if zone.port is None:
                    continue
                charger, _, port = zone.port.partition("#")
                if int(port) > ports.get(charger, 0):
                    raise ValueError(f"zone {zone.id!r} of camera {camera.id!r}: there is no port {zone.port!r} here")
        return self


class SiteSettings(Section):
    """A neighbourhood."""

    id: Id
    name: DisplayName | None = None
    sheds: Annotated[list[ShedSettings], Field(min_length=1)]

    @model_validator(mode="after")
    def _sheds_are_unique(self) -> Self:
        refuse_twice([shed.id for shed in self.sheds], "shed id", f" in site {self.id!r}")
        return self

    def site(self) -> Site:
        """As all rooms know it."""
        return Site(self.id, name_of(self.name, self.id), tuple(_shed(self.id, shed) for shed in self.sheds))


_KIND_NAMES = {
    DeviceKind.CHARGER: ("充电桩", "Charger"),
    DeviceKind.SENSOR: ("传感器", "Sensor"),
    DeviceKind.CAMERA: ("摄像头", "Camera"),
    DeviceKind.EXTINGUISHER: ("灭火器", "Extinguisher"),
}


def _shed(site: str, shed: ShedSettings) -> Shed:
    devices = (
        *(_device(site, shed.id, it, DeviceKind.CHARGER, ports=it.ports) for it in shed.chargers),
        *(_device(site, shed.id, it, DeviceKind.SENSOR, sensor_kind=it.kind) for it in shed.sensors),
        *(_device(site, shed.id, it, DeviceKind.CAMERA, zones=it.zones) for it in shed.cameras),
        *(_device(site, shed.id, it, DeviceKind.EXTINGUISHER, inspected=it.inspected) for it in shed.extinguishers),
    )
    return Shed(site, shed.id, name_of(shed.name, shed.id), devices)


def _device(
    site: str,
    shed: str,
    settings: DeviceSettings,
    kind: DeviceKind,
    *,
    ports: int = 0,
    sensor_kind: str = "",
    inspected: date | None = None,
    zones: Sequence[ZoneSettings] = (),
) -> Device:
    zh, en = _KIND_NAMES[kind]
    name = (
        Name(settings.name.zh, settings.name.en)
        if settings.name
        else Name(f"{zh} {settings.id}", f"{en} {settings.id}")
    )
    areas = tuple(zone.area() for zone in zones)
    return Device(DeviceRef(site, shed, settings.id), kind, name, ports, sensor_kind, inspected, areas)


def name_of(name: NameSettings | None, fallback: str) -> Name:
    """The display name, or the id where there is none."""
    return Name(name.zh, name.en) if name else Name(fallback, fallback)
