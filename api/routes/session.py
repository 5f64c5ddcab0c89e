"""Who am I, and browser sessions: logging in with a token, logging out."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.auth import SESSION_S
from api.guard import COOKIE, GivenPass, Viewer, same_origin
from api.problems import Problem, bad_parameter
from api.routes.deps import BASE, Deps
from api.schema import answers, problems
from api.throttle import Throttle
from api.views import Me, json_response

router = APIRouter(prefix=BASE, tags=["session"])
login_router = APIRouter(tags=["session"])
_log = structlog.get_logger(__name__)


class Login(BaseModel):
    """A token to begin a session with; `next` is where a form's sender goes on to."""

    model_config = ConfigDict(extra="ignore")
    token: str = Field(min_length=1, max_length=200)
    next: str = Field("/", max_length=500)


_LOGIN_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": Login.model_json_schema()}
            for kind in ("application/json", "application/x-www-form-urlencoded")
        },
    }
}


@router.get("/me", responses=answers(Me))
async def me(who: Viewer, given: GivenPass) -> Response:
    """Whom the credential belongs to."""
    return json_response(Me(who.name, who.role, "session" if given.by_cookie else "token"))


@login_router.post("/login", responses=answers(Me, 422, 429, 503), openapi_extra=_LOGIN_BODY)
async def login(request: Request, deps: Deps) -> Response:
    """Begin a browser session with a token, as JSON or from a form; a form's sender is sent on to `next`."""
    if "origin" in request.headers and not same_origin(request):
        raise Problem(HTTPStatus.FORBIDDEN, "foreign-origin", "Logging in is possible only from our own page.")
    address = request.client.host if request.client else ""
    throttle: Throttle = request.app.state.throttle
    throttle.check(address)
    wanted, is_form = await _login(request)
    session = await asyncio.to_thread(deps.tokens.open_session, wanted.token.strip())
    principal = deps.tokens.session(session) if session else None
    if session is None or principal is None:
        throttle.failed(address)
        _log.warning("log-in refused", address=address)
        raise Problem(HTTPStatus.UNAUTHORIZED, "unauthenticated", "This token is unknown or was revoked.")
    _log.info("logged in", who=principal.name, address=address)
    if is_form:
        response: Response = RedirectResponse(_local(wanted.next), HTTPStatus.SEE_OTHER)
    else:
        response = json_response(Me(principal.name, principal.role, "session"))
    https = urlsplit(deps.base_url).scheme == "https"
    response.set_cookie(COOKIE, session, max_age=SESSION_S, secure=https, httponly=True, samesite="strict")
    return response


@login_router.post("/logout", status_code=HTTPStatus.NO_CONTENT, responses=problems())
async def logout(request: Request, deps: Deps) -> Response:
    """End the browser session; a form's sender is sent to the page again."""
    if not same_origin(request):
        raise Problem(HTTPStatus.FORBIDDEN, "foreign-origin", "Logging out is possible only from our own page.")
    session = request.cookies.get(COOKIE)
    if session:
        await asyncio.to_thread(deps.tokens.close_session, session)
    is_form = "form" in request.headers.get("content-type", "")
    response = RedirectResponse("/", HTTPStatus.SEE_OTHER) if is_form else Response(status_code=HTTPStatus.NO_CONTENT)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response


async def _login(request: Request) -> tuple[Login, bool]:
    is_form = "form" in request.headers.get("content-type", "")
    try:
        if is_form:
            return Login.model_validate(dict(await request.form())), True
        return Login.model_validate_json(await request.body()), False
    except ValidationError:
        raise bad_parameter("token", "give a token made with `shedwatch token`") from None


def _local(place: str) -> str:
    """`place` if it is a path of ours, else the page: a log-in must not send people elsewhere."""
    parts = urlsplit(place)
    ours = not parts.scheme and not parts.netloc and place.startswith("/") and "\\" not in place
    return place if ours and not place.startswith("//") and place.isprintable() else "/"
