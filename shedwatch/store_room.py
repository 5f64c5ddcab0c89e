"""The stores of one process: opened, maintained, and the remote one fed."""

from __future__ import annotations

from typing import NamedTuple

from ingest.outbox import Shipper
from ingest.store.port import TelemetryStore
from ingest.store.sole import alone, lock_of
from ingest.store.sqlite import SqliteStore
from ingest.store.tiers import TieredStore
from shedwatch.house import House
from shedwatch.stores import make_remote, open_local, retention_of


class Stores(NamedTuple):
    """The embedded store, and what history is read from: the same, or both where there is a remote one."""

    local: SqliteStore
    reading: TelemetryStore


async def open_stores(house: House) -> Stores:
    """Open what is configured; a process that takes messages in also maintains it and sends to the remote one.

    Raises:
        SchemaError: the embedded store's file is another program's, or another version's.
    """
    settings = house.settings.store
    local = await open_local(settings, house.settings.store_path(), house.clock)
    house.stack.push_async_callback(local.close)
    if house.has("ingest"):
        house.keep.keep("store-maintenance", local.maintain)
    remote = make_remote(settings)
    if remote is None:
        return Stores(local, local)
    house.stack.push_async_callback(remote.close)
    if house.has("ingest") and local.outbox is not None:
        house.figures.shipper = shipper = Shipper(local.outbox, remote, house.clock, house.health.report)
        lock = lock_of(local.path, "shipper")
        house.keep.keep("store-shipper", lambda: alone(lock, shipper.run, shipper.stand_by))
    return Stores(local, TieredStore(local, remote, house.clock, retention_of(settings)))
