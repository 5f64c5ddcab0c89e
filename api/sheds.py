"""What a shed looks like now: topology, latest values and open alerts in, views out. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from alerts.model import Alert, AlertKind, Severity
from api.deps import PictureSource
from api.latest import LatestBoard, Place, ShedKey
from api.views import (
    AgedValue,
    AlertCounts,
    CameraCounts,
    CameraEvent,
    CameraView,
    ChargerCounts,
    ChargerView,
    ExtinguisherView,
    Names,
    PortChange,
    PortCounts,
    PortView,
    SensorView,
    ShedDetail,
    ShedEntry,
    Values,
)
from ingest.model import PORT_STATES, Device, DeviceKind, DeviceRef, Frame, Name, Shed, Site, Topology
from ingest.store.port import LatestValue

_SILENCE = (AlertKind.CHARGER_OFFLINE, AlertKind.TELEMETRY_STALE)
_BLINDNESS = (
    AlertKind.CAMERA_OFFLINE,
    AlertKind.CAMERA_FROZEN,
    AlertKind.CAMERA_COVERED,
    AlertKind.CAMERA_BLURRED,
    AlertKind.CAMERA_MOVED,
    AlertKind.CAMERA_DARK,
)


def picture_ms(frame: Frame) -> int:
    """The time a picture counts from: its arrival, or its capture where that was earlier, as in a backlog."""
    return min(frame.captured_ms, frame.received_ms)


@dataclass(slots=True)
class Situation:
    """The open alerts, sorted by what they say about sheds and devices."""

    by_shed: dict[ShedKey, list[Alert]] = field(default_factory=dict)
    silent: set[DeviceRef] = field(default_factory=set)
    blind: dict[DeviceRef, list[Alert]] = field(default_factory=dict)

    @classmethod
    def of(cls, alerts: Sequence[Alert]) -> Situation:
        """Sort open alerts, worst first as they come."""
        situation = cls()
        for alert in alerts:
            situation.by_shed.setdefault((alert.site, alert.shed), []).append(alert)
            device = DeviceRef(alert.site, alert.shed, alert.device)
            if alert.active and alert.kind in _SILENCE:
                situation.silent.add(device)
            if alert.active and alert.kind in _BLINDNESS:
                situation.blind.setdefault(device, []).append(alert)
        return situation

    def blind_since_ms(self, camera: DeviceRef) -> int | None:
        """When the first of the alerts that say a camera cannot see was raised; None where it sees."""
        return min((alert.raised_ts for alert in self.blind.get(camera, ())), default=None)


@dataclass(frozen=True, slots=True)
class Observatory:
    """Where the state of the sheds is looked up. Everything here is in memory and answers at once."""

    topology: Topology
    board: LatestBoard
    pictures: PictureSource
    picture_limit_s: float
    _known: dict[ShedKey, tuple[int, list[Alert], ShedEntry]] = field(default_factory=dict, repr=False)

    def entries(self, situation: Situation) -> list[ShedEntry]:
        """Every shed at a glance."""
        return [self.entry(site, shed, situation) for site in self.topology.sites for shed in site.sheds]

    def entry(self, site: Site, shed: Shed, situation: Situation) -> ShedEntry:
        """One shed at a glance."""
        # Of most sheds nothing came since anyone last asked: only the others are gone through again.
        key = (site.id, shed.id)
        version, alerts = self.board.version(key), situation.by_shed.get(key, [])
        known = self._known.get(key)
        if known is None or known[0] != version or known[1] != alerts:
            known = (version, alerts, self._entry(site, shed, situation, alerts))
            self._known[key] = known
        return known[2]

    def _entry(self, site: Site, shed: Shed, situation: Situation, alerts: list[Alert]) -> ShedEntry:
        chargers = _of_kind(shed, DeviceKind.CHARGER)
        cameras = _of_kind(shed, DeviceKind.CAMERA)
        offline = sum(self._online(charger.ref, situation) is False for charger in chargers)
        counts, power_w = self._ports(chargers)
        return ShedEntry(
            site=site.id,
            site_name=_names(site.name),
            shed=shed.id,
            name=_names(shed.name),
            ports=counts,
            power_w=power_w,
            open_alerts=_count(alerts),
            worst=max((alert.severity for alert in alerts), key=lambda severity: severity.rank, default=None),
            cameras=CameraCounts(len(cameras), sum(camera.ref in situation.blind for camera in cameras)),
            chargers=ChargerCounts(len(chargers), offline),
            updated_ts=self.board.updated_ms((site.id, shed.id)),
        )

    def detail(self, site: Site, shed: Shed, situation: Situation, now_ms: int) -> ShedDetail:
        """Everything of one shed."""
        return ShedDetail(
            server_ts=now_ms,
            site=site.id,
            shed=shed.id,
            site_name=_names(site.name),
            name=_names(shed.name),
            summary=self.entry(site, shed, situation),
            chargers=[self._charger(device, situation, now_ms) for device in _of_kind(shed, DeviceKind.CHARGER)],
            sensors=[self._sensor(device, situation, now_ms) for device in _of_kind(shed, DeviceKind.SENSOR)],
            cameras=[self._camera(device, situation, now_ms) for device in _of_kind(shed, DeviceKind.CAMERA)],
            extinguishers=[_extinguisher(device) for device in _of_kind(shed, DeviceKind.EXTINGUISHER)],
            open_alerts=list(situation.by_shed.get((site.id, shed.id), [])),
        )

    def camera_event(self, camera: DeviceRef, situation: Situation, now_ms: int) -> CameraEvent:
        """What a `camera` event says now."""
        frame = self.pictures.latest(camera)
        return CameraEvent(
            site=camera.site,
            shed=camera.shed,
            camera=camera.device,
            picture_ts=picture_ms(frame) if frame else None,
            stale=self.stale(frame, now_ms),
            blind_since_ts=situation.blind_since_ms(camera),
        )

    def port_change(self, place: Place) -> PortChange:
        """What a place that was just heard of says, for a `shed` event."""
        device, port = place
        values = self.board.values(device, port)
        return PortChange(
            charger=device.device,
            port=port,
            state=_word(values.get("state")),
            power_w=_number(values.get("power_w")),
            temperature_c=_number(values.get("temperature_c")),
            ts=max((value.ts_ms for value in values.values()), default=0),
        )

    def stale(self, frame: Frame | None, now_ms: int) -> bool:
        """Whether a picture is too old to be shown as live, or is missing."""
        return frame is None or now_ms - picture_ms(frame) > self.picture_limit_s * 1000

    def _online(self, device: DeviceRef, situation: Situation) -> bool | None:
        return False if device in situation.silent else self.board.online(device)

    def _ports(self, chargers: Sequence[Device]) -> tuple[PortCounts, float]:
        words: Counter[str | None] = Counter()
        power_w = 0.0
        for charger in chargers:
            for port in range(1, charger.ports + 1):
                values = self.board.values(charger.ref, port)
                word = _word(values.get("state"))
                words[word if word in PORT_STATES else "unknown"] += 1
                power_w += _number(values.get("power_w")) or 0.0
        counts = {word: words[word] for word in (*PORT_STATES, "unknown")}
        return PortCounts(total=words.total(), **counts), round(power_w, 1)

    def _charger(self, charger: Device, situation: Situation, now_ms: int) -> ChargerView:
        return ChargerView(
            id=charger.ref.device,
            name=_names(charger.name),
            online=self._online(charger.ref, situation),
            values=_aged(self.board.values(charger.ref), now_ms),
            ports=[self._port(charger.ref, port, now_ms) for port in range(1, charger.ports + 1)],
        )

    def _port(self, charger: DeviceRef, port: int, now_ms: int) -> PortView:
        values = _current(self.board.values(charger, port))
        aged = _aged(values, now_ms)
        return PortView(
            port=port,
            state=_word(values.get("state")),
            fault=_word(values.get("fault")),
            age_s=min((value.age_s for value in aged.values()), default=None),
            values=aged,
        )

    def _sensor(self, sensor: Device, situation: Situation, now_ms: int) -> SensorView:
        return SensorView(
            id=sensor.ref.device,
            name=_names(sensor.name),
            kind=sensor.sensor_kind,
            online=self._online(sensor.ref, situation),
            values=_aged(self.board.values(sensor.ref), now_ms),
        )

    def _camera(self, camera: Device, situation: Situation, now_ms: int) -> CameraView:
        frame = self.pictures.latest(camera.ref)
        blind_since_ms = situation.blind_since_ms(camera.ref)
        return CameraView(
            id=camera.ref.device,
            name=_names(camera.name),
            picture_ts=picture_ms(frame) if frame else None,
            picture_age_s=_age_s(picture_ms(frame), now_ms) if frame else None,
            stale=self.stale(frame, now_ms),
            blind_since_ts=blind_since_ms,
            blind_s=0.0 if blind_since_ms is None else _age_s(blind_since_ms, now_ms),
            blind_kinds=sorted({str(alert.kind) for alert in situation.blind.get(camera.ref, ())}),
            zones={area.id: _names(area.name) for area in camera.areas},
        )


def _of_kind(shed: Shed, kind: DeviceKind) -> list[Device]:
    return [device for device in shed.devices if device.kind is kind]


def _names(name: Name) -> Names:
    return Names(name.zh, name.en)


def _count(alerts: Sequence[Alert]) -> AlertCounts:
    return AlertCounts(**{severity.value: sum(alert.severity is severity for alert in alerts) for severity in Severity})


def _age_s(ts_ms: int, now_ms: int) -> float:
    return max(0, now_ms - ts_ms) / 1000


def _aged(values: Mapping[str, LatestValue], now_ms: int) -> Values:
    return {
        name: AgedValue(latest.value, latest.ts_ms, _age_s(latest.ts_ms, now_ms)) for name, latest in values.items()
    }


def _current(values: Mapping[str, LatestValue]) -> Mapping[str, LatestValue]:
    """Without a fault that is over: a port that reports its state without a fault has none any more."""
    fault, state = values.get("fault"), values.get("state")
    if fault is None or state is None or fault.ts_ms >= state.ts_ms:
        return values
    return {name: value for name, value in values.items() if name != "fault"}


def _word(latest: LatestValue | None) -> str | None:
    return latest.value if latest is not None and isinstance(latest.value, str) else None


def _number(latest: LatestValue | None) -> float | None:
    if latest is None or isinstance(latest.value, str | bool):
        return None
    return float(latest.value)


def _extinguisher(device: Device) -> ExtinguisherView:
    inspected = device.inspected.isoformat() if device.inspected else None
    return ExtinguisherView(device.ref.device, _names(device.name), inspected)
