"""The OpenAPI document's share of the answers: schemas from the shapes themselves, problems wherever they can come."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from alerts.cutoff.model import Cut
from alerts.load import LoadFigures
from alerts.model import Alert
from alerts.proof.model import ProofFigures
from api.letters import DeadLetterDetail, DeadLetterJournal, DeadLetterPage, LettersDeleted, LettersWanted, Replayed
from api.views import (
    AlertLog,
    AlertPage,
    Alive,
    CameraEvent,
    CutList,
    GroupAcknowledged,
    History,
    Me,
    PortChange,
    ProblemView,
    PutAsideLimits,
    ServiceView,
    ShedDetail,
    Sheds,
)

_DOCUMENTED = (
    Sheds,
    ShedDetail,
    History,
    AlertPage,
    AlertLog,
    Alert,
    Cut,
    CutList,
    LoadFigures,
    ProofFigures,
    PutAsideLimits,
    GroupAcknowledged,
    DeadLetterPage,
    DeadLetterDetail,
    DeadLetterJournal,
    LettersWanted,
    LettersDeleted,
    Replayed,
    Me,
    ServiceView,
    Alive,
    ProblemView,
    PortChange,
    CameraEvent,
)
_PROBLEM = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemView"}}}}


def schemas() -> dict[str, Any]:
    """JSON schemas of every answer, by name, for the `components` of an OpenAPI document."""
    _, components = msgspec.json.schema_components(_DOCUMENTED, ref_template="#/components/schemas/{name}")
    for component in components.values():
        component["description"] = re.sub(r"\s+", " ", component.get("description", "")).strip()
    return components


def answers(shape: type[msgspec.Struct], *statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route: `shape` on success, a problem on any of `statuses`."""
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{shape.__name__}"}}}
    return {200: {"content": content}, **problems(*statuses)}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses=` for the problems a route may answer with; `document` adds those that go without saying."""
    return dict.fromkeys(statuses, _PROBLEM)


def document(openapi: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI document completed in place: our schemas, and problems wherever FastAPI would name its own errors."""
    components = openapi.setdefault("components", {}).setdefault("schemas", {})
    components.update(schemas())
    for name in ("HTTPValidationError", "ValidationError"):
        components.pop(name, None)
    for operations in openapi["paths"].values():
        for operation in operations.values():
            _complete(operation)
    return openapi


def _complete(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    if "422" in responses:
        responses["422"].update(_PROBLEM)
    if operation.get("security"):
        for status, words in (("401", "Unauthorized"), ("403", "Forbidden")):
            responses.setdefault(status, {"description": words, **_PROBLEM})
