"""A process that keeps alarms and is given orders without end; says each answer on a line. Run with the ledger's URL."""

from __future__ import annotations

import asyncio
import sys

import msgspec

from alerts.desk import Order, OrderAction
from alerts.ledger.database import Ledger
from alerts.rules.settings import RuleBook
from alerts.service import AlarmService
from ingest.model import Device, DeviceKind, DeviceRef, Name, Reading, Shed, Site, Topology
from shedwatch.clock import SystemClock

PORTS = 60
CHARGER = DeviceRef("north", "shed-1", "c1")
NAME = Name("一", "one")
TOPOLOGY = Topology(
    (Site("north", NAME, (Shed("north", "shed-1", NAME, (Device(CHARGER, DeviceKind.CHARGER, NAME, ports=PORTS),)),)),)
)
ORDERS: tuple[tuple[OrderAction, str, dict[str, object]], ...] = (
    ("assign", "wang", {"assignee": "chen"}),
    ("shelve", "wang", {"minutes": 5, "note": "steam"}),
    ("unshelve", "wang", {}),
    ("out_of_service", "wang", {"minutes": 60, "note": "on order"}),
    ("out_of_service", "chen", {}),
    ("unshelve", "chen", {}),
    ("acknowledge", "wang", {"note": "going"}),
    ("comment", "wang", {"note": "there"}),
)


async def main(url: str) -> None:
    """One alert after the other, all orders about each."""
    async with AlarmService(TOPOLOGY, RuleBook(), Ledger(url), SystemClock()) as desk:
        for port in range(1, PORTS + 1):
            now_ms = SystemClock().now_ms()
            hot = Reading(CHARGER, DeviceKind.CHARGER, now_ms, now_ms, port=port, values={"temperature_c": 90.0})
            await desk.submit_readings([hot])
            (alert,) = (one for one in desk.open_alerts() if one.port == port)
            say(alert)
            for action, who, more in ORDERS:
                say(await desk.order(Order(action, alert.id, who, **more)))  # type: ignore[arg-type]


def say(alert: object) -> None:
    """What was answered: from now on it must not be lost."""
    sys.stdout.write(msgspec.json.encode(alert).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
