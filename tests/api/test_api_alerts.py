"""Alerts over HTTP."""

from __future__ import annotations

import msgspec
import pytest
from starlette.testclient import TestClient

from alerts.desk import AlertQuery
from alerts.model import AlarmState, AlertKind, Severity
from api.auth import Role
from tests.api.fakes import JPEG, SHED, SITE, House, alert

ALERT_FIELDS = [
    "id",
    "kind",
    "severity",
    "site",
    "shed",
    "device",
    "port",
    "zone",
    "state",
    "active",
    "raised_ts",
    "acknowledged_ts",
    "acknowledged_by",
    "cleared_ts",
    "closed_ts",
    "shelved_until_ts",
    "count",
    "value",
    "threshold",
    "unit",
    "message",
    "evidence",
    "related",
    "cause",
]


def test_an_alert_has_every_field_of_the_contract(home: House, client: TestClient) -> None:
    """The alert object shows all its fields, those without a value as null."""
    home.desk.put(alert("a1"))

    answer = client.get("/api/v1/alerts/a1", headers=home.bearer()).json()

    assert set(ALERT_FIELDS) <= set(answer)
    assert answer["message"] == {"zh": "发现烟雾", "en": "Smoke seen"}
    assert answer["acknowledged_ts"] is None


def test_the_list_is_of_open_alerts(home: House, client: TestClient) -> None:
    """Without a filter the open alerts come, newest first."""
    home.desk.put(alert("a1"))
    home.desk.put(alert("a2", state=AlarmState.NORMAL, active=False, closed_ts=1_795_400_100_000))
    home.desk.put(alert("a3", kind=AlertKind.FLAME))

    answer = client.get("/api/v1/alerts", headers=home.bearer()).json()

    assert [item["id"] for item in answer["items"]] == ["a3", "a1"]
    assert answer["next"] is None


def test_every_filter_reaches_the_desk(home: House, client: TestClient) -> None:
    """All parameters are passed on, times as milliseconds."""
    query = {
        "state": "all",
        "kind": "smoke",
        "severity": "critical",
        "site": "cuiping-beili",
        "shed": "shed-1",
        "since": "2026-11-23T08:00:00+08:00",
        "limit": "7",
        "cursor": "at-0",
    }

    client.get("/api/v1/alerts", params=query, headers=home.bearer())

    expected = AlertQuery(
        "all", AlertKind.SMOKE, Severity.CRITICAL, "cuiping-beili", "shed-1", 1_795_392_000_000, 7, "at-0"
    )
    assert home.desk.queries == [expected]


def test_blank_filters_are_no_filters(home: House, client: TestClient) -> None:
    """A form sends what was left blank; it filters nothing."""
    query = "state=open&kind=&severity=&site=&shed=&since=&cursor="

    assert client.get(f"/api/v1/alerts?{query}", headers=home.bearer()).status_code == 200
    assert home.desk.queries == [AlertQuery()]


def test_pages_follow_one_another(home: House, client: TestClient) -> None:
    """Following `next` to the end gives every alert once."""
    for number in range(5):
        home.desk.put(alert(f"a{number}"))
    seen, cursor = [], None
    while True:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = client.get("/api/v1/alerts", params=query, headers=home.bearer()).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break

    assert seen == ["a4", "a3", "a2", "a1", "a0"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"state": "new"}, "state"),
        ({"kind": "fire"}, "kind"),
        ({"severity": "worst"}, "severity"),
        ({"site": "Nope!"}, "site"),
        ({"since": "yesterday"}, "since"),
        ({"limit": "0"}, "limit"),
        ({"limit": "501"}, "limit"),
        ({"cursor": "forged"}, "cursor"),
    ],
)
def test_wrong_filters_are_named(home: House, client: TestClient, query: dict[str, str], parameter: str) -> None:
    """A filter that cannot match anything by mistake is refused by name, not answered with an empty list."""
    answer = client.get("/api/v1/alerts", params=query, headers=home.bearer())

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["parameter"] == parameter


@pytest.mark.parametrize("path", ["a9", "a9/log", "a9/evidence/a.jpg"])
def test_an_unknown_alert(home: House, client: TestClient, path: str) -> None:
    """An id that no alert has is 404."""
    assert client.get(f"/api/v1/alerts/{path}", headers=home.bearer()).status_code == 404


