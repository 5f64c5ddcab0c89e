"""Real databases for tests, on private ports of this machine, and two servers of ours beside them.

`Influxd` is Debian's InfluxDB 1.6.7: the real engine, without the v2 write path. `Shim` gives it that path, with tokens
and the answers of InfluxDB 2.7. `Victoria` is the real VictoriaMetrics. `FaultServer` says whatever a script wants said.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import ClientSession, web

from tests.servers import find_server, free_port

TOKEN = "a-token-of-the-tests"
ORG, BUCKET = "shedwatch", "telemetry"
START_S = 20.0


def fetch(url: str, data: dict[str, str] | None = None) -> bytes:
    """The body of an answer, on a connection of its own."""
    body = None if data is None else urllib.parse.urlencode(data).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body), timeout=10) as answer:
        content: bytes = answer.read()
    return content


class _Process(ABC):
    """A server's process that can be stopped, killed and started again on the same port and folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @abstractmethod
    def command(self) -> list[str]:
        """Its command line."""

    def start(self) -> None:
        """Start and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self.command(), stdout=log, stderr=log)
        until = time.monotonic() + START_S
        while True:
            with suppress(OSError):
                fetch(f"{self.base}/ping")
                return
            if time.monotonic() > until or self._process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.02)

    def stop(self) -> None:
        self._end("terminate")

    def kill(self) -> None:
        self._end("kill")

    def _end(self, how: str) -> None:
        process, self._process = self._process, None
        if process is not None:
            getattr(process, how)()
            process.wait(30)


class Influxd(_Process):
    """InfluxDB 1.6.7."""

    max_body = 0

    def command(self) -> list[str]:
        config = self.folder / "influxdb.conf"
        config.write_text(
            f'reporting-disabled = true\nbind-address = "127.0.0.1:{free_port()}"\n'
            f'[meta]\ndir = "{self.folder}/meta"\n'
            f'[data]\ndir = "{self.folder}/data"\nwal-dir = "{self.folder}/wal"\nquery-log-enabled = false\n'
            "[monitor]\nstore-enabled = false\n"
            f'[http]\nbind-address = "127.0.0.1:{self.port}"\nlog-enabled = false\nmax-body-size = {self.max_body}\n'
        )
        return [find_server("influxd"), "-config", str(config)]

    def query(self, statement: str, database: str = BUCKET) -> list[list[object]]:
        """The rows of the first series."""
        answer = json.loads(fetch(f"{self.base}/query", {"db": database, "epoch": "ms", "q": statement}))
        series = answer["results"][0].get("series", [])
        return series[0]["values"] if series else []


class Victoria(_Process):
    """VictoriaMetrics, with the deduplication that lines sent twice need."""

    @property
    def url(self) -> str:
        return f"victoria://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        return [
            find_server("victoria-metrics"),
            f"-httpListenAddr=127.0.0.1:{self.port}",
            f"-storageDataPath={self.folder}/data",
            "-retentionPeriod=10y",
            "-search.latencyOffset=0s",
            "-dedup.minScrapeInterval=1ms",
            "-memory.allowedBytes=128MB",
        ]

    def make_visible(self) -> None:
        """What was written can be read a second later; or now."""
        fetch(f"{self.base}/internal/force_flush")

    def samples(self, selector: str) -> list[tuple[int, float]]:
        """Every sample of the matching series."""
        self.make_visible()
        query = urllib.parse.urlencode({"match[]": selector, "start": "0", "reduce_mem_usage": "0"})
        lines = fetch(f"{self.base}/api/v1/export?{query}").splitlines()
        return [
            (ts_ms, value)
            for line in map(json.loads, lines)
            for ts_ms, value in zip(line["timestamps"], line["values"], strict=True)
        ]


class _Served(ABC):
    """An aiohttp application in a thread with an event loop of its own; can be stopped and started on the same port."""

    def __init__(self, port: int | None = None) -> None:
        self.port = port or free_port()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._runner: web.AppRunner | None = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @abstractmethod
    def application(self) -> web.Application:
        """What is served."""

    def start(self) -> None:
        ready = threading.Event()
        loop = self._loop = asyncio.new_event_loop()

        def serve() -> None:
            loop.run_until_complete(self._begin())
            ready.set()
            loop.run_forever()
            loop.run_until_complete(self._finish())
            loop.close()

        self._thread = threading.Thread(target=serve)
        self._thread.start()
        if not ready.wait(10):
            raise RuntimeError("the test's server did not start")

    def stop(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(20)

    async def _begin(self) -> None:
        self._runner = web.AppRunner(self.application(), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()

    async def _finish(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()


def _problem(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"code": code, "message": message}, status=status)


class Shim(_Served):
    """InfluxDB 2.7's write path and answers before a 1.6.7. One difference is left: to a line it cannot parse, 2.7
    writes nothing, and here the good lines are written. `revoked` stands for a token that counts no more."""

    def __init__(self, influxd: Influxd) -> None:
        super().__init__()
        self.influxd = influxd
        self.revoked = False
        self.writes = 0
        self._session: ClientSession | None = None

    def application(self) -> web.Application:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/api/v2/write", self._write)
        app.router.add_route("*", "/query", self._query)
        app.router.add_get("/ping", self._ping)
        app.cleanup_ctx.append(self._forwarding)
        return app

    async def _forwarding(self, _app: web.Application):  # type: ignore[no-untyped-def]
        async with ClientSession() as self._session:
            yield

    def _allowed(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Token {TOKEN}" and not self.revoked

    async def _write(self, request: web.Request) -> web.Response:
        assert self._session is not None
        if not self._allowed(request):
            return _problem(401, "unauthorized", "unauthorized access")
        body = await request.content.read()
        if not body:
            return _problem(400, "invalid", "writing requires points")
        database, _, policy = request.query["bucket"].partition("/")
        precision = {"us": "u"}.get(request.query.get("precision", "ns"), request.query.get("precision", "ns"))
        params = {"db": database, "precision": precision} | ({"rp": policy} if policy else {})
        kept = {}
        if request.headers.get("Content-Encoding") == "gzip":  # undone on the way in
            body, kept = gzip.compress(body, 1), {"Content-Encoding": "gzip"}
        self.writes += 1
        url = f"{self.influxd.base}/write"
        async with self._session.post(url, params=params, data=body, headers=kept) as answer:
            message = json.loads(await answer.read() or b"{}").get("error", "")
            if answer.status == 404:
                return _problem(404, "not found", f'bucket "{request.query["bucket"]}" not found')
            if answer.status == 400 and "unable to parse" in message:
                return _problem(400, "invalid", message)
            if answer.status == 400:
                return _problem(422, "unprocessable entity", f"failure writing points to database: {message}")
            if answer.status == 413:
                return _problem(413, "request too large", "unable to read data: points batch is too large")
            return web.Response(status=answer.status, text=message)

    async def _query(self, request: web.Request) -> web.Response:
        assert self._session is not None
        if not self._allowed(request):
            return _problem(401, "unauthorized", "unauthorized access")
        data = {**request.query, **await request.post()}
        async with self._session.post(f"{self.influxd.base}/query", data=data) as answer:
            return web.Response(status=answer.status, body=await answer.read(), content_type="application/json")

    async def _ping(self, _request: web.Request) -> web.Response:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", self.influxd.port)
            writer.close()
            return web.Response(status=204)
        return web.Response(status=503)


class InfluxTwo:
    """Influxd and its shim as one server."""

    def __init__(self, folder: Path) -> None:
        self.influxd = Influxd(folder)
        self.shim = Shim(self.influxd)

    @property
    def url(self) -> str:
        return f"influxdb://127.0.0.1:{self.shim.port}/{ORG}/{BUCKET}"

    def start(self) -> None:
        self.influxd.start()
        fetch(f"{self.influxd.base}/query", {"q": f"CREATE DATABASE {BUCKET}"})
        self.shim.start()

    def stop(self) -> None:
        self.shim.stop()
        self.influxd.stop()

    def kill(self) -> None:
        self.influxd.kill()
        self.shim.stop()


@dataclass
class Reply:
    """One scripted answer. `how`: `answer`, or `hang`, `reset` (in the middle of it), `trickle` (a byte at a time)."""

    status: int = 204
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    how: str = "answer"


Script = Callable[[list[bytes]], Reply]
"""From the lines of a request to the answer."""


class FaultServer(_Served):
    """Answers `/api/v2/write` as its script says; `stored` are the lines it answered 204 to, in order."""

    def __init__(self, script: Script = lambda _lines: Reply()) -> None:
        super().__init__()
        self.script = script
        self.requests: list[list[bytes]] = []
        self.stored: list[bytes] = []

    @property
    def url(self) -> str:
        return f"influxdb://127.0.0.1:{self.port}/{ORG}/{BUCKET}"

    def application(self) -> web.Application:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/api/v2/write", self._write)
        app.router.add_get("/ping", _no_content)
        return app

    async def _write(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        lines = body.split(b"\n")
        reply = self.script(lines)
        self.requests.append(lines)
        if reply.how == "hang":
            await asyncio.sleep(60)
        if reply.how in ("reset", "trickle"):
            return await self._badly(request, reply)
        if reply.status == 204:
            self.stored += lines
        return web.Response(status=reply.status, text=reply.body or None, headers=reply.headers)

    async def _badly(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        response = web.StreamResponse(status=reply.status, headers=reply.headers)
        response.content_length = len(reply.body) + 1
        await response.prepare(request)
        for byte in reply.body.encode():
            await response.write(bytes([byte]))
            await asyncio.sleep(0.005)
        if reply.how == "reset" and request.transport is not None:
            sock = request.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            request.transport.abort()
        else:
            await response.write(b" ")
        return response


async def _no_content(_request: web.Request) -> web.Response:
    return web.Response(status=204)


Runnable = InfluxTwo | Victoria | FaultServer


@contextmanager
def running(server: Runnable) -> Iterator[Runnable]:
    """Started, and stopped whatever happens."""
    server.start()
    try:
        yield server
    finally:
        server.stop()


Waiter = Callable[[], Awaitable[bool]]


async def until(true: Callable[[], bool | Awaitable[bool]], seconds: float = 30.0, every_s: float = 0.02) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while True:
            result = true()
            if result is True or (not isinstance(result, bool) and await result):
                return
            await asyncio.sleep(every_s)
