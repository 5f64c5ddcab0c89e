"""The shipped scenarios against the real service in lock-step: what is expected comes in time, and nothing else alarms."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from shedwatch.idle_loop import IdleLoop
from shedwatch.rehearsal import RehearsalOptions, play
from simulators.reports import table

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.spread, pytest.mark.timeout(600)]

SCENARIOS = Path(__file__).resolve().parents[2] / "simulators" / "scenarios"
SEEDS = {"demo": 2}
"""The demonstration is run in real processes by its own journey; here is another day at its sheds."""

# The demonstration, with its five cameras, takes longest and is begun first.
NAMES = sorted((path.stem for path in SCENARIOS.glob("*.yaml")), key=lambda name: (name not in SEEDS, name))


@pytest.mark.parametrize(("name", "seed"), [(name, SEEDS.get(name, 1)) for name in NAMES], ids=NAMES)
def test_scenario_alarms_as_expected_and_nothing_else_does(name, seed):
    """Judged by the public API, and by the notices that reached the rehearsal's channels."""
    with asyncio.Runner(loop_factory=IdleLoop) as runner:
        _, verdict = runner.run(play(RehearsalOptions(name, seed=seed)))
    assert verdict is not None
    assert verdict.met, table(verdict)