def test_acknowledging_is_logged_with_who(home: House, client: TestClient) -> None:
    """An acknowledgement changes the alert and stands in its log under the token's name."""
    home.desk.put(alert("a1"))

    answer = client.post(
        "/api/v1/alerts/a1/acknowledge", json={"note": " on my way "}, headers=home.bearer(Role.OPERATOR)
    )
    log = client.get("/api/v1/alerts/a1/log", headers=home.bearer()).json()["items"]

    assert answer.json()["state"] == "acknowledged"
    assert answer.json()["acknowledged_by"] == "operator-li"
    assert [line["action"] for line in log] == ["raise", "acknowledge"]
    assert (log[1]["who"], log[1]["note"], log[1]["from_state"], log[1]["to_state"]) == (
        "operator-li",
        "on my way",
        "unacknowledged",
        "acknowledged",
    )


def test_an_acknowledgement_needs_no_body(home: House, client: TestClient) -> None:
    """One press is enough."""
    home.desk.put(alert("a1"))

    assert client.post("/api/v1/alerts/a1/acknowledge", headers=home.bearer(Role.OPERATOR)).status_code == 200


def test_what_the_state_does_not_allow(home: House, client: TestClient) -> None:
    """An order that comes too late is refused with the reason."""
    home.desk.put(alert("a1", state=AlarmState.ACKNOWLEDGED))

    answer = client.post("/api/v1/alerts/a1/acknowledge", headers=home.bearer(Role.OPERATOR))

    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("already acknowledged by")


def test_a_comment(home: House, client: TestClient) -> None:
    """A comment stands in the log; an empty one says nothing and is refused."""
    home.desk.put(alert("a1"))
    path, who = "/api/v1/alerts/a1/comment", home.bearer(Role.OPERATOR)

    assert client.post(path, json={"note": "steam from the kitchen"}, headers=who).status_code == 200
    assert home.desk.kept[-1].transition.note == "steam from the kitchen"
    for body in ({"note": "  "}, {}, {"note": "x" * 2001}, {"note": "x", "close": True}):
        assert client.post(path, json=body, headers=who).status_code == 422
    assert client.post(path, content=b"{", headers=who).status_code == 422


def test_a_ledger_that_is_gone(home: House, client: TestClient) -> None:
    """The ledger's trouble is 503 and says that alarms still sound."""
    home.desk.down = True

    answer = client.get("/api/v1/alerts", headers=home.bearer())

    assert answer.status_code == 503
    assert "still sound" in answer.json()["detail"]
    assert "ledger.db" not in answer.text


def test_evidence(home: House, client: TestClient) -> None:
    """A picture is given only through an alert that it belongs to, and never from elsewhere on the disk."""
    (home.evidence / "a1-1.jpg").write_bytes(JPEG)
    (home.evidence / "other.jpg").write_bytes(JPEG)
    (home.evidence.parent / "secret.jpg").write_bytes(b"secret")
    names = ("a1-1.jpg", "gone.jpg", "../secret.jpg", "..%2fsecret.jpg")
    home.desk.put(msgspec.structs.replace(alert("a1"), evidence=names))

    def get(name: str) -> tuple[int, bytes]:
        answer = client.get(f"/api/v1/alerts/a1/evidence/{name}", headers=home.bearer())
        return answer.status_code, answer.content

    assert get("a1-1.jpg") == (200, JPEG)
    for name in ("other.jpg", "gone.jpg", "../secret.jpg", "..%2fsecret.jpg", "..%252fsecret.jpg"):
        status, content = get(name)
        assert status == 404
        assert content != b"secret"


@pytest.mark.parametrize(
    ("verb", "body", "state"),
    [
        ("shelve", {"minutes": 5, "note": "steam"}, "shelved"),
        ("assign", {"assignee": "chen"}, "unacknowledged"),
        ("out-of-service", {"minutes": 60, "note": "works"}, "unacknowledged"),
        ("false-alarm", {"cause": "headlights"}, "acknowledged"),
    ],
)
def test_every_order_has_its_address(
    home: House, client: TestClient, verb: str, body: dict[str, object], state: str
) -> None:
    """The log names who gave it."""
    home.desk.put(alert("a1"))

    answer = client.post(f"/api/v1/alerts/a1/{verb}", json=body, headers=home.bearer(Role.OPERATOR))

    assert (answer.status_code, answer.json()["state"]) == (200, state)
    assert home.desk.kept[-1].transition.who == "operator-li"
    assert client.post(f"/api/v1/alerts/a1/{verb}", json=body, headers=home.bearer()).status_code == 403


