"""Refused messages, for whoever looks after the devices: look, take again after a mend, delete."""

from __future__ import annotations

import asyncio
from typing import Annotated

import structlog
from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.guard import Admin, Operator
from api.letters import (
    DeadLetterDetail,
    DeadLetterJournal,
    DeadLetterPage,
    LettersDeleted,
    LettersWanted,
    Replayed,
    detailed,
    journal_view,
    listed,
    source_view,
)
from api.problems import bad_parameter, not_found
from api.routes.deps import BASE, BLANK, Deps
from api.schema import answers, problems
from api.times import parse_time
from api.views import json_response
from ingest.counters import RefusalKind
from ingest.model import ID_PATTERN
from ingest.store.dead_letters import LetterQuery
from ingest.store.letter_book import LetterBook

# A replay takes milliseconds in one process, up to a second where another process has to notice it.
REPLAY_WAIT_S = 4.0
_LOOK_EVERY_S = 0.05

router = APIRouter(prefix=f"{BASE}/dead-letters", tags=["dead letters"])
_log = structlog.get_logger(__name__)

_ID = ID_PATTERN.pattern
_Within = Annotated[
    Annotated[str, StringConstraints(pattern=f"^{_ID}(/{_ID}){{0,2}}$")] | None,
    BLANK,
    Query(description="`site`, `site/shed` or `site/shed/device`"),
]
_Part = Annotated[
    Annotated[str, StringConstraints(max_length=200)] | None, BLANK, Query(description="A part of the topic")
]
_Time = Annotated[str | None, BLANK, Query(description="Epoch ms or RFC 3339 with offset")]
_Number = Annotated[int, Path(ge=1, lt=2**63)]


class Choice(BaseModel):
    """Which letters: their ids, or everything that fits all the conditions given; without any, `all` must say so."""

    model_config = ConfigDict(extra="forbid")
    ids: Annotated[list[Annotated[int, Field(ge=1, lt=2**63)]], Field(max_length=1000)] | None = None
    within: Annotated[str, StringConstraints(pattern=f"^{_ID}(/{_ID}){{0,2}}$")] | None = None
    kind: RefusalKind | None = None
    topic: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    since: int | str | None = None
    until: int | str | None = None
    all: bool = False

    def query(self) -> LetterQuery:
        """The conditions. Raises Problem where there are none."""
        query = _query(self.within, self.kind, self.topic, _text(self.since), _text(self.until))
        if query == LetterQuery() and not self.all:
            raise bad_parameter("ids", "give ids, or a condition (within, kind, topic, since, until), or all: true")
        return query


@router.get("", responses=answers(DeadLetterPage, 422, 503))
async def dead_letters(
    _who: Operator,
    deps: Deps,
    within: _Within = None,
    kind: Annotated[RefusalKind | None, BLANK] = None,
    topic: _Part = None,
    since: _Time = None,
    until: _Time = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[str | None, BLANK, Query(description="`next` of the page before")] = None,
) -> Response:
    """Messages that were refused and match, with topic and reason, newest first."""
    query = _query(within, kind, topic, since, until)
    letters = await deps.letters.find(query, limit, _before(cursor))
    following = str(letters[-1].id) if len(letters) == limit else None
    total, sources = await asyncio.gather(deps.letters.count(query), deps.letters.sources())
    found = [source_view(source) for source in sources]
    return json_response(DeadLetterPage([listed(letter) for letter in letters], total, following, found))


@router.get("/journal", responses=answers(DeadLetterJournal, 422, 503))
async def journal(_who: Operator, deps: Deps, limit: Annotated[int, Query(ge=1, le=500)] = 100) -> Response:
    """Who had which letter taken again or deleted, and what came of it; newest first."""
    return json_response(DeadLetterJournal([journal_view(entry) for entry in await deps.letters.journal(limit)]))


@router.post("/replay", status_code=202, responses={**problems(422, 503), 202: answers(LettersWanted)[200]})
async def replay_many(who: Operator, deps: Deps, choice: Choice) -> Response:
    """Have many letters taken again. Goes on by itself; those that stay were refused again, with their new reason."""
    wanted = await deps.letters.want(await _chosen(deps.letters, choice), who.name)
    _log.info("dead letters wanted", letters=wanted, who=who.name)
    return json_response(LettersWanted(wanted), 202)


@router.post("/delete", responses=answers(LettersDeleted, 422, 503))
async def delete_many(who: Admin, deps: Deps, choice: Choice) -> Response:
    """Delete many letters for good."""
    deleted = await deps.letters.remove(await _chosen(deps.letters, choice), who.name)
    _log.info("dead letters deleted", letters=deleted, who=who.name)
    return json_response(LettersDeleted(deleted))


@router.get("/{letter}", responses=answers(DeadLetterDetail, 404, 422, 503))
async def dead_letter(letter: _Number, _who: Operator, deps: Deps) -> Response:
    """One refused message, with all that is kept of its payload as text and as bytes."""
    found = await deps.letters.get(letter)
    if found is None:
        raise _no_letter(letter)
    return json_response(detailed(found))


@router.post("/{letter}/replay", responses=answers(Replayed, 404, 422, 503))
async def replay(letter: _Number, who: Operator, deps: Deps) -> Response:
    """Take a message again, as one of the time it came at: it fills history and rings nowhere."""
    before = await deps.letters.get(letter)
    if before is None or not await deps.letters.want([letter], who.name):
        raise _no_letter(letter)
    _log.info("dead letter wanted", letter=letter, who=who.name)
    return json_response(await _outcome(deps.letters, letter))


@router.delete("/{letter}", responses=answers(LettersDeleted, 404, 422, 503))
async def delete(letter: _Number, who: Admin, deps: Deps) -> Response:
    """Delete a refused message for good."""
    if not await deps.letters.remove([letter], who.name):
        raise _no_letter(letter)
    _log.info("dead letters deleted", letters=1, who=who.name)
    return json_response(LettersDeleted(1))


async def _chosen(letters: LetterBook, choice: Choice) -> list[int]:
    return choice.ids if choice.ids is not None else await letters.ids(choice.query())


async def _outcome(letters: LetterBook, letter: int) -> Replayed:
    for _ in range(round(REPLAY_WAIT_S / _LOOK_EVERY_S)):
        now = await letters.get(letter)
        if now is None:
            return Replayed("stored")
        if now.wanted_by is None:
            return Replayed("refused", now.reason)
        await asyncio.sleep(_LOOK_EVERY_S)
    return Replayed("waiting")


def _query(
    within: str | None, kind: RefusalKind | None, topic: str | None, since: str | None, until: str | None
) -> LetterQuery:
    return LetterQuery(
        within,
        None if kind is None else str(kind),
        topic,
        None if since is None else parse_time(since, "since"),
        None if until is None else parse_time(until, "until"),
    )


def _text(time: int | str | None) -> str | None:
    return None if time is None else str(time)


def _no_letter(letter: int) -> Exception:
    return not_found(f"There is no dead letter {letter}; it may have been taken, deleted, or made room for newer ones.")


def _before(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise bad_parameter("cursor", "was not given by this service; begin without one")
    return int(cursor)
