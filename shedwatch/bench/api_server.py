"""A server's process: `python -m shedwatch.bench.api_server ours|reference`; serves on loopback until its input closes.

Says where, and with which token, as one JSON object on its first line. `reference` has one bare route that returns
a constant.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path

from fastapi import FastAPI

from alerts.ledger.database import Ledger
from alerts.rules.settings import RuleBook
from alerts.service import AlarmService
from api.app import create_app, hub_of
from api.auth import Role, TokenBook
from api.deps import ApiDeps
from ingest.inbox import Inbound
from ingest.model import Reading
from ingest.store.retention import Retention
from ingest.store.sqlite import SqliteStore
from ingest.timekeeping import DeviceClocks
from ingest.translate import Translator
from shedwatch.bench.fleet import Fleet
from shedwatch.clock import SystemClock
from shedwatch.health import HealthBoard
from shedwatch.http import listen, serve
from shedwatch.logs import set_up_logs
from shedwatch.parent import die_with_parent
from vision.gallery import Gallery

# A property company's: what its control room has open all day.
FLEET = Fleet(sheds=20, chargers=4, ports=10)
PATH = "/api/v1/sheds"
REPORT_EVERY_S = 60.0


async def serve_ours(stack: AsyncExitStack, folder: Path, tell: Callable[[int, str], None]) -> None:
    """The service's own application over a live store, ledger and alarm desk, with chargers that report every minute."""
    topology, clock = FLEET.topology(), SystemClock()
    store = await SqliteStore.open(folder / "telemetry.db", clock, Retention(raw_days=8, rollup_days=366))
    stack.push_async_callback(store.close)
    ledger = Ledger(f"sqlite+aiosqlite:///{folder / 'alerts.db'}")
    desk = await stack.enter_async_context(AlarmService(topology, RuleBook(), ledger, clock, seed=1))
    tokens = TokenBook(folder / "auth.db")
    app = create_app(
        ApiDeps(
            topology=topology,
            store=store,
            letters=store.letters,
            desk=desk,
            tokens=tokens,
            pictures=Gallery(),
            evidence_dir=folder / "evidence",
            health=HealthBoard(),
            counters=dict,
            clock=clock,
        )
    )
    sock = listen("127.0.0.1", 0)
    reporting = asyncio.create_task(_report(app, desk))
    reporting.add_done_callback(lambda task: task.cancelled() or task.result())
    tell(sock.getsockname()[1], tokens.create("bench", Role.VIEWER))
    await serve(app, sock)


async def serve_reference(tell: Callable[[int, str], None]) -> None:
    """One bare route, on a socket like those uvicorn opens when it is started by itself."""
    app = FastAPI(openapi_url=None)

    @app.get(PATH)
    async def constant() -> dict[str, str]:
        return {"status": "ok"}

    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    sock.setblocking(False)
    tell(sock.getsockname()[1], "")
    await serve(app, sock)


async def _report(app: FastAPI, desk: AlarmService) -> None:
    """Every charger once at the start, then each in its turn, a round a minute."""
    clock, translator = SystemClock(), Translator(FLEET.topology(), DeviceClocks())
    pause_s = REPORT_EVERY_S / (FLEET.sheds * FLEET.chargers)
    for turn in count():
        for topic, payload in FLEET.sweep(turn, clock.now_ms()):
            readings = _readings(translator, topic, payload, clock.now_ms())
            await desk.submit_readings(readings)
            hub_of(app).notify_readings(readings)
            if turn:
                await asyncio.sleep(pause_s)


def _readings(translator: Translator, topic: str, payload: bytes, now_ms: int) -> tuple[Reading, ...]:
    inbound = Inbound(topic, payload, len(payload), None, dup=False, retain=False, ack=lambda: None)
    return translator.translate(inbound, *translator.address(topic), now_ms).readings


def _say(port: int, token: str) -> None:
    sys.stdout.write(json.dumps({"port": port, "token": token}) + "\n")
    sys.stdout.flush()


async def main(role: str) -> None:
    """Serve one side until standard input closes."""
    with tempfile.TemporaryDirectory(prefix="shedwatch-bench-") as folder:
        async with AsyncExitStack() as stack:
            work = serve_ours(stack, Path(folder), _say) if role == "ours" else serve_reference(_say)
            serving = asyncio.create_task(work)
            closed = asyncio.create_task(asyncio.to_thread(sys.stdin.buffer.read))
            await asyncio.wait((serving, closed), return_when=asyncio.FIRST_COMPLETED)
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


if __name__ == "__main__":
    die_with_parent()
    set_up_logs(logging.WARNING)
    asyncio.run(main(sys.argv[1]))
