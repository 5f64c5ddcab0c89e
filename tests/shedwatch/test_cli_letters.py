"""`shedwatch dead-letters`: beside a running service and without one."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingest.store import dead_letters as table
from ingest.store.port import Refusal
from ingest.store.schema import connect_writer, transaction
from shedwatch.cli import app

AT_MS = 1_795_400_000_000
TOPIC = "sheds/north/shed-1/charger/c1/telemetry"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "shedwatch.yaml"
    path.write_text("sites: [{id: north, sheds: [{id: shed-1, chargers: [{id: c1, ports: 12}]}]}]\n")
    return path


@pytest.fixture
def connection(config: Path) -> sqlite3.Connection:
    (config.parent / "data").mkdir()
    opened = connect_writer(config.parent / "data" / "telemetry.db")
    payloads = (b'{"ports": "\x1b[2J"}', b"\xff\x00", b"x" * 5)
    letters = [
        Refusal(AT_MS, TOPIC, f"reason {n}", payload, 9000 if n == 2 else None, "value", "north/shed-1/c1", unkept=n)
        for n, payload in enumerate(payloads)
    ]
    with transaction(opened):
        table.bury(opened, letters)
    return opened


def run(config: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["dead-letters", *arguments, "-c", str(config)])
    return result.exit_code, result.output


def test_letters_are_listed(config: Path, connection: sqlite3.Connection) -> None:
    """One a line, newest first, and who sends most of them."""
    code, output = run(config, "list", "--within", "north/shed-1", "--limit", "2")
    lines = output.splitlines()

    assert code == 0
    assert [line.split()[0] for line in lines[:2]] == ["3", "2"]
    assert "value  north/shed-1/c1  reason 2 (+2 alike)" in lines[0]
    assert lines[2] == "2 of 3; most from: north/shed-1/c1 3 (+3 only counted)"
    connection.close()


def test_letters_are_listed_for_programs(config: Path, connection: sqlite3.Connection) -> None:
    """One JSON object a line."""
    code, output = run(config, "list", "--json", "--kind", "value", "--topic", "/c1/")
    letters = [json.loads(line) for line in output.splitlines()]

    assert code == 0
    assert [(letter["id"], letter["payload"]) for letter in letters][1] == (2, "ff00")
    connection.close()


def test_a_letter_is_shown_as_text_and_as_bytes(config: Path, connection: sqlite3.Connection) -> None:
    """What a device sent does not reach the terminal as it is."""
    code, output = run(config, "show", "1")

    assert code == 0
    assert "\x1b" not in output
    assert '{"ports": "·[2J"}' in output
    assert '000000  7b 22 70 6f 72 74 73 22 3a 20 22 1b 5b 32 4a 22  {"ports": ".[2J"' in output
    assert "9000 bytes, of which 5 were kept" in run(config, "show", "3")[1]
    assert run(config, "show", "9") == (1, "there is no dead letter 9\n")
    connection.close()


def test_a_replay_without_a_service_waits_for_one(config: Path, connection: sqlite3.Connection) -> None:
    """And says so; who asked is kept."""
    code, output = run(config, "replay", "1", "2", "--wait", "0")

    assert code == 0
    assert output.splitlines()[0] == "0 stored, 0 refused again, 2 waiting"
    assert [letter.id for letter in table.wanted(connection, 10)] == [1, 2]
    assert "(command line)" in (table.wanted(connection, 10)[0].wanted_by or "")
    connection.close()


def test_letters_are_deleted(config: Path, connection: sqlite3.Connection) -> None:
    """By number or by what they have in common, never all by accident."""
    assert run(config, "delete")[0] == 2
    assert run(config, "delete", "1") == (0, "1 deleted\n")
    assert run(config, "delete", "1") == (1, "0 deleted\n")
    assert run(config, "delete", "--within", "north/shed-1/c2") == (0, "0 deleted\n")
    assert run(config, "delete", "--all") == (0, "2 deleted\n")
    connection.close()


def test_without_a_store_there_is_nothing_to_say(config: Path) -> None:
    """A file of the wrong place is not made by looking for it."""
    code, output = run(config, "list")

    assert code == 2
    assert "there is no store" in output
    assert not (config.parent / "data").exists()
