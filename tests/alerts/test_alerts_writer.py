"""The way into the ledger: in order, together, and never held up by what cannot be written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
from alarm_doubles import FragileLedger, StillClock, until
from alarm_samples import NOW_MS, condition

from alerts import writer as writer_module
from alerts.engine import AlarmEngine, alert_ids
from alerts.ledger.database import NoticeRow
from alerts.model import AlertChange
from alerts.writer import LedgerWriter


class Desk:
    """A writer that runs, the ledger below it, and what it said of the ledger."""

    def __init__(self, ledger: FragileLedger, clock: StillClock) -> None:
        self.ledger = ledger
        self.clock = clock
        self.said: list[str | None] = []
        self.writer = LedgerWriter(ledger, clock, self.said.append)
        self.machine = AlarmEngine(alert_ids(Random(1)), 1)

    def change(self, port: int) -> AlertChange:
        made = self.machine.apply(condition(port=port), NOW_MS)
        assert made is not None
        return made


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    ledger = FragileLedger(f"sqlite:///{tmp_path / 'alerts.db'}")
    await ledger.open()
    made = Desk(ledger, StillClock())
    task = asyncio.create_task(made.writer.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await ledger.close()


async def test_what_waited_while_the_ledger_was_down_is_written_in_order(desk: Desk) -> None:
    """And whoever put it in is told only when it is there."""
    desk.ledger.down = True
    written = [desk.writer.put([desk.change(port)]) for port in (1, 2, 3)]
    await until(lambda: desk.said)
    assert (desk.writer.failing, desk.writer.waiting) == (True, 3)
    assert not any(event.is_set() for event in written)
    desk.ledger.down = False
    await until(lambda: all(event.is_set() for event in written), desk.clock, 0.1)
    await desk.writer.drain()
    assert [change.transition.seq for change in await desk.ledger.changes_after(0, 9)] == [1, 2, 3]
    assert (desk.writer.failing, desk.said[0], desk.said[-1]) == (False, "taken away", None)


async def test_an_entry_the_ledger_never_takes_does_not_hold_up_the_others(desk: Desk) -> None:
    """It is left out and counted."""
    bad = NoticeRow("n", "hook", "a", 1, "trigger", {}, None, 0, NOW_MS)  # type: ignore[arg-type]
    desk.writer.put([desk.change(1)])
    desk.writer.put(notices=[bad])
    desk.writer.put([desk.change(2)])
    await desk.writer.drain()
    assert [change.transition.seq for change in await desk.ledger.changes_after(0, 9)] == [1, 2]
    assert desk.writer.refused == 1


async def test_text_that_no_database_can_keep_does_not_end_the_writing(desk: Desk) -> None:
    """Half a surrogate pair is legal JSON and no UTF-8."""
    bad = NoticeRow("n", "hook", "a", 1, "trigger", {}, "pending", 0, NOW_MS, error="\ud800")
    desk.writer.put([desk.change(1)])
    desk.writer.put(notices=[bad])
    desk.writer.put([desk.change(2)])
    await asyncio.wait_for(desk.writer.drain(), 5)
    assert [change.transition.seq for change in await desk.ledger.changes_after(0, 9)] == [1, 2]
    assert desk.writer.refused == 1


async def test_memory_is_bounded_and_what_is_dropped_is_counted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go, the newest stay, and writing goes on."""
    monkeypatch.setattr(writer_module, "MAX_WAITING", 3)
    desk.ledger.down = True
    for port in range(1, 6):
        desk.writer.put([desk.change(port)])
    desk.ledger.down = False
    await until(lambda: not desk.writer.waiting, desk.clock, 0.1)
    assert desk.writer.dropped == 2
    assert [change.transition.seq for change in await desk.ledger.changes_after(0, 9)] == [3, 4, 5]
