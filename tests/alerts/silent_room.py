"""Sheds whose devices fall silent, and a room that hears of it: rules' words in, a second at a time, all that is told kept."""

from __future__ import annotations

from collections import Counter
from random import Random

from alerts.engine import AlarmEngine, alert_ids
from alerts.group import Group
from alerts.lifecycle import announces
from alerts.messages import SERVICE
from alerts.model import Alert, AlertChange, AlertKey, AlertKind, Condition, Severity, Text
from alerts.rules.base import Surroundings, key_of
from alerts.rules.settings import RuleBook
from alerts.suppression import BROKER_LINK, RootCauses, aside_of, regroup
from ingest.model import Device, DeviceKind, DeviceRef, Name, Reading, Shed, Site, Topology

NOW_MS = 1_795_400_000_000
NAME = Name("一", "one")
K = AlertKind


def shed(name: str, chargers: int, cameras: int = 0, sensors: int = 0) -> Shed:
    kinds = [
        *(("c", DeviceKind.CHARGER) for _ in range(chargers)),
        *(("cam-", DeviceKind.CAMERA) for _ in range(cameras)),
        *(("smoke-", DeviceKind.SENSOR) for _ in range(sensors)),
    ]
    numbers: Counter[str] = Counter()
    devices = []
    for word, kind in kinds:
        numbers[word] += 1
        ref = DeviceRef("north", name, f"{word}{numbers[word]}")
        devices.append(Device(ref, kind, NAME, ports=4 if kind is DeviceKind.CHARGER else 0))
    return Shed("north", name, Name(f"{name}棚", name), tuple(devices))


TOPOLOGY = Topology(
    (Site("north", NAME, (shed("shed-1", 3, cameras=2, sensors=1), shed("shed-2", 2), shed("shed-3", 1))),)
)
C1, C2, C3 = (DeviceRef("north", "shed-1", f"c{n}") for n in (1, 2, 3))
CAM1 = DeviceRef("north", "shed-1", "cam-1")
SMOKE1 = DeviceRef("north", "shed-1", "smoke-1")
OTHER1, OTHER2 = (DeviceRef("north", "shed-2", f"c{n}") for n in (1, 2))
LONE = DeviceRef("north", "shed-3", "c1")
GATEWAY = Group(
    "gateway-east",
    "north",
    "shed-1",
    "gateway",
    Name("东区网关", "Gateway east"),
    frozenset({C1, C2, C3, CAM1, SMOKE1, DeviceRef("north", "shed-1", "cam-2"), OTHER1, OTHER2}),
    frozenset({C1, C2, C3, OTHER1, OTHER2}),
)


class Room:
    """Rules' words go in, a second passes at a time, and everything told is kept."""

    def __init__(
        self, groups: tuple[Group, ...] = (), fetched: frozenset[DeviceRef] = frozenset(), **rules: object
    ) -> None:
        self.groups, self.fetched, self.book = groups, fetched, RuleBook.parse({"rules": rules})
        self.now_ms = NOW_MS
        self.engine = AlarmEngine(alert_ids(Random(1)), 1)
        self.roots = self._roots()
        self.told: list[AlertChange] = []
        self.live: dict[DeviceRef, int] = {}

    def _roots(self) -> RootCauses:
        return RootCauses(Surroundings(TOPOLOGY, self.book), self.groups, self.fetched)

    def say(self, condition: Condition) -> None:
        for one in (*self.roots.take(condition, self.now_ms), condition):
            self._apply(one)

    def _apply(self, condition: Condition) -> None:
        found = self.roots.explains(condition.key, condition.severity, self.now_ms) if condition.active else None
        aside = aside_of(self.engine, found, self.now_ms) if found else None
        change = self.engine.apply(condition, self.now_ms, aside)
        if change is not None:
            self.told += [change, *self.engine.consequences(change, self.now_ms)]

    def silent(self, *refs: DeviceRef, active: bool = True, severity: Severity = Severity.MEDIUM) -> None:
        for ref in refs:
            kind = {"c": K.CHARGER_OFFLINE, "s": K.TELEMETRY_STALE}[ref.device[0]]
            kind = K.CAMERA_OFFLINE if ref.device.startswith("cam") else kind
            key, heard_ms = key_of(kind, ref), self.live.get(ref)
            told = Condition(key, active, severity, Text("", ""), details={"rule": "silence"}, heard_ms=heard_ms)
            self.say(told)

    def talk(self, *refs: DeviceRef) -> None:
        self.live |= dict.fromkeys(refs, self.now_ms)

    def heard(self, *refs: DeviceRef) -> None:
        self.talk(*refs)
        self.silent(*refs, active=False)

    def event(self, ref: DeviceRef, event: str) -> None:
        reading = Reading(ref, DeviceKind.CHARGER, self.now_ms, self.now_ms, event=event)
        for condition in self.roots.reading(reading, self.now_ms):
            self._apply(condition)

    def broker(self, down: bool, part: str = BROKER_LINK, state: str | None = None) -> None:
        key = AlertKey(K.SERVICE_DEGRADED, SERVICE, SERVICE, part)
        details = {"rule": "service_degraded", "state": state or ("down" if down else "ok")}
        self.say(Condition(key, down, Severity.HIGH, Text("", ""), details=details))

    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now_ms += 1000
            for condition in self.roots.tick(self.now_ms):
                self._apply(condition)
            self.told += self.engine.tick(self.now_ms)
            self.told += regroup(self.engine, self.roots, self.now_ms, self.now_ms)

    def restart(self) -> None:
        old, self.engine = self.engine, AlarmEngine(alert_ids(Random(self.now_ms)), self.engine.last_seq + 1)
        self.roots = self._roots()
        for alert in old.open_alerts():
            watching = [self.roots.name] if alert.active and self.roots.restore(alert, self.now_ms) else []
            source = "service_degraded" if alert.kind is K.SERVICE_DEGRADED else "silence"
            self.engine.restore(alert, watching or [source], self.now_ms)

    def of(self, ref: DeviceRef) -> Alert | None:
        return next((a for a in self.engine.open_alerts() if (a.site, a.shed, a.device) == ref), None)

    def state(self, ref: DeviceRef) -> str | None:
        alert = self.of(ref)
        return str(alert.state) if alert else None

    def parent(self, device: str = "shed") -> Alert | None:
        return next((a for a in self.engine.open_alerts() if a.device == device and a.kind is K.SHED_OFFLINE), None)

    def announced(self) -> list[str]:
        return [change.alert.device for change in self.told if announces(change.transition)]
