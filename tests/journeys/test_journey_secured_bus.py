"""The whole service on the bus as it is deployed: it may do all it needs, and a fire seen by a device comes through."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.journeys.service import Service
from tests.secured_bus import SITES, SecuredBus
from tests.servers import find_server

HEAD = "north/shed-1/smoke-1"


@pytest.mark.servers
@pytest.mark.slow
def test_the_service_needs_no_more_rights_than_it_has(tmp_path: Path, secured_bus: SecuredBus) -> None:
    """An alarm goes in over TLS and out as a retained topic; no password is in the service's log."""
    mqtt = {
        "url": f"mqtt://shedwatch@127.0.0.1:{secured_bus.port}",
        "password_file": str(secured_bus.local / "service.password"),
    }
    message = json.dumps({"kind": "smoke", "alarm": True})
    command = [find_server("mosquitto_pub"), "-h", "localhost", "-p", str(secured_bus.tls_port), "-q", "1", "-i", "x"]
    command += ["--cafile", str(secured_bus.local / "ca.pem"), "-u", HEAD, "-P", secured_bus.passwords[HEAD]]
    secret = (secured_bus.local / "service.password").read_text().strip()
    with Service(tmp_path, "", sites=SITES, mqtt=mqtt) as service:
        subprocess.run(
            [*command, "-t", f"sheds/{HEAD.replace('smoke', 'sensor/smoke')}/telemetry", "-m", message], check=True
        )
        alert = service.until(lambda: service.alerts(kind="smoke_sensor"), 10, "the alarm")[0]
        told = [find_server("mosquitto_sub"), "-p", str(secured_bus.port), "-u", "shedwatch", "-P", secret, "-C", "1"]
        told += ["-W", "10", "-t", f"sheds/north/shed-1/alert/{alert['id']}"]
        retained = subprocess.run(told, check=True, capture_output=True, text=True).stdout
        parts = service.client.get("/readyz").json()["dependencies"]
        log = service.log.read_text()

    assert json.loads(retained)["id"] == alert["id"]
    assert {state["state"] for name, state in parts.items() if name.startswith("mqtt")} == {"ok"}
    assert secret not in log
    assert secured_bus.passwords[HEAD] not in log
