"""The commands that look at pictures without a service: `watch` and `evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer
import yaml
from pydantic import TypeAdapter, ValidationError

from shedwatch.progress import counting
from shedwatch.site_settings import ZoneSettings
from vision.catalogue import CatalogueError
from vision.evaluate import EvaluationError, evaluate
from vision.model import Zone
from vision.watch import WatchError, watch


def read_zones(path: Path | None) -> list[Zone]:
    """Zones of a YAML list as in a camera's configuration; none without a file.

    Raises:
        ValueError: says what is wrong, and where in the list.
    """
    if path is None:
        return []
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        zones = TypeAdapter(list[ZoneSettings]).validate_python(data)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: cannot be read: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{path}: zones{list(first['loc'])}: {first['msg']}") from None
    return [zone.zone() for zone in zones]


def watch_source(source: str, zones: Path | None, out: Path | None) -> int:
    """Run the detectors on a source, print events, write an annotated video; the exit code."""
    try:
        watch(source, read_zones(zones), out, typer.echo)
    except (ValueError, WatchError) as error:
        typer.echo(str(error), err=True)
        return 2
    except KeyboardInterrupt:
        return 0
    return 0


def evaluate_catalogue(catalogue: Path, only: str, dwell_s: float, fps: float, jobs: int, grey: bool) -> dict[str, Any]:
    """Score the detectors, print a table, and give the result of the contract. Exits with 2 on a wrong catalogue."""
    categories = [part.strip() for part in only.split(",") if part.strip()]
    try:
        with counting("evaluating") as tell:
            result = evaluate(catalogue, categories, dwell_s, fps, jobs, tell, grey=grey)
    except (OSError, ValueError, CatalogueError, EvaluationError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    _print_table(result)
    return result


def _print_table(result: dict[str, Any]) -> None:
    for clip in result["clips"]:
        alarms = ", ".join(f"{it['kind']} {it['t_s']:.1f}s" for it in clip["alarms"]) or "-"
        typer.echo(f"{clip['file']:<50} tp {clip['tp']} fn {clip['fn']} fp {clip['fp']}  {alarms}")
    typer.echo("")
    typer.echo(
        f"{'':10}{'events':>7}{'tp':>5}{'fn':>5}{'fp':>5}{'recall':>8}{'prec.':>8}{'p50 s':>8}{'p95 s':>8}{'fp/h':>7}"
    )
    for category, line in result["summary"].items():
        figures = (line["recall"], line["precision"], line["delay_p50_s"], line["delay_p95_s"], line["false_per_hour"])
        shown = "".join(f"{'-' if value is None else format(value, '.2f'):>8}" for value in figures[:4])
        rate = "-" if figures[4] is None else format(figures[4], ".1f")
        counts = f"{line['events']:>7}{line['tp']:>5}{line['fn']:>5}{line['fp']:>5}"
        typer.echo(f"{category:<10}{counts}{shown}{rate:>7}")
