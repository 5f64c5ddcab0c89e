"""The control-room page."""

from __future__ import annotations

from fastapi import FastAPI

from api.deps import ApiDeps


def mount(app: FastAPI, deps: ApiDeps) -> None:
    """Add the page's routes and static files to `app`."""
