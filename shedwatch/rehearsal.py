"""`shedwatch simulate`: a scenario against a running deployment, or against a service started here for it."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from aiomqtt import MqttError

from ingest.embedded_broker import EmbeddedBrokerError
from shedwatch.clock import Clock, ScaledClock, SteeredClock, from_spec, scaled
from shedwatch.configuration import ConfigurationError
from shedwatch.http import AddressTakenError
from shedwatch.lockstep import LockStep, clock_for
from shedwatch.logs import set_up_logs
from shedwatch.progress import console
from shedwatch.stage import Stage, StageError, StageOptions
from simulators.agenda import Backstage
from simulators.api_client import ExpectError
from simulators.cameras import CameraError
from simulators.ground_truth import write_truth
from simulators.receiver import Receiver
from simulators.run import JudgeOptions, RunReport, Verdict, simulate, table
from simulators.scenario import Scenario, load, shipped
from simulators.yaml_reader import ScenarioError

ERRORS = (
    AddressTakenError,
    CameraError,
    ConfigurationError,
    EmbeddedBrokerError,
    ExpectError,
    MqttError,
    OSError,
    ScenarioError,
    StageError,
)
"""What can be in the way of a rehearsal; each says what by itself."""


@dataclass(frozen=True, slots=True)
class RehearsalOptions:
    """The options of the command. `speed` None: in lock-step, as fast as the machine can."""

    scenario: str
    mqtt: str = ""
    api: str = ""
    token: str = ""
    listen: str = ""
    speed: float | None = None
    seed: int = 1
    expect: bool = True
    junit: Path | None = None
    json: Path | None = None
    truth: Path | None = None


@dataclass(frozen=True, slots=True)
class _Deployment:
    """The service that is rehearsed, and by what clock it lives."""

    mqtt: str
    api: str
    token: str
    clock: Clock
    steering: LockStep | None = None
    backstage: Backstage | None = None


async def rehearse(options: RehearsalOptions) -> int:
    """Run it; 0 done or all expectations met, 1 not met, 2 wrong usage."""
    set_up_logs(logging.WARNING)
    try:
        report, verdict = await play(options)
    except ERRORS as error:
        typer.echo(str(error), err=True)
        return 2
    typer.echo(
        f"{report.seconds:.0f} simulated seconds, {report.counts.sent} messages, "
        f"sent at most {report.latest_s:.2f} simulated seconds late"
    )
    if verdict is None:
        return 0
    typer.echo(table(verdict))
    return 0 if verdict.met else 1


async def play(options: RehearsalOptions) -> tuple[RunReport, Verdict | None]:
    """Drive the scenario's devices and, where asked for, judge. Raises what stands in `ERRORS`."""
    clock = from_spec(os.environ.get("SHEDWATCH_CLOCK"))
    scenario = load(shipped(options.scenario), clock.now_ms())
    channels = _channels(scenario) if options.expect else frozenset[str]()
    life = _life(options, scenario, clock)
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(_receiver(options, life, channels)) if channels else None
        if options.mqtt and scenario.service:
            sections = ", ".join(scenario.service)
            typer.echo(
                f"the scenario wants settings of the service that this deployment has to have: {sections}", err=True
            )
        # Only what the scenario says shall ring.
        more = {"proof": {"nightly": False}, **scenario.service, **_notify(receiver, channels, scenario.service)}
        there = await stack.enter_async_context(_deployment(options, scenario, more, life))
        pace = "in lock-step" if options.speed is None else f"at speed {options.speed:g}"
        _say(f"{scenario.name}: {scenario.duration_s:g} simulated seconds {pace}, seed {options.seed}")
        judge = JudgeOptions(there.api, there.token, options.junit, options.json, receiver) if options.expect else None
        report, verdict = await simulate(
            scenario,
            there.mqtt,
            there.clock,
            seed=options.seed,
            expect=judge,
            steering=there.steering,
            backstage=there.backstage,
        )
    if options.truth is not None:
        write_truth(scenario, report.start_ms, options.truth)
    return report, verdict


def _channels(scenario: Scenario) -> frozenset[str]:
    """The channels by which people are told in it."""
    asked_for = {name for it in scenario.expectations for name in it.delivered_to}
    return frozenset(asked_for | {it.device.device for it in scenario.faults if it.kind == "channel_down"})


def _notify(receiver: Receiver | None, channels: Collection[str], service: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a service's configuration that has it tell the receiver, beside what the scenario gives of it."""
    if receiver is None:
        return {}
    own = [{"type": "webhook", "name": it, "url": f"{receiver.url}/{it}"} for it in sorted(channels)]
    return {"notify": {**service.get("notify", {}), "channels": own}}


def _life(options: RehearsalOptions, scenario: Scenario, clock: Clock) -> Clock:
    """The clock that devices and service live by."""
    start_ms = scenario.start_ms or clock.now_ms()
    if options.mqtt:
        return clock
    return clock_for(start_ms) if options.speed is None else scaled(start_ms, options.speed)


def _receiver(options: RehearsalOptions, clock: Clock, channels: Collection[str]) -> Receiver:
    if not options.mqtt:
        return Receiver(clock)
    host, _, port = options.listen.rpartition(":")
    if not host or not port.isdigit():
        raise ExpectError(
            f"the scenario expects notices by {', '.join(sorted(channels))}: have these webhook channels of the "
            f"deployment post to http://HOST:PORT/NAME of this machine, and give --listen HOST:PORT"
        )
    return Receiver(clock, host, int(port))


@asynccontextmanager
async def _deployment(
    options: RehearsalOptions, scenario: Scenario, more: dict[str, Any], clock: Clock
) -> AsyncIterator[_Deployment]:
    """What runs already, or a service of our own."""
    if options.mqtt:
        yield _Deployment(options.mqtt, options.api, options.token, clock)
        return
    with tempfile.TemporaryDirectory(prefix="shedwatch-") as folder:
        if isinstance(clock, SteeredClock):
            configuration = {"sites": scenario.sites, **more}
            async with LockStep(clock, configuration, Path(folder), _say, options.seed) as steps:
                yield _Deployment(steps.broker_url, steps.url, steps.token, clock, steps, steps)
        elif isinstance(clock, ScaledClock):
            async with Stage(StageOptions(scenario.sites, Path(folder), clock, more=more), _say) as stage:
                yield _Deployment(stage.broker_url, stage.url, stage.token, clock, backstage=stage.grounds)


def _say(text: str) -> None:
    if console.is_terminal:
        console.print(f"[dim]▸ {text}[/dim]")
