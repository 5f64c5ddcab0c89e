"""A person's access is taken back on the command line while the service runs, and counts at once."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import httpx2
import pytest

from tests.journeys.service import Service

pytestmark = [pytest.mark.servers, pytest.mark.slow]


def token(service: Service, *words: str) -> str:
    """What `shedwatch token` prints."""
    command = [sys.executable, "-m", "shedwatch", "token", *words, "-c", str(service.config)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_revoked_token_is_refused_with_the_next_request_and_open_pages_end(tmp_path, mosquitto):
    """The person's own, and nobody else's."""
    with Service(tmp_path, mosquitto.url, vision={"enabled": False}) as service:
        gone = token(service, "--role", "operator", "--name", "Li Wei").splitlines()[-1]
        headers = {"Authorization": f"Bearer {gone}"}
        ended = threading.Event()

        def follow() -> None:
            with httpx2.stream("GET", f"{service.url}/api/v1/events", headers=headers, timeout=30.0) as events:
                for _ in events.iter_bytes():
                    pass
            ended.set()

        follower = threading.Thread(target=follow, daemon=True)
        follower.start()
        assert httpx2.get(f"{service.url}/api/v1/sheds", headers=headers).status_code == 200
        time.sleep(1.0)
        assert not ended.is_set()

        listed = token(service, "list")
        assert "Li Wei" in listed
        assert gone not in listed
        assert token(service, "revoke", "--name", "Li Wei") == "Revoked 2: Li Wei (operator).\n"

        assert httpx2.get(f"{service.url}/api/v1/sheds", headers=headers).status_code == 401
        assert ended.wait(6.0)
        assert service.get("/sheds")
