"""The configuration as typed values, and what it means to the rooms: topology, zones, secrets.

`shedwatch.configuration` reads it from a file and the environment and says what is wrong with line and key.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from alerts.orders import Limits
from alerts.proving_ground import SITE as PROVING_SITE
from alerts.proving_ground import is_test
from alerts.suppression import Group
from ingest.contract import SensorWord
from ingest.frames import MAX_FPS, Paces
from ingest.model import Device, DeviceKind, DeviceRef, Name, Shed, Site, Topology
from shedwatch.cutoff_settings import CutoffSettings
from shedwatch.notify_settings import NotifySettings
from shedwatch.order_settings import PutAsideSettings, SeveralSettings
from shedwatch.proof_settings import ProofSettings
from shedwatch.sections import Id, Section
from vision.model import WHOLE, Zone, ZoneKind

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


class NameSettings(Section):
    """A display name; a plain text counts for both languages."""

    zh: str
    en: str


def _both_languages(value: Any) -> Any:
    return {"zh": value, "en": value} if isinstance(value, str) else value


DisplayName = Annotated[NameSettings, BeforeValidator(_both_languages)]


class ZoneSettings(Section):
    """A part of a camera's picture, in 0-1 coordinates, origin top left."""

    id: Id
    kind: ZoneKind
    port: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}#[1-9][0-9]?$")] | None = None
    polygon: Annotated[list[tuple[Fraction, Fraction]], Field(min_length=3)]

    def zone(self) -> Zone:
        """As vision knows it."""
        return Zone(self.id, self.kind, tuple(self.polygon), self.port)


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
        ids = [zone.id for zone in self.zones]
        twice = {zone for zone in ids if ids.count(zone) > 1}
        if twice:
            raise ValueError(f"zone id {min(twice)!r} is used twice in camera {self.id!r}")
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
        seen: set[str] = set()
        for device in self.devices():
            if device.id in seen:
                raise ValueError(f"device id {device.id!r} is used twice in shed {self.id!r}; ids are unique in a shed")
            seen.add(device.id)
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
        ids = [shed.id for shed in self.sheds]
        twice = {shed for shed in ids if ids.count(shed) > 1}
        if twice:
            raise ValueError(f"shed id {min(twice)!r} is used twice in site {self.id!r}")
        return self


class GatewaySettings(Section):
    """A gateway that speaks on the bus for devices which do not; `members` are `site/shed` or `site/shed/device`."""

    id: Id
    members: Annotated[list[str], Field(min_length=1)]

    def devices(self, topology: Topology) -> frozenset[DeviceRef]:
        """Those it speaks for. Raises ValueError for a member that is not there."""
        return frozenset(device.ref for device in _members(self.members, topology))


class MqttSettings(Section):
    """The bus. Name and password may stand in the URL; better in `password_file`."""

    url: str = "mqtt://127.0.0.1:1883"
    embedded: bool = False
    prefix: Annotated[str, StringConstraints(pattern=r"^[^/+#]+$")] = "sheds"
    client_id: Annotated[str, StringConstraints(min_length=1, max_length=64)] = "shedwatch"
    share: Annotated[str, StringConstraints(pattern=r"^[^/+#]+$")] | None = None
    gateways: list[GatewaySettings] = []
    password_file: Path | None = None
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    def full_url(self, url: str) -> str:
        """`url` with the password of its file and the files of TLS, as the broker client takes it."""
        parts = urlsplit(url)
        files = {"ca": self.ca_file, "cert": self.certificate_file, "key": self.key_file}
        query = "&".join(
            [parts.query] * bool(parts.query) + [f"{name}={quote(str(it))}" for name, it in files.items() if it]
        )
        address = parts.netloc
        if self.password_file is not None:
            password = quote(self.password_file.read_text(encoding="utf-8").strip(), safe="")
            address = f"{parts.username or 'shedwatch'}:{password}@{address.rpartition('@')[2]}"
        return parts._replace(netloc=address, query=query).geturl()


class StoreSettings(Section):
    """Where telemetry is kept, and for how long. Beside a remote store the embedded one is kept too, in `file`."""

    url: str = "embedded:data/telemetry.db"
    file: Path | None = None
    token: str | None = None
    token_file: Path | None = None
    outbox_max_mb: Annotated[int, Field(ge=1, le=1_000_000)] = 2048
    outbox_max_days: Annotated[int, Field(ge=1, le=3650)] = 7
    outbox_full: Literal["drop_oldest", "stop"] = "drop_oldest"
    raw_days: Annotated[int, Field(ge=1, le=3650)] = 7
    rollup_days: Annotated[int, Field(ge=1, le=36500)] = 365


