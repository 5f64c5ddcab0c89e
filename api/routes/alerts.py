"""Alerts: lists, one, its log and pictures, and what people order about it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from alerts.desk import AlertQuery, Order, OrderAction, RefusedActionError, UnknownAlertError
from alerts.load import LoadFigures
from alerts.model import AlarmState, Alert, AlertKind, Severity
from alerts.orders import FIRE_KINDS
from api.guard import Operator, Viewer
from api.problems import bad_parameter, not_found
from api.routes.deps import BASE, BLANK, Deps
from api.schema import answers, problems
from api.times import parse_time
from api.views import AlertLog, AlertPage, GroupAcknowledged, LeftOut, PutAsideLimits, json_response
from ingest.model import ID_PATTERN
from vision.evidence import NAME_PATTERN

_NOTE_LENGTH = 2_000
_TOGETHER = 50
"""Orders of one group that are under way at a time: they share the ledger's commits."""

_WAITING = (AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED_UNACKNOWLEDGED)

router = APIRouter(prefix=f"{BASE}/alerts", tags=["alerts"])
_log = structlog.get_logger(__name__)

AlertId = Annotated[str, Path(min_length=1, max_length=128)]
_Cursor = Annotated[str, StringConstraints(max_length=200)]
_IdFilter = Annotated[Annotated[str, StringConstraints(pattern=f"^{ID_PATTERN.pattern}$")] | None, BLANK]


class OrderBody(BaseModel):
    """What goes with an order; which of it an order needs is said there."""

    model_config = ConfigDict(extra="forbid")
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=_NOTE_LENGTH)] = ""
    minutes: Annotated[int | None, Field(strict=True, ge=1, le=1_000_000)] = None
    cause: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] | None = None
    assignee: Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)] | None = None


@router.get("", responses=answers(AlertPage, 422, 503))
async def alerts(
    _who: Viewer,
    deps: Deps,
    state: Literal["open", "closed", "all"] = "open",
    kind: Annotated[AlertKind | None, BLANK] = None,
    severity: Annotated[Severity | None, BLANK] = None,
    site: _IdFilter = None,
    shed: _IdFilter = None,
    since: Annotated[
        str | None, BLANK, Query(description="Raised at or after; epoch ms or RFC 3339 with offset")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[_Cursor | None, BLANK, Query(description="`next` of the page before")] = None,
) -> Response:
    """Alerts that match, newest first."""
    since_ms = None if since is None else parse_time(since, "since")
    query = AlertQuery(state, kind, severity, site, shed, since_ms, limit, cursor)
    try:
        items, following = await deps.desk.query(query)
    except ValueError:
        raise bad_parameter("cursor", "was not given by this service; begin without one") from None
    return json_response(AlertPage(list(items), following))


@router.get("/load", responses=answers(LoadFigures))
async def load(_who: Viewer, deps: Deps) -> Response:
    """How much the alarms ask of the people: rate, flood, groups by shed and kind, what stands, stale, repeats."""
    return json_response(deps.desk.load())


@router.get("/limits", responses=answers(PutAsideLimits))
async def limits(_who: Viewer, deps: Deps) -> Response:
    """The longest that an alert may be put aside, in minutes."""
    set_ = deps.limits
    return json_response(
        PutAsideLimits(dict(set_.shelve), set_.shelve_fire, set_.out_of_service, set_.out_of_service_fire)
    )


@router.get("/{alert_id}", responses=answers(Alert, 404, 503))
async def alert(alert_id: AlertId, _who: Viewer, deps: Deps) -> Response:
    """One alert."""
    return json_response(await deps.desk.get(alert_id))


@router.get("/{alert_id}/log", responses=answers(AlertLog, 404, 503))
async def log(alert_id: AlertId, _who: Viewer, deps: Deps) -> Response:
    """Every transition of an alert: when, who, from, to, note; oldest first."""
    return json_response(AlertLog(list(await deps.desk.log(alert_id))))


@router.get(
    "/{alert_id}/evidence/{name}",
    response_class=FileResponse,
    responses={200: {"content": {"image/jpeg": {}}}, **problems(404, 503)},
)
async def evidence(alert_id: AlertId, name: str, _who: Viewer, deps: Deps) -> Response:
    """A picture that belongs to an alert."""
    if not NAME_PATTERN.fullmatch(name) or name not in (await deps.desk.get(alert_id)).evidence:
        raise not_found("This alert has no picture of this name.")
    path = deps.evidence_dir / name
    if not await asyncio.to_thread(path.is_file):
        raise not_found("This picture is no longer kept.")
    return FileResponse(path, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400, immutable"})


class GroupBody(BaseModel):
    """The alerts of one kind in one shed, as they were seen at `seen_ts` (epoch milliseconds)."""

    model_config = ConfigDict(extra="forbid")
    site: Annotated[str, StringConstraints(pattern=f"^{ID_PATTERN.pattern}$")]
    shed: Annotated[str, StringConstraints(pattern=f"^{ID_PATTERN.pattern}$")]
    kind: AlertKind
    seen_ts: Annotated[int, Field(strict=True, ge=0, le=2**53)]
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=_NOTE_LENGTH)] = ""


