"""A service with InfluxDB beside its embedded store: what the control room sees while that takes nothing."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.journeys.service import Service
from tests.servers import Mosquitto
from tests.store_servers import TOKEN, InfluxTwo, running

pytestmark = [pytest.mark.servers, pytest.mark.slow]

TELEMETRY = "sheds/north/shed-1/charger/c1/telemetry"


def publish(mosquitto: Mosquitto, moments: range) -> None:
    lines = "".join(json.dumps({"ts": at, "ports": [{"port": 1, "power_w": 182.4}]}) + "\n" for at in moments)
    command = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(mosquitto.port), "-q", "1", "-t", TELEMETRY, "-l"]
    subprocess.run(command, input=lines.encode(), check=True, timeout=60)


def test_a_refused_token_is_an_alarm_and_nothing_is_missing_after_it_is_mended(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """Meanwhile history and readiness are as ever; a new token in the file counts without a restart."""
    (tmp_path / "token").write_text("an-old-token")
    begun = time.time_ns() // 1_000_000 - 10_000
    with running(InfluxTwo(tmp_path / "db")) as influx:
        store = {"url": influx.url, "token_file": "token"}
        with Service(tmp_path, mosquitto.url, store=store) as service:
            publish(mosquitto, range(begun, begun + 200))
            told = service.until(
                lambda: [it for it in service.alerts(kind="service_degraded") if it["device"] == "store-remote"],
                30,
                "nothing was told of the refused token",
            )
            history = service.get(
                "/history",
                device="north/shed-1/c1",
                port=1,
                field="power_w",
                every_s=0,
                **{"from": begun, "to": begun + 1000},
            )
            waiting = service.client.get("/metrics").text
            (tmp_path / "token").write_text(TOKEN)
            service.until(
                lambda: len(influx.influxd.query('SELECT power_w FROM "port"')) == 200, 30, "the lines did not arrive"
            )
            service.until(
                lambda: service.client.get("/readyz").json()["dependencies"]["store-remote"]["state"] == "ok",
                30,
                "the store was not seen to work again",
            )

    assert "401" in told[0]["message"]["en"]
    assert "token" not in told[0]["message"]["en"]
    assert len(history["points"]) == 200
    assert "store_outbox_lines 200" in waiting
    assert "store_remote_up 0" in waiting
