"""Proving that alarms reach people: how it stands, and a proof at once."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import structlog
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from alerts.proof.model import ProofDesk, ProofFigures, ProofKind, ProofOrder
from api.guard import Operator, Viewer
from api.problems import unavailable
from api.routes.deps import BASE, Deps
from api.schema import answers, problems
from api.views import json_response

router = APIRouter(prefix=f"{BASE}/proofs", tags=["proofs"])
_log = structlog.get_logger(__name__)

_Name = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class ProofBody(BaseModel):
    """What is to be proved, and by whom it is to be told."""

    model_config = ConfigDict(extra="forbid")
    kinds: list[ProofKind] = []
    channels: list[_Name] | None = None
    siren: _Name | None = None


@router.get("", responses=answers(ProofFigures, 503))
async def proofs(_who: Viewer, deps: Deps) -> Response:
    """When each stage from a device's message to every channel was last proven, and the newest proofs."""
    return json_response(await _desk(deps).figures())


@router.post("", status_code=202, responses={202: answers(ProofFigures)[200], **problems(409, 422, 503)})
async def prove(who: Operator, deps: Deps, body: ProofBody | None = None) -> Response:
    """Prove it now with a test alarm; follow `GET /proofs`. Without `channels` those of the nightly proof tell it."""
    given, desk = body or ProofBody(), _desk(deps)
    channels = tuple(dict.fromkeys(given.channels)) if given.channels is not None else None
    await desk.prove(ProofOrder(who.name, tuple(dict.fromkeys(given.kinds)), channels, given.siren))
    _log.info("proof ordered", who=who.name, kinds=[str(kind) for kind in given.kinds])
    response = json_response(await desk.figures())
    response.status_code = HTTPStatus.ACCEPTED
    response.headers["Location"] = f"{BASE}/proofs"
    return response


def _desk(deps: Deps) -> ProofDesk:
    if deps.proofs is None:
        raise unavailable("proofs-unavailable", "This process cannot prove anything; the part `alerts` is not running.")
    return deps.proofs
