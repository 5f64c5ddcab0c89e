"""Real servers for tests, on private ports of this machine: Mosquitto and PostgreSQL, to be stopped, killed, started again."""

from __future__ import annotations

import getpass
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ALWAYS_ON_PATH = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/sbin"


def find_server(name: str) -> str:
    """The program, or skip the test with the command that installs it."""
    program = shutil.which(name) or shutil.which(name, path=ALWAYS_ON_PATH)
    if program is None:
        pytest.skip(f"{name} is not installed; tools/install-servers installs it")
    return program


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mosquitto:
    """A Mosquitto of its own port and folder. What persists survives `stop` and `start`, and what was saved a `kill`.

    `anonymous` False: nobody has an account. `extra`: further lines of its configuration.
    """

    def __init__(self, folder: Path, extra: str = "", anonymous: bool = True) -> None:
        self._program = find_server("mosquitto")
        self._folder = folder
        self._extra = extra
        self._anonymous = "true" if anonymous else "false"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self._folder / "mosquitto.log").read_text(errors="replace")

    def start(self) -> None:
        """Start and wait until it answers."""
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / "mosquitto.conf"
        config.write_text(self._configuration())
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([self._program, "-c", str(config)], stdout=log, stderr=log)
        until = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if time.monotonic() > until or self._process.poll() is not None:
                    raise RuntimeError(f"mosquitto did not start: {self.log}") from None
                time.sleep(0.02)

    def _configuration(self) -> str:
        return (
            f"listener {self.port} 127.0.0.1\nallow_anonymous {self._anonymous}\nuser {getpass.getuser()}\n"
            f"persistence true\npersistence_location {self._folder}/\nmax_queued_messages 0\n{self._extra}\n"
        )

    def stop(self) -> None:
        """Let it save what persists and end."""
        self._end("terminate")

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end("kill")

    def _end(self, how: str) -> None:
        process, self._process = self._process, None
        if process is not None:
            getattr(process, how)()
            process.wait(10)


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running Mosquitto with an unlimited queue for absent clients."""
    server = Mosquitto(tmp_path / "mosquitto")
    server.start()
    yield server
    server.stop()


class PostgreSQL:
    """A PostgreSQL of its own port and folder, with a database for whoever asks. It refuses to run as root."""

    def __init__(self) -> None:
        self._programs = self._find()
        self._user = "postgres" if os.getuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="shedwatch-postgresql-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count()
        if self._user:
            shutil.chown(self._folder, self._user)
        self._run(
            "initdb", "-D", str(self._folder / "data"), "-U", "shedwatch", "-A", "trust", "-E", "UTF8", "--no-sync"
        )

    @staticmethod
    def _find() -> Path:
        packed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        program = str(packed[-1]) if packed else find_server("initdb")
        return Path(program).parent

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, *arguments], check=True, capture_output=True, user=self._user, cwd=self._folder
        )

    def start(self) -> None:
        """Start and wait until it answers."""
        # Its processes are killed, never the machine: what they wrote is there without being forced to the disk.
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self._folder,
            "fsync": "off",
        }
        options = [f"-c{name}={value}" for name, value in settings.items()]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._folder / "data", *options],
                stdout=log,
                stderr=log,
                user=self._user,
                cwd=self._folder,
            )
        until = time.monotonic() + 30
        while True:
            try:
                self._run("pg_isready", "-h", "127.0.0.1", "-p", str(self.port), "-U", "shedwatch")
                return
            except subprocess.CalledProcessError:
                if time.monotonic() > until or self._process.poll() is not None:
                    log_text = (self._folder / "log").read_text(errors="replace")
                    raise RuntimeError(f"PostgreSQL did not start: {log_text}") from None
                time.sleep(0.05)

    def new_database(self) -> str:
        """URL of an empty database."""
        name = f"alerts_{next(self._numbers)}"
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "shedwatch", name)
        return f"postgresql://shedwatch@127.0.0.1:{self.port}/{name}"

    def stop(self) -> None:
        """End it as a power cut would; what was committed is there after `start`."""
        process, self._process = self._process, None
        if process is not None:
            # The immediate shutdown: its children end too, which they would outlive a kill of the parent alone.
            process.send_signal(signal.SIGQUIT)
            process.wait(30)

    def remove(self) -> None:
        """Stop for good."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A running PostgreSQL for all tests of a run; each takes a database of its own."""
    server = PostgreSQL()
    server.start()
    yield server
    server.remove()
