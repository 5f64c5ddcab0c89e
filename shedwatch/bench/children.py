"""Processes of a benchmark: each side has one of its own, so that neither pays for the other.

Errors:
    BenchError: a process failed, or took too long.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from shedwatch.bench.report import BenchError
from shedwatch.parent import PARENT_VARIABLE

STOP_S = 10.0


class Server(NamedTuple):
    """A child that serves: its process id, and what it said when it was ready."""

    pid: int
    said: dict[str, Any]


def figures_of(module: str, *arguments: str, limit_s: float) -> dict[str, Any]:
    """Run a module to its end; the JSON object it prints.

    Raises:
        BenchError: it failed, or took longer than `limit_s`.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own modules
            _command(module, arguments), capture_output=True, timeout=limit_s, check=False, env=_environ()
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"{module} did not end within {limit_s:g} s: messages were lost?") from None
    if done.returncode:
        raise BenchError(f"{module} failed: {_last_line(done.stderr)}")
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


@contextmanager
def serving(module: str, *arguments: str) -> Iterator[Server]:
    """A module that prints one JSON object when it is ready and serves until its standard input closes.

    Raises:
        BenchError: it ended before it was ready.
    """
    child = subprocess.Popen(  # noqa: S603 - our own modules
        _command(module, arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environ()
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        line = child.stdout.readline()
        if not line:
            raise BenchError(f"{module} ended before it was ready")
        yield Server(child.pid, json.loads(line))
    finally:
        child.stdin.close()
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()


def _command(module: str, arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _environ() -> dict[str, str]:
    return {**os.environ, PARENT_VARIABLE: str(os.getpid())}


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
