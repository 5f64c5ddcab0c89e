"""The configuration as typed values, and what it means to the rooms: topology, zones, secrets.

`shedwatch.configuration` reads it from a file and the environment and says what is wrong with line and key.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import Field, StringConstraints, model_validator

from alerts.group import Group
from alerts.orders import Limits
from alerts.proving_ground import SITE as PROVING_SITE
from alerts.proving_ground import is_test
from ingest.frames import MAX_FPS, Paces
from ingest.model import Device, DeviceKind, DeviceRef, Topology
from shedwatch.cutoff_settings import CutoffSettings
from shedwatch.notify_settings import NotifySettings
from shedwatch.order_settings import PutAsideSettings, SeveralSettings
from shedwatch.proof_settings import ProofSettings
from shedwatch.sections import Id, Section, refuse_twice
from shedwatch.site_settings import CameraSettings, DisplayName, MaxFps, SiteSettings, name_of
from vision.model import WHOLE, Zone, ZoneKind


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
        return Group(self.id, site, shed, self.what, name_of(self.name, self.id), heard, deciding)


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
        refuse_twice(ids, "site id", "")
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
        return Topology(tuple(site.site() for site in self.sites))

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


def _members(members: Sequence[str], topology: Topology) -> list[Device]:
    """The devices at `site/shed` or `site/shed/device`. Raises ValueError where there is none."""
    found: list[Device] = []
    for member in members:
        there = [device for device in topology.devices() if f"{device.ref}/".startswith(f"{member}/")]
        if not there:
            raise ValueError(f"nothing is configured at {member!r}")
        found += there
    return found
