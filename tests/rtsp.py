"""A real RTSP camera for tests: GStreamer's server on a private port, which can fall silent, go and come back."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.servers import free_port

PYTHON = "/usr/bin/python3"  # Debian's own; the bindings are its packages
SCRIPT = Path(__file__).with_name("rtsp_camera.py")
BINDINGS = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
# As in the script, which this Python cannot import.
STEPS, STEP_MS, DARKEST, APART = 40, 100, 30, 5


class RtspCamera:
    """Streams while it runs. `login`: `user:password`, or empty for everybody."""

    def __init__(self, login: str = "") -> None:
        self.port = free_port()
        self._login = login
        self._process: subprocess.Popen[str] | None = None

    def url(self, login: str = "") -> str:
        return f"rtsp://{login}{'@' if login else ''}127.0.0.1:{self.port}/ch1"

    def start(self) -> None:
        """Start and wait until it serves."""
        command = [PYTHON, str(SCRIPT), str(self.port), *([self._login] if self._login else [])]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def tell(self, word: str) -> None:
        """`stall` or `go`."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")

    def kill(self) -> None:
        """End it as a power cut would."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


@pytest.fixture
def rtsp_camera(request: pytest.FixtureRequest) -> Iterator[RtspCamera]:
    """A running camera; a parameter is its login."""
    if subprocess.run([PYTHON, "-c", BINDINGS], check=False, capture_output=True).returncode:
        pytest.skip("GStreamer's RTSP server is not installed; tools/install-servers installs it")
    camera = RtspCamera(getattr(request, "param", ""))
    camera.start()
    yield camera
    camera.kill()


def made_ms(image: bytes, about_ms: int) -> int:
    """When a picture was made, as its brightness tells to a tenth of a second; `about_ms` names the right four seconds."""
    grey = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
    assert grey is not None
    # Video's 16-235 was stretched to 0-255 on its way.
    luma = float(grey.mean()) * 219 / 255 + 16
    step = round((luma - DARKEST) / APART) % STEPS
    lap_ms = STEPS * STEP_MS
    behind_ms = (about_ms - step * STEP_MS) % lap_ms
    return about_ms - (behind_ms if behind_ms < lap_ms - 2 * STEP_MS else behind_ms - lap_ms)
