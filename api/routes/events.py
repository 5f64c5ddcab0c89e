"""Live events, for pages and programs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi.sse import EventSourceResponse

from api.guard import GivenPass, Viewer
from api.middleware import is_head
from api.problems import bad_parameter, unavailable
from api.responses import Stream
from api.routes.deps import BASE, Events
from api.schema import problems

HEARTBEAT_S = 5.0
"""Less than any proxy's patience, and how soon a revoked token's stream ends."""
_MEDIA_TYPE = EventSourceResponse.media_type

router = APIRouter(prefix=BASE, tags=["events"])


@router.get("/events", response_class=Response, responses={200: {"content": {_MEDIA_TYPE: {}}}, **problems(422, 503)})
async def events(
    request: Request,
    _who: Viewer,
    given: GivenPass,
    hub: Events,
    last_event_id: Annotated[str | None, Header(description="`id` of the last `alert` event that was received")] = None,
) -> Response:
    """Server-sent events.

    First the present state: one `service`, a `shed` for every shed, a `camera` for every camera; after that each as it
    changes. `alert` carries an alert and the transition that changed it, and an `id`: a client that comes back with it
    as `Last-Event-ID` gets every alert change since. Comment lines are heartbeats.
    """
    after_seq = _after(last_event_id)
    if is_head(request.scope):
        return Response(media_type=_MEDIA_TYPE)
    if hub.full:
        raise unavailable("too-many-clients", "Too many event streams are open.")
    return Stream(hub.events(after_seq, lambda: given.principal() is not None, HEARTBEAT_S), _MEDIA_TYPE)


def _after(last_event_id: str | None) -> int | None:
    if not last_event_id:
        return None
    if not last_event_id.isascii() or not last_event_id.isdigit() or len(last_event_id) > 18:
        raise bad_parameter("Last-Event-ID", "is the `id` of an `alert` event, a whole number")
    return int(last_event_id)
