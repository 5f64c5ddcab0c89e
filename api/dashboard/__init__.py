"""The control-room page: server-rendered shell, live by server-sent events, no build step and nothing from elsewhere."""

from __future__ import annotations

from fastapi import FastAPI

from api.dashboard.assets import Assets
from api.dashboard.pages import router
from api.deps import ApiDeps


def mount(app: FastAPI, deps: ApiDeps) -> None:  # noqa: ARG001 - the composition of the API hands it to every part
    """Add the page's routes and static files to `app`.

    The pages hold no data: they are given to everyone, and what they show they fetch under the API's base with the
    session. The cookie is strict, so a link from a message to `/alerts/…` arrives without it and must not be turned
    away before the page's own requests, which carry it, have been answered.
    """
    app.mount("/static", Assets(), name="static")
    app.include_router(router)
