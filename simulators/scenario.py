"""A scenario file → what stands where, what goes wrong when, and what the service is expected to make of it.

`sites` of a scenario is the `sites` section of a configuration, so that a service can be set up from it unchanged;
what only the simulator needs stands under `simulation`, keyed by `default`, device (`site/shed/device`) or port
(`site/shed/charger#3`). Errors: see `simulators.yaml_reader`.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from ingest.model import ID_PATTERN, Device, DeviceKind, DeviceRef, Name
from simulators.battery import PACKS
from simulators.cuts import CutExpectation
from simulators.expectations import Expectation, channel_of, read_cuts, read_expectations
from simulators.faults import KINDS, Fault, FaultKind, Target
from simulators.habits import HABITS
from simulators.people import Act, read_acts
from simulators.residents import Stay
from simulators.runaway import unfold
from simulators.yaml_reader import Document, Part, ScenarioError

STEP_S = 0.1
# The alarms take more than ten seconds between two looks at the clock for a stall of their own process.
LONGEST_STEP_S = 5.0
_SECTIONS = (
    ("chargers", DeviceKind.CHARGER),
    ("sensors", DeviceKind.SENSOR),
    ("cameras", DeviceKind.CAMERA),
    ("extinguishers", DeviceKind.EXTINGUISHER),
)
DEVICE_KEYS: dict[DeviceKind, frozenset[str]] = {
    DeviceKind.CHARGER: frozenset({"telemetry_s", "max_session_s", "over_power_w", "habit", "drift_ppm"}),
    DeviceKind.SENSOR: frozenset({"telemetry_s", "cable_of"}),
    DeviceKind.CAMERA: frozenset({"layout", "fps", "width", "height", "quality", "seed"}),
    DeviceKind.EXTINGUISHER: frozenset({"inspected_days_ago"}),
}
DEFAULT_KEYS = frozenset(
    {"telemetry_s", "sensor_telemetry_s", "max_session_s", "over_power_w", "habit", "drift_ppm", "fps", "hour",
     "weekday", "arrivals", "air_c", "mains_v"}
)  # fmt: skip
# Settings that are words, with those they choose from where there are such.
_WORDS: dict[str, Collection[str] | None] = {"layout": None, "cable_of": None, "habit": HABITS}
_TARGET_KINDS = {
    Target.PORT: DeviceKind.CHARGER,
    Target.CHARGER: DeviceKind.CHARGER,
    Target.SENSOR: DeviceKind.SENSOR,
    Target.CAMERA: DeviceKind.CAMERA,
    Target.BAY: DeviceKind.CAMERA,
}
_BROKER = DeviceRef("", "", "")
# Sections of a configuration that are not a scenario's to choose.
_DECIDED = frozenset({"sites", "mqtt", "store", "api", "data_dir"})


@dataclass(frozen=True)
class Scenario:
    """A whole scenario.

    Attributes:
        start_ms: epoch milliseconds of scenario time 0, None for "whenever it is started".
        utc_offset_s: offset of the scenario's local time, for the hour of day.
        sites: the `sites` section for a service's configuration (dates filled in).
        devices: everything that stands there, in order.
        zones: ids of each camera's zones.
        settings: the simulator's figures by `default` or device, as given.
        step_s: in lock-step, what is due within this time happens together, at its end.
        stays: e-bikes that are told where to stand, by charger and port.
        cuts: cuts of power that are expected.
        acts: what people do.
        service: further sections of the configuration of a service that is started for it.
    """

    name: str
    start_ms: int | None
    utc_offset_s: float
    duration_s: float
    sites: list[dict[str, Any]]
    devices: tuple[Device, ...]
    zones: Mapping[DeviceRef, tuple[str, ...]]
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    stays: Mapping[DeviceRef, Mapping[int, tuple[Stay, ...]]] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    cuts: tuple[CutExpectation, ...] = ()
    acts: tuple[Act, ...] = ()
    service: Mapping[str, Any] = field(default_factory=dict)
    step_s: float = STEP_S

    def setting(self, ref: DeviceRef, key: str, default: Any) -> Any:
        """A simulator's figure for a device: its own, else the scenario's default, else `default`."""
        return self.settings.get(str(ref), {}).get(key, self.settings.get("default", {}).get(key, default))

    def own(self, ref: DeviceRef, key: str) -> Any:
        """A simulator's figure for a device alone; None where it has none of its own."""
        return self.settings.get(str(ref), {}).get(key)

    def general(self, key: str, default: float) -> float:
        """A figure of the whole scenario."""
        return float(self.settings.get("default", {}).get(key, default))

    def has_general(self, key: str) -> bool:
        """Whether the scenario gives this figure."""
        return key in self.settings.get("default", {})

    @property
    def day_of_year(self) -> float | None:
        """Day of the year (1-366) on which it starts; None for "whenever it is started": then there is no season."""
        return None if self.start_ms is None else float(self._start_day(self.start_ms).timetuple().tm_yday)

    @property
    def weekday(self) -> int:
        """Day of the week on which it starts, 0 Monday; given, or that of the start, else a Wednesday."""
        started = 2 if self.start_ms is None else self._start_day(self.start_ms).weekday()
        return int(self.general("weekday", started)) % 7

    def _start_day(self, start_ms: int) -> datetime:
        return datetime.fromtimestamp(start_ms / 1000.0 + self.utc_offset_s, UTC)

    def hour_at(self, epoch_ms: int) -> float:
        """Hour of day (0-24) that light and residents live by when the scenario starts at this time."""
        local_h = ((epoch_ms / 1000.0 + self.utc_offset_s) % 86_400.0) / 3600.0
        return self.general("hour", local_h)

    def find(self, ref: DeviceRef) -> Device | None:
        """The device at an address, or None."""
        return next((device for device in self.devices if device.ref == ref), None)


