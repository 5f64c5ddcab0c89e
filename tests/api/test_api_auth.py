"""Tokens, sessions, and who may do what."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.auth import CACHE_S, SESSION_S, Principal, Role, TokenBook, TokenBookError
from api.guard import COOKIE
from api.problems import Problem
from api.routes.alerts import _ORDERS
from api.throttle import FAILURES, WINDOW_S, Throttle
from shedwatch.clock import ManualClock
from tests.api.fakes import House, alert, house

OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def book(tmp_path: Path, clock: ManualClock) -> Iterator[TokenBook]:
    made = TokenBook(tmp_path / "new" / "tokens.db", clock)
    yield made
    made.close()


def test_a_token_tells_who_holds_it(book: TokenBook) -> None:
    """A token made before anything else exists is known by its name and role."""
    token = book.create("Li Wei", Role.OPERATOR)

    assert token.startswith("sw_")
    assert len(token) > 40
    assert book.verify(token) == Principal("Li Wei", Role.OPERATOR)
    assert book.verify(token + "x") is None


def test_the_file_holds_no_token(book: TokenBook, tmp_path: Path) -> None:
    """Who reads the file can use nothing of it, and only its owner may read it."""
    token = book.create("Li Wei", Role.ADMIN)
    session = book.open_session(token)
    assert session is not None
    book.close()

    kept = b"".join(path.read_bytes() for path in (tmp_path / "new").iterdir())

    assert token.encode() not in kept
    assert session.encode() not in kept
    assert stat.S_IMODE((tmp_path / "new" / "tokens.db").stat().st_mode) == 0o600


def test_another_process_revokes(book: TokenBook, tmp_path: Path, clock: ManualClock) -> None:
    """A revocation elsewhere is seen at once, by tokens and by the sessions they began."""
    token = book.create("Li Wei", Role.VIEWER)
    session = book.open_session(token)
    assert session is not None
    assert book.session(session) == Principal("Li Wei", Role.VIEWER)
    assert book.verify(token) is not None

    other = TokenBook(tmp_path / "new" / "tokens.db", clock)
    assert other.revoke(other.list()[0].id)
    assert not other.revoke(other.list()[0].id)
    other.close()

    assert book.verify(token) is None
    assert book.session(session) is None
    assert book.open_session(token) is None


def test_another_process_creates(book: TokenBook, tmp_path: Path, clock: ManualClock) -> None:
    """A token that another process makes while this one runs is good at once."""
    other = TokenBook(tmp_path / "new" / "tokens.db", clock)
    token = other.create("Wang Fang", Role.VIEWER)
    other.close()

    assert book.verify(token) == Principal("Wang Fang", Role.VIEWER)


def test_a_session_ends(book: TokenBook, clock: ManualClock) -> None:
    """A session ends by itself after its time, and at once when it is closed."""
    token = book.create("Li Wei", Role.VIEWER)
    first, second = book.open_session(token), book.open_session(token)
    assert first is not None
    assert second is not None

    book.close_session(first)
    assert book.session(first) is None
    assert book.session(second) is not None
    clock.advance(SESSION_S)

    assert book.session(second) is None


def test_who_is_in_stays_in_while_the_file_is_in_trouble(book: TokenBook, clock: ManualClock) -> None:
    """A disk that fails does not darken the screens, but lets nobody new in."""
    known, other = book.create("Li Wei", Role.VIEWER), book.create("Wang Fang", Role.VIEWER)
    assert book.verify(known) is not None
    book._reader.close()
    clock.advance(CACHE_S)

    assert book.verify(known) == Principal("Li Wei", Role.VIEWER)
    with pytest.raises(TokenBookError):
        book.verify(other)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 81])
def test_a_name_is_fit_for_a_log(book: TokenBook, name: str) -> None:
    """Names that could not stand in a line of the log are refused."""
    with pytest.raises(ValueError, match="1 to 80 printable"):
        book.create(name, Role.VIEWER)


def test_a_broken_file_is_told(tmp_path: Path) -> None:
    """A file that is no token book gives the error of this module."""
    path = tmp_path / "tokens.db"
    path.write_bytes(b"not a database, and long enough to be read as one" * 40)

    with pytest.raises(TokenBookError, match=r"tokens\.db"):
        TokenBook(path)


GETS = (
    "/api/v1/sheds",
    "/api/v1/sheds/cuiping-beili/shed-1",
    "/api/v1/history?device=cuiping-beili/shed-1/c1&field=voltage_v&from=0&to=60000",
    "/api/v1/alerts",
    "/api/v1/alerts/a1",
    "/api/v1/alerts/a1/log",
    "/api/v1/alerts/a1/evidence/a.jpg",
    "/api/v1/cameras/cuiping-beili/shed-1/cam-1/snapshot.jpg",
    "/api/v1/cameras/cuiping-beili/shed-1/cam-1/live",
    "/api/v1/events",
    "/api/v1/dead-letters",
    "/api/v1/dead-letters/1",
    "/api/v1/dead-letters/journal",
    "/api/v1/me",
)
POSTS = tuple(f"/api/v1/alerts/a1/{verb}" for verb in _ORDERS)


@pytest.mark.parametrize("method_path", [*(("GET", path) for path in GETS), *(("POST", path) for path in POSTS)])
def test_nothing_without_a_credential(client: TestClient, method_path: tuple[str, str]) -> None:
    """Every route of the API asks who it is, and says how to answer."""
    answer = client.request(*method_path, json={"note": "x"})

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == 'Bearer realm="shedwatch"'
    wrong = client.request(*method_path, headers={"Authorization": "Bearer sw_wrong"}, json={"note": "x"})
    assert wrong.status_code == 401
    assert 'error="invalid_token"' in wrong.headers["www-authenticate"]


@pytest.mark.parametrize("path", [*POSTS, "GET /api/v1/dead-letters"])
@pytest.mark.parametrize("role", list(Role))
def test_orders_need_an_operator(home: House, client: TestClient, path: str, role: Role) -> None:
    """A viewer sees; operators and admins also act and read what was refused."""
    home.desk.put(alert("a1"))
    method, _, place = path.rpartition(" ")

    answer = client.request(
        method or "POST", place, headers=home.bearer(role), json={"note": "seen"} if not method else None
    )

    if role is Role.VIEWER:
        assert answer.status_code == 403
        assert 'scope="operator"' in answer.headers["www-authenticate"]
        assert answer.json()["type"] == "urn:shedwatch:problem:forbidden"
    elif path.endswith(("/acknowledge", "/comment")) or method:
        assert answer.status_code == 200
    else:
        # The door is open; what the order lacks is another matter.
        assert answer.status_code in (409, 422)


def test_me(home: House, client: TestClient) -> None:
    """The caller learns who they are to the service."""
    answer = client.get("/api/v1/me", headers=home.bearer(Role.OPERATOR))

    assert answer.json() == {"name": "operator-li", "role": "operator", "via": "token"}


def test_a_browser_logs_in_and_out(home: House, client: TestClient) -> None:
    """A token is changed for a cookie that scripts and other sites cannot use; logging out ends it."""
    answer = client.post("/login", json={"token": home.token[Role.OPERATOR]}, headers=OURS)

    assert answer.json() == {"name": "operator-li", "role": "operator", "via": "session"}
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/" in cookie
    assert "secure" not in cookie
    assert client.get("/api/v1/me").json()["via"] == "session"

    session = client.cookies[COOKIE]
    assert client.post("/logout", headers=OURS).status_code == 204
    client.cookies.set(COOKIE, session)

    assert client.get("/api/v1/me").status_code == 401


def test_behind_https_the_cookie_is_secure(tmp_path: Path) -> None:
    """Where people reach the service over HTTPS the cookie and the browser keep to it."""
    home = house(tmp_path, "https://sheds.example")
    with TestClient(create_app(home.deps)) as client:
        answer = client.post("/login", json={"token": home.token[Role.VIEWER]})

        assert "secure" in answer.headers["set-cookie"].lower()
        assert "max-age" in answer.headers["strict-transport-security"]
    home.tokens.close()


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("/sheds/a?x=1", "/sheds/a?x=1"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nSet-Cookie: x", "/"),
    ],
)
def test_a_form_goes_on_to_our_own_pages_only(home: House, client: TestClient, asked: str, given: str) -> None:
    """After logging in from a form, `next` leads nowhere but to this service."""
    answer = client.post(
        "/login", data={"token": home.token[Role.VIEWER], "next": asked}, headers=OURS, follow_redirects=False
    )

    assert answer.status_code == 303
    assert answer.headers["location"] == given


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://testserver"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
def test_a_foreign_page_cannot_order(home: House, client: TestClient, headers: dict[str, str], status: int) -> None:
    """A cookie counts for orders only when the browser says that our own page sent them."""
    home.desk.put(alert("a1"))
    client.post("/login", json={"token": home.token[Role.OPERATOR]}, headers=OURS)

    assert client.post("/api/v1/alerts/a1/acknowledge", headers=headers).status_code == status


def test_a_foreign_page_cannot_log_in_or_out(home: House, client: TestClient) -> None:
    """Neither can another site put someone into a session of its choice, nor end theirs."""
    foreign = {"Origin": "https://evil.example"}

    assert client.post("/login", json={"token": home.token[Role.VIEWER]}, headers=foreign).status_code == 403
    assert client.post("/logout", headers=foreign).status_code == 403


def test_guessing_is_slowed_down(home: House, client: TestClient) -> None:
    """After some failures an address must wait, even with a right token, and is told how long."""
    for _ in range(FAILURES):
        assert client.post("/login", json={"token": "sw_guess"}).status_code == 401

    answer = client.post("/login", json={"token": home.token[Role.ADMIN]})

    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= WINDOW_S


def test_the_brake_lets_go_by_itself() -> None:
    """Failures count for their window, for their own address."""
    clock = ManualClock()
    throttle = Throttle(clock.monotonic)
    for _ in range(FAILURES):
        throttle.failed("203.0.113.7")
    with pytest.raises(Problem):
        throttle.check("203.0.113.7")
    throttle.check("203.0.113.8")

    clock.advance(WINDOW_S)

    throttle.check("203.0.113.7")


def test_an_unreadable_book_is_503(home: House, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """When tokens cannot be checked nobody gets in, and nobody is told that their token is wrong."""

    def fail(token: str) -> Principal | None:
        raise TokenBookError(f"tokens.db: {sqlite3.OperationalError('disk I/O error')}")

    monkeypatch.setattr(home.tokens, "verify", fail)

    answer = client.get("/api/v1/sheds", headers=home.bearer())

    assert answer.status_code == 503
    assert "disk" not in answer.text
