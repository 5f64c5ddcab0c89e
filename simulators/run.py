"""Runs a scenario against a broker, in the time of a clock; with expectations, judges the service by its API.

Scenario time 0 is the clock's reading once all devices are connected. Cameras are rendered in child processes, so that pictures never
delay telemetry; they share the clock by its `spec`.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog

from ingest.contract import DEFAULT_PREFIX, Command
from ingest.model import DeviceRef
from shedwatch.clock import Clock, ManualClock, ScaledClock
from simulators.agenda import Agenda, Backstage, Means, agenda_of
from simulators.api_client import ApiClient
from simulators.cameras import CameraFarm
from simulators.device import LinkChange
from simulators.expect import judge
from simulators.fleet import Fleet, talkers
from simulators.publisher import Post, Publisher, PublisherCounts
from simulators.receiver import Receiver
from simulators.reports import table, write_json, write_junit
from simulators.scenario import Scenario
from simulators.steps import Steering, next_step_s
from simulators.verdict import Verdict

log = structlog.get_logger(__name__)

# Simulated seconds: how long the service may take to store and show what happened in the last moment.
_SETTLE_S = 5.0
# Where there are only cameras, nothing is ever due here.
_LONGEST_WAIT_S = 3600.0
_command = msgspec.json.Decoder(Command)


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did. `latest_s`: the most that telemetry was sent after its time, in simulated seconds."""

    start_ms: int
    seconds: float
    counts: PublisherCounts
    latest_s: float


async def run(
    scenario: Scenario,
    mqtt_url: str,
    clock: Clock,
    *,
    seed: int = 1,
    cameras: bool = True,
    forever: bool = False,
    prefix: str = DEFAULT_PREFIX,
    started: asyncio.Future[int] | None = None,
    at_end: Callable[[int], Awaitable[None]] | None = None,
    steering: Steering | None = None,
    means: Means | None = None,
) -> RunReport:
    """Drive the scenario's devices until its end; with `forever`, on in calm until cancelled.

    `started` is told the epoch milliseconds of scenario time 0 once all devices are connected. With `steering`, whose
    clock `clock` then is, in lock-step with the service. `means`: of whatever happens around the devices.

    Raises:
        aiomqtt.MqttError: there is no broker at the start (later losses are waited out).
        ScenarioError: it needs other means than there are.
        ValueError: the URL is none, or cameras are wanted with a clock that other processes cannot share.
    """
    if cameras and isinstance(clock, ManualClock):
        raise ValueError("cameras live in processes of their own and cannot share a manual clock")
    agenda = agenda_of(scenario, means or Means())
    made = _Run(scenario, mqtt_url, clock, seed, prefix, steering, agenda)
    return await made.go(cameras, forever, started, at_end)


