"""`shedwatch simulate`: a scenario against a running deployment, or against a service started here for it."""

from __future__ import annotations

import logging
import os
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import typer
from aiomqtt import MqttError

from ingest.embedded_broker import EmbeddedBrokerError
from shedwatch.clock import Clock, from_spec, scaled
from shedwatch.configuration import ConfigurationError
from shedwatch.lockstep import LockStep
from shedwatch.logs import set_up_logs
from shedwatch.progress import console
from shedwatch.stage import Stage, StageError, StageOptions
from simulators.cameras import CameraError
from simulators.expect import ExpectError
from simulators.ground_truth import write_truth
from simulators.run import JudgeOptions, simulate, table
from simulators.scenario import Scenario, load, shipped
from simulators.yaml_reader import ScenarioError


@dataclass(frozen=True, slots=True)
class RehearsalOptions:
    """The options of the command. `speed` None: in lock-step, as fast as the machine can."""

    scenario: str
    mqtt: str
    api: str
    token: str
    speed: float | None
    seed: int
    expect: bool
    junit: Path | None
    json: Path | None
    truth: Path | None = None


async def rehearse(options: RehearsalOptions) -> int:
    """Run it; 0 done or all expectations met, 1 not met, 2 wrong usage."""
    set_up_logs(logging.WARNING)
    clock = from_spec(os.environ.get("SHEDWATCH_CLOCK"))
    try:
        scenario = load(shipped(options.scenario), clock.now_ms())
        async with AsyncExitStack() as stack:
            if options.mqtt:
                return await _against(options, scenario, options.mqtt, clock, options.api, options.token)
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shedwatch-")))
            if options.speed is None:
                start_ms = scenario.start_ms or clock.now_ms()
                steps = LockStep(start_ms, {"sites": scenario.sites}, folder, _say)
                await stack.enter_async_context(steps)
                return await _against(
                    options, scenario, steps.broker_url, steps.clock, steps.url, steps.token, steering=steps
                )
            fast = scaled(scenario.start_ms or clock.now_ms(), options.speed)
            stage = Stage(StageOptions(scenario.sites, folder, fast), _say)
            await stack.enter_async_context(stage)
            return await _against(options, scenario, stage.broker_url, fast, stage.url, stage.token)
    except (
        ScenarioError,
        ConfigurationError,
        StageError,
        EmbeddedBrokerError,
        ExpectError,
        CameraError,
        MqttError,
        OSError,
    ) as error:
        typer.echo(str(error), err=True)
        return 2


async def _against(
    options: RehearsalOptions,
    scenario: Scenario,
    mqtt: str,
    clock: Clock,
    api: str,
    token: str,
    *,
    steering: LockStep | None = None,
) -> int:
    pace = "in lock-step" if options.speed is None else f"at speed {options.speed:g}"
    _say(f"{scenario.name}: {scenario.duration_s:g} simulated seconds {pace}, seed {options.seed}")
    judge = JudgeOptions(api, token, options.junit, options.json) if options.expect else None
    report, verdict = await simulate(scenario, mqtt, clock, seed=options.seed, expect=judge, steering=steering)
    if options.truth is not None:
        write_truth(scenario, report.start_ms, options.truth)
    typer.echo(
        f"{report.seconds:.0f} simulated seconds, {report.counts.sent} messages, "
        f"sent at most {report.latest_s:.2f} simulated seconds late"
    )
    if verdict is None:
        return 0
    typer.echo(table(verdict))
    return 0 if verdict.met else 1


def _say(text: str) -> None:
    if console.is_terminal:
        console.print(f"[dim]▸ {text}[/dim]")