def shipped(name: str) -> Path:
    """The file of a scenario that is shipped, by its name with or without `.yaml`; else `name` as a path.

    Raises:
        ScenarioError: neither exists.
    """
    if (path := Path(name)).is_file():
        return path
    folder = Path(str(resources.files("simulators"))) / "scenarios"
    for candidate in (folder / name, folder / f"{name}.yaml"):
        if candidate.is_file():
            return candidate
    known = ", ".join(sorted(file.stem for file in folder.glob("*.yaml")))
    raise ScenarioError(f"{name}: no such file, and no shipped scenario of that name; shipped: {known}")


def load(path: Path, now_ms: int) -> Scenario:
    """Read a scenario file; `now_ms` is the day that `inspected_days_ago` counts back from where it starts `now`.

    Raises:
        ScenarioError: with file, line and key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: cannot be read: {error}") from None
    return parse(text, path.name, now_ms)


def parse(text: str, name: str, now_ms: int) -> Scenario:
    """Read a scenario's text. Raises ScenarioError."""
    document = Document(text, name)
    root = document.root
    root.only(("name", "start", "duration_s", "step_s", "sites", "service", "simulation", "faults", "people", "expect"))
    start_ms, utc_offset_s = _start(root)
    devices, zones = _devices(root)
    settings, stays = _simulation(root, devices)
    duration_s = root.number("duration_s", low=1.0)
    expectations = read_expectations(root, devices, zones, duration_s)
    return Scenario(
        name=root.text("name"),
        start_ms=start_ms,
        utc_offset_s=utc_offset_s,
        duration_s=duration_s,
        sites=_with_dates(root.data["sites"], settings, now_ms if start_ms is None else start_ms),
        devices=tuple(devices.values()),
        zones=zones,
        settings=settings,
        stays=stays,
        faults=tuple(
            one for part in root.parts("faults") for one in unfold(_fault(part, devices, zones), devices.values())
        ),
        expectations=expectations,
        cuts=read_cuts(root, devices, duration_s),
        acts=read_acts(root, devices, duration_s),
        service=_service(root),
        step_s=root.number("step_s", STEP_S, low=0.01, high=LONGEST_STEP_S),
    )


def _service(root: Part) -> dict[str, Any]:
    """Checked by the service itself; what a rehearsal decides cannot be given."""
    given = root.part("service", {})
    for key in given.data:
        if key in _DECIDED:
            raise given.fail(str(key), "is decided by the rehearsal; leave it out")
    return dict(given.data)


