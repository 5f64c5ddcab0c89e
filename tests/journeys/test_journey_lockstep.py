"""Lock-step: the real service, a real broker, hours in seconds, and the same result every time."""

from __future__ import annotations

import asyncio
import time

import msgspec
import pytest
from typer.testing import CliRunner

from alerts.cutoff.room import TICK_S
from shedwatch.cli import app
from shedwatch.idle_loop import IdleLoop
from shedwatch.lockstep import LockStep, clock_for
from shedwatch.stage import StageError
from simulators.reports import table
from simulators.run import JudgeOptions, simulate
from simulators.scenario import parse

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(300)]

START_MS = 1_795_400_000_000
EVENING = """\
name: evening
start: 2026-11-23T19:00:00+08:00
duration_s: 7200
sites:
  - id: north
    sheds:
      - id: shed-1
        chargers: [{id: c1, ports: 10}, {id: c2, ports: 12}]
        sensors: [{id: smoke-1, kind: smoke}]
faults:
  - {kind: sensor_alarm, device: north/shed-1/smoke-1, at_s: 2000, until_s: 2060}
  - {kind: charger_offline, device: north/shed-1/c1, at_s: 3600, until_s: 3900}
  - {kind: leakage, device: north/shed-1/c2, at_s: 5000, until_s: 5400}
expect:
  - {kind: smoke_sensor, device: north/shed-1/smoke-1, severity: critical, after_s: 2000, within_s: 2}
  - {kind: charger_offline, device: north/shed-1/c1, after_s: 3600, within_s: 60, ends_s: 3900, cleared_within_s: 60}
  - {kind: leakage, device: north/shed-1/c2, after_s: 5000, within_s: 30}
"""
WATCHED = """\
name: watched
duration_s: 90
sites:
  - id: north
    sheds:
      - id: shed-1
        cameras: [{id: cam-1, source: mqtt}]
simulation: {default: {hour: 14, fps: 1}, north/shed-1/cam-1: {layout: row, width: 320, height: 180}}
faults:
  - {kind: covered, device: north/shed-1/cam-1, at_s: 30}
expect:
  - {kind: camera_covered, device: north/shed-1/cam-1, after_s: 30, within_s: 40}
"""


TROUBLED = """\
name: troubled
start: 2026-11-23T19:00:00+08:00
duration_s: 330
sites:
  - id: north
    sheds:
      - id: shed-1
        chargers: [{id: c1, ports: 10}, {id: c2, ports: 12}]
        sensors: [{id: smoke-1, kind: smoke}]
        cameras: [{id: cam-1, source: mqtt}]
simulation:
  default: {fps: 0.2}
  north/shed-1/cam-1: {layout: row, width: 320, height: 180}
  north/shed-1/c1#3: {stays: [{plug_s: -3000, pack: lead-60v20, soc: 0.3}]}
faults:
  - {kind: broker_restart, at_s: 60, until_s: 90}
  - {kind: sensor_alarm, device: north/shed-1/smoke-1, at_s: 70, until_s: 100}
  - {kind: relay_welded, device: north/shed-1/c1, port: 3, at_s: 10}
  - {kind: charger_offline, device: north/shed-1/c2, at_s: 150, until_s: 320}
people:
  - {does: cut, device: north/shed-1/c1, port: 3, at_s: 120}
  - {does: cut, device: north/shed-1/c2, port: 1, at_s: 200}
expect:
  - {kind: service_degraded, service: mqtt-main, after_s: 60, within_s: 10, ends_s: 90, cleared_within_s: 40}
  - {kind: smoke_sensor, device: north/shed-1/smoke-1, after_s: 70, within_s: 22}
  - {kind: relay_welded, device: north/shed-1/c1, port: 3, after_s: 120, within_s: 20}
  # Everybody is given three minutes to report once the broker's link is well again, at 121 s.
  - {kind: charger_offline, device: north/shed-1/c2, after_s: 150, within_s: 155}
  - {kind: cut_failed, device: north/shed-1/c2, port: 1, after_s: 200, within_s: 30}
  - {cut: escalated, device: north/shed-1/c1, port: 3, after_s: 120, within_s: 15}
  - {cut: verified, device: north/shed-1/c1, port: 3, after_s: 120, within_s: 20}
  - {cut: failed, device: north/shed-1/c2, port: 1, after_s: 200, within_s: 30}
"""


