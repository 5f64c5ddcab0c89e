"""A real `shedwatch run` as a child process on private ports, for the journeys."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2
import yaml

from api.auth import TokenBook
from shedwatch.stage import free_port

SITES: list[dict[str, Any]] = [
    {
        "id": "north",
        "name": {"zh": "北苑", "en": "North Court"},
        "sheds": [
            {
                "id": "shed-1",
                "name": {"zh": "1号车棚", "en": "Shed 1"},
                "chargers": [{"id": "c1", "ports": 12}, {"id": "c2", "ports": 10}],
                "sensors": [{"id": "smoke-1", "kind": "smoke"}],
                "cameras": [{"id": "cam-1", "source": "mqtt"}],
            }
        ],
    }
]


class Service:
    """`with Service(folder, mqtt_url) as service:`; `get`, `post` speak to its API as an operator."""

    def __init__(self, folder: Path, mqtt_url: str, sites: list[dict[str, Any]] | None = None, **sections: Any) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = folder / "shedwatch.yaml"
        self.log = folder / "service.log"
        settings = {
            "sites": sites or SITES,
            "mqtt": {"url": mqtt_url},
            "api": {"host": "127.0.0.1", "port": self.port},
            **sections,
        }
        self.config.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
        (folder / "data").mkdir(exist_ok=True)
        self.token = TokenBook(folder / "data" / "auth.db").create("journey", "operator")
        self.client = httpx2.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=10.0)
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Service:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.client.close()

    def start(self, *arguments: str) -> None:
        """Start it and wait until it is ready."""
        self.launch(*arguments)
        self.until(self.ready, 40.0, "the service was not ready")

    def launch(self, *arguments: str) -> None:
        """Start it."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "shedwatch", "run", "-c", str(self.config), *arguments],
                stdout=output,
                stderr=output,
                env={**os.environ, "SHEDWATCH_PARENT": str(os.getpid())},
                start_new_session=True,
            )

    def ready(self) -> bool:
        """Whether it answers 200 on /readyz."""
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.client.get("/readyz").status_code == httpx2.codes.OK
        except httpx2.HTTPError:
            return False

    def kill(self) -> None:
        """kill -9, as a power cut would."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end; its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def get(self, path: str, **params: Any) -> Any:
        """JSON of a GET below /api/v1."""
        answer = self.client.get(f"/api/v1{path}", params=params)
        assert answer.status_code == httpx2.codes.OK, answer.text
        return answer.json()

    def post(self, path: str, **body: Any) -> Any:
        """JSON of a POST below /api/v1."""
        answer = self.client.post(f"/api/v1{path}", json=body)
        assert answer.status_code == httpx2.codes.OK, answer.text
        return answer.json()

    def alerts(self, state: str = "open", **filters: Any) -> list[dict[str, Any]]:
        """Alerts of a state."""
        items: list[dict[str, Any]] = self.get("/alerts", state=state, **filters)["items"]
        return items

    @staticmethod
    def until(condition: Any, limit_s: float, complaint: str) -> Any:
        """What `condition()` gives once it is true."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            if result := condition():
                return result
            time.sleep(0.05)
        raise AssertionError(f"{complaint} within {limit_s} s")
