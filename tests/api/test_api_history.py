"""Series over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.fakes import CHARGER, SENSOR, House

PATH = "/api/v1/history"
QUERY = {"device": "cuiping-beili/shed-1/c1", "port": "3", "field": "power_w", "from": "0", "to": "3600000"}


def ask(home: House, client: TestClient, **changes: str | None) -> Any:
    query = {name: value for name, value in {**QUERY, **changes}.items() if value is not None}
    return client.get(PATH, params=query, headers=home.bearer())


def test_points_with_their_unit(home: House, client: TestClient) -> None:
    """A series is its unit and its points; one minute and the mean are the defaults."""
    home.store.points = [(0, 180.0), (60_000, 182.5)]

    answer = ask(home, client)

    assert answer.json() == {"unit": "W", "points": [[0, 180.0], [60_000, 182.5]]}
    assert home.store.asked == [(CHARGER, 3, "power_w", 0, 3_600_000, 60, "mean")]


def test_times_may_be_rfc_3339(home: House, client: TestClient) -> None:
    """A time with an offset is the moment it names."""
    ask(home, client, **{"from": "2026-11-23T08:00:00+08:00", "to": "2026-11-23T00:10:00Z"})

    assert home.store.asked[0][3:5] == (1_795_392_000_000, 1_795_392_600_000)


def test_a_blank_port_is_the_device_itself(home: House, client: TestClient) -> None:
    """Left blank, a parameter is not given."""
    ask(home, client, port="", agg="", field="voltage_v")

    assert home.store.asked == [(CHARGER, None, "voltage_v", 0, 3_600_000, 60, "mean")]


def test_words_come_as_indices_with_their_list(home: House, client: TestClient) -> None:
    """The series of a word is readable without knowing our registry, and has no mean."""
    home.store.points = [(0, 2)]

    answer = ask(home, client, field="state").json()

    assert answer["values"][2] == "charging"
    assert home.store.asked[0][-1] == "last"
    assert ask(home, client, field="state", agg="mean").status_code == 422


def test_a_count_has_no_unit(home: House, client: TestClient) -> None:
    """How many values there were is a bare number, whatever was counted."""
    assert ask(home, client, agg="count").json()["unit"] == ""
    assert "values" not in ask(home, client, field="state", agg="count").json()


def test_a_sensor_has_the_unit_of_its_kind(home: House, client: TestClient) -> None:
    """A sensor's `value` has the unit of what it measures; a smoke head's has none."""
    answer = ask(home, client, device=str(SENSOR), port=None, field="value")

    assert answer.json()["unit"] == ""


@pytest.mark.parametrize(
    ("changes", "status", "parameter", "says"),
    [
        ({"field": "watts"}, 422, "field", "power_w"),
        ({"field": None}, 422, "field", "required"),
        ({"device": "c1"}, 422, "device", "site/shed/device"),
        ({"port": "0"}, 422, "port", "greater"),
        ({"port": "5"}, 422, "port", "1 to 4"),
        ({"port": "x"}, 422, "port", "integer"),
        ({"device": str(SENSOR)}, 422, "port", "no ports"),
        ({"from": "2026-11-23T08:00:00"}, 422, "from", "offset"),
        ({"from": None}, 422, "from", "required"),
        ({"to": "0"}, 422, "to", "later"),
        ({"agg": "median"}, 422, "agg", "mean"),
        ({"every_s": "-1"}, 422, "every_s", "greater"),
        ({"every_s": "1", "to": "86400000"}, 422, "every_s", "give 9 or more"),
        ({"every_s": "0", "to": "86400000"}, 422, "every_s", "6 hours"),
    ],
)
def test_what_cannot_be_asked(
    home: House, client: TestClient, changes: dict[str, str | None], status: int, parameter: str, says: str
) -> None:
    """Each mistake is named with its parameter and what is allowed, and the store is not bothered with it."""
    answer = ask(home, client, **changes)

    assert answer.status_code == status
    assert answer.json()["errors"][0]["parameter"] == parameter
    assert says in answer.json()["detail"]
    assert home.store.asked == []


def test_the_points_allowed_are_allowed(home: House, client: TestClient) -> None:
    """The interval that a refusal proposes is accepted."""
    assert ask(home, client, every_s="9", to="86400000").status_code == 200


def test_an_unknown_device(home: House, client: TestClient) -> None:
    """A device that is not configured does not exist."""
    answer = ask(home, client, device="cuiping-beili/shed-1/c9")

    assert answer.status_code == 404
    assert "cuiping-beili/shed-1/c9" in answer.json()["detail"]


def test_a_store_that_is_gone(home: House, client: TestClient) -> None:
    """The store's trouble is 503 with a time to come back, without its insides."""
    home.store.down = True

    answer = ask(home, client)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["type"] == "urn:shedwatch:problem:store-unavailable"
    assert "telemetry.db" not in answer.text
