"""The command that films rendered scenes: a reel or a scenario → clips with their truth and a catalogue for `evaluate`."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import typer

from shedwatch.progress import Tell, counting
from simulators.clips import ClipError, ClipPlan, film, write_catalogue
from simulators.reel import load, shipped
from simulators.scene import SceneError
from simulators.yaml_reader import ScenarioError


def render(scene: str, out: Path, seed: int, only: str, jobs: int) -> int:
    """Film the clips of a reel or scenario into a folder, say where the catalogue is; the exit code."""
    try:
        plans = [plan for plan in load(shipped(scene), time.time_ns() // 1_000_000, seed) if _wanted(plan, only)]
        if not plans:
            typer.echo(f"--only: no clip of {scene} begins with {only!r}", err=True)
            return 2
        out.mkdir(parents=True, exist_ok=True)
        with counting("rendering") as tell:
            rows = film_all(plans, out, jobs, tell)
        catalogue = write_catalogue(out, rows)
    except (ScenarioError, SceneError) as error:
        typer.echo(str(error), err=True)
        return 2
    except ClipError as error:
        typer.echo(str(error), err=True)
        return 1
    except OSError as error:
        typer.echo(f"--out: {out}: {error.strerror}", err=True)
        return 2
    typer.echo(f"{len(plans)} clips, {len(rows)} rows: {catalogue}")
    return 0


def film_all(plans: list[ClipPlan], out: Path, jobs: int, tell: Tell) -> list[list[str]]:
    """Film clips in up to `jobs` processes; the catalogue's rows in order of the plans. Raises what `film` raises."""
    if jobs == 1 or len(plans) == 1:
        rows = []
        for done, plan in enumerate(plans):
            tell(done, len(plans), plan.name)
            rows += film(plan, out)
        return rows
    found: dict[int, list[list[str]]] = {}
    with ProcessPoolExecutor(min(jobs, len(plans)), mp_context=multiprocessing.get_context("spawn")) as pool:
        filming = {pool.submit(_film, plan, out): number for number, plan in enumerate(plans)}
        try:
            for done, future in enumerate(as_completed(filming), start=1):
                found[filming[future]] = future.result()
                tell(done, len(plans), plans[filming[future]].name)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [row for number in range(len(plans)) for row in found[number]]


def _film(plan: ClipPlan, out: Path) -> list[list[str]]:
    import cv2

    # One process a clip: threads of their own would only get in each other's way.
    cv2.setNumThreads(1)
    return film(plan, out)


def _wanted(plan: ClipPlan, only: str) -> bool:
    words = [word.strip() for word in only.split(",") if word.strip()]
    return not words or any(plan.name.startswith(word) for word in words)
