"""Cutting the power of a port, and following the cut to its proof."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import structlog
from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from alerts.cutoff.model import Cut, CutDesk, CutOrder
from api.guard import Operator, Viewer
from api.problems import unavailable
from api.routes.deps import BASE, Deps
from api.schema import answers, problems
from api.views import CutList, json_response
from ingest.model import ID_PATTERN

router = APIRouter(prefix=BASE, tags=["cuts"])
_log = structlog.get_logger(__name__)

_Id = Annotated[str, Path(pattern=f"^{ID_PATTERN.pattern}$")]


class CutBody(BaseModel):
    """Why; it stands in the cut's log."""

    model_config = ConfigDict(extra="forbid")
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""
    alert_id: Annotated[str, StringConstraints(max_length=128)] | None = None


@router.post(
    "/chargers/{site}/{shed}/{device}/ports/{port}/cut",
    status_code=202,
    responses={202: answers(Cut)[200], **problems(404, 409, 422, 503)},
)
async def cut(
    site: _Id,
    shed: _Id,
    device: _Id,
    port: Annotated[int, Path(ge=1, le=64)],
    who: Operator,
    deps: Deps,
    body: CutBody | None = None,
) -> Response:
    """Cut the power of a port. The answer is how it begins; follow `GET /cuts/{id}` to its proof."""
    given = body or CutBody()
    begun = await _desk(deps).cut(CutOrder(site, shed, device, port, who.name, given.note, given.alert_id))
    _log.info("cut ordered", cut=begun.id, charger=f"{site}/{shed}/{device}", port=port, who=who.name)
    response = json_response(begun)
    response.status_code = HTTPStatus.ACCEPTED
    response.headers["Location"] = f"{BASE}/cuts/{begun.id}"
    return response


@router.get("/cuts/{cut_id}", responses=answers(Cut, 404, 503))
async def one(cut_id: Annotated[str, Path(min_length=1, max_length=64)], _who: Viewer, deps: Deps) -> Response:
    """One cut: requested, accepted, verified, failed or escalated, with its log."""
    return json_response(await _desk(deps).find(cut_id))


@router.get("/cuts", responses=answers(CutList, 503))
async def recent(_who: Viewer, deps: Deps, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> Response:
    """The newest cuts first."""
    return json_response(CutList(list(await _desk(deps).recent(limit))))


def _desk(deps: Deps) -> CutDesk:
    if deps.cuts is None:
        raise unavailable("cuts-unavailable", "This process cannot cut power; the part `alerts` is not running.")
    return deps.cuts
