"""No password of an address leaves the process, whatever it consists of and wherever it stands."""

from __future__ import annotations

import json
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from ingest.redact import without_password

SECRETS = st.text(st.sampled_from("ABCXYZ0189:/@?#%&=+!$,;~.-_"), min_size=1, max_size=20)


@given(SECRETS, st.sampled_from(["rtsp", "RTSP", "http", "mqtts", "postgresql+asyncpg"]))
def test_a_password_is_blotted_out_however_it_is_written(secret: str, scheme: str) -> None:
    """Escaped or not: nothing between the scheme and the host is left."""
    text = f"cannot open '{scheme}://admin:{secret}@camera.local/ch1?key={secret}' now"
    host = text.rpartition("@camera.local")[0]
    cleaned = without_password(text)

    assert cleaned.startswith(f"cannot open '{scheme}://***@")
    assert "admin" not in cleaned
    assert cleaned.endswith("' now")
    assert host not in cleaned


def test_addresses_without_a_secret_stay_as_they_are() -> None:
    """So that one can see what is meant."""
    text = "no answer from rtsp://10.0.0.7:554/ch1, http://h/x and mqtt://broker:1883"

    assert without_password(text) == text


def test_every_line_of_the_log_is_cleaned() -> None:
    """Events, values within values, exceptions with their tracebacks, and what libraries log; all stay readable JSON."""
    program = (
        "import logging, structlog\n"
        "from shedwatch.logs import set_up_logs\n"
        "set_up_logs()\n"
        "log, url = structlog.get_logger(), 'rtsp://admin:s3cretive@h/ch1?token=s3cretive'\n"
        "log.info('opening ' + url, source=url, nested={'sources': [url]})\n"
        "try:\n"
        "    raise OSError(f'cannot open \"{url}\"')\n"
        "except OSError:\n"
        "    log.exception('failed')\n"
        "    logging.getLogger('library').exception('failed at %s', url)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]

    assert len(lines) == 3
    assert "s3cretive" not in done.stderr
    assert done.stderr.count("rtsp://***@h/ch1?***") >= 5
