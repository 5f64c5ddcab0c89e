"""The service as four processes does what it does as one, and one of them may die without the others."""

from __future__ import annotations

import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from tests.journeys.service import Service
from tests.journeys.test_journey_telemetry import TELEMETRY, charging, now_ms, power, publish, publish_file

pytestmark = [pytest.mark.servers, pytest.mark.slow]


def test_four_processes_store_alarm_show_and_take_orders(tmp_path, mosquitto):
    """Readings reach the store and the alarms, an acknowledgement goes from the API to the alarms and into the ledger."""
    service = Service(tmp_path, mosquitto.url)
    logs = {part: (tmp_path / f"{part}.log").open("wb") for part in ("ingest", "alerts", "vision")}
    others = [
        subprocess.Popen(
            [sys.executable, "-m", "shedwatch", "run", "-c", str(service.config), "--only", part],
            stdout=logs[part],
            stderr=subprocess.STDOUT,
            env={**os.environ, "SHEDWATCH_PARENT": str(os.getpid())},
        )
        for part in logs
    ]
    try:
        service.start("--only", "api")
        start = now_ms()

        def stored() -> bool:
            publish(mosquitto, TELEMETRY, charging(now_ms(), 400, temperature_c=96.0))
            return bool(power(service, start, now_ms() + 1000)) and bool(service.alerts(kind="over_temperature"))

        service.until(stored, 40, "nothing arrived through the four processes")
        (alert,) = service.alerts(kind="over_temperature")
        acknowledged = service.post(f"/alerts/{alert['id']}/acknowledge", note="on my way")
        assert (acknowledged["state"], acknowledged["acknowledged_by"]) == ("acknowledged", "journey")
        log = service.get(f"/alerts/{alert['id']}/log")["items"]
        assert log[0]["action"] == "raise"
        assert log[-1]["note"] == "on my way"

        jpeg = tmp_path / "picture.jpg"
        jpeg.write_bytes(cv2.imencode(".jpg", np.full((120, 160, 3), 90, np.uint8))[1].tobytes())
        publish_file(mosquitto, "sheds/north/shed-1/camera/cam-1/frame", jpeg)
        service.until(
            lambda: service.client.get("/api/v1/cameras/north/shed-1/cam-1/snapshot.jpg").status_code == 200,
            10,
            "the picture did not arrive",
        )
        # Who is still importing what it needs is ended by the signal itself.
        service.until(
            lambda: all(b"service started" in (tmp_path / f"{part}.log").read_bytes() for part in logs),
            60,
            "a process did not start",
        )
        for process in others:
            process.terminate()
        assert [process.wait(20) for process in others] == [0, 0, 0]
    finally:
        service.stop()
        service.client.close()
        for process in others:
            process.kill()
            process.wait()
        for log_file in logs.values():
            log_file.close()
