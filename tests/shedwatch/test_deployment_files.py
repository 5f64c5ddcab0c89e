"""The files people deploy with are valid and fit the code."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from shedwatch.settings import Settings

ROOT = Path(__file__).parents[2]


def test_the_compose_file_names_the_three_services_and_settings_that_exist():
    """Broker, store, service; and no environment variable that means nothing."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())

    assert set(compose["services"]) == {"mosquitto", "influxdb", "shedwatch"}
    for variable in compose["services"]["shedwatch"]["environment"]:
        prefix, section, *key = variable.split("__")
        assert prefix == "SHEDWATCH"
        field = Settings.model_fields[section.lower()]
        if key:
            assert key[0].lower() in field.annotation.model_fields


def test_every_file_the_compose_file_mounts_exists_or_is_made_by_hand():
    """What is made by hand is ignored by git and not sent to the builder, for it is secret."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    mounted = [volume.split(":")[0] for service in compose["services"].values() for volume in service["volumes"]]
    by_hand = {"./shedwatch.yaml", "./deploy/mosquitto/local"}

    assert all((ROOT / path).exists() for path in mounted if path.startswith("./") and path not in by_hand)
    for ignore in (".gitignore", ".dockerignore"):
        assert {"deploy/mosquitto/local", "deploy/mosquitto/local-ca"} <= {
            line.strip("/") for line in (ROOT / ignore).read_text().splitlines()
        }


def test_no_port_is_open_to_the_world_but_that_of_devices():
    """Which asks for TLS and a password."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    ports = [port for service in compose["services"].values() for port in service["ports"]]

    assert [port for port in ports if not port.startswith("127.0.0.1:")] == ["8883:8883"]


def test_docker_compose_accepts_the_compose_file():
    """`docker compose config` is the judge where it is installed."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if (
            shutil.which(command[0])
            and subprocess.run([*command, "version"], check=False, capture_output=True).returncode == 0
        ):
            done = subprocess.run([*command, "config", "-q"], check=False, cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            return
    pytest.skip("neither `docker compose` nor `docker-compose` is installed here")


def test_every_file_the_dockerfile_copies_exists():
    """A renamed folder would otherwise be noticed at the next deployment only."""
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY "):
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
