"""`shedwatch run`: the service, or some of its parts, as this process, until it is asked to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from ingest.embedded_broker import EmbeddedBrokerError
from ingest.store.schema import SchemaError
from shedwatch.clock import Clock
from shedwatch.configuration import ConfigurationError
from shedwatch.http import AddressTakenError
from shedwatch.logs import set_up_logs
from shedwatch.memory import settle
from shedwatch.parent import die_with_parent
from shedwatch.service import PARTS, Service
from shedwatch.settings import Settings

__all__ = ["PARTS", "run_parts"]


def run_parts(settings: Settings, parts: frozenset[str], clock: Clock) -> int:
    """Run until SIGTERM or SIGINT; the exit code."""
    die_with_parent()
    set_up_logs()
    settle()
    try:
        asyncio.run(_until_asked(settings, parts, clock))
    except (ConfigurationError, SchemaError, AddressTakenError, EmbeddedBrokerError, PermissionError) as error:
        print(f"cannot start: {error}", file=sys.stderr)  # noqa: T201 - for whoever starts it by hand
        return 2
    return 0


async def _until_asked(settings: Settings, parts: frozenset[str], clock: Clock) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _asked, stop)
    await Service(settings, parts, clock).run(stop)


def _asked(stop: asyncio.Event) -> None:
    if stop.is_set():
        os._exit(1)  # asked twice: whoever asks does not want to wait any longer
    stop.set()
