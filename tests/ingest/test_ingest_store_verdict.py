"""From a server's answer to what is done: the table of all answers that InfluxDB 1.x, 2.x, 3, Cloud and others give.

The bodies are those of the servers' sources and documentation; only those of 1.6.7 were also heard from a real one.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.store.remote import Answer
from ingest.store.verdict import Action, explain, judge

PARSE_1X = '{"error":"partial write: unable to parse \'bad line here\': invalid field format dropped=0"}'
CONFLICT_1X = (
    '{"error":"partial write: field type conflict: input field \\"temp\\" on measurement \\"charger\\" is type string, '
    'already exists as type float dropped=1"}'
)
RETENTION_1X = '{"error":"partial write: points beyond retention policy dropped=1"}'
PARSE_2X = '{"code":"invalid","message":"unable to parse \'bad line here\': invalid field format"}'
CONFLICT_2X = (
    '{"code":"unprocessable entity","message":"failure writing points to database: partial write: '
    'field type conflict: input field \\"temp\\" on measurement \\"charger\\" is type string dropped=1"}'
)
PARTIAL_3 = (
    '{"error":"partial write of line protocol occurred","data":[{"original_line":"bad","line_number":2,'
    '"error_message":"invalid column type for column \'temp\', expected iox::column_type::field::float"}]}'
)
PARTIAL_3_AS_500 = '{"error":"partial write of line protocol occurred"}'
TABLE = [
    ("stored", Answer(204), Action.ACCEPTED),
    ("stored, said otherwise", Answer(200), Action.ACCEPTED),
    ("stored, with a harmless body", Answer(200, "{}"), Action.ACCEPTED),
    ("Serverless, partly stored", Answer(201, PARTIAL_3), Action.REFUSED),
    ("a page instead of a database", Answer(200, "<html>Log in</html>"), Action.HOLD),
    ("1.x cannot parse", Answer(400, PARSE_1X), Action.REFUSED),
    ("1.x type conflict", Answer(400, CONFLICT_1X), Action.REFUSED),
    ("1.x too old", Answer(400, RETENTION_1X), Action.REFUSED),
    ("2.x cannot parse", Answer(400, PARSE_2X), Action.REFUSED),
    ("2.x type conflict", Answer(422, CONFLICT_2X), Action.REFUSED),
    ("3 at /write", Answer(400, PARTIAL_3), Action.REFUSED),
    ("3 at /api/v2/write", Answer(500, PARTIAL_3_AS_500), Action.REFUSED),
    ("redirected", Answer(302), Action.HOLD),
    ("wrong token", Answer(401, '{"code":"unauthorized","message":"unauthorized access"}'), Action.HOLD),
    ("token may not write", Answer(403, '{"code":"forbidden","message":"insufficient permissions"}'), Action.HOLD),
    ("no such bucket", Answer(404, '{"code":"not found","message":"bucket \\"t\\" not found"}'), Action.HOLD),
    ("1.6 without the v2 path", Answer(404, "404 page not found\n"), Action.HOLD),
    ("another service", Answer(405), Action.HOLD),
    ("too large", Answer(413, '{"code":"request too large","message":"points batch is too large"}'), Action.TOO_LARGE),
    ("too many", Answer(429, "", 3.0), Action.WAIT),
    ("overloaded", Answer(503, "", 7.0), Action.WAIT),
    ("starting", Answer(503), Action.WAIT),
    ("inner trouble", Answer(500, '{"code":"internal error","message":"timeout"}'), Action.WAIT),
    ("proxy without server", Answer(502, "<html>Bad Gateway</html>"), Action.WAIT),
    ("proxy waited in vain", Answer(504), Action.WAIT),
    ("no answer", Answer(0, "Cannot connect to host"), Action.WAIT),
]


@pytest.mark.parametrize(("answer", "action"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_each_answer_has_its_verdict(answer: Answer, action: Action) -> None:
    """The whole table."""
    assert judge(answer).action is action


@pytest.mark.parametrize("body", [PARSE_1X, CONFLICT_1X, RETENTION_1X, PARSE_2X, CONFLICT_2X, PARTIAL_3])
def test_known_complaints_are_about_lines(body: str) -> None:
    """What names lines is believed at once; anything else could be about the request."""
    assert judge(Answer(400, body)).about_lines
    assert not judge(Answer(400, "The plain HTTP request was sent to HTTPS port")).about_lines


def test_the_server_says_how_long_to_wait() -> None:
    """Within reason; without a word it is our own back-off."""
    waits = [judge(Answer(503, "", after_s)).after_s for after_s in (None, 7.0, 86_400.0, -1.0)]

    assert waits == [None, 7.0, 60.0, 0.0]


def test_the_same_500_for_the_third_time_is_taken_for_a_bad_line() -> None:
    """InfluxDB 3 answers so for ever to a line it cannot take."""
    verdicts = [judge(Answer(500, "internal error"), same_before).action for same_before in range(3)]

    assert verdicts == [Action.WAIT, Action.WAIT, Action.REFUSED]


def test_the_reason_is_the_servers_own_in_one_short_line() -> None:
    """For the alarm and the dead letters."""
    assert explain(Answer(401, '{"code":"unauthorized","message":"unauthorized access"}')) == "401 unauthorized access"
    assert "invalid column type" in explain(Answer(400, PARTIAL_3))
    assert explain(Answer(0, "refused")) == "refused"
    assert len(explain(Answer(500, "x\n" * 10_000))) <= 500


@given(st.integers(0, 599), st.text(max_size=200), st.none() | st.floats(allow_nan=False), st.integers(min_value=0))
def test_no_answer_is_without_a_verdict(status: int, body: str, after_s: float | None, same: int) -> None:
    """And only what was confirmed counts as stored."""
    verdict = judge(Answer(status, body, after_s), same)

    assert verdict.action in Action
    assert verdict.after_s is None or 0 <= verdict.after_s <= 60
    if verdict.action is Action.ACCEPTED:
        assert 200 <= status < 300
