"""A charger with more ports than were written down: its readings are found among the dead letters and taken after the mend."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.journeys.service import SITES, Service
from tests.servers import Mosquitto, find_server

TOPIC = "sheds/north/shed-1/charger/c1/telemetry"


def publish(broker: Mosquitto, payload: object) -> None:
    command = [find_server("mosquitto_pub"), "-p", str(broker.port), "-q", "1", "-t", TOPIC, "-m", json.dumps(payload)]
    subprocess.run(command, check=True, timeout=10)


@pytest.mark.servers
@pytest.mark.slow
def test_after_the_mend_what_was_refused_is_history_and_rings_nowhere(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Refused at 12 ports, taken at 16, over HTTP and on the command line; the heat of then is no alarm of now."""
    then_ms = int(time.time() * 1000)
    with Service(tmp_path, mosquitto.url) as service:
        for port, at_ms in ((13, then_ms), (14, then_ms + 1), (20, then_ms + 2)):
            publish(mosquitto, {"ts": at_ms, "ports": [{"port": port, "temperature_c": 95.0, "power_w": 100.0}]})
        service.until(lambda: service.get("/dead-letters")["total"] == 3, 10, "three dead letters")
        letters = service.get("/dead-letters", kind="port", within="north/shed-1/c1")["items"]
        wrong = service.post(f"/dead-letters/{letters[0]['id']}/replay")
        service.stop()
        mended = yaml.safe_load(service.config.read_text())
        mended["sites"] = copy.deepcopy(SITES)
        mended["sites"][0]["sheds"][0]["chargers"][0]["ports"] = 16
        service.config.write_text(yaml.safe_dump(mended, allow_unicode=True))
        service.start()
        right = service.post(f"/dead-letters/{letters[-1]['id']}/replay")
        command = [sys.executable, "-m", "shedwatch", "dead-letters", "replay", "--all", "-c", str(service.config)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        history = [
            service.get(
                "/history",
                device="north/shed-1/c1",
                port=port,
                field="temperature_c",
                every_s=0,
                **{"from": then_ms - 1000, "to": then_ms + 1000},
            )["points"]
            for port in (13, 14)
        ]
        time.sleep(2.0)
        ringing = [alert["kind"] for alert in service.alerts("all")]
        left = service.get("/dead-letters")["items"]

    assert wrong["outcome"] == "refused"
    assert right == {"outcome": "stored", "reason": ""}
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "1 stored, 1 refused again, 0 waiting"), done.stderr
    assert history == [[[then_ms, 95.0]], [[then_ms + 1, 95.0]]]
    assert "over_temperature" not in ringing
    assert [(letter["tries"], "port 20" in letter["reason"]) for letter in left] == [(2, True)]
