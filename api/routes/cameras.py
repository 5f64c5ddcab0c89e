"""Camera pictures, still and live. An old picture is never served as if it were live."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.guard import GivenPass, Viewer
from api.live import MEDIA_TYPE, live_parts, media_type
from api.middleware import is_head
from api.problems import unavailable
from api.responses import Stream
from api.routes.deps import BASE, Deps, Events, Id, Sight, find_device
from api.schema import problems
from api.sheds import picture_ms
from ingest.model import DeviceKind, DeviceRef, Frame

router = APIRouter(prefix=BASE + "/cameras/{site}/{shed}/{camera}", tags=["cameras"])


@router.get(
    "/snapshot.jpg",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}, "image/png": {}}}, **problems(404, 503)},
)
async def snapshot(
    site: Id,
    shed: Id,
    camera: Id,
    _who: Viewer,
    deps: Deps,
    sight: Sight,
    overlay: Annotated[bool, Query(description="With zones and what was seen drawn in")] = False,
) -> Response:
    """The newest picture, or 503 with its age where it is older than a live picture may be."""
    ref = find_device(deps.topology, DeviceRef(site, shed, camera), DeviceKind.CAMERA).ref
    frame = _fresh(deps, sight, ref)
    headers = {"X-Picture-Ts": str(picture_ms(frame))}
    if not overlay:
        return Response(frame.image, media_type=media_type(frame.image), headers=headers)
    drawn = await asyncio.to_thread(deps.pictures.overlay, ref)
    if drawn is None:
        raise unavailable("no-overlay", "No detector has judged a picture of this camera yet.")
    return Response(drawn, media_type=media_type(drawn), headers=headers)


@router.get("/live", response_class=Response, responses={200: {"content": {MEDIA_TYPE: {}}}, **problems(404, 503)})
async def live(
    site: Id,
    shed: Id,
    camera: Id,
    request: Request,
    _who: Viewer,
    given: GivenPass,
    deps: Deps,
    sight: Sight,
    hub: Events,
) -> Response:
    """Pictures as they come, as multipart JPEG; ends with one that says so when no fresh picture comes any more."""
    ref = find_device(deps.topology, DeviceRef(site, shed, camera), DeviceKind.CAMERA).ref
    first = _fresh(deps, sight, ref)
    if is_head(request.scope):
        return Response(media_type=MEDIA_TYPE)

    def allowed() -> bool:
        return not hub.closed and given.principal() is not None

    return Stream(live_parts(deps, sight, ref, first, allowed), MEDIA_TYPE)


def _fresh(deps: Deps, sight: Sight, camera: DeviceRef) -> Frame:
    frame = deps.pictures.latest(camera)
    now_ms = deps.clock.now_ms()
    if frame is None:
        raise unavailable("no-picture", f"No picture has come from {camera} yet.", age_s=None, picture_ts=None)
    if sight.stale(frame, now_ms):
        age_s = (now_ms - picture_ms(frame)) / 1000
        detail = (
            f"The newest picture of {camera} is {age_s:.0f} s old; more than {deps.picture_limit_s:g} s is not live."
        )
        raise unavailable("picture-too-old", detail, age_s=age_s, picture_ts=picture_ms(frame))
    return frame
