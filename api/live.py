"""One camera's pictures as a multipart stream: pictures in as they come, parts out for as long as they are fresh."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable

from api.deps import ApiDeps
from api.placeholder import no_picture
from api.responses import let_go
from api.sheds import Observatory
from ingest.model import DeviceRef, Frame

BOUNDARY = "shedwatch-frame"
MEDIA_TYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
_LOOK_S = 0.25
_END = f"\r\n--{BOUNDARY}\r\n".encode()


def media_type(image: bytes) -> str:
    """The type of an encoded picture by its first bytes; cameras may send PNG too."""
    return "image/png" if image.startswith(b"\x89PNG") else "image/jpeg"


async def live_parts(
    deps: ApiDeps, sight: Observatory, camera: DeviceRef, first: Frame, allowed: Callable[[], bool]
) -> AsyncGenerator[bytes]:
    """`first`, then pictures as they come, until none was fresh for too long or `allowed` says no.

    In the first case a picture that says so comes last: a browser keeps showing the last one it got.
    """
    # Each part is followed by the boundary at once: browsers show a picture only when they see what comes after it.
    yield f"--{BOUNDARY}\r\n".encode() + _part(first.image)
    pictures = deps.pictures.subscribe(camera)
    waiting: asyncio.Task[Frame | None] = asyncio.create_task(_following(pictures))
    newest = first
    try:
        while allowed():
            if sight.stale(newest, deps.clock.now_ms()):
                yield _part(no_picture(newest.width, newest.height))
                return
            # Short looks, because freshness follows the service's clock, which may run faster than the machine's.
            await asyncio.wait((waiting,), timeout=_LOOK_S)
            if not waiting.done():
                continue
            frame = waiting.result()
            if frame is None:
                return
            waiting = asyncio.create_task(_following(pictures))
            if not sight.stale(frame, deps.clock.now_ms()):
                newest = frame
                yield _part(frame.image)
    finally:
        await let_go(pictures, waiting)


async def _following(pictures: AsyncIterator[Frame]) -> Frame | None:
    return await anext(pictures, None)


def _part(image: bytes) -> bytes:
    head = f"Content-Type: {media_type(image)}\r\nContent-Length: {len(image)}\r\n\r\n"
    return head.encode() + image + _END
