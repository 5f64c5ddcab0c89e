"""Refused messages, for whoever looks after the devices."""

from __future__ import annotations

import base64
from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.guard import Operator
from api.problems import bad_parameter
from api.routes.deps import BASE, BLANK, Deps
from api.schema import answers
from api.views import DeadLetterPage, DeadLetterView, json_response
from ingest.model import DeadLetter

router = APIRouter(prefix=BASE, tags=["dead letters"])


@router.get("/dead-letters", responses=answers(DeadLetterPage, 422, 503))
async def dead_letters(
    _who: Operator,
    deps: Deps,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[str | None, BLANK, Query(description="`next` of the page before")] = None,
) -> Response:
    """Messages that were refused, with topic and reason, newest first."""
    letters = await deps.store.dead_letters(limit, _before(cursor))
    following = str(letters[-1].id) if len(letters) == limit else None
    total = await deps.store.dead_letter_count()
    return json_response(DeadLetterPage([_view(letter) for letter in letters], total, following))


def _before(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise bad_parameter("cursor", "was not given by this service; begin without one")
    return int(cursor)


def _view(letter: DeadLetter) -> DeadLetterView:
    text = _text(letter)
    return DeadLetterView(
        id=letter.id,
        received_ts=letter.received_ms,
        topic=letter.topic,
        reason=letter.reason,
        size=letter.size,
        encoding="base64" if text is None else "text",
        payload=base64.b64encode(letter.payload).decode() if text is None else text,
    )


def _text(letter: DeadLetter) -> str | None:
    # A payload that was cut may end within a character; the few bytes of it are not worth losing the text for.
    tail = 3 if letter.size > len(letter.payload) else 0
    for cut in range(tail + 1):
        try:
            text = letter.payload[: len(letter.payload) - cut].decode()
        except UnicodeDecodeError:
            continue
        return text if all(sign.isprintable() or sign in "\t\r\n" for sign in text) else None
    return None
