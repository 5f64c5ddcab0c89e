"""`shedwatch demo`: a whole neighbourhood on this machine, to look at."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiomqtt import MqttError

from ingest.embedded_broker import EmbeddedBrokerError
from shedwatch.clock import SystemClock, scaled
from shedwatch.configuration import ConfigurationError
from shedwatch.logs import set_up_logs
from shedwatch.progress import console
from shedwatch.stage import Stage, StageError, StageOptions
from simulators.cameras import CameraError
from simulators.run import run
from simulators.scenario import Scenario, load, shipped
from simulators.yaml_reader import ScenarioError

MARK = ".shedwatch-demo"


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """The options of the command."""

    port: int
    data: Path
    seed: int
    scenario: str
    speed: float


def run_demo(options: DemoOptions) -> int:
    """Run until Ctrl-C; the exit code."""
    set_up_logs(logging.WARNING)
    try:
        return asyncio.run(_until_interrupted(options))
    except (
        ScenarioError,
        ConfigurationError,
        StageError,
        EmbeddedBrokerError,
        CameraError,
        MqttError,
        OSError,
    ) as error:
        console.print(f"[red]{error}[/red]", soft_wrap=True)
        return 2


async def _until_interrupted(options: DemoOptions) -> int:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await _show(options)
    console.print("Stopped.")
    return 0


async def _show(options: DemoOptions) -> None:
    scenario = load(shipped(options.scenario), SystemClock().now_ms())
    folder = _fresh(options.data)
    clock = scaled(scenario.start_ms or SystemClock().now_ms(), options.speed)
    with console.status("starting") as status:
        stage = Stage(
            StageOptions(scenario.sites, folder, clock, options.port, login="值班员"),
            lambda text: status.update(f"{text} …"),
        )
        async with stage:
            status.update("sending the sheds' first messages …")
            started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            sheds = asyncio.create_task(
                run(scenario, stage.broker_url, clock, seed=options.seed, forever=True, started=started)
            )
            beginning: set[asyncio.Future[Any]] = {sheds, started}
            await asyncio.wait(beginning, return_when=asyncio.FIRST_COMPLETED)
            status.stop()
            _welcome(stage, scenario, folder)
            await _until_something_ends(stage, sheds)
            status.start()
            status.update("stopping …")


async def _until_something_ends(stage: Stage, sheds: asyncio.Task[object]) -> None:
    """Wait for Ctrl-C; a part that ends by itself is an error with its last words."""
    assert stage.service is not None
    service = asyncio.create_task(stage.service.wait())
    try:
        await asyncio.wait({sheds, service}, return_when=asyncio.FIRST_COMPLETED)
        if service.done():
            raise StageError(f"the service ended by itself:\n{stage.service.last_words()}")
        await sheds
    finally:
        for task in (sheds, service):
            task.cancel()
        await asyncio.gather(sheds, service, return_exceptions=True)


def _fresh(folder: Path) -> Path:
    """An empty folder for this demo; only what an earlier demo left is removed."""
    folder = folder.resolve()
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise StageError(f"{folder} is not empty and not of a demo; choose another with --data")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()
    return folder


def _welcome(stage: Stage, scenario: Scenario, folder: Path) -> None:
    console.print(f"\n[bold green]{scenario.name} is up.[/bold green]  演示已启动。\n")
    # Plain print lets a terminal find the address, and a pipe gets the same two lines.
    print(f"  Page   页面      {stage.url}")  # noqa: T201 - what the command is run for
    print(f"  Login  登录口令  {stage.token}", flush=True)  # noqa: T201 - likewise
    console.print(f"\n  Data and logs in {folder}. Ctrl-C stops everything.\n", soft_wrap=True)
