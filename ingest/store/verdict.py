"""From a server's answer to what is to be done with the lines; pure, and the whole of what is known about servers.

| answer | verdict |
|---|---|
| 204; another 2xx without complaint in its body | ACCEPTED |
| another 2xx, 400, 422 that complains | REFUSED: the bad lines are to be found by halving |
| 413 | TOO_LARGE: send less at a time |
| 401, 403, 404, redirections, other 4xx, a 2xx from something else than a database | HOLD: wrong here or there |
| 429, 503 | WAIT, as long as the server says |
| 500 with "partial write" (InfluxDB 3 to a bad line), or the same 500 for the third time | REFUSED |
| other 5xx, no answer | WAIT |
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import NamedTuple

from ingest.store.remote import Answer

SAME_ANSWERS = 3
MAX_RETRY_AFTER_S = 60.0
REASON_CHARACTERS = 500

# What InfluxDB 1.x, 2.x and 3 say where single lines are at fault, and the rest of the request is not.
_ABOUT_LINES = re.compile(
    r"partial write|unable to parse|field type conflict|retention polic|parsing failed|dropped=\d"
    r"|invalid (?:field|tag|line|number|boolean|timestamp)|missing (?:field|tag|measurement)"
    r"|max key length|time outside range|schema.{0,40}conflict|column .{0,80}type",
    re.IGNORECASE,
)


class Action(StrEnum):
    """What is to be done."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    TOO_LARGE = "too_large"
    HOLD = "hold"
    WAIT = "wait"


class Verdict(NamedTuple):
    """What an answer means.

    Attributes:
        reason: in the server's words, for people.
        about_lines: of REFUSED: the server complains of lines, not of the request.
        after_s: of WAIT: how long the server asks us to wait, else None.
    """

    action: Action
    reason: str = ""
    about_lines: bool = False
    after_s: float | None = None


def judge(answer: Answer, same_before: int = 0) -> Verdict:
    """What an answer means; `same_before` says how many times in a row the same lines have had the same answer before."""
    status = answer.status
    reason = explain(answer)
    about_lines = _ABOUT_LINES.search(answer.body) is not None
    if status == 0:
        return Verdict(Action.WAIT, reason)
    if 200 <= status < 300:
        return _judge_success(answer, reason)
    if status in (400, 422):
        return Verdict(Action.REFUSED, reason, about_lines)
    if status == 413:
        return Verdict(Action.TOO_LARGE, reason, about_lines=True)
    if status in (429, 503):
        after_s = answer.retry_after_s
        return Verdict(
            Action.WAIT, reason, after_s=None if after_s is None else min(max(after_s, 0), MAX_RETRY_AFTER_S)
        )
    if status == 500 and ("partial write" in answer.body.lower() or same_before + 1 >= SAME_ANSWERS):
        return Verdict(Action.REFUSED, reason, about_lines)
    return Verdict(Action.HOLD if status < 500 else Action.WAIT, reason)


def explain(answer: Answer) -> str:
    """Status and message of an answer, bounded."""
    message = answer.body
    decoded = _decoded(answer.body)
    if isinstance(decoded, dict):
        message = str(decoded.get("message") or decoded.get("error") or answer.body)
        details = decoded.get("data")
        if isinstance(details, list):
            message += "; " + "; ".join(str(it.get("error_message", it)) for it in details[:3] if isinstance(it, dict))
    text = " ".join(message.split())
    return (f"{answer.status} {text}".strip() if answer.status else text)[:REASON_CHARACTERS]


def _judge_success(answer: Answer, reason: str) -> Verdict:
    """A 2xx other than 204 has been an answer to lines that were dropped, and to requests that met no database."""
    if answer.status == 204 or not answer.body.strip():
        return Verdict(Action.ACCEPTED)
    decoded = _decoded(answer.body)
    if not isinstance(decoded, dict):
        return Verdict(Action.HOLD, f"this is no database's answer: {reason}")
    if any(decoded.get(key) for key in ("error", "errors", "message", "data", "dropped")):
        return Verdict(Action.REFUSED, reason, about_lines=True)
    return Verdict(Action.ACCEPTED)


def _decoded(body: str) -> object:
    try:
        decoded: object = json.loads(body)
    except ValueError:
        return None
    return decoded
