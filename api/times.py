"""Times as callers write them: epoch milliseconds or RFC 3339 with an offset."""

from __future__ import annotations

import re

from api.problems import bad_parameter
from ingest.contract import WireError, parse_ts

_EPOCH_MS = re.compile(r"[0-9]{1,15}")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_LOST_PLUS = re.compile(r"(:\d\d(?:\.\d{1,9})?) (\d\d:\d\d)$")
_ALLOWED = "give epoch milliseconds, or RFC 3339 with an offset as in 2026-11-23T08:00:00+08:00"


def parse_time(text: str, name: str) -> int:
    """Epoch milliseconds of the time in parameter `name`.

    An offset's `+` that was not written as `%2B` arrives as a space; as nothing else can stand there, it is read as `+`.

    Raises:
        Problem: 422 that names the parameter; also for a time without offset, which is never taken for local time.
    """
    if _EPOCH_MS.fullmatch(text):
        return int(text)
    whole = _LOST_PLUS.sub(r"\1+\2", text)
    if not _RFC3339.fullmatch(whole):
        raise bad_parameter(name, f"{text[:40]!r} is not a time; {_ALLOWED}")
    try:
        moment = parse_ts(whole.upper())
    except (WireError, OverflowError):
        raise bad_parameter(name, f"{text[:40]!r} is not a time of any calendar; {_ALLOWED}") from None
    if moment is None or moment < 0:
        raise bad_parameter(name, f"{text[:40]!r} is before 1970")
    return moment
