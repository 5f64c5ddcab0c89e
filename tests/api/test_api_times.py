"""Times as callers write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.problems import Problem
from api.times import parse_time

moments = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2200, 1, 1))
offsets = st.integers(min_value=-14 * 60, max_value=14 * 60)


@given(st.integers(min_value=0, max_value=10**15 - 1))
def test_epoch_milliseconds_are_taken_as_they_are(ms: int) -> None:
    """A whole number is milliseconds, whatever its size."""
    assert parse_time(str(ms), "from") == ms


@given(moments, offsets)
def test_rfc_3339_with_any_offset(moment: datetime, minutes: int) -> None:
    """One moment is one number, in whatever offset it is written."""
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)
    expected = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    there = moment.astimezone(timezone(timedelta(minutes=minutes)))

    assert parse_time(there.isoformat(), "from") == expected
    assert parse_time(moment.isoformat().replace("+00:00", "z"), "from") == expected


@given(moments, st.integers(min_value=0, max_value=14 * 60))
def test_a_plus_lost_in_the_query_is_found_again(moment: datetime, minutes: int) -> None:
    """An offset whose `+` arrived as a space is read as what it was."""
    text = moment.replace(tzinfo=timezone(timedelta(minutes=minutes))).isoformat()

    assert parse_time(text.replace("+", " "), "to") == parse_time(text, "to")


@given(st.text(max_size=40))
def test_anything_else_is_refused_by_name(text: str) -> None:
    """Whatever text comes, the answer is a time or a problem that names the parameter."""
    refusal: Problem | None = None
    try:
        moment = parse_time(text, "since")
    except Problem as problem:
        refusal = problem

    if refusal is None:
        assert moment >= 0
    else:
        assert refusal.status == 422
        assert refusal.members["errors"][0]["parameter"] == "since"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T08:00:00",
        "2026-11-23",
        "2026-11-23T08:00+08:00",
        "20261123T080000+0800",
        "2026-W48-1T08:00:00+08:00",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-11-23T08:00:61Z",
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
        "-5",
        "1e3",
        "٣",
        "",
        "now",
        "1795412345678.5",
    ],
)
def test_what_is_no_time(text: str) -> None:
    """No offset, no calendar, another format, before the epoch: refused, never guessed."""
    with pytest.raises(Problem):
        parse_time(text, "from")
