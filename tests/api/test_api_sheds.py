"""Sheds as the API shows them."""

from __future__ import annotations

from starlette.testclient import TestClient

from alerts.model import Severity
from api.app import hub_of
from tests.api.fakes import House, alert, reading


def test_all_sheds(home: House, client: TestClient) -> None:
    hub_of(client.app).notify_readings(
        [reading(home.clock, 1, state="charging", power_w=182.4), reading(home.clock, 2, state="idle")]
    )
    home.desk.put(alert("a1", severity=Severity.HIGH))

    answer = client.get("/api/v1/sheds", headers=home.bearer()).json()

    assert answer["server_ts"] == home.clock.now_ms()
    first, second = answer["sheds"]
    assert first["ports"] == {
        "total": 4,
        "idle": 1,
        "plugged": 0,
        "charging": 1,
        "float": 0,
        "full": 0,
        "fault": 0,
        "off": 0,
        "unknown": 2,
    }
    assert first["power_w"] == 182.4
    assert first["worst"] == "high"
    assert second["worst"] is None
