"""A Mosquitto as it is deployed: the shipped configuration with its ports and folders moved, certificates and accounts made
by what is shipped for that."""

from __future__ import annotations

import getpass
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from shedwatch.settings import MqttSettings
from tests.servers import Mosquitto, free_port

DEPLOY = Path(__file__).parents[1] / "deploy" / "mosquitto"
SITES = [
    {
        "id": "north",
        "sheds": [
            {
                "id": "shed-1",
                "chargers": [{"id": "c1", "ports": 12}, {"id": "c2", "ports": 10}],
                "sensors": [{"id": "smoke-1", "kind": "smoke"}],
                "cameras": [{"id": "cam-1"}],
            }
        ],
    }
]


class SecuredBus(Mosquitto):
    """`port` is that of the service's listener, `tls_port` that of the devices'. `passwords`: device to password."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.tls_port = free_port()
        self.local = folder / "local"
        self.config = folder / "shedwatch.yaml"
        self.uncommented: list[str] = []
        folder.mkdir()
        self.configure()
        subprocess.run([DEPLOY / "make-certificates", self.local, "localhost", "127.0.0.1"], check=True)
        self.passwords = self.broker_config()

    def configure(self, **sections: object) -> None:
        """Write the configuration with further sections."""
        self.config.write_text(yaml.safe_dump({"sites": SITES, **sections}))

    def broker_config(self, *arguments: str) -> dict[str, str]:
        """Run `shedwatch broker-config`; the new passwords it shows."""
        command = [
            sys.executable,
            "-m",
            "shedwatch",
            "broker-config",
            "-c",
            self.config,
            "--out",
            self.local,
            *arguments,
        ]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return dict(line.split(" ") for line in done.stdout.splitlines())

    def service(self) -> str:
        """The service's address, with its login."""
        settings = MqttSettings(
            url=f"mqtt://shedwatch@127.0.0.1:{self.port}", password_file=self.local / "service.password"
        )
        return settings.full_url(settings.url)

    def device(self, name: str, password: str | None = None) -> str:
        """A device's address, with its login and the CA."""
        secret = self.passwords[name] if password is None else password
        return f"mqtts://{name.replace('/', '%2F')}:{secret}@localhost:{self.tls_port}?ca={self.local / 'ca.pem'}"

    def _configuration(self) -> str:
        text = (DEPLOY / "mosquitto.conf").read_text()
        for line in self.uncommented:
            assert f"\n# {line}\n" in text
            text = text.replace(f"\n# {line}\n", f"\n{line}\n")
        text = re.sub(r"^listener 1883$", f"listener {self.port} 127.0.0.1", text, flags=re.MULTILINE)
        text = re.sub(r"^listener 8883$", f"listener {self.tls_port} 127.0.0.1", text, flags=re.MULTILINE)
        text = text.replace("/mosquitto/config/local", str(self.local)).replace("/mosquitto/data", str(self._folder))
        return f"user {getpass.getuser()}\n{text}"


@pytest.fixture
def secured_bus(tmp_path: Path) -> Iterator[SecuredBus]:
    """A running one."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed; tools/install-servers installs it")
    bus = SecuredBus(tmp_path / "bus")
    bus.start()
    yield bus
    bus.stop()
