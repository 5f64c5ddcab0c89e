"""Logging: it never stands in the way of what is being done."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from shedwatch.logs import LogStream


def test_a_line_that_cannot_be_written_is_lost_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard error is looked up at every line: one that comes back is written to again."""
    stream = LogStream()
    gone = io.StringIO()
    gone.close()
    monkeypatch.setattr(sys, "stderr", gone)
    stream.write("a disk is full\n")
    there = io.StringIO()
    monkeypatch.setattr(sys, "stderr", there)
    stream.write("and has room again\n")
    assert (stream.lost, there.getvalue()) == (1, "and has room again\n")


@pytest.mark.parametrize("end", ["/dev/full", "closed pipe"])
def test_the_service_goes_on_where_nobody_can_read_its_log(end: str) -> None:
    """Its own lines and those of libraries."""
    code = (
        "import logging, structlog\n"
        "from shedwatch.logs import set_up_logs\n"
        "set_up_logs()\n"
        "for _ in range(3):\n"
        "    structlog.get_logger('ours').warning('no room')\n"
        "    logging.getLogger('theirs').warning('no room')\n"
        "print('went on')\n"
    )
    reader = subprocess.Popen(["true"], stdin=subprocess.PIPE)
    reader.wait()
    assert reader.stdin is not None
    with open("/dev/full", "wb") as full, reader.stdin as pipe:
        stderr = full if end == "/dev/full" else pipe
        ended = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=stderr, check=False)
    assert ended.stdout == b"went on\n"
