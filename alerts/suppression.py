"""Root causes: one alarm for the shed, gateway, feeder or broker that is down, instead of one for every device behind it.

Suppression by design, by two named rules and nothing else:

    shed_offline      all chargers of a shed, or all devices of a configured group, fall silent within a short window, or
                      two chargers of a shed report a power cut
    service_degraded  the link to the broker (`mqtt-main`) is down: nobody can be heard

Only silence is ever explained (`CHILDREN`), never a hazard, and never what is graver than its explanation. A device that
falls silent waits some seconds, suppressed by `common_cause`, for whether its shed goes with it. Children are raised,
judged and cleared all the time; only their announcement waits. When the cause is over they are given time to report, and
whichever is still silent then is announced (`regroup`). Who was heard after its return and then falls silent is not
silent because of it. Pure: conditions and steady time in, explanations out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from alerts.engine import AlarmEngine
from alerts.group import SHED, Group, Standing, group_of
from alerts.messages import SERVICE, compose
from alerts.model import AlarmState, Alert, AlertChange, AlertKey, AlertKind, Aside, Condition, Severity, Text
from alerts.rules.base import BaseRule, Surroundings, key_of, ref_of
from alerts.rules.hazards_presence import ShedOffline
from ingest.model import DeviceKind, DeviceRef, Name, Reading

CHILDREN = frozenset({AlertKind.CHARGER_OFFLINE, AlertKind.TELEMETRY_STALE, AlertKind.CAMERA_OFFLINE})
"""What may be explained by another alarm: that somebody is not heard."""

COMMON_CAUSE = "common_cause"
BROKER_LINK = "mqtt-main"
"""Name of the part of the service that is the link to the broker."""

_BROKER_KEY = AlertKey(AlertKind.SERVICE_DEGRADED, SERVICE, SERVICE, BROKER_LINK)


class Explanation(NamedTuple):
    """Why an alert is not announced now: by which rule, under which alert (None while that is still to be seen)."""

    rule: str
    parent: AlertKey | None
    note: str


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
        self._heard: dict[AlertKey, int] = {}
        self._broker = Standing(
            Group(BROKER_LINK, SERVICE, SERVICE, "gateway", Name("", ""), frozenset(), frozenset()), ShedOffline()
        )
        every = [*groups, *(group for shed in around.topology.sheds() if (group := group_of(shed)) is not None)]
        self._standings: list[Standing] = []
        self._of: dict[DeviceRef, list[Standing]] = defaultdict(list)
        for group in sorted(every, key=lambda one: -len(one.members)):
            own = around.book.of(AlertKind.SHED_OFFLINE, ShedOffline, DeviceRef(group.site, group.shed, group.id))
            if own.enabled and len(group.deciding) > 1:
                standing = Standing(group, own)
                self._standings.append(standing)
                for ref in group.members:
                    self._of[ref].append(standing)
        self._fresh = False

    # ---- what comes in

    def take(self, condition: Condition, now_ms: int) -> list[Condition]:
        """Hear what a rule says, before it is applied; what that means for the groups, to be applied first."""
        key = condition.key
        if key == _BROKER_KEY:
            self._take_broker(condition, now_ms)
            return []
        if _is_other_link(key) and not condition.active:
            self._heard[key] = now_ms
        if key.kind not in CHILDREN:
            return []
        if condition.heard_ms is not None:
            self._heard[key] = condition.heard_ms
        if key.port is not None:
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
            self._broker.go_down(since_ms)
        if key.kind in CHILDREN and key.port is None:
            self._silent[ref_of(key)][key.kind] = since_ms
        if alert.state is AlarmState.SUPPRESSED:
            # Whatever explained it has its chance to be seen again first.
            for standing in (self._broker, *self._of.get(ref_of(key), ())):
                standing.settle(now_ms)
        if key.kind is not AlertKind.SHED_OFFLINE:
            return False
        for standing in self._standings:
            if standing.group.key == key:
                standing.go_down(since_ms)
                return True
        return False

    # ---- what is asked

    def explains(self, key: AlertKey, severity: Severity, now_ms: int) -> Explanation | None:
        """What explains an active condition now, the widest cause first; None where it has to be announced."""
        if severity is Severity.CRITICAL:
            return None
        ref, inner = ref_of(key), key.kind is AlertKind.SHED_OFFLINE
        if key.kind not in CHILDREN and not inner and not _is_other_link(key):
            return None
        own = next((one for one in self._standings if one.group.key == key), None) if inner else None
        heard_ms = own.heard_ms if own else self._heard.get(key)
        if self._broker.explains(heard_ms, now_ms) and ref not in self._fetched:
            return self._by_broker()
        if _is_other_link(key):
            return None
        for standing in self._around_group(own) if own else self._of.get(ref, ()):
            if standing.explains(heard_ms, now_ms) and severity.rank <= standing.settings.severity.rank:
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

    def _take_broker(self, condition: Condition, now_ms: int) -> None:
        link = self._broker
        if condition.active:
            if not link.down:
                link.go_down(now_ms)
                self._fresh = True
            # The alarm outlasts the outage by its off-delay, in which the link may go again.
            is_there = condition.details.get("state") == "ok"
            link.returned_ms = (link.returned_ms or now_ms) if is_there else None
        elif link.down:
            link.come_back(now_ms)

    def _by_broker(self) -> Explanation:
        return Explanation(str(AlertKind.SERVICE_DEGRADED), _BROKER_KEY, "explained by the link to the broker")

    def _around_group(self, own: Standing) -> list[Standing]:
        return [one for one in self._standings if one.group.members > own.group.members]

    def _last_heard_ms(self, standing: Standing, now_ms: int) -> int | None:
        """When any of those that decide was heard last; now, where some are not missed: they have reported a power cut."""
        silent = self._silent_of(standing)
        if len(silent) < len(standing.group.deciding):
            return now_ms
        keys = (key_of(kind, ref) for ref in silent for kind in self._silent[ref])
        return max((self._heard[key] for key in keys if key in self._heard), default=None)

    def _silent_of(self, standing: Standing) -> dict[DeviceRef, int]:
        deciding = standing.group.deciding
        return {ref: min(kinds.values()) for ref in deciding if (kinds := self._silent.get(ref))}

    def _judge(self, standing: Standing, now_ms: int) -> Iterator[Condition]:
        silent = self._silent_of(standing)
        if len(silent) < len(standing.group.deciding):
            return
        # From now on the first that is heard says that the cause is over.
        standing.power_cut = False
        newest_ms = max(silent.values())
        window_ms = standing.settings.window_s * 1000
        if not standing.down and sum(newest_ms - since_ms <= window_ms for since_ms in silent.values()) > 1:
            yield self._go_down(standing, now_ms)

    def _is_back(self, standing: Standing, now_ms: int) -> bool:
        # Asked with the time, not at once: a device may go from one kind of silence to the other.
        if len(self._silent_of(standing)) == len(standing.group.deciding):
            return False
        if standing.power_cut and not standing.heard:
            # Without a word of its return the cut was short, or they have batteries and talk on.
            return now_ms - standing.since_ms > standing.settings.cut_s * 1000
        return True

    def _event(self, standing: Standing, reading: Reading, now_ms: int) -> Iterator[Condition]:
        if reading.event == "boot":
            standing.cuts.pop(reading.device, None)
            standing.heard = True
            return
        standing.cuts[reading.device] = now_ms
        window_ms = standing.settings.window_s * 1000
        cut = sum(now_ms - at_ms <= window_ms for at_ms in standing.cuts.values())
        if not standing.down and standing.group.what == SHED and cut > 1:
            standing.power_cut = True
            yield self._go_down(standing, now_ms)

    def _go_down(self, standing: Standing, now_ms: int) -> Condition:
        standing.go_down(now_ms, self._last_heard_ms(standing, now_ms))
        self._fresh = True
        return self._condition(standing)

    def _back(self, standing: Standing, now_ms: int) -> Condition:
        standing.come_back(now_ms)
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

    def _condition(self, standing: Standing) -> Condition:
        group, cut = standing.group, bool(standing.cuts)
        if not standing.down:
            what = Text("恢复，有设备重新上线", "back, devices are heard again")
        elif cut:
            what = Text("多个充电桩上报断电，车棚停电", "power lost, several chargers report it")
        elif group.what == SHED:
            what = Text("充电桩同时失联，可能停电或断网", "silent as a whole, power or network may be down")
        else:
            what = Text("所带设备同时失联", "down, all devices behind it fell silent")
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


def _is_other_link(key: AlertKey) -> bool:
    """Whether it is about another connection of the service to the same broker."""
    return key.kind is AlertKind.SERVICE_DEGRADED and key.device.startswith("mqtt-") and key != _BROKER_KEY


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
