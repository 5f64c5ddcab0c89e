"""The process that keeps the alarms is killed at any moment; nothing that it has answered is lost."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest
from alarm_doubles import StillClock

from alerts.desk import AlertQuery, Order
from alerts.ledger.database import Ledger
from alerts.model import AlarmState, Alert
from alerts.rules.settings import RuleBook
from alerts.service import AlarmService
from shedwatch.clock import ManualClock
from tests.alerts.desk_worker import TOPOLOGY

ROOT = Path(__file__).resolve().parents[2]
_LIMIT_MS = 6 * 60_000

pytestmark = [pytest.mark.slow]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'alerts.db'}"
    return str(request.getfixturevalue("postgresql").new_database())


def answers_until_killed(url: str, count: int) -> list[Alert]:
    """Let the process work, kill it right after its answer number `count`, and return all it had answered."""
    command = [sys.executable, "-m", "tests.alerts.desk_worker", url]
    with (
        tempfile.TemporaryFile("w+") as words,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=words, text=True) as worker,
    ):
        assert worker.stdout is not None
        lines = [worker.stdout.readline() for _ in range(count)]
        worker.kill()
        words.seek(0)
        assert all(lines), f"the worker ended by itself: {words.read()}"
        # What it said while it was being killed was answered, too; a line cut off in the middle was not.
        lines += [line for line in worker.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    return [msgspec.json.decode(line, type=Alert) for line in lines]


@pytest.mark.parametrize("count", [1, 3, 6, 9, 31])
async def test_what_was_answered_before_the_kill_stands_after_the_restart(url: str, count: int) -> None:
    """State, who, why, until when, and the log; and the next life goes on with it."""
    answered = answers_until_killed(url, count)
    newest = {alert.id: alert for alert in answered}
    # Time stands still: no shelf ends while it is looked at.
    clock = StillClock(answered[-1].raised_ts)
    async with AlarmService(TOPOLOGY, RuleBook(), Ledger(url), clock) as desk:
        known = {alert.id: alert for alert in desk.open_alerts()}
        assert len({alert.key for alert in known.values()}) == len(known)
        for alert_id, alert in newest.items():
            log = await desk.log(alert_id)
            said = sum(one.id == alert_id for one in answered)
            assert len(log) >= said
            assert [line.to_state for line in log][:said][-1] == alert.state
            # One step may have been on its way into the ledger when the process was killed; never half of one.
            assert log[-1].to_state == known[alert_id].state
            if len(log) == said:
                assert known[alert_id] == alert
        found, _ = await desk.query(AlertQuery(state="all", limit=500))
        assert {alert.id for alert in found} == set(known)


async def test_a_shelf_that_ran_out_while_nobody_kept_the_alarms_ends_at_the_restart(url: str) -> None:
    """Its time is over by the clock of the wall, not by that of a process."""
    answered = answers_until_killed(url, 3)
    shelved = answered[2]
    assert shelved.state is AlarmState.SHELVED
    clock = ManualClock(shelved.raised_ts + _LIMIT_MS)
    async with AlarmService(TOPOLOGY, RuleBook(), Ledger(url), clock) as desk:
        changes = desk.changes(after_seq=desk.started_seq)
        if desk.open_alerts()[0].state is AlarmState.SHELVED:
            async for change in changes:
                if change.transition.action == "expire":
                    break
        (alert,) = [one for one in desk.open_alerts() if one.id == shelved.id]
        assert alert.state in (AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED, AlarmState.OUT_OF_SERVICE)
        await desk.order(Order("comment", alert.id, "wang", "seen after the restart"))