@router.post("/acknowledge", responses=answers(GroupAcknowledged, 409, 422, 503))
async def acknowledge_group(who: Operator, deps: Deps, body: GroupBody) -> Response:
    """Acknowledge what waits of one kind in one shed; nothing that was raised, got worse or came back since `seen_ts`."""
    if body.kind in FIRE_KINDS:
        raise RefusedActionError("what speaks of fire is acknowledged one by one, by somebody who has looked at each")
    place = (body.site, body.shed, body.kind)
    waiting = [
        alert
        for alert in deps.desk.open_alerts()
        if (alert.site, alert.shed, alert.kind) == place and alert.state in _WAITING and not alert.test
    ]
    together = asyncio.Semaphore(_TOGETHER)

    async def acknowledge(alert: Alert) -> str | LeftOut:
        try:
            async with together:
                await deps.desk.order(Order("acknowledge", alert.id, who.name, body.note, seen_ts=body.seen_ts))
        except (RefusedActionError, UnknownAlertError) as error:
            return LeftOut(alert.id, str(error))
        return alert.id

    seen = [alert for alert in waiting if alert.raised_ts <= body.seen_ts]
    later = [LeftOut(alert.id, "raised after you looked") for alert in waiting if alert.raised_ts > body.seen_ts]
    done = await asyncio.gather(*(acknowledge(alert) for alert in seen))
    acknowledged = [one for one in done if isinstance(one, str)]
    _log.info("alerts acknowledged together", kind=body.kind, shed=f"{body.site}/{body.shed}", count=len(acknowledged))
    return json_response(GroupAcknowledged(acknowledged, [*(one for one in done if isinstance(one, LeftOut)), *later]))


_ORDERS: dict[str, tuple[OrderAction, str]] = {
    "acknowledge": (
        "acknowledge",
        "Say that you have taken notice. Holds until the hazard clears; counts once `acknowledgements_needed` people did.",
    ),
    "comment": ("comment", "Add a note to the alert's log; needs `note`."),
    "assign": ("assign", "Say who sees to it; needs `assignee`, an empty one takes the name away."),
    "shelve": (
        "shelve",
        "Silence it for `minutes`, up to the maximum of its severity; `note` says why. What gets worse breaks the shelf.",
    ),
    "unshelve": ("unshelve", "Bring a shelved or out-of-service alert back before its time."),
    "out-of-service": (
        "out_of_service",
        "Ask with `minutes` and `note` to take it out of service; another person allows it by sending the same order.",
    ),
    "false-alarm": (
        "false_alarm",
        "Mark it as a false alarm; needs `cause`. An active alert counts as acknowledged, any other is closed.",
    ),
    "close": ("close", "End an alert whose hazard is gone."),
}


def _order_route(verb: str, action: OrderAction, words: str) -> None:
    async def give(alert_id: AlertId, who: Operator, deps: Deps, body: OrderBody | None = None) -> Response:
        given = body or OrderBody()
        order = Order(action, alert_id, who.name, given.note, given.minutes, given.cause, given.assignee)
        changed = await deps.desk.order(order)
        _log.info("alert order", action=action, alert=alert_id, who=who.name)
        return json_response(changed)

    router.add_api_route(
        f"/{{alert_id}}/{verb}",
        give,
        methods=["POST"],
        name=action,
        description=words,
        responses=answers(Alert, 404, 409, 422, 503),
    )


for _verb, (_action, _words) in _ORDERS.items():
    _order_route(_verb, _action, _words)
