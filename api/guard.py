"""The door: who a request comes from, and whether that is enough for what it asks.

A request proves itself with `Authorization: Bearer …` or with the session cookie of a browser. A cookie is sent by the
browser without being asked, so whatever changes something and comes with a cookie must come from our own page.

The dependencies here and in `api.routes.deps` are `async` though they never wait: FastAPI would run them in a thread else.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from api.auth import Principal, Role, TokenBook
from api.problems import Problem

COOKIE = "shedwatch_session"
_SAFE = ("GET", "HEAD", "OPTIONS")
_REALM = 'Bearer realm="shedwatch"'

_bearer = HTTPBearer(auto_error=False, description="A token made with `shedwatch token`.")
_cookie = APIKeyCookie(name=COOKIE, auto_error=False, description="A browser session begun with POST /login.")


class Pass:
    """A request's credential, which can be asked again while a long answer runs."""

    def __init__(self, tokens: TokenBook, token: str | None, session: str | None) -> None:
        self._tokens = tokens
        self._token = token
        self._session = session

    @property
    def given(self) -> bool:
        """Whether the request came with any credential."""
        return bool(self._token or self._session)

    @property
    def by_cookie(self) -> bool:
        """Whether only a browser's cookie speaks for it."""
        return not self._token and bool(self._session)

    def principal(self) -> Principal | None:
        """Whom it stands for now; None once it was revoked or is over. A bearer token goes before a cookie."""
        if self._token:
            return self._tokens.verify(self._token)
        return self._tokens.session(self._session) if self._session else None


async def pass_of(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    cookie: Annotated[str | None, Depends(_cookie)],
) -> Pass:
    """The credential a request came with."""
    return Pass(request.app.state.deps.tokens, bearer.credentials if bearer else None, cookie)


GivenPass = Annotated[Pass, Depends(pass_of)]


def same_origin(request: Request) -> bool:
    """Whether the browser says that a page of ours sent this.

    `Sec-Fetch-Site` is believed where it is there (a page cannot set it); else `Origin` must name our own host or the
    configured public address. Neither: no.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = urlsplit(request.headers.get("origin", ""))
    ours = {request.headers.get("host", ""), urlsplit(request.app.state.deps.base_url).netloc}
    return bool(origin.netloc) and origin.netloc in ours


def check(given: Pass, request: Request, needed: Role) -> Principal:
    """Whom the request comes from, if that is enough.

    Raises:
        Problem: 401 without a valid credential, 403 with one that is not enough or from a foreign page.
    """
    principal = given.principal()
    if principal is None:
        raise _unauthenticated(given)
    if given.by_cookie and request.method not in _SAFE and not same_origin(request):
        raise Problem(
            HTTPStatus.FORBIDDEN, "foreign-origin", "A browser session may order things only from our own page."
        )
    if not principal.role.allows(needed):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "forbidden",
            f"This needs the role {needed}; {principal.name} is {principal.role}.",
            {"WWW-Authenticate": f'{_REALM}, error="insufficient_scope", scope="{needed}"'},
        )
    return principal


def _unauthenticated(given: Pass) -> Problem:
    if given.given:
        detail = "The token or session is unknown, over or revoked."
        challenge = f'{_REALM}, error="invalid_token"'
    else:
        detail = "Send a token as `Authorization: Bearer …`, or log in."
        challenge = _REALM
    return Problem(HTTPStatus.UNAUTHORIZED, "unauthenticated", detail, {"WWW-Authenticate": challenge})


async def _viewer(request: Request, given: GivenPass) -> Principal:
    return check(given, request, Role.VIEWER)


async def _operator(request: Request, given: GivenPass) -> Principal:
    return check(given, request, Role.OPERATOR)


async def _admin(request: Request, given: GivenPass) -> Principal:
    return check(given, request, Role.ADMIN)


Viewer = Annotated[Principal, Depends(_viewer)]
"""Parameter of a route that everyone with a valid credential may use."""
Operator = Annotated[Principal, Depends(_operator)]
"""Parameter of a route for operators and admins."""
Admin = Annotated[Principal, Depends(_admin)]
"""Parameter of a route for admins."""


def from_this_machine(request: Request) -> bool:
    """Whether a program on this machine asks for itself, rather than a proxy on it for someone else."""
    forwarded = any(name in request.headers for name in ("forwarded", "x-forwarded-for", "x-real-ip", "via"))
    return not forwarded and request.client is not None and request.client.host in ("127.0.0.1", "::1")
