"""Proofs over HTTP: ordered by an operator, looked at by anyone who may look."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from alerts.proof.model import ProofError, ProofOrder, ProofUnavailableError, RefusedProofError
from api.app import create_app
from api.auth import Role
from tests.api.fakes import House

ADDRESS = "/api/v1/proofs"


def test_an_operator_has_it_proved_and_everyone_sees_how_it_stands(client: TestClient, home: House) -> None:
    """202 with how it stands; the name of the token is in the proof."""
    body = {"kinds": ["heat", "heat"], "channels": ["duty"], "siren": "cuiping-beili/shed-1"}
    answer = client.post(ADDRESS, json=body, headers=home.bearer(Role.OPERATOR))
    assert (answer.status_code, answer.headers["location"]) == (202, ADDRESS)
    assert home.proofs.orders == [ProofOrder("operator-li", ("heat",), ("duty",), "cuiping-beili/shed-1")]
    shown = client.get(ADDRESS, headers=home.bearer()).json()
    assert (shown["running"], shown["channels"], shown["next_ts"]) == (True, ["duty"], 5)


def test_without_a_body_the_channels_are_those_of_the_night(client: TestClient, home: House) -> None:
    """A press on the button."""
    assert client.post(ADDRESS, headers=home.bearer(Role.OPERATOR)).status_code == 202
    assert home.proofs.orders == [ProofOrder("operator-li")]


def test_a_viewer_cannot_have_it_proved(client: TestClient, home: House) -> None:
    """A proof rings at people."""
    assert client.post(ADDRESS, headers=home.bearer(Role.VIEWER)).status_code == 403
    assert client.post(ADDRESS).status_code == client.get(ADDRESS).status_code == 401
    assert home.proofs.orders == []


@pytest.mark.parametrize(
    ("error", "status"), [(RefusedProofError("a proof is under way"), 409), (ProofUnavailableError("no answer"), 503)]
)
def test_what_cannot_be_proved_is_said(client: TestClient, home: House, error: ProofError, status: int) -> None:
    """As a problem that says why."""
    home.proofs.error = error
    answer = client.post(ADDRESS, headers=home.bearer(Role.OPERATOR))
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert str(error) in answer.json()["detail"]


def test_what_makes_no_sense_is_refused_by_name(client: TestClient, home: House) -> None:
    """422 with the part of the body."""
    answer = client.post(ADDRESS, json={"kinds": ["flood"]}, headers=home.bearer(Role.OPERATOR))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"].startswith("kinds")


def test_a_process_without_the_alarms_says_so(home: House) -> None:
    """503."""
    with TestClient(create_app(replace(home.deps, proofs=None))) as client:
        assert client.get(ADDRESS, headers=home.bearer()).status_code == 503