def test_an_outage_is_allowed_by_someone_else(home: House, client: TestClient) -> None:
    """The asker is told so; the other's order needs nothing but itself."""
    home.desk.put(alert("a1"))
    path, body = "/api/v1/alerts/a1/out-of-service", {"minutes": 60, "note": "works"}
    client.post(path, json=body, headers=home.bearer(Role.OPERATOR))

    again = client.post(path, json=body, headers=home.bearer(Role.OPERATOR))
    allowed = client.post(path, headers=home.bearer(Role.ADMIN)).json()

    assert again.status_code == 409
    assert "another person" in again.json()["detail"]
    assert (allowed["state"], allowed["aside"]["by"], allowed["aside"]["approved_by"]) == (
        "out_of_service",
        "operator-li",
        "admin-li",
    )
    back = client.post("/api/v1/alerts/a1/unshelve", headers=home.bearer(Role.OPERATOR)).json()
    assert (back["state"], back["aside"]) == ("unacknowledged", None)


def test_an_order_out_of_its_bounds_is_refused_by_the_name_of_its_part(home: House, client: TestClient) -> None:
    """With what may stand there, so that it can be mended."""
    home.desk.put(alert("a1"))

    answer = client.post(
        "/api/v1/alerts/a1/shelve", json={"minutes": 60, "note": "x"}, headers=home.bearer(Role.OPERATOR)
    )

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"] == [
        {"parameter": "minutes", "detail": "between 1 and 5 for this alert (smoke, critical)"}
    ]
    for body in ({"minutes": 1.5, "note": "x"}, {"minutes": "5", "note": "x"}, {"minutes": True, "note": "x"}):
        assert client.post("/api/v1/alerts/a1/shelve", json=body, headers=home.bearer(Role.OPERATOR)).status_code == 422


def test_an_active_alert_is_not_closed(home: House, client: TestClient) -> None:
    """409 says what to do instead."""
    home.desk.put(alert("a1"))

    answer = client.post("/api/v1/alerts/a1/close", headers=home.bearer(Role.OPERATOR))

    assert answer.status_code == 409
    assert "acknowledge it" in answer.json()["detail"]


def test_the_load(home: House, client: TestClient) -> None:
    """Figures and groups; no alert is called `load`."""
    now_ms = home.clock.now_ms()
    for number in range(12):
        home.desk.put(alert(f"a{number}", device=f"cam-{number}", raised_ts=now_ms))

    load = client.get("/api/v1/alerts/load", headers=home.bearer()).json()

    assert (load["announced_10min"], load["flood"], load["standing"]) == (12, True, 12)
    assert [(group["kind"], group["count"]) for group in load["groups"]] == [("smoke", 12)]


GROUP = {"site": SITE, "shed": SHED, "kind": "over_power", "seen_ts": 1_795_400_000_000}


def test_a_group_is_acknowledged_as_it_was_seen(client: TestClient, home: House) -> None:
    """One kind in one shed; what was raised later, tests, and what somebody has in hand stay as they are."""
    for alert_id, changes in {
        "a1": {},
        "a2": {"state": AlarmState.RETURNED_UNACKNOWLEDGED, "active": False},
        "late": {"raised_ts": GROUP["seen_ts"] + 1},
        "other-kind": {"kind": AlertKind.OVER_CURRENT},
        "other-shed": {"shed": "shed-2"},
        "shelved": {"state": AlarmState.SHELVED},
        "test": {"test": True},
    }.items():
        home.desk.put(alert(alert_id, **{"kind": AlertKind.OVER_POWER, "severity": Severity.MEDIUM, **changes}))
    answer = client.post(
        "/api/v1/alerts/acknowledge", json=GROUP | {"note": "all seen"}, headers=home.bearer(Role.OPERATOR)
    )
    assert answer.status_code == 200
    assert sorted(answer.json()["acknowledged"]) == ["a1", "a2"]
    assert [one["id"] for one in answer.json()["left_out"]] == ["late"]
    waiting = {one.id for one in home.desk.alerts.values() if one.state is AlarmState.UNACKNOWLEDGED}
    assert waiting == {"late", "other-kind", "other-shed", "test"}
    assert home.desk.alerts["a1"].acknowledged_by == "operator-li"
    assert home.desk.kept[-1].transition.note == "all seen"


def test_fire_is_not_acknowledged_by_the_group_and_viewers_acknowledge_nothing(client: TestClient, home: House) -> None:
    """Somebody has to look at each."""
    home.desk.put(alert("a1"))
    fire = GROUP | {"kind": "smoke"}
    assert client.post("/api/v1/alerts/acknowledge", json=fire, headers=home.bearer(Role.OPERATOR)).status_code == 409
    assert client.post("/api/v1/alerts/acknowledge", json=GROUP, headers=home.bearer()).status_code == 403
    assert (
        client.post("/api/v1/alerts/acknowledge", json={"site": SITE}, headers=home.bearer(Role.OPERATOR)).status_code
        == 422
    )
    assert home.desk.alerts["a1"].state is AlarmState.UNACKNOWLEDGED
