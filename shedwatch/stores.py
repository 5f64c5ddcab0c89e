"""From the configuration's `store` to stores: the embedded one, always, and a remote one fed from its outbox."""

from __future__ import annotations

from pathlib import Path

import structlog

from ingest.store.influx import InfluxStore
from ingest.store.port import StoreError
from ingest.store.remote import RemoteStore
from ingest.store.remote_url import parse_remote_url
from ingest.store.retention import Retention
from ingest.store.schema import SchemaError
from ingest.store.spool import DAY_MS, OutboxLimits
from ingest.store.sqlite import SqliteStore
from ingest.store.victoria import VictoriaStore
from shedwatch.clock import Clock
from shedwatch.settings import StoreSettings

log = structlog.get_logger(__name__)


def retention_of(settings: StoreSettings) -> Retention:
    """How long the embedded store keeps what; one day more than promised, for readings that come late."""
    return Retention(raw_days=settings.raw_days + 1, rollup_days=settings.rollup_days + 1)


async def open_local(settings: StoreSettings, path: Path, clock: Clock) -> SqliteStore:
    """The embedded store, opened now or, where that fails, when it is first needed.

    Raises:
        SchemaError: the file is another program's, or another version's.
    """
    retention = retention_of(settings)
    limits = None if parse_remote_url(settings.url) is None else limits_of(settings)
    try:
        return await SqliteStore.open(path, clock, retention, limits)
    except SchemaError:
        raise
    except StoreError as error:
        # The alarms must not wait for it: readings stay with the broker until it can be written.
        log.warning("store cannot be opened yet", reason=str(error))
        return SqliteStore(path, clock, retention, limits)


def limits_of(settings: StoreSettings) -> OutboxLimits:
    """How much may wait for the remote store."""
    return OutboxLimits(
        max_bytes=settings.outbox_max_mb << 20,
        max_age_ms=settings.outbox_max_days * DAY_MS,
        on_full=settings.outbox_full,
    )


def make_remote(settings: StoreSettings) -> RemoteStore | None:
    """The remote store, not connected yet; None where there is none."""
    url = parse_remote_url(settings.url)
    if url is None:
        return None

    def token() -> str:
        # Read anew for each request: a token that was replaced counts at once.
        if settings.token_file is not None:
            return settings.token_file.read_text(encoding="utf-8").strip()
        return settings.token or ""

    return InfluxStore(url, token) if url.kind == "influxdb" else VictoriaStore(url, token)
