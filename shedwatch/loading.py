"""`shedwatch simulate --load`: a fleet of chargers at a broker, at its pace or in a burst, and how well that went."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

import typer

from shedwatch.clock import SystemClock
from simulators.load import LoadReport, burst, drive, load_scenario, parse_size, prepare, write_sites
from simulators.pipeline import PipelineError


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """The options of the command. `burst`: so many messages at once instead of the pace; `sites` writes what to configure."""

    size: str
    mqtt: str
    every_s: float
    seconds: float
    burst: int
    seed: int
    sites: Path | None
    json: Path | None


def run_load(options: LoadOptions) -> int:
    """Run it and say what was done; 0 done, 2 wrong usage or no broker."""
    try:
        chargers, ports = parse_size(options.size)
        scenario = load_scenario(chargers, ports, every_s=options.every_s, seconds=options.seconds)
        if options.sites is not None:
            write_sites(scenario, options.sites)
        if options.burst:
            messages = prepare(scenario, options.burst, seed=options.seed, start_ms=SystemClock().now_ms())
            report = asyncio.run(burst(options.mqtt, messages))
        else:
            report = asyncio.run(drive(options.mqtt, scenario, seed=options.seed))
    except (PipelineError, ValueError, OSError) as error:
        typer.echo(f"--load: {error}", err=True)
        return 2
    typer.echo(_told(options, report))
    if options.json is not None:
        figures = {name: getattr(report, name) for name in ("messages", "seconds", "per_s", "cores")}
        late = {"late_p95_ms": report.late_p95_ms, "late_max_ms": report.late_max_ms}
        options.json.write_text(json.dumps({**figures, **({} if options.burst else late)}) + "\n", encoding="utf-8")
    return 0


def _told(options: LoadOptions, report: LoadReport) -> str:
    text = f"{report.messages} messages in {report.seconds:.1f} s: {report.per_s:.0f}/s, {report.cores:.2f} cores"
    if options.burst:
        return text
    return f"{text}, sent {report.late_p95_ms:.0f} ms late (p95), {report.late_max_ms:.0f} ms at most"