def _start(root: Part) -> tuple[int | None, float]:
    value = root.data.get("start", "now")
    if value == "now":
        # Sheds of the examples stand in China; whoever starts elsewhere gives a start with its offset.
        return None, 8 * 3600.0
    if not isinstance(value, datetime):
        raise root.fail("start", f"must be `now` or an RFC 3339 time, not {value!r}")
    offset = value.utcoffset()
    if offset is None:
        raise root.fail("start", "has no offset; write one, as in 2026-11-23T08:00:00+08:00")
    return round(value.timestamp() * 1000), offset.total_seconds()


def _devices(root: Part) -> tuple[dict[DeviceRef, Device], dict[DeviceRef, tuple[str, ...]]]:
    devices: dict[DeviceRef, Device] = {}
    zones: dict[DeviceRef, tuple[str, ...]] = {}
    for site in root.parts("sites"):
        site_id = _id(site)
        for shed in site.parts("sheds"):
            shed_id = _id(shed)
            for section, kind in _SECTIONS:
                for part in shed.parts(section):
                    ref = DeviceRef(site_id, shed_id, _id(part))
                    if ref in devices:
                        raise part.fail("id", f"{ref} is used twice")
                    devices[ref] = _device(part, ref, kind)
                    if kind is DeviceKind.CAMERA:
                        zones[ref] = tuple(_id(zone) for zone in part.parts("zones"))
    if not devices:
        raise root.fail("sites", "has no devices")
    return devices, zones


def _device(part: Part, ref: DeviceRef, kind: DeviceKind) -> Device:
    ports = part.whole("ports", low=1, high=64) if kind is DeviceKind.CHARGER else 0
    sensor_kind = part.text("kind") if kind is DeviceKind.SENSOR else ""
    return Device(ref, kind, Name(ref.device, ref.device), ports, sensor_kind)


def _id(part: Part) -> str:
    text = part.text("id")
    if not ID_PATTERN.fullmatch(text):
        raise part.fail("id", f"{text!r} is not an id of a-z, 0-9 and '-'")
    return text


def _simulation(
    root: Part, devices: Mapping[DeviceRef, Device]
) -> tuple[dict[str, dict[str, Any]], dict[DeviceRef, dict[int, tuple[Stay, ...]]]]:
    settings: dict[str, dict[str, Any]] = {}
    stays: dict[DeviceRef, dict[int, tuple[Stay, ...]]] = {}
    simulation = root.part("simulation", {})
    for key in simulation.data:
        part = simulation.part(key)
        if key == "default":
            part.only(DEFAULT_KEYS)
            settings[key] = {name: _setting(part, name) for name in part.data}
            continue
        address, _, port = str(key).partition("#")
        device = _at(simulation, key, address, devices)
        if port:
            if device.kind is not DeviceKind.CHARGER or not port.isdigit() or not 1 <= int(port) <= device.ports:
                raise simulation.fail(key, "there is no such port")
            part.only(("stays",))
            stays.setdefault(device.ref, {})[int(port)] = tuple(_stay(it) for it in part.parts("stays"))
        else:
            part.only(DEVICE_KEYS[device.kind])
            settings[key] = {name: _setting(part, name) for name in part.data}
            _check_cable(part, device.ref, devices)
    return settings, stays


def _setting(part: Part, name: str) -> str | float:
    if name not in _WORDS:
        return part.number(name)
    choices = _WORDS[name]
    return part.text(name) if choices is None else part.text(name, of=choices)


def _check_cable(part: Part, ref: DeviceRef, devices: Mapping[DeviceRef, Device]) -> None:
    if part.has("cable_of"):
        charger = devices.get(DeviceRef(ref.site, ref.shed, part.text("cable_of")))
        if charger is None or charger.kind is not DeviceKind.CHARGER:
            raise part.fail("cable_of", "there is no such charger in the sensor's shed")


def _at(part: Part, key: str, address: str, devices: Mapping[DeviceRef, Device]) -> Device:
    try:
        device = devices.get(DeviceRef.parse(address))
    except ValueError as error:
        raise part.fail(key, str(error)) from None
    if device is None:
        raise part.fail(key, f"there is no device {address} under sites")
    return device


