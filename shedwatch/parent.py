"""Child processes that end with whoever started them, however that ended."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

PARENT_VARIABLE = "SHEDWATCH_PARENT"
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Where a parent is named in the environment, be ended by the kernel when it is gone (Linux)."""
    parent = os.environ.get(PARENT_VARIABLE)
    if parent is None or sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit("started for a parent that is gone")


class Child:
    """One child process with its output in a file; it is in a session of its own, so a terminal's Ctrl-C asks only us."""

    def __init__(self, name: str, arguments: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self._arguments = arguments
        self._environ = {**environ, PARENT_VARIABLE: str(os.getpid())}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._arguments,
                env=self._environ,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def ended(self) -> int | None:
        """Its exit status, None while it runs."""
        return self._process.returncode if self._process else None

    async def wait(self) -> int:
        """Wait for its end."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self, grace_s: float = 10.0) -> None:
        """Ask it to end, and end it when it does not."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(grace_s):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    def last_words(self, lines: int = 12) -> str:
        """The end of what it printed."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
        return ""
