"""Processes of a benchmark: each side has one of its own, so that neither pays for the other.

Errors:
    BenchError: a process failed, or took too long.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from threading import Timer
from typing import IO, Any

from shedwatch.bench.report import BenchError
from shedwatch.parent import PARENT_VARIABLE

Said = dict[str, Any]

STOP_S = 10.0


@contextmanager
def serving(module: str, *arguments: str, limit_s: float) -> Iterator[Server]:
    """A module that prints a JSON object when it is ready, and ends by itself or when its standard input closes.

    Raises:
        BenchError: it was not ready, or what was asked of it not there, within `limit_s` seconds from its start.
    """
    with TemporaryFile() as errors:
        child = subprocess.Popen(  # noqa: S603 - our own modules
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, PARENT_VARIABLE: str(os.getpid())},
        )
        server = Server(module, child, limit_s, errors)
        try:
            server.said = server.next_line()
            yield server
        finally:
            server.end()


def figures_of(module: str, *arguments: str, limit_s: float, when_ready: Callable[[], None] = lambda: None) -> Said:
    """Run a module to its end; the second JSON object it prints. `when_ready` is called after the first.

    Raises:
        BenchError: it failed, or took longer than `limit_s`.
    """
    with serving(module, *arguments, limit_s=limit_s) as child:
        when_ready()
        return child.next_line()


class Server:
    """A child that was started; `said` is what it said when it was ready."""

    def __init__(self, module: str, child: subprocess.Popen[bytes], limit_s: float, errors: IO[bytes]) -> None:
        self.said: Said = {}
        self._module = module
        self._child = child
        self._errors = errors
        self._watchdog = Timer(limit_s, child.kill)
        self._watchdog.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    def next_line(self) -> Said:
        """The next JSON object it prints. Raises BenchError where there is none."""
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise BenchError(f"{self._module} {self._why()}")
        said: Said = json.loads(line)
        return said

    def end(self) -> None:
        """Let it finish, or end it."""
        self._watchdog.cancel()
        # Closes its standard input too, which is what it waits for.
        try:
            self._child.communicate(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.communicate()

    def _why(self) -> str:
        if self._child.wait() == -signal.SIGKILL:
            return "did not end in time; were messages lost?"
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f"failed: {lines[-1] if lines else 'it said nothing'}"
