"""Sheds: all at a glance, and one in full."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.guard import Viewer
from api.routes.deps import BASE, Deps, Id, Sight, find_shed
from api.schema import answers
from api.sheds import Situation
from api.views import ShedDetail, Sheds, json_response

router = APIRouter(prefix=BASE, tags=["sheds"])


@router.get("/sheds", responses=answers(Sheds))
async def sheds(_who: Viewer, deps: Deps, sight: Sight) -> Response:
    """Every shed at a glance: ports by state, power, open alerts, cameras that cannot see, chargers that are silent."""
    situation = Situation.of(deps.desk.open_alerts())
    return json_response(Sheds(deps.clock.now_ms(), sight.entries(situation)))


@router.get("/sheds/{site}/{shed}", responses=answers(ShedDetail, 404))
async def shed(site: Id, shed: Id, _who: Viewer, deps: Deps, sight: Sight) -> Response:
    """One shed: devices, ports, latest values with their age, open alerts, how long each camera has been blind."""
    known_site, known_shed = find_shed(deps.topology, site, shed)
    situation = Situation.of(deps.desk.open_alerts())
    return json_response(sight.detail(known_site, known_shed, situation, deps.clock.now_ms()))