class GroupSettings(Section):
    """Devices behind one gateway, switch or supply; `members` are `site/shed` or `site/shed/device`."""

    id: Id
    what: Literal["power", "gateway", "switch"]
    name: DisplayName | None = None
    members: Annotated[list[str], Field(min_length=1)]

    def group(self, topology: Topology) -> Group:
        """The group over a topology. Raises ValueError for a member that is not there, or where fewer than two are."""
        found = _members(self.members, topology)
        heard = frozenset(device.ref for device in found if device.kind is not DeviceKind.EXTINGUISHER)
        if len(heard) < 2:
            raise ValueError("a group has two devices or more")
        chargers = frozenset(device.ref for device in found if device.kind is DeviceKind.CHARGER)
        site, shed, _ = found[0].ref
        deciding = chargers if len(chargers) > 1 else heard
        return Group(self.id, site, shed, self.what, _name(self.name, self.id), heard, deciding)


class AlertsSettings(Section):
    """The ledger and the rules; `rules` and `overrides` are checked by `alerts.rules`."""

    database: str | None = None
    groups: list[GroupSettings] = []
    rules: dict[str, Any] = {}
    overrides: list[dict[str, Any]] = []
    put_aside: PutAsideSettings = PutAsideSettings()
    several: list[SeveralSettings] = []


class ApiSettings(Section):
    """HTTP and the page."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    base_url: str | None = None
    picture_limit_s: Annotated[float, Field(gt=0)] = 10.0


class VisionSectionSettings(Section):
    """The detectors. `workers` 0: one process less than there are cores, at least one."""

    enabled: bool = True
    workers: Annotated[int, Field(ge=0, le=64)] = 0
    dwell_s: Annotated[float, Field(ge=2, le=86400)] = 60.0
    max_fps: MaxFps = MAX_FPS


class EvidenceSettings(Section):
    """How long pictures of alarms are kept; those of open alarms always."""

    days: Annotated[float, Field(ge=1, le=36500)] = 90.0
    max_gb: Annotated[float, Field(gt=0, le=100_000)] = 10.0


class Settings(Section):
    """A whole configuration."""

    sites: Annotated[list[SiteSettings], Field(min_length=1)]
    mqtt: MqttSettings = MqttSettings()
    store: StoreSettings = StoreSettings()
    alerts: AlertsSettings = AlertsSettings()
    notify: NotifySettings = NotifySettings()
    cutoff: CutoffSettings = CutoffSettings()
    api: ApiSettings = ApiSettings()
    vision: VisionSectionSettings = VisionSectionSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    proof: ProofSettings = ProofSettings()
    data_dir: Path = Path("data")
    instance: Id = "shedwatch"

    @model_validator(mode="after")
    def _sites_are_unique(self) -> Self:
        ids = [site.id for site in self.sites]
        twice = {site for site in ids if ids.count(site) > 1}
        if twice:
            raise ValueError(f"site id {min(twice)!r} is used twice")
        if any(is_test(site) for site in ids):
            raise ValueError(f"site id {PROVING_SITE!r} is the service's own, for its proofs; choose another")
        return self

    @model_validator(mode="after")
    def _proofs_name_channels(self) -> Self:
        there = [channel.name for channel in self.notify.channels]
        if unknown := [name for name in self.proof.channels or () if name not in there]:
            raise ValueError(f"proof.channels names {unknown[0]!r}, and notify has no such channel")
        return self

    def topology(self) -> Topology:
        """What stands where."""
        return Topology(tuple(_site(site) for site in self.sites))

    def watches_cameras(self) -> bool:
        """Whether there are detectors at work."""
        return self.vision.enabled and any(shed.cameras for site in self.sites for shed in site.sheds)

    def limits(self) -> Limits:
        """What people may order about alarms; a token named as somebody's id is that person."""
        aside = self.alerts.put_aside
        return Limits(
            aside.shelve(),
            aside.shelve_fire,
            aside.out_of_service,
            aside.out_of_service_fire,
            tuple(entry.rule() for entry in self.alerts.several),
            {person.id: person.name for person in self.notify.people},
        )

    def zones(self) -> dict[DeviceRef, tuple[Zone, ...]]:
        """The zones of every camera; one without any is watched as a whole."""
        return {
            DeviceRef(site.id, shed.id, camera.id): tuple(zone.zone() for zone in camera.zones) or (WHOLE_PICTURE,)
            for site in self.sites
            for shed in site.sheds
            for camera in shed.cameras
        }

    def paces(self) -> Paces:
        """How many pictures a second may pass of each camera."""
        cameras = [
            (DeviceRef(site.id, shed.id, camera.id), camera.max_fps)
            for site in self.sites
            for shed in site.sheds
            for camera in shed.cameras
        ]
        return Paces(self.vision.max_fps, {camera: max_fps for camera, max_fps in cameras if max_fps is not None})

    def gateways(self) -> dict[str, frozenset[DeviceRef]]:
        """Which devices each gateway speaks for. Raises ValueError as `GatewaySettings.devices`."""
        topology = self.topology()
        return {gateway.id: gateway.devices(topology) for gateway in self.mqtt.gateways}

    def sources(self) -> dict[DeviceRef, CameraSettings]:
        """The cameras whose pictures are fetched instead of coming over MQTT."""
        return {
            DeviceRef(site.id, shed.id, camera.id): camera
            for site in self.sites
            for shed in site.sheds
            for camera in shed.cameras
            if camera.source != "mqtt"
        }

    def ledger_url(self) -> str:
        """SQLAlchemy URL of the alarm ledger."""
        return self.alerts.database or f"sqlite+aiosqlite:///{self.data_dir / 'alerts.db'}"

    def register_path(self) -> Path:
        """File of the register of extinguishers."""
        return self.data_dir / "extinguishers.json"

    def store_path(self) -> Path:
        """File of the embedded store."""
        if self.store.url.startswith("embedded:"):
            return Path(self.store.url.removeprefix("embedded:"))
        return self.store.file or Path("data/telemetry.db")


