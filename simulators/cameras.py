"""Simulated cameras: scenario → pictures on the bus, rendered in child processes.

`CameraFarm` starts one or two processes (`simulators.camera_process`) and gives each its share of the cameras as JSON on
standard input; a process ends when that is closed, so none is left behind.

Errors:
    CameraError(RuntimeError): the cameras could not be started.
"""

from __future__ import annotations

import asyncio
import math
import os
import sys
import zlib
from types import TracebackType
from typing import Any, Self

import msgspec
import structlog

from ingest.contract import DEFAULT_PREFIX
from ingest.model import DeviceKind, DeviceRef
from simulators.faults import KINDS, Fault, Target
from simulators.fleet import broker_outages, link_changes
from simulators.scenario import Scenario

log = structlog.get_logger(__name__)

_SENDS_NOTHING = frozenset({"camera_offline", "camera_silent"})
_STOP_S = 5.0


class CameraError(RuntimeError):
    """The simulated cameras could not be started."""


class CameraPlan(msgspec.Struct, frozen=True):
    """One camera as its process gets it. `events` are what happens before it, `gaps` when it sends nothing."""

    ref: tuple[str, str, str]
    layout: str
    seed: int
    fps: float
    width: int
    height: int
    quality: int
    events: list[dict[str, Any]]
    gaps: list[tuple[float, float | None]]
    links: list[tuple[float, bool]]


class FarmPlan(msgspec.Struct, frozen=True):
    """What one process does. Once its scenes are made it writes a line and waits for a `FarmStart`.

    `outages`: when there is no broker; a camera keeps no pictures for later.
    """

    mqtt_url: str
    prefix: str
    clock_spec: str | None
    cameras: list[CameraPlan]
    in_step: bool = False
    outages: list[tuple[float, float]] = []

    def cut_off(self, t_s: float) -> bool:
        """Whether there is no broker at this time."""
        return any(begin_s <= t_s < end_s for begin_s, end_s in self.outages)


class FarmStart(msgspec.Struct, frozen=True):
    """Scenario time 0 in epoch milliseconds, and the hour of day (0-24) it looks like."""

    start_ms: int
    hour: float


class FarmStep(msgspec.Struct, frozen=True):
    """In lock-step: send all pictures that are due by then."""

    t_s: float


class FarmStepped(msgspec.Struct, frozen=True):
    """The step is done: when the next picture is due, and how many messages the broker has to have passed on by now."""

    due_s: float
    passed: int


class CameraFarm:
    """The processes that render a scenario's cameras; a context in which they live, filming from `start` on."""

    def __init__(
        self,
        scenario: Scenario,
        mqtt_url: str,
        clock_spec: str | None,
        *,
        seed: int,
        prefix: str = DEFAULT_PREFIX,
        processes: int | None = None,
        in_step: bool = False,
    ) -> None:
        self._scenario = scenario
        plans = [plan_of(scenario, device.ref, seed) for device in scenario.devices if device.kind is DeviceKind.CAMERA]
        count = min(len(plans), processes or max(1, min(2, (os.cpu_count() or 2) // 2)))
        outages = broker_outages(scenario)
        self._shares = [
            FarmPlan(mqtt_url, prefix, clock_spec, plans[index::count], in_step, outages) for index in range(count)
        ]
        self._stepped: list[FarmStepped] = [FarmStepped(0.0, 0)] * count
        self._running: list[asyncio.subprocess.Process] = []
        self._watching: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Start the processes; they begin to make their scenes, which takes seconds each."""
        for share in self._shares:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "simulators.camera_process",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            self._running.append(process)
            await _tell(process, share)
        return self

    async def ready(self) -> None:
        """Wait until all scenes are made.

        Raises:
            CameraError: a process ended instead.
        """
        for process in self._running:
            assert process.stdout is not None
            if not await process.stdout.readline():
                raise CameraError("a process of the simulated cameras ended before it had begun")

    async def start(self, start_ms: int) -> None:
        """Scenario time 0 is at `start_ms`: film from now on, or as soon as the scenes are made."""
        for process in self._running:
            await _tell(process, FarmStart(start_ms, self._scenario.hour_at(start_ms)))
        self._watching = [asyncio.create_task(_watch(process)) for process in self._running]

    @property
    def due_s(self) -> float:
        """In lock-step: when the next picture is due."""
        return min((it.due_s for it in self._stepped), default=math.inf)

    @property
    def passed(self) -> int:
        """In lock-step: messages of the cameras that the broker has to have passed on by now."""
        return sum(it.passed for it in self._stepped)

    async def step(self, t_s: float) -> None:
        """In lock-step: have all pictures sent that are due by then. Raises CameraError."""
        due = [index for index, it in enumerate(self._stepped) if it.due_s <= t_s]
        for index in due:
            await _tell(self._running[index], FarmStep(t_s))
        for index in due:
            output = self._running[index].stdout
            assert output is not None
            if not (line := await output.readline()):
                raise CameraError("a process of the simulated cameras has ended")
            self._stepped[index] = msgspec.json.decode(line, type=FarmStepped)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._watching:
            task.cancel()
        for process in self._running:
            if process.stdin is not None:
                process.stdin.close()
        for process in self._running:
            try:
                async with asyncio.timeout(_STOP_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _tell(process: asyncio.subprocess.Process, message: msgspec.Struct) -> None:
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(message) + b"\n")
    try:
        await process.stdin.drain()
    except ConnectionError:
        raise CameraError("a process of the simulated cameras has ended") from None


async def _watch(process: asyncio.subprocess.Process) -> None:
    # The service will miss the cameras by itself; this says why.
    log.error("simulated_cameras_ended", status=await process.wait())


def plan_of(scenario: Scenario, ref: DeviceRef, seed: int) -> CameraPlan:
    """What a scenario's camera films."""
    faults = [fault for fault in scenario.faults if fault.concerns(ref)]
    own = scenario.settings.get(str(ref), {})
    return CameraPlan(
        ref=(ref.site, ref.shed, ref.device),
        layout=str(own.get("layout", "row")),
        # One number for a camera's looks, the same for the same seed whatever other cameras there are.
        seed=int(own.get("seed", zlib.crc32(f"{seed}:{ref}".encode()))),
        fps=float(scenario.setting(ref, "fps", 1.0)),
        width=int(own.get("width", 640)),
        height=int(own.get("height", 360)),
        quality=int(own.get("quality", 80)),
        events=[_event(fault) for fault in faults if _before_the_lens(fault)],
        gaps=[(fault.at_s, fault.until_s) for fault in faults if fault.kind == "camera_silent"],
        links=[(it.t_s, it.up) for it in link_changes(scenario, (DeviceKind.CAMERA,)) if it.device == ref],
    )


def _before_the_lens(fault: Fault) -> bool:
    return KINDS[fault.kind].target in (Target.CAMERA, Target.BAY) and fault.kind not in _SENDS_NOTHING


def _event(fault: Fault) -> dict[str, Any]:
    return {
        "kind": fault.kind,
        "start_s": fault.at_s,
        "end_s": fault.until_s,
        "place": fault.zone,
        "strength": fault.strength,
        "darkness": fault.figures.get("darkness"),
    }
