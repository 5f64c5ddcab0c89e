"""Whatever comes in, what goes out is an answer."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from api.app import create_app
from api.auth import Role
from tests.api.fakes import House, alert, house

PLACES = (
    "/api/v1/sheds/{0}/{1}",
    "/api/v1/alerts/{0}",
    "/api/v1/alerts/{0}/log",
    "/api/v1/alerts/a1/evidence/{0}",
    "/api/v1/cameras/{0}/shed-1/{1}/snapshot.jpg",
    "/api/v1/cameras/cuiping-beili/shed-1/cam-1/snapshot.jpg",
    "/api/v1/history",
    "/api/v1/alerts",
    "/api/v1/dead-letters",
    "/api/v1/dead-letters/{0}",
    "/{0}/{1}",
)
NAMES = (
    *("device", "port", "field", "from", "to", "every_s", "agg"),
    *("state", "kind", "severity", "site", "shed", "since", "limit", "cursor", "overlay"),
    *("within", "topic", "until"),
)
RIGHT = (
    "",
    "0",
    "60",
    "1795412345678",
    "cuiping-beili/shed-1/c1",
    "power_w",
    "state",
    "all",
    "smoke",
    "shed-1",
    "at-5",
)
words = st.one_of(st.sampled_from(RIGHT), st.text(max_size=30), st.integers().map(str))


@pytest.fixture(scope="module")
def door() -> Iterator[tuple[House, TestClient]]:
    with tempfile.TemporaryDirectory() as folder:
        home = house(Path(folder))
        home.desk.put(alert("a1"))
        yield home, TestClient(create_app(home.deps))
        home.tokens.close()


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PLACES), st.tuples(words, words), st.dictionaries(st.sampled_from(NAMES), words, max_size=7))
def test_no_question_breaks_it(
    door: tuple[House, TestClient], place: str, parts: tuple[str, str], query: dict[str, str]
) -> None:
    """Any path and any query get what they ask for or a problem that says why not, never an unforeseen error."""
    home, client = door
    path = place.format(*(quote(part.encode(errors="replace"), safe="") for part in parts))
    asked = urlencode({name: value.encode(errors="replace") for name, value in query.items()})

    answer = client.get(f"{path}?{asked}", headers=home.bearer(Role.OPERATOR), follow_redirects=False)

    assert answer.status_code in (200, 404, 405, 422, 503)
    if answer.status_code != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["/login", "/api/v1/alerts/a1/comment", "/api/v1/alerts/a1/acknowledge"]),
    st.one_of(
        st.binary(max_size=60), st.sampled_from([b"null", b"[]", b'{"note": 5}', b'{"token": "\\ud800"}', b"token="])
    ),
    st.sampled_from(
        ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "x"]
    ),
)
def test_no_body_breaks_it(door: tuple[House, TestClient], path: str, body: bytes, content_type: str) -> None:
    """Any body of any type is taken or refused."""
    home, client = door
    headers = {**home.bearer(Role.OPERATOR), "Content-Type": content_type}

    answer = client.post(path, content=body, headers=headers, follow_redirects=False)

    assert answer.status_code in (200, 400, 401, 409, 422, 429)
    if answer.status_code != 200:
        assert answer.headers["content-type"] == "application/problem+json"
