"""The alarm service end to end in one process, on a real SQLite file and a clock that is moved by hand."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from alarm_samples import C1, TOPOLOGY, reading

from alerts.desk import AlertQuery, RefusedActionError, UnknownAlertError
from alerts.ledger.database import Ledger
from alerts.model import AlarmState
from alerts.rules.settings import RuleBook
from alerts.service import AlarmService
from shedwatch.clock import ManualClock


class StillClock(ManualClock):
    """Moves only by `advance`; whoever sleeps wakes when it has moved far enough."""

    async def sleep(self, seconds: float) -> None:
        until = self.monotonic() + seconds
        while self.monotonic() < until:
            await asyncio.sleep(0.001)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'alerts.db'}"


def service(url: str, clock: ManualClock) -> AlarmService:
    # No picture ever comes in these tests, and no other device speaks.
    silent = {"camera_offline": {"enabled": False}, "charger_offline": {"enabled": False}}
    return AlarmService(TOPOLOGY, RuleBook.parse({"rules": silent}), Ledger(url), clock, seed=1)


async def heat_up(desk: AlarmService, clock: ManualClock, celsius: float = 72.0) -> None:
    """Report a hot port for longer than the on-delay."""
    for _ in range(5):
        await desk.submit_readings([reading(C1, 3, temperature_c=celsius)])
        clock.advance(10)


async def test_a_hot_port_becomes_an_alert_that_can_be_acknowledged_and_closes_when_it_cools(url: str) -> None:
    """The whole life of one alert, as the control room sees it."""
    clock = StillClock()
    async with service(url, clock) as desk:
        changes = desk.changes()
        await heat_up(desk, clock)

        (alert,) = desk.open_alerts()
        assert (alert.kind, alert.device, alert.port, alert.value) == ("over_temperature", "c1", 3, 72.0)
        assert "3号口" in alert.message.zh
        assert (await desk.acknowledge(alert.id, "wang", "on my way")).state is AlarmState.ACKNOWLEDGED
        with pytest.raises(RefusedActionError, match="wang"):
            await desk.acknowledge(alert.id, "li", "")
        for _ in range(2):
            await desk.submit_readings([reading(C1, 3, temperature_c=40.0)])
            clock.advance(61)
        assert alert.id not in [open_alert.id for open_alert in desk.open_alerts()]
        closed = await desk.get(alert.id)
        assert closed.state is AlarmState.NORMAL
        with pytest.raises(RefusedActionError):
            await desk.acknowledge(alert.id, "li", "")
        assert [entry.action for entry in await desk.log(alert.id)] == ["raise", "acknowledge", "clear"]
        assert [(await anext(changes)).transition.action for _ in range(3)] == ["raise", "acknowledge", "clear"]
        with pytest.raises(UnknownAlertError):
            await desk.get("no-such-alert")


async def test_a_restart_takes_open_alerts_over_and_clears_them_when_the_port_is_cool(url: str) -> None:
    """An alert neither doubles nor stays for ever because the service was restarted."""
    clock = StillClock()
    async with service(url, clock) as desk:
        await heat_up(desk, clock)
        (before,) = desk.open_alerts()
    async with service(url, clock) as desk:
        assert list(desk.open_alerts()) == [before]
        await desk.submit_readings([reading(C1, 3, temperature_c=72.0)])
        assert list(desk.open_alerts()) == [before]
        for _ in range(2):
            await desk.submit_readings([reading(C1, 3, temperature_c=40.0)])
            clock.advance(61)
        (after,) = desk.open_alerts()
        assert (after.id, after.state) == (before.id, AlarmState.RETURNED_UNACKNOWLEDGED)
        first = (await desk.log(before.id))[0].seq
        resumed = desk.changes(after_seq=first)
        assert (await anext(resumed)).transition.action == "clear"
        found, cursor = await desk.query(AlertQuery(state="all"))
        assert ([alert.id for alert in found], cursor) == ([before.id], None)
