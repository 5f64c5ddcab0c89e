"""A fleet for load: so many chargers with so many ports, from one process → telemetry at their pace, or all at once.

The chargers are the same twins as in any scenario. Their messages go over one connection, so that thousands of them cost
neither this process nor the broker a connection each; they announce themselves once, and leave no will.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ingest.contract import topic_of
from ingest.model import Device, DeviceKind, DeviceRef, Name
from simulators.device import Outgoing
from simulators.fleet import Fleet
from simulators.pipeline import Pipeline, packets
from simulators.publisher import BrokerAddress
from simulators.scenario import Scenario

_CHARGERS_PER_SHED = 10
# Messages due within this are written together.
_TOGETHER_S = 0.05


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load run did. `late_p95_ms`, `late_max_ms`: of telemetry, against its time; `cores`: processor time used."""

    messages: int
    seconds: float
    late_p95_ms: float
    late_max_ms: float
    cores: float

    @property
    def per_s(self) -> float:
        """Messages a second that the broker acknowledged."""
        return self.messages / self.seconds


def parse_size(text: str) -> tuple[int, int]:
    """`1000x12` → chargers and ports of each.

    Raises:
        ValueError: anything else, or sizes outside 1-100000 chargers with 1-64 ports.
    """
    found = re.fullmatch(r"(\d{1,6})x(\d{1,2})", text)
    chargers, ports = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (1 <= chargers <= 100_000 and 1 <= ports <= 64):
        raise ValueError(f"{text!r} is no size like 1000x12: 1-100000 chargers with 1-64 ports each")
    return chargers, ports


def load_scenario(chargers: int, ports: int, *, every_s: float = 10.0, seconds: float = 60.0) -> Scenario:
    """A calm scenario of that size: site `load`, sheds of ten chargers."""
    sheds: list[dict[str, Any]] = []
    devices: list[Device] = []
    for number in range(chargers):
        if number % _CHARGERS_PER_SHED == 0:
            sheds.append({"id": f"shed-{len(sheds) + 1}", "chargers": []})
        ref = DeviceRef("load", sheds[-1]["id"], f"c{number % _CHARGERS_PER_SHED + 1}")
        sheds[-1]["chargers"].append({"id": ref.device, "ports": ports})
        devices.append(Device(ref, DeviceKind.CHARGER, Name(ref.device, ref.device), ports))
    return Scenario(
        name=f"load of {chargers} chargers with {ports} ports",
        start_ms=None,
        utc_offset_s=8 * 3600.0,
        duration_s=seconds,
        sites=[{"id": "load", "sheds": sheds}],
        devices=tuple(devices),
        zones={},
        settings={"default": {"telemetry_s": every_s, "hour": 19.0}},
    )


def write_sites(scenario: Scenario, file: Path) -> None:
    """Write the `sites` section that a service needs to know these chargers."""
    file.write_text(yaml.safe_dump({"sites": scenario.sites}, sort_keys=False), encoding="utf-8")


def prepare(scenario: Scenario, count: int, *, seed: int = 1, start_ms: int) -> list[tuple[str, bytes]]:
    """The first `count` messages of a scenario's devices, as they will be published."""
    fleet = Fleet(scenario, seed=seed, start_ms=start_ms)
    made: list[tuple[str, bytes]] = []
    while len(made) < count:
        made += [(it.topic, it.payload) for it in fleet.advance(fleet.due_s) if isinstance(it, Outgoing)]
    return made[:count]


async def burst(url: str, messages: list[tuple[str, bytes]], client_id: str = "shedwatch-load") -> LoadReport:
    """Publish prepared messages as fast as the broker acknowledges them.

    Raises:
        PipelineError: the broker is not there, refuses, or hangs up.
    """
    pieces = packets(messages)
    async with Pipeline(BrokerAddress.parse(url), client_id) as pipeline:
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        await pipeline.write(pieces)
        await pipeline.finish()
        seconds = time.perf_counter() - began_s
        return LoadReport(len(messages), seconds, 0.0, 0.0, (time.process_time() - began_cpu_s) / seconds)


async def drive(url: str, scenario: Scenario, *, seed: int = 1, client_id: str = "shedwatch-load") -> LoadReport:
    """Drive the scenario's chargers in real time for its duration.

    Raises:
        PipelineError: the broker is not there, refuses, or hangs up.
    """
    # The chargers live through their history meanwhile, which takes seconds for thousands; what is due by then is left out.
    start_ms, zero_s = round(time.time() * 1000), time.perf_counter()
    fleet = Fleet(scenario, seed=seed, start_ms=start_ms)
    late_s: list[float] = []
    async with Pipeline(BrokerAddress.parse(url), client_id) as pipeline:
        await pipeline.send([(topic_of(ref, kind, "status"), b"online") for ref, kind in fleet.refs.items()])
        await pipeline.finish()
        while (passed_s := time.perf_counter() - zero_s) > fleet.due_s + _TOGETHER_S:
            fleet.advance(passed_s)
        began_s, began_cpu_s, before = time.perf_counter(), time.process_time(), pipeline.acknowledged
        while (now_s := time.perf_counter() - zero_s) < began_s - zero_s + scenario.duration_s:
            due = [it for it in fleet.advance(now_s) if isinstance(it, Outgoing)]
            if due:
                await pipeline.send([(it.topic, it.payload) for it in due])
                late_s += [time.perf_counter() - zero_s - it.t_s for it in due]
            await asyncio.sleep(max(_TOGETHER_S, min(1.0, fleet.due_s - now_s)))
        await pipeline.finish()
        seconds = time.perf_counter() - began_s
        cores = (time.process_time() - began_cpu_s) / seconds
        late_s.sort()
        return LoadReport(
            pipeline.acknowledged - before,
            seconds,
            late_s[int(len(late_s) * 0.95)] * 1000.0 if late_s else 0.0,
            late_s[-1] * 1000.0 if late_s else 0.0,
            cores,
        )
