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
