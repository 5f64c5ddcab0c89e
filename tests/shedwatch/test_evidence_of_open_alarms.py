"""Which pictures the service must keep."""

from __future__ import annotations

import pytest

from alerts.desk import DeskUnavailableError
from alerts.model import AlarmState
from shedwatch.evidence import pictures_of_open_alarms
from tests.api.fakes import FakeDesk, alert


async def test_pictures_of_all_open_alarms_are_needed() -> None:
    """However many there are; those of closed ones are not."""
    desk = FakeDesk()
    for n in range(600):
        desk.put(alert(f"a{n}", evidence=(f"{n}.jpg", f"{n}-later.jpg")))
    desk.put(alert("closed", evidence=("closed.jpg",), state=AlarmState.NORMAL, closed_ts=1_795_400_000_000))
    needed = await pictures_of_open_alarms(desk)

    assert len(needed) == 1200
    assert "closed.jpg" not in needed


async def test_without_the_ledger_nobody_knows() -> None:
    """So that nothing is deleted."""
    desk = FakeDesk()
    desk.down = True

    with pytest.raises(DeskUnavailableError):
        await pictures_of_open_alarms(desk)
