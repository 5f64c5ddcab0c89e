"""All chargers and sensors of a scenario as one fold: time → wire messages, in order of time.

The same scenario, seed and start give the same bytes. Cameras send pictures and live in processes of their own
(`simulators.cameras`).
"""

from __future__ import annotations

import heapq
import math

from ingest.contract import DEFAULT_PREFIX, Command
from ingest.model import DeviceKind, DeviceRef
from simulators.charger import Charger, ChargerHabits
from simulators.climate import Weather
from simulators.cutoff import CutoffRules
from simulators.device import LinkChange, Outgoing, Surroundings
from simulators.faults import LINK_KINDS, MISSING_KINDS, FaultsOf
from simulators.habits import HABITS
from simulators.residents import Calendar
from simulators.scenario import Scenario
from simulators.sensors import Sensor

SENSOR_TELEMETRY_S = 30.0
_RULES = CutoffRules()
_CAMERA_LINKS = frozenset({"camera_offline", "power_cut"})


class Fleet:
    """The devices of a scenario that starts at `start_ms`."""

    def __init__(self, scenario: Scenario, *, seed: int, start_ms: int, prefix: str = DEFAULT_PREFIX) -> None:
        self._scenario = scenario
        self._seed = seed
        self._start_ms = start_ms
        self._prefix = prefix
        self._devices = {device.ref: device for device in self._make()}
        self._order = {ref: index for index, ref in enumerate(self._devices)}
        self._queue = [(device.due_s, self._order[ref], ref) for ref, device in self._devices.items()]
        heapq.heapify(self._queue)
        self._links = link_changes(scenario, (DeviceKind.CHARGER, DeviceKind.SENSOR))

    @property
    def refs(self) -> dict[DeviceRef, DeviceKind]:
        """The devices and what they are."""
        return {ref: device.kind for ref, device in self._devices.items()}

    @property
    def due_s(self) -> float:
        """When something next happens; infinite where there are only cameras."""
        link_s = self._links[0].t_s if self._links else math.inf
        return min(link_s, self._queue[0][0] if self._queue else math.inf)

    def advance(self, t_s: float) -> list[Outgoing | LinkChange]:
        """Live until `t_s`: what is sent and which links change, in order."""
        happened: list[Outgoing | LinkChange] = []
        while self._links and self._links[0].t_s <= t_s:
            happened.append(self._links.pop(0))
        while self._queue and self._queue[0][0] <= t_s:
            due_s, order, ref = heapq.heappop(self._queue)
            device = self._devices[ref]
            happened += device.advance(due_s)
            heapq.heappush(self._queue, (device.due_s, order, ref))
        return sorted(happened, key=lambda item: item.t_s)

    def command(self, t_s: float, ref: DeviceRef, command: Command) -> list[Outgoing]:
        """An order of the service reaches a charger at `t_s`; what the charger sends by it."""
        device = self._devices.get(ref)
        return device.command(t_s, command) if isinstance(device, Charger) else []

    def _make(self) -> list[Charger | Sensor]:
        made: list[Charger | Sensor] = []
        present = talkers(self._scenario)
        for device in self._scenario.devices:
            if device.ref not in present:
                continue
            if device.kind is DeviceKind.CHARGER:
                made.append(self._charger(device.ref, device.ports))
            else:
                made.append(self._sensor(device.ref, device.sensor_kind, made))
        return made

    def _surroundings(self, ref: DeviceRef) -> Surroundings:
        return Surroundings(
            seed=f"{self._seed}:{ref.site}/{ref.shed}",
            start_hour=self._scenario.hour_at(self._start_ms),
            mean_air_c=self._scenario.general("air_c", 18.0),
            mains_v=self._scenario.general("mains_v", 225.0),
            weather=self._weather(f"{self._seed}:{ref.site}"),
        )

    def _weather(self, seed: str) -> Weather | None:
        day = self._scenario.day_of_year
        return None if day is None or self._scenario.has_general("air_c") else Weather(seed, day)

    def _calendar(self) -> Calendar:
        return Calendar(
            self._scenario.hour_at(self._start_ms),
            self._scenario.weekday,
            self._scenario.general("arrivals", 1.0),
        )

    def _charger(self, ref: DeviceRef, ports: int) -> Charger:
        of = self._scenario.setting
        name = of(ref, "habit", "prompt")
        # A period is that of the default habit; another habit has periods of its own, unless the charger's is given.
        telemetry_s = self._scenario.own(ref, "telemetry_s") if name != "prompt" else of(ref, "telemetry_s", None)
        habits = ChargerHabits(
            habit=HABITS[name].with_period(telemetry_s),
            rules=CutoffRules(
                max_session_s=of(ref, "max_session_s", _RULES.max_session_s),
                over_power_w=of(ref, "over_power_w", _RULES.over_power_w),
            ),
            drift_ppm=of(ref, "drift_ppm", None),
        )
        return Charger(
            ref,
            ports,
            seed=self._seed,
            start_ms=self._start_ms,
            surroundings=self._surroundings(ref),
            faults=self._scenario.faults,
            fixed=self._scenario.stays.get(ref),
            habits=habits,
            calendar=self._calendar(),
            prefix=self._prefix,
        )

    def _sensor(self, ref: DeviceRef, sensor_kind: str, before: list[Charger | Sensor]) -> Sensor:
        own_s = self._scenario.own(ref, "telemetry_s")
        cable_of = self._scenario.own(ref, "cable_of")
        cables = (it.cable_c for it in before if isinstance(it, Charger) and it.ref == (*ref[:2], cable_of))
        return Sensor(
            ref,
            sensor_kind,
            seed=self._seed,
            start_ms=self._start_ms,
            surroundings=self._surroundings(ref),
            faults=self._scenario.faults,
            measures=next(cables, None),
            telemetry_s=own_s or self._scenario.general("sensor_telemetry_s", SENSOR_TELEMETRY_S),
            prefix=self._prefix,
        )


