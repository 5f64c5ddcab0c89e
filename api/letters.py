"""The shapes of what is told about dead letters, and how a letter is shown: as text where it is text, and as bytes."""

from __future__ import annotations

import base64
from typing import Literal

import msgspec

from ingest.model import DeadLetter
from ingest.store.dead_letters import JournalEntry, SourceCount

# A list shows so much of each; one letter is shown whole.
LISTED_BYTES = 4096


class DeadLetterView(msgspec.Struct, frozen=True):
    """A refused message: the beginning of its payload as text, or as base64 where it is not text.

    `device`: `site/shed/device` as far as its topic says so. `unkept`: how many like it before were only counted,
    because the device sent too many. `whole`: all of the payload is kept. `waiting`: it is to be taken again.
    """

    id: int
    received_ts: int
    topic: str
    reason: str
    size: int
    encoding: Literal["text", "base64"]
    payload: str
    kind: str
    device: str | None
    unkept: int
    whole: bool
    tries: int
    tried_ts: int | None
    waiting: bool


class SourceView(msgspec.Struct, frozen=True):
    """How much of one device is refused: letters that are kept, and what was only counted."""

    device: str | None
    letters: int
    unkept: int


class DeadLetterPage(msgspec.Struct, frozen=True):
    """Refused messages, newest first. `total`: how many match; `sources`: who sends most of all that is refused."""

    items: list[DeadLetterView]
    total: int
    next: str | None
    sources: list[SourceView]


class DeadLetterDetail(msgspec.Struct, frozen=True):
    """One refused message with all that is kept of its payload: as text (null where it is none) and as hexadecimal bytes."""

    letter: DeadLetterView
    text: str | None
    hex: str


class Replayed(msgspec.Struct, frozen=True):
    """What came of a replay. `waiting`: not done yet; the service does it as soon as it can."""

    outcome: Literal["stored", "refused", "waiting"]
    reason: str = ""


class LettersWanted(msgspec.Struct, frozen=True):
    """How many letters will be taken again."""

    wanted: int


class LettersDeleted(msgspec.Struct, frozen=True):
    """How many letters are gone."""

    deleted: int


class JournalView(msgspec.Struct, frozen=True):
    """What someone did to a letter, and what came of it."""

    ts: int
    who: str
    action: str
    letter: int
    topic: str
    outcome: str


class DeadLetterJournal(msgspec.Struct, frozen=True):
    """What was done to letters, newest first."""

    items: list[JournalView]


def listed(letter: DeadLetter) -> DeadLetterView:
    """A letter as one of a list."""
    payload = letter.payload[:LISTED_BYTES]
    text = text_of(payload, cut=len(payload) < letter.size)
    return DeadLetterView(
        id=letter.id,
        received_ts=letter.received_ms,
        topic=letter.topic,
        reason=letter.reason,
        size=letter.size,
        encoding="base64" if text is None else "text",
        payload=base64.b64encode(payload).decode() if text is None else text,
        kind=letter.kind,
        device=letter.source or None,
        unkept=letter.unkept,
        whole=letter.whole,
        tries=letter.tries,
        tried_ts=letter.tried_ms,
        waiting=letter.wanted_by is not None,
    )


def detailed(letter: DeadLetter) -> DeadLetterDetail:
    """A letter with everything."""
    return DeadLetterDetail(listed(letter), text_of(letter.payload, cut=not letter.whole), letter.payload.hex(" "))


def source_view(found: SourceCount) -> SourceView:
    """A source as it is told."""
    return SourceView(found.source or None, found.letters, found.unkept)


def journal_view(entry: JournalEntry) -> JournalView:
    """An entry of the journal as it is told."""
    return JournalView(*entry)


def text_of(payload: bytes, *, cut: bool) -> str | None:
    """The payload as text, None where it is none.

    A payload that was `cut` may end within a character; the few bytes of it are not worth losing the text for.
    """
    for short in range(4 if cut else 1):
        try:
            text = payload[: len(payload) - short].decode()
        except UnicodeDecodeError:
            continue
        return text if all(sign.isprintable() or sign in "\t\r\n" for sign in text) else None
    return None
