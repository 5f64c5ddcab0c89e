"""What every answer has in common, and how the service shows its own state."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from api import views
from api.app import MAX_BODY_BYTES, create_app
from api.auth import Role
from tests.api.fakes import CAMERA, House, alert

# Section 3 of the public contract, as far as it is built, and what was added to it.
DOCUMENTED = {
    ("post", "/api/v1/chargers/{site}/{shed}/{device}/ports/{port}/cut"),
    ("get", "/api/v1/cuts"),
    ("get", "/api/v1/cuts/{cut_id}"),
    ("get", "/api/v1/sheds"),
    ("get", "/api/v1/sheds/{site}/{shed}"),
    ("get", "/api/v1/history"),
    ("get", "/api/v1/alerts"),
    ("get", "/api/v1/alerts/{alert_id}"),
    ("get", "/api/v1/alerts/{alert_id}/log"),
    ("get", "/api/v1/alerts/{alert_id}/evidence/{name}"),
    ("get", "/api/v1/alerts/load"),
    ("post", "/api/v1/alerts/{alert_id}/acknowledge"),
    ("post", "/api/v1/alerts/{alert_id}/comment"),
    ("post", "/api/v1/alerts/{alert_id}/assign"),
    ("post", "/api/v1/alerts/{alert_id}/shelve"),
    ("post", "/api/v1/alerts/{alert_id}/unshelve"),
    ("post", "/api/v1/alerts/{alert_id}/out-of-service"),
    ("post", "/api/v1/alerts/{alert_id}/false-alarm"),
    ("post", "/api/v1/alerts/{alert_id}/close"),
    ("get", "/api/v1/cameras/{site}/{shed}/{camera}/snapshot.jpg"),
    ("get", "/api/v1/cameras/{site}/{shed}/{camera}/live"),
    ("get", "/api/v1/events"),
    ("get", "/api/v1/dead-letters"),
    ("get", "/api/v1/dead-letters/journal"),
    ("post", "/api/v1/dead-letters/replay"),
    ("post", "/api/v1/dead-letters/delete"),
    ("get", "/api/v1/dead-letters/{letter}"),
    ("post", "/api/v1/dead-letters/{letter}/replay"),
    ("delete", "/api/v1/dead-letters/{letter}"),
    ("get", "/api/v1/me"),
    ("post", "/login"),
    ("post", "/logout"),
    ("get", "/healthz"),
    ("get", "/api/v1/proofs"),
    ("get", "/api/v1/alerts/limits"),
    ("post", "/api/v1/alerts/acknowledge"),
    ("post", "/api/v1/proofs"),
    ("get", "/readyz"),
    ("get", "/metrics"),
}


@pytest.fixture
def document(client: TestClient) -> Any:
    return client.get("/openapi.json").json()


def test_every_documented_route_exists(document: Any) -> None:
    """The OpenAPI document lists exactly the routes of the contract that are built."""
    found = {(method, path) for path, operations in document["paths"].items() for method in operations}

    assert found == DOCUMENTED


def test_every_reference_of_the_document_leads_somewhere(document: Any) -> None:
    """No schema is named that the document does not hold, and none is FastAPI's own error."""
    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))

    assert named <= set(document["components"]["schemas"])
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert document["components"]["schemas"]["Alert"]["properties"]["state"]["$ref"].endswith("AlarmState")


def test_every_operation_is_described(document: Any) -> None:
    """Each operation has a sentence about it, and each guarded one its security and its 401."""
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["description"]
            if path.startswith("/api/v1"):
                assert operation["security"]
                assert "401" in operation["responses"]


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/api/v1/sheds", views.Sheds),
        ("/api/v1/sheds/cuiping-beili/shed-1", views.ShedDetail),
        ("/api/v1/alerts", views.AlertPage),
        ("/api/v1/alerts/a1/log", views.AlertLog),
        ("/readyz", views.ServiceView),
    ],
)
def test_answers_have_their_documented_shape(home: House, client: TestClient, path: str, shape: type) -> None:
    """What is sent can be read back as what the document promises."""
    home.desk.put(alert("a1"))

    assert msgspec.json.decode(client.get(path, headers=home.bearer()).content, type=shape)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1/sheds/", 404),
        ("POST", "/api/v1/alerts/a1/shelve", 404),
        ("DELETE", "/api/v1/alerts/a1", 405),
        ("POST", "/api/v1/sheds", 405),
    ],
)
def test_what_is_not_there(home: House, client: TestClient, method: str, path: str, status: int) -> None:
    """Unknown addresses and methods are problems like every error."""
    answer = client.request(method, path, headers=home.bearer(Role.ADMIN))

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["detail"]


