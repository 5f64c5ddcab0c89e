"""A broker of our own on 127.0.0.1, as a child process: for the demo, simulations and tests, never for production.

The system's mosquitto where there is one, else amqtt in a Python process. It dies with its parent.

Errors:
    EmbeddedBrokerError: it did not start; the message has the broker's own words
"""

from __future__ import annotations

import asyncio
import ctypes
import getpass
import os
import shutil
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Self

Kind = Literal["mosquitto", "amqtt"]

START_S = 15.0
STOP_S = 5.0
ATTEMPTS = 3
_PR_SET_PDEATHSIG = 1

_MOSQUITTO_CONF = """\
# Written by Shedwatch at each start; loopback only, so nobody needs a password.
per_listener_settings false
listener {port} 127.0.0.1
allow_anonymous true
user {user}
persistence true
persistence_location {folder}/
persistence_file mosquitto.db
autosave_interval 60
max_queued_messages 100000
max_inflight_messages 2000
set_tcp_nodelay true
log_dest stderr
log_type error
log_type warning
"""


class EmbeddedBrokerError(RuntimeError):
    """The local broker did not start."""


def find_mosquitto() -> str | None:
    """The system's mosquitto; Debian keeps it where users' PATH does not look."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")


class EmbeddedBroker:
    """A local broker for the time of an `async with`; `url` tells where.

    Args:
        folder: where it keeps its configuration, log and sessions; what is there survives a restart (mosquitto only).
        port: 0 chooses a free one, kept over `stop` and `start`.
        prefer: insist on one kind; by default mosquitto if it is installed.
    """

    def __init__(self, folder: Path, port: int = 0, prefer: Kind | None = None) -> None:
        self._folder = folder
        self._chosen = port
        self.port = port
        self.kind: Kind = prefer or ("mosquitto" if find_mosquitto() else "amqtt")
        self._process: Process | None = None

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def log_path(self) -> Path:
        """What the broker has to say."""
        return self._folder / "broker.log"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start it and wait until it answers. Raises EmbeddedBrokerError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, ATTEMPTS + 1):
            self.port = self.port or _free_port()
            try:
                await self._start_once()
                return
            except EmbeddedBrokerError:
                # Somebody else may have taken the free port in between.
                if self._chosen or attempt == ATTEMPTS:
                    raise
                self.port = 0

    async def attend(self) -> None:
        """Start it again where it has ended unasked, and wait until it does so again. Raises EmbeddedBrokerError then."""
        if self._process is None or self._process.returncode is not None:
            await self.start()
        assert self._process is not None
        status = await self._process.wait()
        raise EmbeddedBrokerError(f"{self.kind} ended with status {status}: {self._last_words()}")

    async def stop(self) -> None:
        """Let it save its sessions and end."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it as a power cut would."""
        await self._end(signal.SIGKILL)

    async def _start_once(self) -> None:
        command = self._mosquitto_command() if self.kind == "mosquitto" else self._amqtt_command()
        with self.log_path.open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                stdin=DEVNULL,
                stdout=output,
                stderr=output,
                # A Ctrl-C at the terminal is for the service, which stops the broker last.
                process_group=0,
                preexec_fn=_die_with_parent(),
            )
        try:
            async with asyncio.timeout(START_S):
                while not await self._answers():
                    if self._process.returncode is not None:
                        raise EmbeddedBrokerError(f"{self.kind} ended at once: {self._last_words()}")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            await self.kill()
            raise EmbeddedBrokerError(f"{self.kind} did not answer in {START_S:.0f} s: {self._last_words()}") from None

    def _mosquitto_command(self) -> list[str]:
        program = find_mosquitto()
        if program is None:
            raise EmbeddedBrokerError("mosquitto is not installed")
        config = self._folder / "mosquitto.conf"
        folder = self._folder.absolute()
        config.write_text(
            _MOSQUITTO_CONF.format(port=self.port, folder=folder, user=getpass.getuser()), encoding="utf-8"
        )
        return [program, "-c", str(config)]

    def _amqtt_command(self) -> list[str]:
        return [sys.executable, "-m", "ingest.amqtt_child", str(self.port)]

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        # Another program may hold the port while ours is about to give up.
        await asyncio.sleep(0.05)
        return self._process is not None and self._process.returncode is None

    async def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(how)
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    def _last_words(self) -> str:
        text = self.log_path.read_text(encoding="utf-8", errors="replace").strip()
        return text.splitlines()[-1] if text else "no output"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _die_with_parent() -> Callable[[], None] | None:
    """What a child calls so that the kernel ends it with its parent, however that dies; None where there is no such."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def set_signal() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
        if os.getppid() != parent:
            os._exit(1)

    return set_signal
