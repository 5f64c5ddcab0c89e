"""What routes share: the state they work on, and looking up what an address names."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request
from pydantic import BeforeValidator

from api.deps import ApiDeps
from api.problems import not_found
from api.sheds import Observatory
from api.stream import Hub
from ingest.model import ID_PATTERN, Device, DeviceKind, DeviceRef, Shed, Site, Topology

BASE = "/api/v1"

BLANK = BeforeValidator(lambda given: given or None)
"""Metadata of an optional parameter: `kind=` with nothing after it, as forms send it, is as good as no `kind`."""

Id = Annotated[str, Path(pattern=f"^{ID_PATTERN.pattern}$")]


async def _deps(request: Request) -> ApiDeps:
    deps: ApiDeps = request.app.state.deps
    return deps


async def _observatory(request: Request) -> Observatory:
    observatory: Observatory = request.app.state.observatory
    return observatory


async def _hub(request: Request) -> Hub:
    hub: Hub = request.app.state.hub
    return hub


Deps = Annotated[ApiDeps, Depends(_deps)]
Sight = Annotated[Observatory, Depends(_observatory)]
Events = Annotated[Hub, Depends(_hub)]


def find_shed(topology: Topology, site: str, shed: str) -> tuple[Site, Shed]:
    """A site and its shed. Raises Problem 404."""
    known_site = topology.site(site)
    known_shed = topology.shed(site, shed)
    if known_site is None or known_shed is None:
        raise not_found(f"There is no shed {site}/{shed}.")
    return known_site, known_shed


def find_device(topology: Topology, ref: DeviceRef, kind: DeviceKind | None = None) -> Device:
    """A device, of one kind where it is given. Raises Problem 404."""
    device = topology.find(ref)
    if device is None or (kind is not None and device.kind is not kind):
        raise not_found(f"There is no {kind or 'device'} {ref}.")
    return device