# Smoke and flame are looked for in the whole picture anyway; without a corridor zone nothing can block one.
WHOLE_PICTURE = Zone("picture", ZoneKind.BAY, WHOLE)

_KIND_NAMES = {
    DeviceKind.CHARGER: ("充电桩", "Charger"),
    DeviceKind.SENSOR: ("传感器", "Sensor"),
    DeviceKind.CAMERA: ("摄像头", "Camera"),
    DeviceKind.EXTINGUISHER: ("灭火器", "Extinguisher"),
}


def _members(members: Sequence[str], topology: Topology) -> list[Device]:
    """The devices at `site/shed` or `site/shed/device`. Raises ValueError where there is none."""
    found: list[Device] = []
    for member in members:
        there = [device for device in topology.devices() if f"{device.ref}/".startswith(f"{member}/")]
        if not there:
            raise ValueError(f"nothing is configured at {member!r}")
        found += there
    return found


def _site(site: SiteSettings) -> Site:
    return Site(site.id, _name(site.name, site.id), tuple(_shed(site.id, shed) for shed in site.sheds))


def _shed(site: str, shed: ShedSettings) -> Shed:
    devices = (
        *(_device(site, shed.id, it, DeviceKind.CHARGER, ports=it.ports) for it in shed.chargers),
        *(_device(site, shed.id, it, DeviceKind.SENSOR, sensor_kind=it.kind) for it in shed.sensors),
        *(_device(site, shed.id, it, DeviceKind.CAMERA) for it in shed.cameras),
        *(_device(site, shed.id, it, DeviceKind.EXTINGUISHER, inspected=it.inspected) for it in shed.extinguishers),
    )
    return Shed(site, shed.id, _name(shed.name, shed.id), devices)


def _device(
    site: str,
    shed: str,
    settings: DeviceSettings,
    kind: DeviceKind,
    *,
    ports: int = 0,
    sensor_kind: str = "",
    inspected: date | None = None,
) -> Device:
    zh, en = _KIND_NAMES[kind]
    name = (
        Name(settings.name.zh, settings.name.en)
        if settings.name
        else Name(f"{zh} {settings.id}", f"{en} {settings.id}")
    )
    return Device(DeviceRef(site, shed, settings.id), kind, name, ports, sensor_kind, inspected)


def _name(name: NameSettings | None, fallback: str) -> Name:
    return Name(name.zh, name.en) if name else Name(fallback, fallback)
