"""The command: which benchmarks there are, how one is run, shown and written."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import typer

from shedwatch.bench.report import BenchError, Report, machine
from shedwatch.progress import Tell, counting

NAMES = ("ingest", "store", "vision", "alerts", "api", "render", "simulators")


def run_bench(name: str, json_file: Path | None) -> int:
    """Run one benchmark, print it, write it; the exit code: 0 done, 1 could not be run, 2 no such benchmark or no place for the file."""
    if name not in NAMES:
        typer.echo(f"no benchmark {name!r}; there are {', '.join(NAMES)}", err=True)
        return 2
    if json_file is not None and not json_file.absolute().parent.is_dir():
        typer.echo(f"--json: no folder {json_file.absolute().parent}", err=True)
        return 2
    # What a benchmark needs is imported for it alone: two of them need OpenCV, none all of it.
    run: Callable[[Tell], Report] = import_module(f"shedwatch.bench.{name}").run
    facts = machine()
    try:
        with counting(f"bench {name}") as tell:
            report = run(tell)
    except BenchError as error:
        typer.echo(f"bench {name}: {error}", err=True)
        return 1
    if "load_1_min" in facts:
        facts["load_1_min_after"] = machine()["load_1_min"]
    for line in report.lines(facts):
        typer.echo(line)
    if json_file is not None:
        json_file.write_text(json.dumps(report.as_dict(facts), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0
