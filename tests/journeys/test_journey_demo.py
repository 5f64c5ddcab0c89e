"""The demo and rehearsals as a new user runs them: real processes, nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from shedwatch.stage import free_port

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(400)]

SHEDWATCH = [sys.executable, "-m", "shedwatch"]

SHORT = """\
name: short
start: now
duration_s: 60
sites:
  - id: north
    sheds:
      - id: shed-1
        chargers: [{id: c1, ports: 10}]
        sensors: [{id: smoke-1, kind: smoke}]
faults:
  - {kind: sensor_alarm, device: north/shed-1/smoke-1, at_s: 20, until_s: 30}
expect:
  - {kind: smoke_sensor, device: north/shed-1/smoke-1, severity: critical, after_s: 20, within_s: 10}
"""


def processes_naming(text: str) -> list[str]:
    """Command lines of all processes that name something."""
    lines = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line:
            lines.append(line)
    return lines


def test_the_demo_prints_address_and_login_and_ends_with_nothing_left(tmp_path):
    """Two commands and a browser are all a newcomer needs."""
    data = tmp_path / "demo-of-this-test"
    demo = subprocess.Popen(
        [*SHEDWATCH, "demo", "--port", str(free_port()), "--data", str(data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said = ""
        began = time.monotonic()
        while "Login" not in said:
            assert demo.stdout is not None
            line = demo.stdout.readline()
            assert line, f"the demo ended: {said}"
            said += line
        assert time.monotonic() - began < 60
        url = re.search(r"http://\S+", said)
        token = re.search(r"sw_\S+", said)
        assert url is not None
        assert token is not None
        page = httpx2.get(url[0], follow_redirects=True)
        assert page.status_code == httpx2.codes.OK
        answer = httpx2.get(f"{url[0]}/api/v1/sheds", headers={"Authorization": f"Bearer {token[0]}"})
        sheds = answer.json()["sheds"]
        assert len(sheds) == 4
        assert sum(shed["ports"]["total"] for shed in sheds) == 120
        assert sum(shed["cameras"]["total"] for shed in sheds) == 5
    finally:
        demo.send_signal(signal.SIGINT)
        rest, _ = demo.communicate(timeout=60)
    assert demo.returncode == 0, rest
    assert "Traceback" not in said + rest
    assert processes_naming(str(data)) == []


def test_a_second_demo_on_the_same_port_says_so(tmp_path):
    """A taken port is no traceback."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*SHEDWATCH, "demo", "--port", port, "--data", str(tmp_path / "d")],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 2
    assert f"port {port} of 127.0.0.1 is taken" in done.stdout + done.stderr


@pytest.mark.parametrize(("suppressed", "code"), [(False, 0), (True, 1)])
def test_expectations_decide_the_exit_code(tmp_path, suppressed, code):
    """An alarm that is expected and does not come is told by exit code 1."""
    scenario = tmp_path / "short.yaml"
    scenario.write_text(SHORT)
    environ = {**os.environ, "SHEDWATCH__ALERTS__RULES__SMOKE_SENSOR__ENABLED": str(not suppressed).lower()}
    report = tmp_path / "report.xml"
    done = subprocess.run(
        [*SHEDWATCH, "simulate", str(scenario), "--expect", "--speed", "10", "--junit", str(report)],
        check=False,
        capture_output=True,
        text=True,
        env=environ,
        timeout=120,
    )

    assert done.returncode == code, done.stdout + done.stderr
    assert ("no such alarm" in done.stdout) == suppressed
    assert ("<failure" in report.read_text()) == suppressed


def test_the_first_ten_minutes_of_the_demo_alarm_as_expected_and_nothing_else_does():
    """In real processes at ten times the speed; another day at the sheds is among the scenarios, in lock-step."""
    done = subprocess.run(
        [*SHEDWATCH, "simulate", "demo.yaml", "--expect", "--speed", "10", "--seed", "1"],
        check=False,
        capture_output=True,
        text=True,
        timeout=380,
    )

    assert done.returncode == 0, done.stdout + done.stderr
