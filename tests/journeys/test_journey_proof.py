"""The way from a device's message to people is proved by a real service over a real broker, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import msgspec
import pytest

from shedwatch.clock import ScaledClock
from tests.journeys.service import SITES, Service
from tests.journeys.test_journey_telemetry import now_ms

pytestmark = [pytest.mark.servers, pytest.mark.slow]

FAST = {
    "rules": {
        "over_temperature": {"off_delay_s": 1},
        "smoke": {"off_delay_s": 1},
        # No real picture comes.
        "camera_offline": {"enabled": False},
    }
}


TWO_CAMERAS = deepcopy(SITES)
TWO_CAMERAS[0]["sheds"][0]["cameras"].append({"id": "cam-2", "source": "mqtt"})


@contextmanager
def webhook(status: int = 200) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A receiver of notices that answers with `status`, and what it was told."""
    told: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", told
    finally:
        server.shutdown()
        server.server_close()


def proved(service: Service, number: int) -> list[dict[str, Any]]:
    """The proofs, once so many are finished."""

    def finished() -> list[dict[str, Any]]:
        figures = service.get("/proofs")
        return [] if figures["running"] or len(figures["items"]) < number else figures["items"]

    return service.until(finished, 240, f"{number} proofs were not finished")


def test_heat_and_smoke_are_proved_from_the_bus_to_the_receipt_and_cleared(tmp_path, mosquitto, monkeypatch):
    """Every stage is passed; the alarms say everywhere that they are tests, and nothing stays open."""
    # A minute of film in a third of it.
    monkeypatch.setenv("SHEDWATCH_CLOCK", ScaledClock(now_ms(), 3.0, time.monotonic()).spec)
    with webhook() as (url, told):
        notify = {"channels": [{"type": "webhook", "name": "duty", "url": url, "min_severity": "critical"}]}
        with Service(
            tmp_path, mosquitto.url, TWO_CAMERAS, alerts=FAST, notify=notify, vision={"workers": 2}
        ) as service:
            service.client.post("/api/v1/proofs", json={}).raise_for_status()
            again = service.client.post("/api/v1/proofs", json={})
            smoke, heat = proved(service, 2)
            load = service.get("/alerts/load")
            closed = service.alerts("closed")
            metrics = service.client.get("/metrics").text
            figures = service.get("/proofs")

        assert again.status_code == 409
        assert [(it["kind"], it["ok"]) for it in (heat, smoke)] == [("heat", True), ("smoke", True)], (heat, smoke)
        assert [stage["name"] for stage in smoke["stages"]] == [
            "published", "received", "seen", "alarm", "ledger", "mqtt", "page", "notice:duty", "cleared",
        ]  # fmt: skip
        # Each real camera is looked at by one of two processes, that of the proof by both.
        assert {it["name"]: it["detail"] for it in smoke["stages"]}["seen"].split(", ") in (
            ["vision-1", "vision-2"],
            ["vision-2", "vision-1"],
        )
        assert figures["trouble"] == ""
        assert set(figures["proven"]) == {"heat", "smoke"}
        triggers = [notice for notice in told if notice["event_action"] == "trigger"]
        assert {notice["alert"]["kind"] for notice in triggers} == {"over_temperature", "smoke"}
        assert all(notice["test"] and "测试" in notice["summary"]["zh"] for notice in told)
        assert any(notice["images"] for notice in triggers)
        assert {alert["kind"] for alert in closed if alert["test"]} == {"over_temperature", "smoke"}
        assert load["announced_24h"] == 0
        assert load["groups"] == []
        assert 'shedwatch_proof_passed_timestamp_seconds{kind="smoke"}' in metrics


def test_a_channel_that_refuses_fails_the_proof_and_is_an_alarm_that_names_the_stage(tmp_path, mosquitto):
    """What is not proved is told: `service_degraded` of the part `proof`."""
    with webhook(status=400) as (url, _told):
        notify = {"channels": [{"type": "webhook", "name": "duty", "url": url}]}
        with Service(tmp_path, mosquitto.url, alerts=FAST, notify=notify, vision={"enabled": False}) as service:
            answer = service.client.post("/api/v1/proofs", json={"kinds": ["smoke"]})
            told = subprocess.run(
                [sys.executable, "-m", "shedwatch", "prove", "-c", str(service.config), "--kinds", "heat"],
                env={**os.environ, "SHEDWATCH_TOKEN": service.token},
                capture_output=True,
                text=True,
                check=False,
            )
            (heat,) = proved(service, 1)
            assert answer.status_code == 409
            assert told.returncode == 1, told.stderr
            assert "heat: NOT PROVEN" in told.stdout
            assert "notice:duty" in told.stdout
            failed = {stage["name"]: stage["error"] for stage in heat["stages"] if stage["error"]}
            assert list(failed) == ["notice:duty"]
            alarm = service.until(
                lambda: [it for it in service.alerts(kind="service_degraded") if it["device"] == "proof"],
                60,
                "no alarm",
            )[0]
            assert "notice:duty" in alarm["message"]["en"]
