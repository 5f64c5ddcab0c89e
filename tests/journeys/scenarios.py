"""The shipped scenarios against the real service in lock-step, for the journeys that run them.

The journeys share them out by what is seen, so that several run at once. The demonstration has a journey of its own, in real processes.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from shedwatch.idle_loop import IdleLoop
from shedwatch.rehearsal import RehearsalOptions, play
from simulators.reports import table
from simulators.scenario import load

FOLDER = Path(__file__).resolve().parents[2] / "simulators" / "scenarios"
NOW_MS = 1_795_400_000_000
NOT_YET = {
    "flames-by-night": "flames are told by their colour; an infrared picture has none",
    "lights-and-weather": "a headlight that sweeps a bay at dusk is taken for smoke once",
    "quiet-evening": "lamps that go off and on again leave something in the corridor for the detector",
}
"""What the service does not do yet, with the reason; the table shows it as not met."""


def _sort_of(path: Path) -> str:
    if "source: mqtt" not in path.read_text(encoding="utf-8"):
        return "heard"
    kinds = {it.place.kind for it in load(path, NOW_MS).expectations}
    return "blind" if kinds and all(kind.startswith("camera_") for kind in kinds) else "seen"


def cases(sort: str) -> list[object]:
    """The names of the scenarios without pictures (`heard`), of blind cameras (`blind`), and of what is seen (`seen`)."""
    names = [path.stem for path in sorted(FOLDER.glob("*.yaml")) if path.stem != "demo" and _sort_of(path) == sort]
    return [pytest.param(name, marks=_marks(name)) for name in names]


def _marks(name: str) -> list[pytest.MarkDecorator]:
    if name not in NOT_YET:
        return []
    return [pytest.mark.xfail(reason=NOT_YET[name], raises=AssertionError, strict=True)]


def alarms_as_expected(name: str) -> None:
    """Run it and judge it by the public API, and by the notices that reached the rehearsal's channels."""
    with asyncio.Runner(loop_factory=IdleLoop) as runner:
        _, verdict = runner.run(play(RehearsalOptions(name)))
    assert verdict is not None
    assert verdict.met, table(verdict)
