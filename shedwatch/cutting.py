"""The cut-off of one process: where the alarms are kept it cuts, elsewhere it passes orders on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import msgspec

from alerts.cutoff.model import CutDesk, CutOrder
from alerts.cutoff.remote import CutAnswer, RemoteCutDesk
from alerts.cutoff.room import Attend, CutRoom
from alerts.ledger.cuts import CutBook
from alerts.ledger.database import Ledger
from alerts.service import AlarmService
from ingest.broker import Broker
from ingest.contract import Command, topic_of
from ingest.model import DeviceKind, DeviceRef
from shedwatch.house import House
from shedwatch.relay import Relay


def cut_room(
    house: House,
    alarms: AlarmService,
    ledger: Ledger,
    broker: Callable[[], Broker],
    attend: Attend,
    ordered: Counter[DeviceRef],
) -> CutRoom:
    """The room that cuts; `broker` is asked for when a command is sent, `attend` has cameras watched more closely.

    `ordered` counts the commands given to the bus for each charger.
    """

    def send(charger: DeviceRef, command: Command) -> None:
        topic = topic_of(charger, DeviceKind.CHARGER, "command", house.settings.mqtt.prefix)
        if broker().publish(topic, msgspec.json.encode(command), qos=1):
            ordered[charger] += 1

    cutoff = house.settings.cutoff
    return CutRoom(
        house.topology,
        alarms,
        CutBook(ledger),
        send,
        house.clock,
        cutoff.policies(),
        cutoff.times(),
        attend=attend,
        breaker=cutoff.breaker,
        seed=house.seed,
        keep=house.keep.branch(),
    )


def remote_cuts(ledger: Ledger, relay: Callable[[], Relay | None]) -> CutDesk:
    """The desk of a process without the alarms."""

    async def pass_on(order: CutOrder) -> CutAnswer:
        connected = relay()
        assert connected is not None
        return await connected.cut(order)

    return RemoteCutDesk(CutBook(ledger), pass_on)
