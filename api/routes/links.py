"""The page behind a signed link: the alert, its picture, and a button that acknowledges. No login; the link is the credential."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qs

import structlog
from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import FileResponse, HTMLResponse

from alerts.desk import DeskUnavailableError, Order, RefusedActionError, UnknownAlertError
from alerts.lifecycle import announces
from alerts.model import AlarmState, Alert
from api.dashboard.pages import render_with
from api.links import GROUP, LINK_PATH, Link
from api.problems import not_found
from api.routes.deps import Deps
from vision.evidence import NAME_PATTERN

router = APIRouter(prefix=LINK_PATH, include_in_schema=False)
_log = structlog.get_logger(__name__)

Token = Annotated[str, Path(min_length=8, max_length=500)]
_NAME_LENGTH = 40
_HEADERS = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}


@router.get("/{token}")
async def show(token: Token, deps: Deps) -> Response:
    """The alert as it is now; opening the page changes nothing."""
    link = deps.links.read(token, deps.clock.now_ms()) if deps.links else None
    if link is None:
        return _page("gone", HTTPStatus.NOT_FOUND)
    try:
        alert = await deps.desk.get(link.alert_id)
        state = await _state(link, alert, deps)
    except UnknownAlertError:
        return _page("gone", HTTPStatus.NOT_FOUND)
    except DeskUnavailableError:
        return _page("unavailable", HTTPStatus.SERVICE_UNAVAILABLE)
    return _page(state, HTTPStatus.OK, token, link, alert, deps.zone)


@router.post("/{token}")
async def acknowledge(token: Token, request: Request, deps: Deps) -> Response:
    """Acknowledge in the name of whom the link was made for."""
    link = deps.links.read(token, deps.clock.now_ms()) if deps.links else None
    if link is None:
        return _page("gone", HTTPStatus.NOT_FOUND)
    try:
        alert = await deps.desk.get(link.alert_id)
        state = await _state(link, alert, deps)
        who = await _who(link, alert, request)
        if state == "open" and who:
            note = _note(link, typed=_asks_name(link, alert))
            alert = await deps.desk.order(Order("acknowledge", link.alert_id, who, note))
            _log.info(
                "alert acknowledged by link",
                alert=link.alert_id,
                who=who,
                sent_to=link.sent_to,
                from_=_address(request),
            )
            state = await _state(replace(link, who=who), alert, deps)
    except UnknownAlertError:
        return _page("gone", HTTPStatus.NOT_FOUND)
    except RefusedActionError:
        alert = await deps.desk.get(link.alert_id)
        state = "part" if alert.state is AlarmState.UNACKNOWLEDGED else "done"
    except DeskUnavailableError:
        return _page("unavailable", HTTPStatus.SERVICE_UNAVAILABLE)
    return _page(state, HTTPStatus.OK, token, link, alert, deps.zone)


@router.get("/{token}/picture.jpg")
async def picture(token: Token, deps: Deps) -> Response:
    """The alert's newest picture, for the page and for messengers that show pictures only by address."""
    link = deps.links.read(token, deps.clock.now_ms()) if deps.links else None
    alert = await deps.desk.get(link.alert_id) if link is not None else None
    if alert is None or not alert.evidence or not NAME_PATTERN.fullmatch(alert.evidence[-1]):
        raise not_found("There is no picture at this address, or it is over.")
    path = deps.evidence_dir / alert.evidence[-1]
    if not await asyncio.to_thread(path.is_file):
        raise not_found("This picture is no longer kept.")
    return FileResponse(path, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=60"})


async def _state(link: Link, alert: Alert, deps: Deps) -> str:
    """`open` while this link can acknowledge, `part` once it has and others have to, `done` once enough have.

    `newer`: people were called anew since it was made.
    """
    if alert.state not in (AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED_UNACKNOWLEDGED):
        return "done"
    begun = [line.seq for line in await deps.desk.log(alert.id) if announces(line)]
    if begun and begun[-1] > link.seq:
        return "newer"
    mine = link.who != GROUP and any(one.by == link.who for one in alert.acknowledgements)
    return "part" if mine and alert.state is AlarmState.UNACKNOWLEDGED else "open"


async def _who(link: Link, alert: Alert, request: Request) -> str:
    """In whose name: a group's link is anyone's, so where several people have to, each says who they are."""
    if not _asks_name(link, alert):
        return link.who
    given = parse_qs((await request.body()).decode(errors="replace")).get("name", [""])[0]
    return " ".join(given.split())[:_NAME_LENGTH]


def _asks_name(link: Link, alert: Alert) -> bool:
    return link.who == GROUP and alert.acknowledgements_needed > 1


def _note(link: Link, *, typed: bool) -> str:
    """For the log: a name that was typed is only as good as the door it came through."""
    where = f"链接发给 {link.sent_to} / by link sent to {link.sent_to}" if link.sent_to else "经链接 / by link"
    return f"{where}; 姓名自填 / name as typed" if typed else where


def _page(
    state: str,
    status: HTTPStatus,
    token: str = "",
    link: Link | None = None,
    alert: Alert | None = None,
    zone: tzinfo = UTC,
) -> HTMLResponse:
    raised = datetime.fromtimestamp(alert.raised_ts / 1000, zone) if alert else None
    html = render_with(
        "link.html",
        state=state,
        path=f"{LINK_PATH}/{token}",
        link=link,
        ask_name=bool(link and alert and _asks_name(link, alert)),
        alert=alert,
        raised=f"{raised:%Y-%m-%d %H:%M:%S}" if raised else "",
    )
    return HTMLResponse(html, status, _HEADERS)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
