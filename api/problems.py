"""Every error as RFC 9457 `application/problem+json`: what went wrong and what would be right, never how the code is built.

Errors:
    Problem(Exception): an answer that is not what was asked for; everything else that is raised is turned into one.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from alerts.cutoff.model import CutError, CutUnavailableError, RefusedCutError, UnknownCutError, UnknownPortError
from alerts.desk import DeskUnavailableError, InvalidOrderError, RefusedActionError, UnknownAlertError
from alerts.proof.model import ProofError, ProofUnavailableError, RefusedProofError
from api.auth import TokenBookError
from ingest.store.port import StoreError

MEDIA_TYPE = "application/problem+json"
RETRY_S = 5

_log = structlog.get_logger(__name__)


class Problem(Exception):  # noqa: N818 - the standard's own word
    """An answer that is not what was asked for.

    Attributes:
        kind: last part of the problem's `type`, `urn:shedwatch:problem:{kind}`; programs tell problems apart by it.
        members: further members of the object.
    """

    def __init__(
        self, status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = headers
        self.members = members

    def response(self) -> Response:
        """The answer as it is sent."""
        body = {
            "type": f"urn:shedwatch:problem:{self.kind}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }
        return Response(msgspec.json.encode(body), self.status, self.headers, MEDIA_TYPE)


def bad_parameter(name: str, detail: str, status: int = HTTPStatus.UNPROCESSABLE_ENTITY) -> Problem:
    """A parameter that cannot be used; `detail` says what is allowed."""
    return Problem(status, "parameter", f"{name}: {detail}", errors=[{"parameter": name, "detail": detail}])


def not_found(detail: str) -> Problem:
    """There is no such thing."""
    return Problem(HTTPStatus.NOT_FOUND, "not-found", detail)


def unavailable(kind: str, detail: str, **members: Any) -> Problem:
    """It cannot be had now; asking again later is right."""
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, kind, detail, {"Retry-After": str(RETRY_S)}, **members)


def _from_http(error: HTTPException) -> Problem:
    kinds = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}
    phrase = HTTPStatus(error.status_code).phrase
    detail = error.detail if error.detail and error.detail != phrase else f"{phrase}."
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = "There is nothing at this address; /openapi.json lists what there is."
    return Problem(error.status_code, kinds.get(error.status_code, "http"), detail, error.headers)


def _from_validation(error: RequestValidationError) -> Problem:
    errors = []
    for found in error.errors():
        place = found["loc"][0]
        name = ".".join(str(part) for part in found["loc"][1:]) or str(place)
        errors.append({"parameter": name, "in": str(place), "detail": found["msg"]})
    detail = "; ".join(f"{found['parameter']}: {found['detail']}" for found in errors)
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "parameter", detail, errors=errors)


def _from_known(error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case HTTPException():
            return _from_http(error)
        case RequestValidationError():
            return _from_validation(error)
        case UnknownCutError():
            return not_found("There is no cut with this id.")
        case UnknownPortError():
            return not_found(f"{error}.".capitalize())
        case RefusedCutError():
            return Problem(HTTPStatus.CONFLICT, "refused", str(error))
        case CutUnavailableError():
            return unavailable("cuts-unavailable", f"Power cannot be cut from here now: {error}. Use the breaker.")
        case RefusedProofError():
            return Problem(HTTPStatus.CONFLICT, "refused", str(error))
        case ProofUnavailableError():
            return unavailable("proofs-unavailable", f"Nothing can be proved from here now: {error}.")
        case UnknownAlertError():
            return not_found("There is no alert with this id.")
        case RefusedActionError():
            return Problem(HTTPStatus.CONFLICT, "refused", str(error) or "The alert's state does not allow it.")
        case InvalidOrderError():
            return bad_parameter(error.parameter, str(error))
        case DeskUnavailableError():
            return unavailable("desk-unavailable", "The alarm ledger cannot be reached now; open alarms still sound.")
        case StoreError():
            return unavailable("store-unavailable", "The telemetry store cannot be reached now.")
        case TokenBookError():
            return unavailable("tokens-unavailable", "Tokens cannot be checked now.")
        case _:
            return _from_unknown(error)


def _from_unknown(error: Exception) -> Problem:
    incident = secrets.token_hex(6)
    _log.error("unhandled error", incident=incident, exc_info=error)
    detail = f"Something went wrong inside the service; its log has it under {incident}."
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", detail, incident=incident)


async def _answer(request: Request, error: Exception) -> Response:
    problem = _from_known(error)
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE and not isinstance(error, Problem):
        _log.warning("cannot answer now", path=request.url.path, kind=problem.kind, error=str(error))
    return problem.response()


def install(app: FastAPI) -> None:
    """Let `app` answer every error as a problem."""
    for kind in (
        Problem,
        HTTPException,
        RequestValidationError,
        CutError,
        ProofError,
        UnknownAlertError,
        RefusedActionError,
        InvalidOrderError,
        DeskUnavailableError,
        StoreError,
        TokenBookError,
        Exception,
    ):
        app.add_exception_handler(kind, _answer)
