"""How the service itself is doing, for those who keep it running. At the root, not under the base of the API."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from api.auth import Role
from api.guard import GivenPass, check, from_this_machine
from api.metrics import MEDIA_TYPE, Metrics
from api.routes.deps import Deps
from api.schema import answers, problems
from api.stream import service_view
from api.views import Alive, DependencyView, ServiceView, json_response

router = APIRouter(tags=["service"])


@router.get("/healthz", responses=answers(Alive))
async def healthz() -> Response:
    """The process is alive."""
    return json_response(Alive())


@router.get("/readyz", responses=answers(ServiceView, 503))
async def readyz(request: Request, given: GivenPass, deps: Deps) -> Response:
    """Each part the service depends on; 503 where one is down. Details only for those who may see them."""
    view = service_view(deps.health)
    down = any(dependency.state == "down" for dependency in view.dependencies.values())
    if not from_this_machine(request) and given.principal() is None:
        bare = {name: DependencyView(dependency.state) for name, dependency in view.dependencies.items()}
        view = ServiceView(view.status, bare)
    return json_response(view, HTTPStatus.SERVICE_UNAVAILABLE if down else HTTPStatus.OK)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}, **problems()})
async def metrics(request: Request, given: GivenPass) -> Response:
    """Figures for Prometheus; from another machine only with a token."""
    if not from_this_machine(request):
        check(given, request, Role.VIEWER)
    figures: Metrics = request.app.state.metrics
    return Response(figures.text(), media_type=MEDIA_TYPE)
