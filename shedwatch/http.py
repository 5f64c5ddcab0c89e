"""Serving the API in the service's own event loop.

Errors:
    AddressTakenError(Exception): someone else listens there, or the address is not this machine's.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import uvicorn
from fastapi import FastAPI

GRACE_S = 3


class AddressTakenError(Exception):
    """Someone else listens there, or the address is not this machine's."""


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises AddressTakenError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named asyncio turns Nagle's algorithm off; without it each kept-alive answer waits for 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(256)
    except OSError as error:
        sock.close()
        raise AddressTakenError(f"api: cannot listen on {host}:{port}: {error.strerror}") from None
    sock.setblocking(False)
    return sock


def server(app: FastAPI, host: str, port: int) -> Callable[[], Coroutine[Any, Any, None]]:
    """What serves the app there, again after it failed; it listens from now on. Raises AddressTakenError."""
    listening = [listen(host, port)]

    async def serving() -> None:
        # The server closes its socket when it ends, however it does.
        await serve(app, listening.pop() if listening else listen(host, port))

    return serving


async def serve(app: FastAPI, sock: socket.socket) -> None:
    """Serve until cancelled; then finish the answers under way."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, lifespan="on", timeout_graceful_shutdown=GRACE_S
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[sock]), name="http")
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise
