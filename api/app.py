"""The HTTP application, put together: state, middleware, routes, page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import structlog
from fastapi import FastAPI
from starlette.types import ASGIApp

from api import problems
from api.dashboard import mount
from api.deps import ApiDeps
from api.latest import LatestBoard
from api.metrics import Metrics
from api.middleware import CountRequests, HeadAsGet, LimitBody, SecurityHeaders
from api.routes import alerts, cameras, cuts, dead_letters, events, history, links, proofs, service, session, sheds
from api.schema import document
from api.sheds import Observatory
from api.stream import Hub
from api.throttle import Throttle
from ingest.store.port import StoreError

MAX_BODY_BYTES = 64 * 1024
_PRIME_AGAIN_S = 5.0
_DESCRIPTION = """\
Monitoring of e-bike charging sheds. Times are epoch milliseconds UTC; errors are RFC 9457 problems.
`GET /api/v1/events` is a stream of server-sent events: `alert` (with an `id` to resume from), `shed`, `camera`, `service`.
"""

_log = structlog.get_logger(__name__)


class Api(FastAPI):
    """The application; its OpenAPI document also holds the schemas of what is answered."""

    def openapi(self) -> dict[str, Any]:
        return document(super().openapi())

    def build_middleware_stack(self) -> ASGIApp:
        # Around everything, FastAPI's own handling of errors too: no answer goes out without its headers, or uncounted.
        counted = CountRequests(super().build_middleware_stack(), self.state.metrics.http)
        https = urlsplit(self.state.deps.base_url).scheme == "https"
        return SecurityHeaders(HeadAsGet(LimitBody(counted, MAX_BODY_BYTES)), https)


def create_app(deps: ApiDeps) -> FastAPI:
    """The application over `deps`. While it is served, `hub_of(app)` takes the readings and tells the clients."""
    board = LatestBoard(deps.clock.now_ms())
    observatory = Observatory(deps.topology, board, deps.pictures, deps.picture_limit_s)
    hub = Hub(observatory, deps.desk, deps.health, deps.clock, keep=deps.keep)
    metrics = Metrics(hub, deps.desk, deps.health, deps.counters)
    app = Api(
        title="Shedwatch",
        version="1",
        description=_DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        max_body_size=MAX_BODY_BYTES,
    )
    app.state.deps = deps
    app.state.board = board
    app.state.observatory = observatory
    app.state.hub = hub
    app.state.metrics = metrics
    app.state.throttle = Throttle()
    problems.install(app)
    for module in (sheds, history, alerts, cameras, cuts, proofs, events, dead_letters, session, service):
        app.include_router(module.router)
    app.include_router(session.login_router)
    app.include_router(links.router)
    mount(app, deps)
    return app


def hub_of(app: FastAPI) -> Hub:
    """Where the composition root hands in readings (`notify_readings`) and ends the streams (`close`)."""
    hub: Hub = app.state.hub
    return hub


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    hub = hub_of(app)
    deps: ApiDeps = app.state.deps
    # A server that broke may not have come to the end of its life.
    await deps.keep.end()
    deps.keep.keep("api-live", hub.run)
    deps.keep.finish("api-latest", partial(_prime, deps, app.state.board))
    try:
        yield
    finally:
        hub.close()
        await deps.keep.end()


async def _prime(deps: ApiDeps, board: LatestBoard) -> None:
    # Beside the start, not before it: without its store the service still shows alarms and whatever comes in.
    while True:
        try:
            board.prime(await deps.store.latest())
        except StoreError as error:
            _log.warning("latest values cannot be read from the store yet", error=str(error))
            await asyncio.sleep(_PRIME_AGAIN_S)
        else:
            return
