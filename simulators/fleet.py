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
from simulators.device import LinkChange, Outgoing, Surroundings
from simulators.faults import LINK_KINDS, FaultsOf
from simulators.scenario import Scenario
from simulators.sensors import Sensor

SENSOR_TELEMETRY_S = 30.0
HABITS = ChargerHabits()


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
        for device in self._scenario.devices:
            if device.kind is DeviceKind.CHARGER:
                made.append(self._charger(device.ref, device.ports))
            elif device.kind is DeviceKind.SENSOR:
                made.append(self._sensor(device.ref, device.sensor_kind))
        return made

    def _surroundings(self, ref: DeviceRef) -> Surroundings:
        return Surroundings(
            seed=f"{self._seed}:{ref.site}/{ref.shed}",
            start_hour=self._scenario.hour_at(self._start_ms),
            mean_air_c=self._scenario.general("air_c", 18.0),
            mains_v=self._scenario.general("mains_v", 225.0),
        )

    def _charger(self, ref: DeviceRef, ports: int) -> Charger:
        habits = ChargerHabits(
            telemetry_s=self._scenario.setting(ref, "telemetry_s", HABITS.telemetry_s),
            max_session_s=self._scenario.setting(ref, "max_session_s", HABITS.max_session_s),
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
            prefix=self._prefix,
        )

    def _sensor(self, ref: DeviceRef, sensor_kind: str) -> Sensor:
        own_s = self._scenario.settings.get(str(ref), {}).get("telemetry_s")
        return Sensor(
            ref,
            sensor_kind,
            seed=self._seed,
            start_ms=self._start_ms,
            surroundings=self._surroundings(ref),
            faults=self._scenario.faults,
            telemetry_s=own_s or self._scenario.general("sensor_telemetry_s", SENSOR_TELEMETRY_S),
            prefix=self._prefix,
        )


def link_changes(scenario: Scenario, kinds: tuple[DeviceKind, ...]) -> list[LinkChange]:
    """When the devices of these kinds lose their connection and get it back, in order of time."""
    changes: list[LinkChange] = []
    for device in scenario.devices:
        if device.kind in kinds:
            edges = FaultsOf(scenario.faults, device.ref).edges(LINK_KINDS)
            changes += [LinkChange(at_s, device.ref, up=not begins) for at_s, _, begins in edges]
    return sorted(changes, key=lambda change: change.t_s)