def test_the_unforeseen_tells_nothing(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error nobody thought of is a 500 with the number it has in the log, and nothing of its inside."""

    def fail() -> None:
        raise RuntimeError("the password is 1234")

    monkeypatch.setattr(home.desk, "open_alerts", fail)
    client = TestClient(create_app(home.deps), raise_server_exceptions=False)

    with capture_logs() as logs:
        answer = client.get("/api/v1/sheds", headers=home.bearer())

    assert [(line["event"], line["incident"]) for line in logs] == [("unhandled error", answer.json()["incident"])]
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert re.fullmatch(r"[0-9a-f]{12}", answer.json()["incident"])
    assert "1234" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/sheds", "/api/v1/nothing", "/openapi.json"])
def test_every_answer_is_guarded(client: TestClient, path: str) -> None:
    """Browsers are told to run only what is ours, frame nothing and keep nothing, whatever was asked."""
    headers = client.get(path).headers

    assert "default-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


def test_other_sites_get_no_leave_to_read(home: House, client: TestClient) -> None:
    """There is no CORS: no header lets a page of another origin read an answer."""
    answer = client.get("/api/v1/sheds", headers={**home.bearer(), "Origin": "https://evil.example"})

    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("declared", [True, False])
def test_a_huge_body_is_refused(home: House, client: TestClient, declared: bool) -> None:
    """A body over the limit is refused, whether its length is told before or not."""
    body = b'{"note":"' + b"x" * MAX_BODY_BYTES + b'"}'

    answer = client.post(
        "/api/v1/alerts/a1/comment",
        content=body if declared else iter([body[:40_000], body[40_000:]]),
        headers={**home.bearer(Role.OPERATOR), "Content-Type": "application/json"},
    )

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "/healthz",
        "/api/v1/sheds",
        "/api/v1/events",
        "/api/v1/cameras/cuiping-beili/shed-1/cam-1/live",
        "/api/v1/cameras/cuiping-beili/shed-1/cam-1/snapshot.jpg",
    ],
)
def test_head(home: House, client: TestClient, path: str) -> None:
    """HEAD answers as GET would, without a body; streams do not begin."""
    home.pictures.put(CAMERA, home.clock.now_ms())

    answer = client.head(path, headers=home.bearer())

    assert answer.status_code == 200
    assert answer.content == b""
    assert client.head(path.replace("v1/", "v1/x"), headers=home.bearer()).content == b""


def test_alive(client: TestClient) -> None:
    """The process answers without a credential."""
    assert client.get("/healthz").json() == {"status": "ok"}


def test_ready(home: House, client: TestClient) -> None:
    """Ready while nothing is down, with the state of each part; what is said about it is for those who may know."""
    home.health.parts = {"store": ("ok", ""), "broker": ("degraded", "reconnecting to 10.0.0.5")}
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["dependencies"]["broker"] == {"state": "degraded", "detail": ""}

    home.health.parts["broker"] = ("down", "no route to 10.0.0.5")
    assert client.get("/readyz").status_code == 503
    answer = client.get("/readyz", headers=home.bearer())

    assert answer.status_code == 503
    assert answer.json()["dependencies"]["broker"] == {"state": "down", "detail": "no route to 10.0.0.5"}


def figures(text: str) -> dict[tuple[str, str], float]:
    """Samples by name and first label."""
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_figures(home: House, client: TestClient) -> None:
    """Prometheus reads our own figures, those of the other parts, and what is on the desk."""
    home.desk.put(alert("a1"))
    client.get("/api/v1/alerts/a1", headers=home.bearer())
    client.get("/api/v1/alerts/other", headers=home.bearer())

    answer = client.get("/metrics", headers=home.bearer())
    found = figures(answer.text)

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert found["shedwatch_readings_total", ""] == 7
    assert found["shedwatch_refused_total", "not JSON"] == 2
    assert found["shedwatch_outbox_depth", ""] == 3
    assert found["shedwatch_open_alerts", "critical"] == 1
    assert found["shedwatch_dependency_state", "store"] == 1
    assert 'route="/api/v1/alerts/{alert_id}",status="404"' in answer.text
    assert 'route="/api/v1/alerts/other"' not in answer.text


@pytest.mark.parametrize(
    ("host", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.7"}, 401),
        ("127.0.0.1", {"Forwarded": "for=203.0.113.7"}, 401),
        ("203.0.113.7", {}, 401),
    ],
)
def test_figures_without_a_token_stay_on_this_machine(
    home: House, host: str, headers: dict[str, str], status: int
) -> None:
    """A program on this machine needs no token; a proxy on it that asks for someone else does."""
    client = TestClient(create_app(home.deps), client=(host, 5000))

    assert client.get("/metrics", headers=headers).status_code == status
