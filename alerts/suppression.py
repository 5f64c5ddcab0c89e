"""Root causes: one alarm for the shed, gateway, feeder or broker that is down, instead of one for every device behind it.

Suppression by design, by two named rules and nothing else:

    shed_offline      all chargers of a shed, or all devices of a configured group, fall silent within a short window, or
                      two chargers of a shed report a power cut
    service_degraded  the link to the broker (`mqtt-main`) is down: nobody can be heard

Only silence is ever explained (`CHILDREN`), never a hazard, and never what is graver than its explanation. A device that
falls silent waits some seconds, suppressed by `common_cause`, for whether its shed goes with it. Children are raised,
judged and cleared all the time; only their announcement waits. When the cause is over they are given time to report, and
whichever is still silent then is announced (`regroup`). Pure: conditions and steady time in, explanations out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from alerts.engine import AlarmEngine
from alerts.messages import SERVICE, compose
from alerts.model import AlarmState, Alert, AlertChange, AlertKey, AlertKind, Aside, Condition, Severity, Text
from alerts.rules.base import BaseRule, Surroundings, ref_of
from alerts.rules.hazards_presence import ShedOffline
from ingest.model import DeviceKind, DeviceRef, Name, Reading, Shed

CHILDREN = frozenset({AlertKind.CHARGER_OFFLINE, AlertKind.TELEMETRY_STALE, AlertKind.CAMERA_OFFLINE})
"""What may be explained by another alarm: that somebody is not heard."""

COMMON_CAUSE = "common_cause"
BROKER_LINK = "mqtt-main"
"""Name of the part of the service that is the link to the broker."""

_BROKER_KEY = AlertKey(AlertKind.SERVICE_DEGRADED, SERVICE, SERVICE, BROKER_LINK)
_SHED = "shed"


@dataclass(frozen=True, slots=True)
class Group:
    """Devices that have something in common: a shed's supply, a gateway, a switch.

    Attributes:
        id: the device word of the group's alarm.
        members: all it explains.
        deciding: those that must all be silent; at least two.
    """

    id: str
    site: str
    shed: str
    what: Literal["shed", "power", "gateway", "switch"]
    name: Name
    members: frozenset[DeviceRef]
    deciding: frozenset[DeviceRef]

    @property
    def key(self) -> AlertKey:
        """The key of its alarm."""
        return AlertKey(AlertKind.SHED_OFFLINE, self.site, self.shed, self.id)


class Explanation(NamedTuple):
    """Why an alert is not announced now: by which rule, under which alert (None while that is still to be seen)."""

    rule: str
    parent: AlertKey | None
    note: str


@dataclass(slots=True)
class _Standing:
    group: Group
    settings: ShedOffline
    down: bool = False
    power_cut: bool = False
    heard: bool = False
    since_ms: int = 0
    settled_ms: int = 0
    cuts: dict[DeviceRef, int] = field(default_factory=dict)

    def explains(self, now_ms: int) -> bool:
        return self.down or now_ms < self.settled_ms


class RootCauses(BaseRule):
    """Watches what the silence rules say, and who reports a power cut.

    Args:
        groups: configured ones; every shed with two devices to decide by is a group anyway.
        fetched: cameras that do not come over the broker.
    """

    name = str(AlertKind.SHED_OFFLINE)
    hears = (DeviceKind.CHARGER,)
    # Of no field: only events matter.
    fields = ("",)

    def __init__(
        self, around: Surroundings, groups: Sequence[Group] = (), fetched: Collection[DeviceRef] = frozenset()
    ) -> None:
        self._fetched = frozenset(fetched)
        self._silent: dict[DeviceRef, dict[AlertKind, int]] = defaultdict(dict)
        self._broker = _Standing(
            Group(BROKER_LINK, SERVICE, SERVICE, "gateway", Name("", ""), frozenset(), frozenset()), ShedOffline()
        )
        every = [*groups, *(group for shed in around.topology.sheds() if (group := _group_of(shed)) is not None)]
        self._standings: list[_Standing] = []
        self._of: dict[DeviceRef, list[_Standing]] = defaultdict(list)
        for group in sorted(every, key=lambda one: -len(one.members)):
            own = around.book.of(AlertKind.SHED_OFFLINE, ShedOffline, DeviceRef(group.site, group.shed, group.id))
            if own.enabled and len(group.deciding) > 1:
                standing = _Standing(group, own)
                self._standings.append(standing)
                for ref in group.members:
                    self._of[ref].append(standing)
        self._fresh = False

    # ---- what comes in

    def take(self, condition: Condition, now_ms: int) -> list[Condition]:
        """Hear what a rule says, before it is applied; what that means for the groups, to be applied first."""
        key = condition.key
        if key == _BROKER_KEY:
            self._take_broker(condition.active, now_ms)
            return []
        if key.kind not in CHILDREN or key.port is not None:
            return []
        kinds = self._silent[ref_of(key)]
        if condition.active == (key.kind in kinds):
            return []
        standings = self._of.get(ref_of(key), ())
        if condition.active:
            kinds[key.kind] = now_ms
            return [one for standing in standings for one in self._judge(standing, now_ms)]
        del kinds[key.kind]
        for standing in standings:
            standing.heard |= not kinds
        return []

    def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:
        if reading.late or reading.event not in ("power_cut", "boot"):
            return ()
        return [one for standing in self._of.get(reading.device, ()) for one in self._event(standing, reading, now_ms)]

    def tick(self, now_ms: int) -> Iterator[Condition]:
        for standing in self._standings:
            if standing.down and self._is_back(standing, now_ms):
                yield self._back(standing, now_ms)

    def restore(self, alert: Alert, now_ms: int) -> bool:
        key, since_ms = alert.key, min(alert.raised_ts, now_ms)
        if key == _BROKER_KEY:
            self._broker.down = True
        if key.kind in CHILDREN and key.port is None:
            self._silent[ref_of(key)][key.kind] = since_ms
        if alert.state is AlarmState.SUPPRESSED:
            # Whatever explained it has its chance to be seen again first.
            for standing in (self._broker, *self._of.get(ref_of(key), ())):
                standing.settled_ms = now_ms + int(standing.settings.settle_s * 1000)
        if key.kind is not AlertKind.SHED_OFFLINE:
            return False
        for standing in self._standings:
            if standing.group.key == key:
                standing.down, standing.since_ms = True, since_ms
                return True
        return False

    # ---- what is asked

    def explains(self, key: AlertKey, severity: Severity, now_ms: int) -> Explanation | None:
        """What explains an active condition now, the widest cause first; None where it has to be announced."""
        if severity is Severity.CRITICAL:
            return None
        if key.kind is AlertKind.SERVICE_DEGRADED:
            behind = key.device.startswith("mqtt-") and key != _BROKER_KEY
            return self._by_broker() if behind and self._broker.explains(now_ms) else None
        ref, inner = ref_of(key), key.kind is AlertKind.SHED_OFFLINE
        if key.kind not in CHILDREN and not inner:
            return None
        if self._broker.explains(now_ms) and ref not in self._fetched:
            return self._by_broker()
        for standing in self._around_group(key) if inner else self._of.get(ref, ()):
            if standing.explains(now_ms) and severity.rank <= standing.settings.severity.rank:
                state = "" if standing.down else " is back, and it may take a while to report"
                return Explanation(
                    self.name, standing.group.key, f"explained by {self.name} {standing.group.id}{state}"
                )
        return None if inner or key.port is not None else self._awaited(ref, now_ms)

    def gathers(self, alert: Alert, now_ms: int) -> Explanation | None:
        """Why an alert that was announced before its cause was known goes under it; None where it is older than that."""
        found = self.explains(alert.key, alert.severity, now_ms)
        if found is None or found.parent is None:
            return None
        if alert.kind is AlertKind.SHED_OFFLINE or found.parent == _BROKER_KEY:
            return found
        since_ms = min(self._silent[ref_of(alert.key)].values(), default=now_ms)
        standing = next(one for one in self._standings if one.group.key == found.parent)
        return found if standing.since_ms - since_ms <= standing.settings.window_s * 1000 else None

    def take_fresh(self) -> bool:
        """Whether a cause was found since this was asked last."""
        fresh, self._fresh = self._fresh, False
        return fresh

    # ---- inside

    def _take_broker(self, down: bool, now_ms: int) -> None:
        self._fresh |= down and not self._broker.down
        if self._broker.down and not down:
            self._broker.settled_ms = now_ms + int(self._broker.settings.settle_s * 1000)
        self._broker.down = down

    def _by_broker(self) -> Explanation:
        return Explanation(str(AlertKind.SERVICE_DEGRADED), _BROKER_KEY, "explained by the link to the broker")

    def _around_group(self, key: AlertKey) -> list[_Standing]:
        own = next((one.group for one in self._standings if one.group.key == key), None)
        return [one for one in self._standings if own is not None and one.group.members > own.members]

    def _silent_of(self, standing: _Standing) -> dict[DeviceRef, int]:
        deciding = standing.group.deciding
        return {ref: min(kinds.values()) for ref in deciding if (kinds := self._silent.get(ref))}

    def _judge(self, standing: _Standing, now_ms: int) -> Iterator[Condition]:
        silent = self._silent_of(standing)
        if len(silent) < len(standing.group.deciding):
            return
        # From now on the first that is heard says that the cause is over.
        standing.power_cut = False
        newest_ms = max(silent.values())
        window_ms = standing.settings.window_s * 1000
        if not standing.down and sum(newest_ms - since_ms <= window_ms for since_ms in silent.values()) > 1:
            yield self._go_down(standing, now_ms)

    def _is_back(self, standing: _Standing, now_ms: int) -> bool:
        # Asked with the time, not at once: a device may go from one kind of silence to the other.
        if len(self._silent_of(standing)) == len(standing.group.deciding):
            return False
        if standing.power_cut and not standing.heard:
            # Without a word of its return the cut was short, or they have batteries and talk on.
            return now_ms - standing.since_ms > standing.settings.cut_s * 1000
        return True

    def _event(self, standing: _Standing, reading: Reading, now_ms: int) -> Iterator[Condition]:
        if reading.event == "boot":
            standing.cuts.pop(reading.device, None)
            standing.heard = True
            return
        standing.cuts[reading.device] = now_ms
        window_ms = standing.settings.window_s * 1000
        cut = sum(now_ms - at_ms <= window_ms for at_ms in standing.cuts.values())
        if not standing.down and standing.group.what == _SHED and cut > 1:
            standing.power_cut = True
            yield self._go_down(standing, now_ms)

    def _go_down(self, standing: _Standing, now_ms: int) -> Condition:
        standing.down, standing.since_ms, standing.heard = True, now_ms, False
        self._fresh = True
        return self._condition(standing)

    def _back(self, standing: _Standing, now_ms: int) -> Condition:
        standing.down = standing.power_cut = False
        standing.cuts.clear()
        standing.settled_ms = now_ms + int(standing.settings.settle_s * 1000)
        return self._condition(standing)

    def _awaited(self, ref: DeviceRef, now_ms: int) -> Explanation | None:
        """Whether a device that fell silent just now may be the first, or one of several, of a common cause."""
        kinds = self._silent.get(ref)
        if not kinds:
            return None
        since_ms = min(kinds.values())
        for standing in self._of.get(ref, ()):
            own, silent = standing.settings, self._silent_of(standing)
            recent = sorted(at_ms for at_ms in silent.values() if now_ms - at_ms <= own.window_s * 1000)
            several = len(recent) > 1 and since_ms >= recent[0] and now_ms - recent[1] < own.several_s * 1000
            if now_ms - since_ms < own.correlate_s * 1000 or several:
                note = f"waits for whether all of {standing.group.shed} {standing.group.id} fall silent"
                return Explanation(COMMON_CAUSE, None, note)
        return None

    def _condition(self, standing: _Standing) -> Condition:
        group, cut = standing.group, bool(standing.cuts)
        if not standing.down:
            what = Text("恢复，有设备重新上线", "is back: devices are heard again")
        elif cut:
            what = Text("多个充电桩上报断电，车棚停电", "has lost its power: several chargers report it")
        elif group.what == _SHED:
            what = Text("充电桩同时失联，可能停电或断网", "fell silent as a whole: power or network is down")
        else:
            what = Text("所带设备同时失联", "is down: all devices behind it fell silent")
        silent = sum(1 for ref in group.members if self._silent.get(ref))
        return Condition(
            key=group.key,
            active=standing.down,
            severity=standing.settings.severity,
            message=compose(AlertKind.SHED_OFFLINE, Text(group.name.zh, group.name.en), what),
            details={
                "rule": self.name,
                "cause": "power" if cut else group.what,
                "silent": f"{silent} of {len(group.members)}",
                "related": tuple(sorted(str(ref) for ref in group.members)),
            },
        )


def _group_of(shed: Shed) -> Group | None:
    chargers = [device.ref for device in shed.devices if device.kind is DeviceKind.CHARGER]
    cameras = [device.ref for device in shed.devices if device.kind is DeviceKind.CAMERA]
    deciding = frozenset(chargers if len(chargers) > 1 else (*chargers, *cameras) if chargers else ())
    if len(deciding) < 2:
        return None
    members = frozenset(device.ref for device in shed.devices if device.kind is not DeviceKind.EXTINGUISHER)
    return Group(_SHED, shed.site, shed.id, "shed", shed.name, members, deciding)


def regroup(engine: AlarmEngine, roots: RootCauses, now_ms: int, steady_ms: int) -> list[AlertChange]:
    """Announce what nothing explains any more, and put under a newly found cause what was announced before it."""
    made: list[AlertChange | None] = []
    for alert in engine.in_state(AlarmState.SUPPRESSED):
        found = roots.explains(alert.key, alert.severity, steady_ms)
        if found is None:
            made.append(engine.unsuppress(alert.id, "nothing explains it any more, and it is still there", now_ms))
        elif alert.aside is None or alert.aside.by != found.rule or alert.aside.parent != _id_of(engine, found):
            made.append(engine.suppress(alert.id, aside_of(engine, found, now_ms), now_ms))
    if roots.take_fresh():
        for alert in engine.in_state(AlarmState.UNACKNOWLEDGED):
            gathered = roots.gathers(alert, steady_ms)
            if gathered is not None:
                made.append(engine.suppress(alert.id, aside_of(engine, gathered, now_ms), now_ms))
    return [change for change in made if change is not None]


def aside_of(engine: AlarmEngine, found: Explanation, now_ms: int) -> Aside:
    """An explanation as the alert carries it."""
    return Aside(found.rule, now_ms, found.note, parent=_id_of(engine, found))


def _id_of(engine: AlarmEngine, found: Explanation) -> str | None:
    parent = engine.find_key(found.parent) if found.parent is not None else None
    return parent.id if parent else None