def talkers(scenario: Scenario) -> dict[DeviceRef, DeviceKind]:
    """The chargers and sensors of a scenario that ever connect."""
    missing = {fault.device for fault in scenario.faults if fault.kind in MISSING_KINDS}
    kinds = (DeviceKind.CHARGER, DeviceKind.SENSOR)
    return {it.ref: it.kind for it in scenario.devices if it.kind in kinds and it.ref not in missing}


def link_changes(scenario: Scenario, kinds: tuple[DeviceKind, ...]) -> list[LinkChange]:
    """When the devices of these kinds lose their connection and get it back, in order of time."""
    changes: list[LinkChange] = []
    missing = {fault.device for fault in scenario.faults if fault.kind in MISSING_KINDS}
    for device in scenario.devices:
        if device.kind in kinds and device.ref not in missing:
            broken_by = _CAMERA_LINKS if device.kind is DeviceKind.CAMERA else LINK_KINDS
            changes += _changes(FaultsOf(scenario.faults, device.ref), device.ref, broken_by)
    return sorted(changes, key=lambda change: change.t_s)


def _changes(faults: FaultsOf, ref: DeviceRef, kinds: frozenset[str]) -> list[LinkChange]:
    # What breaks a link twice mends it only when both are over.
    broken, changes = 0, []
    for at_s, _, begins in faults.edges(kinds):
        before, broken = broken, broken + (1 if begins else -1)
        if (before == 0) != (broken == 0):
            changes.append(LinkChange(at_s, ref, up=broken == 0))
    return changes


def broker_outages(scenario: Scenario) -> list[tuple[float, float]]:
    """When the broker is stopped and when it is started again, for whoever runs it; a restart takes a second at least."""
    restarts = (fault for fault in scenario.faults if fault.kind == "broker_restart")
    return sorted((it.at_s, it.at_s + 1.0 if it.until_s is None else it.until_s) for it in restarts)
