"""Requests a second of `GET /api/v1/sheds`, against a bare FastAPI route, each by one client that keeps its connection.

The client writes prepared bytes to a socket and reads no more of an answer than its length: a real HTTP client in
Python takes longer than the server.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shedwatch.bench.api_server import FLEET, PATH
from shedwatch.bench.children import Server, serving
from shedwatch.bench.report import BenchError, Report, Run, interleave
from shedwatch.progress import Tell

PATIENCE_S = 10.0
SERVE_S = 300.0
MODULE = "shedwatch.bench.api_server"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ApiScale:
    """How much is run."""

    seconds: float = 3.0
    pairs: int = 5


def run(tell: Tell | None = None, scale: ApiScale = ApiScale()) -> Report:
    """Both servers are there all the time; one at a time is asked.

    Raises:
        BenchError: a server did not start, or answered anything but 200.
    """
    with _client("ours") as ours, _client("reference") as reference:
        ours.ask_for(scale.seconds / 4)
        reference.ask_for(scale.seconds / 4)
        pairs = interleave(
            lambda: ours.ask_for(scale.seconds), lambda: reference.ask_for(scale.seconds), scale.pairs, tell
        )
    return Report(
        "api",
        f"GET {PATH} with a token, {FLEET.sheds} sheds with {FLEET.sheds * FLEET.chargers * FLEET.ports} ports that report "
        "every minute, uvicorn on loopback, one connection kept open",
        "a bare FastAPI route that returns a constant, on uvicorn alike",
        "requests/s",
        "higher",
        pairs,
    )


@contextmanager
def _client(role: str) -> Iterator[Client]:
    with serving(MODULE, role, limit_s=SERVE_S) as server, Client(server) as client:
        yield client


class Client:
    """One kept-alive connection to one server; a context that closes it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._socket = socket.create_connection(("127.0.0.1", server.said["port"]), PATIENCE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        token = server.said["token"]
        who = f"Authorization: Bearer {token}\r\n" if token else ""
        self._request = f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n{who}\r\n".encode()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._socket.close()

    def ask_for(self, seconds: float) -> Run:
        """Ask again and again. Raises BenchError where the answer is not 200."""
        took_ms: list[float] = []
        cpu_s, begun = self._server_cpu_s(), time.perf_counter()
        ends = last = begun
        ends += seconds
        size = 0
        while last < ends:
            size = self._ask()
            now = time.perf_counter()
            took_ms.append((now - last) * 1000.0)
            last = now
        p50, p99 = np.percentile(took_ms, [50, 99])
        figures = {"p50_ms": float(p50), "p99_ms": float(p99), "answer_bytes": float(size)}
        if cpu_s is not None and (cpu_after_s := self._server_cpu_s()) is not None:
            figures["server_cpu_us_per_request"] = (cpu_after_s - cpu_s) * 1e6 / len(took_ms)
        return Run(len(took_ms) / (last - begun), figures)

    def _ask(self) -> int:
        """One request; bytes of the answer's body."""
        try:
            self._socket.sendall(self._request)
            answer = self._socket.recv(65_536)
            while (head := answer.find(b"\r\n\r\n")) < 0:
                answer += self._more()
            if not answer.startswith(b"HTTP/1.1 200 "):
                raise BenchError(f"the server answers {answer[:80]!r}")
            length = _LENGTH.search(answer, 0, head)
            if length is None:
                raise BenchError("the server's answer has no length")
            missing = head + 4 + int(length[1]) - len(answer)
            while missing > 0:
                missing -= len(self._more())
        except OSError as error:
            raise BenchError(f"the server does not answer: {error}") from None
        return int(length[1])

    def _more(self) -> bytes:
        piece = self._socket.recv(65_536)
        if not piece:
            raise BenchError("the server hung up")
        return piece

    def _server_cpu_s(self) -> float | None:
        """Processor time of the server so far, where the system tells it (Linux)."""
        with suppress(OSError):
            stat = Path(f"/proc/{self._server.pid}/stat").read_text(encoding="utf-8")
            user, system = stat.rpartition(")")[2].split()[11:13]
            return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
        return None
