"""A desk over the ledger alone: it follows what another process writes and passes orders on."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from alerts.desk import AlertQuery, InvalidOrderError, Order, RefusedActionError, UnknownAlertError
from alerts.ledger.database import Ledger
from alerts.ledger_desk import Answer, LedgerDesk
from alerts.rules.settings import RuleBook
from alerts.service import AlarmService
from ingest.model import Device, DeviceKind, DeviceRef, Name, Reading, Shed, Site, Topology
from shedwatch.clock import SystemClock

CHARGER = DeviceRef("north", "shed-1", "c1")
NAME = Name("一", "one")
TOPOLOGY = Topology(
    (Site("north", NAME, (Shed("north", "shed-1", NAME, (Device(CHARGER, DeviceKind.CHARGER, NAME, ports=10),)),)),)
)


def hot(celsius: float) -> Reading:
    now_ms = SystemClock().now_ms()
    return Reading(CHARGER, DeviceKind.CHARGER, now_ms, now_ms, port=1, values={"temperature_c": celsius})


@contextlib.asynccontextmanager
async def two_processes(folder, answer=None):
    """The desk that keeps the alarms, and one that only reads the same ledger; orders go straight from one to the other."""
    url = f"sqlite:///{folder / 'alerts.db'}"
    async with AlarmService(TOPOLOGY, RuleBook(), Ledger(url), SystemClock()) as keeper:

        async def pass_on(order):
            return answer or Answer(await keeper.order(order))

        reader = LedgerDesk(ledger := Ledger(url), pass_on)
        following = asyncio.create_task(reader.run())
        try:
            async with asyncio.timeout(10):
                while not reader.reachable:
                    await asyncio.sleep(0.01)
            yield keeper, reader
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await ledger.close()


async def test_it_shows_what_the_other_process_raised_and_follows_its_changes(tmp_path):
    """The page of a process of its own is as live as that of the whole service."""
    async with two_processes(tmp_path) as (keeper, reader):
        changes = reader.changes()
        await keeper.submit_readings([hot(90.0)])

        async with asyncio.timeout(10):
            change = await anext(changes)
        assert change.transition.action == "raise"
        assert [alert.id for alert in reader.open_alerts()] == [change.alert.id]
        assert (await reader.query(AlertQuery()))[0][0].id == change.alert.id
        assert (await reader.get(change.alert.id)).kind == "over_temperature"
        assert [entry.action for entry in await reader.log(change.alert.id)] == ["raise"]


async def test_an_order_is_passed_on_and_its_result_comes_back(tmp_path):
    """Whoever acknowledges sees the alert acknowledged."""
    async with two_processes(tmp_path) as (keeper, reader):
        await keeper.submit_readings([hot(90.0)])
        (alert,) = keeper.open_alerts()

        assert (await reader.order(Order("acknowledge", alert.id, "Li", "going"))).acknowledged_by == "Li"
        await reader.order(Order("comment", alert.id, "Li", "there"))

        assert [entry.action for entry in await reader.log(alert.id)] == ["raise", "acknowledge", "comment"]


async def test_a_refusal_comes_back_as_the_same_error(tmp_path):
    """The API tells a person the same in either arrangement."""
    async with two_processes(tmp_path, Answer.refusal(RefusedActionError("closed"))) as (_, reader):
        with pytest.raises(RefusedActionError, match="closed"):
            await reader.order(Order("acknowledge", "x", "Li"))
    async with two_processes(tmp_path, Answer.refusal(InvalidOrderError("too long", "minutes"))) as (_, reader):
        with pytest.raises(InvalidOrderError, match="too long") as refused:
            await reader.order(Order("shelve", "x", "Li", minutes=99))
        assert refused.value.parameter == "minutes"
        with pytest.raises(UnknownAlertError):
            await reader.get("nobody")
