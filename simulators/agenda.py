"""What happens around the devices of a scenario: people act, the broker is restarted, a channel fails; each at its time.

What cannot be done from outside, such as stopping a broker, is done by whoever started it: `Backstage`. A scenario that
asks for more than there is is refused before anything runs.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from ingest.model import DeviceRef
from simulators.api_client import ApiClient
from simulators.fleet import broker_outages
from simulators.people import Act
from simulators.receiver import Receiver
from simulators.scenario import Scenario
from simulators.yaml_reader import ScenarioError


class Backstage(Protocol):
    """What only whoever runs broker and service can do."""

    @property
    def keeps_sessions(self) -> bool:
        """Whether the broker remembers who is subscribed, and what waits for them, when it is started again."""

    async def stop_broker(self) -> None:
        """Return when it has ended."""

    async def start_broker(self) -> None:
        """Return when it answers."""

    async def patrol(self, extinguisher: DeviceRef, finds: str, note: str) -> None:
        """Import the register of extinguishers with what a patrol found."""


@dataclass(frozen=True, slots=True)
class Means:
    """By what things are done; None: there is no such."""

    backstage: Backstage | None = None
    api: ApiClient | None = None
    receiver: Receiver | None = None


Deed = Callable[[], Awaitable[None]]


@dataclass
class Agenda:
    """Deeds in order of their time."""

    _queue: list[tuple[float, int, Deed]] = field(default_factory=list)
    _count: int = 0

    def add(self, t_s: float, deed: Deed) -> None:
        """Put something on it."""
        self._count += 1
        heapq.heappush(self._queue, (t_s, self._count, deed))

    @property
    def due_s(self) -> float:
        """When something is next to be done."""
        return self._queue[0][0] if self._queue else math.inf

    async def act(self, t_s: float) -> None:
        """Do what is due by then. Raises what the deeds raise."""
        while self.due_s <= t_s:
            await heapq.heappop(self._queue)[2]()


def agenda_of(scenario: Scenario, means: Means) -> Agenda:
    """The agenda of a scenario.

    Raises:
        ScenarioError: it needs means that there are not; the message says which.
    """
    agenda = Agenda()
    _restarts(scenario, means.backstage, agenda)
    _channels(scenario, means.receiver, agenda)
    for act in scenario.acts:
        agenda.add(act.at_s, _deed(act, scenario, means))
    return agenda


def _restarts(scenario: Scenario, backstage: Backstage | None, agenda: Agenda) -> None:
    for at_s, until_s in broker_outages(scenario):
        if backstage is None:
            raise ScenarioError(
                f"{scenario.name}: broker_restart: this broker is not ours to restart; run the scenario without --mqtt, "
                "with a broker of its own"
            )
        if not backstage.keeps_sessions:
            raise ScenarioError(
                f"{scenario.name}: broker_restart: needs a broker that keeps its sessions over a restart; install mosquitto"
            )
        agenda.add(at_s, backstage.stop_broker)
        agenda.add(until_s, backstage.start_broker)


def _channels(scenario: Scenario, receiver: Receiver | None, agenda: Agenda) -> None:
    for fault in scenario.faults:
        if fault.kind != "channel_down":
            continue
        if receiver is None:
            raise ScenarioError(
                f"{scenario.name}: channel_down: nobody listens for notices here; judge the scenario with --expect"
            )
        agenda.add(fault.at_s, _turn(receiver, fault.device.device, takes=False))
        if fault.until_s is not None:
            agenda.add(fault.until_s, _turn(receiver, fault.device.device, takes=True))


def _turn(receiver: Receiver, channel: str, *, takes: bool) -> Deed:
    async def turn() -> None:
        (receiver.refuses.discard if takes else receiver.refuses.add)(channel)

    return turn


def _deed(act: Act, scenario: Scenario, means: Means) -> Deed:
    if act.does == "cut":
        if (api := means.api) is None:
            raise ScenarioError(
                f"{scenario.name}: people: a cut is ordered by the API; judge the scenario with --expect"
            )
        return lambda: api.cut(act.device, act.port, act.note)
    if (backstage := means.backstage) is None:
        raise ScenarioError(
            f"{scenario.name}: people: this deployment's register of extinguishers is not ours to write; "
            "run the scenario without --mqtt, with a service of its own"
        )
    return lambda: backstage.patrol(act.device, act.finds, act.note)