def live(text, folder, seed=1):
    """A scenario in lock-step: report, verdict and how often it did not settle."""
    scenario = parse(text, "test.yaml", START_MS)

    async def main():
        clock = clock_for(scenario.start_ms or START_MS)
        steps = LockStep(clock, {"sites": scenario.sites}, folder, lambda _: None)
        async with steps:
            judge = JudgeOptions(steps.url, steps.token)
            report, verdict = await simulate(
                scenario, steps.broker_url, steps.clock, seed=seed, expect=judge, steering=steps, backstage=steps
            )
        return report, verdict, steps.given_up

    with asyncio.Runner(loop_factory=IdleLoop) as runner:
        return runner.run(main())


def test_two_hours_pass_in_seconds_and_every_time_alike(tmp_path):
    """The same seed gives the same alarms to the millisecond, whatever else the machine does."""
    began = time.monotonic()
    first, second = live(EVENING, tmp_path / "a"), live(EVENING, tmp_path / "b")
    assert time.monotonic() - began < 120
    report, verdict, given_up = first
    assert (verdict.met, given_up, report.seconds) == (True, 0, 7200.0), verdict
    assert report.start_ms == 1_795_431_600_000
    assert report.latest_s <= 0.1
    assert (verdict.outcomes, verdict.unexpected) == (second[1].outcomes, second[1].unexpected)


def test_pictures_are_judged_before_time_moves_on(tmp_path):
    """No picture is skipped although hours go by as fast as they can."""
    report, verdict, given_up = live(WATCHED, tmp_path)
    assert (verdict.met, given_up) == (True, 0), verdict
    assert report.seconds == 90.0


def test_restarted_broker_and_orders_are_waited_for_as_well(tmp_path):
    """What was said while the broker was down comes when it is back, an order is obeyed in its own moment, and one to a charger
    that is away is waited for by nobody; twice alike."""
    first, second = live(TROUBLED, tmp_path / "a"), live(TROUBLED, tmp_path / "b")
    assert (first[1].met, first[2], second[2]) == (True, 0, 0), table(first[1])
    for one, other in zip(first[1].outcomes, second[1].outcomes, strict=True):
        # An order and its reply cross a real broker: of a cut's polls the last may fall into the tick before.
        spread_s = TICK_S if one.expected.startswith("cut ") else 0.0
        assert (one.expected, one.cleared_delay_s) == (other.expected, other.cleared_delay_s)
        assert one.delay_s == pytest.approx(other.delay_s, abs=spread_s)
    assert first[1].unexpected == second[1].unexpected


def test_lock_step_refuses_a_loop_that_cannot_tell_when_it_rests(tmp_path):
    """Rather than a clock that moves too early."""

    async def main():
        async with LockStep(clock_for(START_MS), {}, tmp_path, lambda _: None):
            pass

    with pytest.raises(StageError, match="IdleLoop"):
        asyncio.run(main())


def test_command_takes_max_as_speed_and_writes_the_verdict(tmp_path):
    """`--speed max` is all a user needs to know."""
    (tmp_path / "evening.yaml").write_text(EVENING)
    told = CliRunner().invoke(
        app, ["simulate", str(tmp_path / "evening.yaml"), "--speed", "max", "--expect", "--json", str(tmp_path / "v")]
    )
    assert told.exit_code == 0, told.output
    assert msgspec.json.decode((tmp_path / "v").read_bytes())["met"]


@pytest.mark.parametrize("speed", ["fast", "0", "-1", "5000"])
def test_command_says_what_a_speed_may_be(speed):
    """A typing mistake is answered with what is possible."""
    told = CliRunner().invoke(app, ["simulate", "demo", "--speed", speed])
    assert told.exit_code == 2
    assert "nor `max`" in told.output
