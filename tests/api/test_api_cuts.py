"""Cutting power over HTTP: ordered by an operator, followed by anyone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from alerts.cutoff.model import CutError, CutUnavailableError, RefusedCutError, UnknownPortError
from api.app import create_app
from api.auth import Role
from tests.api.fakes import SHED, SITE, House

ADDRESS = f"/api/v1/chargers/{SITE}/{SHED}/c1/ports/3/cut"


def test_a_cut_is_accepted_and_can_be_followed(client: TestClient, home: House) -> None:
    """202 with an id and where to look."""
    answer = client.post(ADDRESS, json={"note": "smoke", "alert_id": "a1"}, headers=home.bearer(Role.OPERATOR))
    assert answer.status_code == 202
    begun = answer.json()
    assert (begun["state"], begun["port"], begun["who"], begun["reason"]) == ("requested", 3, "operator-li", "smoke")
    assert answer.headers["location"] == f"/api/v1/cuts/{begun['id']}"
    assert client.get(answer.headers["location"], headers=home.bearer()).json()["log"][0]["state"] == "requested"
    assert [cut["id"] for cut in client.get("/api/v1/cuts", headers=home.bearer()).json()["items"]] == [begun["id"]]


def test_a_viewer_cannot_cut(client: TestClient, home: House) -> None:
    """Looking is not switching."""
    assert client.post(ADDRESS, headers=home.bearer(Role.VIEWER)).status_code == 403
    assert client.post(ADDRESS).status_code == 401
    assert home.cuts.cuts == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UnknownPortError("charger c1 has ports 1 to 12, not 64"), 404),
        (RefusedCutError("a person must order the second shed"), 409),
        (CutUnavailableError("no answer"), 503),
    ],
)
def test_what_cannot_be_done_is_said(client: TestClient, home: House, error: CutError, status: int) -> None:
    """As a problem that says what to do."""
    home.cuts.error = error
    answer = client.post(ADDRESS, headers=home.bearer(Role.OPERATOR))
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_there_is_no_cut_that_was_not_ordered(client: TestClient, home: House) -> None:
    """404."""
    assert client.get("/api/v1/cuts/nothing", headers=home.bearer()).status_code == 404


def test_a_service_that_cannot_cut_says_so(home: House) -> None:
    """So that somebody walks to the breaker."""
    with TestClient(create_app(replace(home.deps, cuts=None))) as client:
        assert client.post(ADDRESS, headers=home.bearer(Role.OPERATOR)).status_code == 503
