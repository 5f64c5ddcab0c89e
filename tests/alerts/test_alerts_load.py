"""The figures of the load, and a flood that nobody could read as a list."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from alarm_doubles import QUIET, StillClock
from alarm_samples import NOW_MS

from alerts.desk import AlertQuery, Order
from alerts.ledger.database import Ledger
from alerts.load import LoadFigures, LoadMeter
from alerts.model import AlarmState, Alert, AlertChange, AlertKind, Severity, Text, Transition
from alerts.rules.settings import RuleBook
from alerts.service import AlarmService
from ingest.model import Device, DeviceKind, DeviceRef, Name, Reading, Shed, Site, Topology

_U, _A = AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED
MINUTE_MS = 60_000


class Told:
    """Changes as a service would tell them."""

    def __init__(self) -> None:
        self.meter = LoadMeter()
        self.open: dict[str, Alert] = {}
        self.seq = 0

    def tell(
        self, name: str, action: str, at_ms: int, who: str = "system", state: AlarmState = _U, **more
    ) -> AlertChange:
        kind, severity = more.pop("kind", AlertKind.OVER_TEMPERATURE), more.pop("severity", Severity.HIGH)
        port, shed = more.pop("port", 1), more.pop("shed", "shed-1")
        raised = self.open[name].raised_ts if name in self.open else at_ms
        alert = Alert(
            name, kind, severity, "north", shed, "c1", port, None, state, True, raised, Text("热", "hot"), **more
        )
        self.seq += 1
        change = AlertChange(alert, Transition(self.seq, name, at_ms, who, action, None, state))
        self.open[name] = alert
        if not alert.open:
            del self.open[name]
        self.meter.take(change)
        return change

    def figures(self, now_ms: int) -> LoadFigures:
        return self.meter.figures(list(self.open.values()), now_ms)


def test_announcements_are_counted_over_ten_minutes_and_a_day() -> None:
    """What came back counts again, notes and pictures do not; after a day it is forgotten."""
    told = Told()
    told.tell("a", "raise", NOW_MS)
    told.tell("a", "update", NOW_MS + 1)
    told.tell("a", "renew", NOW_MS + 2 * MINUTE_MS)
    told.tell("b", "suppress", NOW_MS + 3 * MINUTE_MS, state=AlarmState.SUPPRESSED)
    told.tell("b", "unsuppress", NOW_MS + 9 * MINUTE_MS)
    now = told.figures(NOW_MS + 9 * MINUTE_MS)
    assert (now.announced_10min, now.announced_24h, now.peak_10min, now.flood) == (3, 3, 3, False)
    later = told.figures(NOW_MS + 18 * MINUTE_MS)
    assert (later.announced_10min, later.announced_24h) == (1, 3)
    assert told.figures(NOW_MS + 25 * 60 * MINUTE_MS).announced_24h == 0


def test_a_flood_begins_above_ten_and_ends_below_five() -> None:
    """It does not flicker at its limit."""
    told = Told()
    for number in range(11):
        told.tell(f"a{number}", "raise", NOW_MS + number * MINUTE_MS // 2, port=number + 1)
    assert told.figures(NOW_MS + 6 * MINUTE_MS).flood
    assert told.figures(NOW_MS + 12 * MINUTE_MS).announced_10min == 6
    assert told.figures(NOW_MS + 12 * MINUTE_MS).flood
    assert not told.figures(NOW_MS + 14 * MINUTE_MS).flood


def test_the_rate_is_also_that_of_each_operator_on_duty() -> None:
    """Whoever did something within a shift shares the load."""
    told = Told()
    for number in range(4):
        told.tell(f"a{number}", "raise", NOW_MS, port=number + 1)
    assert told.figures(NOW_MS).per_operator_10min == 4
    told.tell("a0", "acknowledge", NOW_MS + 1000, who="wang", state=_A)
    told.tell("a1", "comment", NOW_MS + 2000, who="chen")
    now = told.figures(NOW_MS + 3000)
    assert (now.operators, now.per_operator_10min) == (2, 2.0)


def test_the_time_to_acknowledge_counts_from_the_announcement() -> None:
    """Shelving and judging is taking notice, too."""
    told = Told()
    for name, action, after_s in (("a", "acknowledge", 10), ("b", "shelve", 30), ("c", "false_alarm", 50)):
        told.tell(name, "raise", NOW_MS)
        told.tell(name, action, NOW_MS + 1000 * after_s, who="wang", state=_A)
        told.tell(name, "comment", NOW_MS + 1000 * after_s + 1, who="wang", state=_A)
    now = told.figures(NOW_MS + MINUTE_MS)
    assert (now.acknowledge_median_s, now.acknowledged_24h) == (30.0, 3)


def test_what_stands_for_a_day_is_stale_and_what_is_put_aside_does_not_stand() -> None:
    """It is counted for itself, so that nothing is forgotten there."""
    told = Told()
    told.tell("old", "raise", NOW_MS - 25 * 60 * MINUTE_MS)
    told.tell("new", "raise", NOW_MS, port=2)
    told.tell("away", "raise", NOW_MS - 25 * 60 * MINUTE_MS, port=3)
    told.tell("away", "shelve", NOW_MS, who="wang", state=AlarmState.SHELVED, port=3)
    now = told.figures(NOW_MS)
    assert (now.standing, now.stale, now.shelved, now.unacknowledged) == (2, 1, 1, 2)


def test_the_top_ten_name_what_repeats() -> None:
    """The worst offender first, with its part of all."""
    told = Told()
    for number in range(6):
        told.tell("bad", "renew", NOW_MS + number, port=7)
    for number in range(14):
        told.tell(f"a{number}", "raise", NOW_MS + 10 + number, port=20 + number)
    told.tell("bad", "damp", NOW_MS + 99, port=7)
    now = told.figures(NOW_MS + 100)
    assert [(one.port, one.count) for one in now.top] == [(7, 6)]
    assert (now.top_share, now.chattering) == (0.75, 1)


def test_groups_are_by_shed_and_kind_worst_first() -> None:
    """And say how many of them still wait for someone."""
    told = Told()
    told.tell("a", "raise", NOW_MS, shed="shed-1")
    told.tell("b", "raise", NOW_MS + 1, shed="shed-1", port=2)
    told.tell("b", "acknowledge", NOW_MS + 2, shed="shed-1", port=2, state=_A, who="wang")
    told.tell("c", "raise", NOW_MS + 3, shed="shed-2", kind=AlertKind.SMOKE, severity=Severity.CRITICAL)
    groups = told.figures(NOW_MS + 4).groups
    assert [(one.shed, one.kind, one.count, one.unacknowledged) for one in groups] == [
        ("shed-2", AlertKind.SMOKE, 1, 1),
        ("shed-1", AlertKind.OVER_TEMPERATURE, 2, 1),
    ]


SHEDS, CHARGERS, PORTS = 5, 10, 10


def district() -> Topology:
    name = Name("一", "one")
    sheds = []
    for number in range(SHEDS):
        refs = [DeviceRef("north", f"shed-{number}", f"c{charger}") for charger in range(CHARGERS)]
        devices = tuple(Device(ref, DeviceKind.CHARGER, name, ports=PORTS) for ref in refs)
        sheds.append(Shed("north", f"shed-{number}", name, devices))
    return Topology((Site("north", name, tuple(sheds)),))


@pytest.mark.slow
async def test_a_flood_of_500_alarms_in_ten_seconds_leaves_a_list_of_groups_and_loses_none(tmp_path: Path) -> None:
    """Each is in the ledger, each was told to who follows, and five lines say what is the matter."""
    url, topology, clock = f"sqlite:///{tmp_path / 'alerts.db'}", district(), StillClock()
    started = time.monotonic()
    async with AlarmService(topology, RuleBook.parse({"rules": QUIET}), Ledger(url), clock, seed=1) as desk:
        changes = desk.changes()
        told = []

        async def follow() -> None:
            async for change in changes:
                told.append(change)  # noqa: PERF401 - it is looked at while it grows

        following = asyncio.create_task(follow())
        for device in topology.devices():
            hot = [
                Reading(device.ref, device.kind, clock.now_ms(), clock.now_ms(), port, values={"temperature_c": 90.0})
                for port in range(1, PORTS + 1)
            ]
            await desk.submit_readings(hot)
            clock.advance(10 / (SHEDS * CHARGERS))
        load = desk.load()

        assert load.announced_10min == SHEDS * CHARGERS * PORTS == len(desk.open_alerts())
        assert load.flood
        assert [(one.count, one.unacknowledged) for one in load.groups] == [(100, 100)] * SHEDS
        worst = desk.open_alerts()[0]
        assert (await desk.order(Order("acknowledge", worst.id, "wang"))).state is _A
        await desk._writer.drain()
    await following
    raised = {change.alert.id for change in told if change.transition.action == "raise"}
    assert len(raised) == SHEDS * CHARGERS * PORTS
    ledger = Ledger(url)
    await ledger.open()
    assert {alert.id for alert in await ledger.open_alerts()} == raised
    page, following_page = await ledger.query(AlertQuery(limit=500))
    assert (len(page), following_page) == (500, None)
    await ledger.close()
    assert time.monotonic() - started < 60


async def test_the_figures_of_a_day_outlive_a_restart(tmp_path: Path) -> None:
    """They are read from the ledger."""
    url, topology, clock = f"sqlite:///{tmp_path / 'alerts.db'}", district(), StillClock()
    ref = next(topology.devices()).ref
    async with AlarmService(topology, RuleBook.parse({"rules": QUIET}), Ledger(url), clock, seed=1) as desk:
        now_ms = clock.now_ms()
        await desk.submit_readings(
            [Reading(ref, DeviceKind.CHARGER, now_ms, now_ms, 1, values={"temperature_c": 90.0})]
        )
        clock.advance(42)
        await desk.order(Order("acknowledge", desk.open_alerts()[0].id, "wang"))
        before = desk.load()
    async with AlarmService(topology, RuleBook.parse({"rules": QUIET}), Ledger(url), clock, seed=1) as desk:
        after = desk.load()
    assert (after.announced_24h, after.acknowledge_median_s, after.operators) == (1, 42.0, 1)
    assert after == before