class _Run:
    """One run. Scenario time 0 comes when every device is connected.

    In a fast clock it also waits for the cameras' scenes, or the seconds in which they are made would swallow minutes of
    the scenario; in real time cameras join when they are ready.
    """

    def __init__(
        self,
        scenario: Scenario,
        mqtt_url: str,
        clock: Clock,
        seed: int,
        prefix: str,
        steering: Steering | None,
        agenda: Agenda,
    ) -> None:
        self._scenario = scenario
        self._url = mqtt_url
        self._clock = clock
        self._prefix = prefix
        self._seed = seed
        self._publisher = Publisher(mqtt_url, talkers(scenario), prefix=prefix, on_command=self._order)
        self._steering = steering
        self._agenda = agenda
        self._fleet: Fleet | None = None
        self._farm: CameraFarm | None = None
        self._start_ms = 0
        self._origin_s = 0.0
        self._latest_s = 0.0

    @property
    def _now_s(self) -> float:
        return self._clock.monotonic() - self._origin_s

    @property
    def _in_real_time(self) -> bool:
        return self._steering is None and not (isinstance(self._clock, ScaledClock) and self._clock.speed > 1.0)

    async def go(
        self,
        cameras: bool,
        forever: bool,
        started: asyncio.Future[int] | None,
        at_end: Callable[[int], Awaitable[None]] | None,
    ) -> RunReport:
        spec = self._clock.spec if isinstance(self._clock, ScaledClock) else None
        async with contextlib.AsyncExitStack() as stack:
            if cameras:
                in_step = self._steering is not None
                made = CameraFarm(
                    self._scenario, self._url, spec, seed=self._seed, prefix=self._prefix, in_step=in_step
                )
                self._farm = await stack.enter_async_context(made)
            farm = self._farm
            await stack.enter_async_context(self._publisher)
            if farm is not None and not self._in_real_time:
                await farm.ready()
            self._start_ms, self._origin_s = self._clock.now_ms(), self._clock.monotonic()
            if farm is not None:
                await farm.start(self._start_ms)
            self._fleet = Fleet(self._scenario, seed=self._seed, start_ms=self._start_ms, prefix=self._prefix)
            if started is not None:
                started.set_result(self._start_ms)
            log.info("scenario_started", name=self._scenario.name, devices=len(self._scenario.devices), seed=self._seed)
            if self._steering is not None:
                await self._live_in_step(self._fleet, self._steering)
            else:
                await self._live(self._fleet, None if forever else self._scenario.duration_s)
            seconds = self._now_s
            if at_end is not None:
                await at_end(self._start_ms)
        return RunReport(self._start_ms, seconds, self._publisher.counts, self._latest_s)

    async def _live(self, fleet: Fleet, until_s: float | None) -> None:
        while until_s is None or self._now_s < until_s:
            due_s = min(fleet.due_s, self._agenda.due_s, math.inf if until_s is None else until_s)
            if (wait_s := due_s - self._now_s) > 0:
                await self._clock.sleep(min(wait_s, _LONGEST_WAIT_S))
            await self._agenda.act(self._now_s)
            self._send_due(fleet, self._now_s)

    async def _live_in_step(self, fleet: Fleet, steering: Steering) -> None:
        clock, until_s = steering.clock, self._scenario.duration_s
        await steering.settle(self)
        now_s = 0.0
        while now_s < until_s:
            farm_due_s = self._farm.due_s if self._farm is not None else math.inf
            due_s = min(fleet.due_s, farm_due_s, self._agenda.due_s, clock.due_s - self._origin_s)
            now_s = max(now_s, next_step_s(due_s, self._scenario.step_s, until_s))
            clock.move_to(self._origin_s + now_s)
            await self._agenda.act(now_s)
            self._send_due(fleet, now_s)
            if farm_due_s <= now_s and self._farm is not None:
                await self._farm.step(now_s)
            await steering.settle(self)

    def at_rest(self) -> bool:
        """In lock-step: whether the devices have sent what they have to send."""
        return self._publisher.at_rest

    def passed(self) -> int:
        """In lock-step: what the broker has to have passed on by now."""
        return self._publisher.counts.passed + (self._farm.passed if self._farm is not None else 0)

    def hears(self, charger: DeviceRef) -> bool:
        """In lock-step: whether orders reach this charger now."""
        return self._publisher.hears(charger)

    def heard(self, charger: DeviceRef) -> int:
        """In lock-step: how many orders have reached it."""
        return self._publisher.heard(charger)

    def _send_due(self, fleet: Fleet, now_s: float) -> None:
        for item in fleet.advance(now_s):
            self._latest_s = max(self._latest_s, now_s - item.t_s)
            if isinstance(item, LinkChange):
                self._publisher.link(item.device, item.up)
            else:
                self._publisher.send(item.device, Post(item.topic, item.payload, item.qos, item.retain))

    def _order(self, ref: DeviceRef, payload: bytes) -> None:
        try:
            command = _command.decode(payload)
        except msgspec.DecodeError as error:
            log.warning("order_not_understood", device=str(ref), error=str(error))
            return
        if self._fleet is not None:
            for item in self._fleet.command(self._now_s, ref, command):
                self._publisher.send(ref, Post(item.topic, item.payload, item.qos, item.retain))


@dataclass(frozen=True, slots=True)
class JudgeOptions:
    """Where to ask for alarms, where their notices come, and where to write the judgement."""

    api_url: str
    token: str = ""
    junit: Path | None = None
    json: Path | None = None
    receiver: Receiver | None = None


async def simulate(
    scenario: Scenario,
    mqtt_url: str,
    clock: Clock,
    *,
    seed: int = 1,
    cameras: bool = True,
    prefix: str = DEFAULT_PREFIX,
    expect: JudgeOptions | None = None,
    steering: Steering | None = None,
    backstage: Backstage | None = None,
) -> tuple[RunReport, Verdict | None]:
    """Run a scenario to its end and, with `expect`, judge what the service made of it and write the reports.

    The service must live by the same `clock` (its `spec`) where that is not the system's.

    Raises:
        ExpectError: the API cannot be reached or refuses the token; told before anything is run.
        ScenarioError: something has to happen in it that cannot be done here; told before anything is run.
    """
    if expect is None:
        means = Means(backstage)
        report = await run(
            scenario, mqtt_url, clock, seed=seed, cameras=cameras, prefix=prefix, steering=steering, means=means
        )
        return report, None
    async with ApiClient(expect.api_url, expect.token) as api:
        await api.check()
        verdicts: list[Verdict] = []

        async def judged(start_ms: int) -> None:
            if steering is None:
                await clock.sleep(_SETTLE_S)
            deliveries = expect.receiver.deliveries if expect.receiver is not None else ()
            verdicts.append(await judge(scenario, api, start_ms, deliveries))

        report = await run(
            scenario,
            mqtt_url,
            clock,
            seed=seed,
            cameras=cameras,
            prefix=prefix,
            at_end=judged,
            steering=steering,
            means=Means(backstage, api, expect.receiver),
        )
    (verdict,) = verdicts
    if expect.junit is not None:
        write_junit(verdict, expect.junit)
    if expect.json is not None:
        write_json(verdict, expect.json)
    return report, verdict


__all__ = ["JudgeOptions", "RunReport", "Verdict", "run", "simulate", "table"]