def _stay(part: Part) -> Stay:
    part.only(("plug_s", "unplug_s", "pack", "soc", "pay_s", "tapers"))
    plug_s = part.number("plug_s")
    return Stay(
        plug_s=plug_s,
        unplug_s=part.optional_number("unplug_s", low=plug_s),
        pack=PACKS[part.text("pack", of=PACKS)],
        soc=part.number("soc", low=0.0, high=1.0),
        pay_s=part.number("pay_s", 15.0, low=0.0),
        tapers=part.optional_bool("tapers") is not False,
    )


def _fault(part: Part, devices: Mapping[DeviceRef, Device], zones: Mapping[DeviceRef, tuple[str, ...]]) -> Fault:
    kind = part.text("kind", of=KINDS)
    spec = KINDS[kind]
    part.only({"kind", "at_s", "until_s", "strength", "port", "zone", *spec.figures, *spec.words, *_address_keys(spec)})
    at_s = part.number("at_s", low=0.0)
    until_s = part.optional_number("until_s")
    if until_s is not None and until_s <= at_s:
        raise part.fail("until_s", f"must come after at_s {at_s:g}")
    ref = _fault_place(part, spec.target, devices)
    return Fault(
        kind=kind,
        device=ref,
        at_s=at_s,
        until_s=until_s,
        port=part.whole("port", low=1, high=devices[ref].ports) if spec.target is Target.PORT else None,
        zone=part.text("zone", of=zones[ref]) if spec.target is Target.BAY else None,
        strength=part.number("strength", 1.0, low=0.01, high=10.0),
        figures={name: part.number(name) for name in spec.figures if part.has(name)},
        words={name: part.text(name, of=choices) for name, choices in spec.words.items() if part.has(name)},
        group=_group(part, ref, devices) if spec.group and part.has("devices") else (),
    )


def _address_keys(spec: FaultKind) -> tuple[str, ...]:
    if spec.target is Target.BROKER:
        return ()
    if spec.target is Target.CHANNEL:
        return ("channel",)
    if spec.target is Target.SHED:
        return ("shed", "devices") if spec.group else ("shed",)
    return ("device",)


def _group(part: Part, shed: DeviceRef, devices: Mapping[DeviceRef, Device]) -> tuple[str, ...]:
    names = part.data["devices"]
    if not isinstance(names, list) or not all(DeviceRef(shed.site, shed.shed, str(it)) in devices for it in names):
        raise part.fail("devices", "must be a list of ids of devices of the shed")
    return tuple(map(str, names))


def _fault_place(part: Part, target: Target, devices: Mapping[DeviceRef, Device]) -> DeviceRef:
    if target is Target.BROKER:
        return _BROKER
    if target is Target.CHANNEL:
        return DeviceRef("", "", channel_of(part, "channel"))
    if target is Target.SHED:
        text = part.text("shed")
        site, _, shed = text.partition("/")
        if not any(ref[:2] == (site, shed) for ref in devices):
            raise part.fail("shed", f"there is no shed {text!r} under sites; write site/shed")
        return DeviceRef(site, shed, "")
    device = _at(part, "device", part.text("device"), devices)
    if device.kind is not _TARGET_KINDS[target]:
        raise part.fail("device", f"{device.ref} is a {device.kind}; this fault stands at a {_TARGET_KINDS[target]}")
    return device.ref


def _with_dates(
    sites: list[dict[str, Any]], settings: Mapping[str, Mapping[str, Any]], day_ms: int
) -> list[dict[str, Any]]:
    """The sites with the day each extinguisher was inspected filled in where it is given as days ago."""
    filled = copy.deepcopy(sites)
    today = datetime.fromtimestamp(day_ms / 1000.0, UTC).date()
    for site in filled:
        for shed in site["sheds"]:
            for extinguisher in shed.get("extinguishers") or []:
                address = f"{site['id']}/{shed['id']}/{extinguisher['id']}"
                if (days := settings.get(address, {}).get("inspected_days_ago")) is not None:
                    extinguisher["inspected"] = today - timedelta(days=days)
    return filled
