"""kill -9 between every two steps of a notice, an escalation and a cut: the next life goes on, loses nothing, repeats little."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.servers import PostgreSQL

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.slow]


def killed_at_every_step(story: str, folder: Path, urls: list[str]) -> list[dict[str, Any]]:
    """What the world saw of each pair of lives; each killed life was followed by one that came to its end."""
    told = lives(story, folder, urls)
    assert all(len(one["alerts"]) == 1 for one in told), told
    return told


def lives(story: str, folder: Path, more: list[str]) -> list[dict[str, Any]]:
    """What the world saw of each row of lives, the last of which came to its end."""
    command = [sys.executable, "-m", "tests.alerts.doomed", story, str(folder / "world"), *more]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    told = [msgspec.json.decode(line) for line in done.stdout.splitlines() if line.startswith('{"at"')]
    for one in told:
        assert one["status"] == 0, f"the life after the kill {one['step']} did not come to its end: {done.stderr}"
    return told


def files(folder: Path, number: int) -> list[str]:
    return [f"sqlite:///{folder / f'{at}.db'}" for at in range(1, number + 1)]


def each_once_or_twice(received: list[str], wanted: set[str]) -> None:
    counted = Counter(received)
    assert counted.keys() == wanted, counted
    assert max(counted.values()) <= 2, counted


def check_notices(told: list[dict[str, Any]]) -> None:
    assert len(told) >= 7
    assert {"before robot is told", "after robot was told"} <= {one["step"] for one in told}
    for one in told:
        each_once_or_twice(one["received"], {"robot trigger 0 over_temperature"})


def test_a_notice_is_neither_lost_nor_told_more_than_twice(tmp_path: Path) -> None:
    """From the alarm's line in the ledger to the line that says it was sent; also the very first notice of all."""
    check_notices(killed_at_every_step("notice", tmp_path, files(tmp_path, 20)))


def test_a_notice_outlives_two_kills_in_the_first_moments(tmp_path: Path) -> None:
    """The second life has an alarm of its own to tell before it has taken up what the first one left; none is lost by that."""
    firsts = [str(at) for at in range(1, 5)]
    told = lives("notices", tmp_path, ["--twice", *firsts, "--", *files(tmp_path, 80)])
    assert len(told) >= 24
    for one in told:
        counted = Counter(one["ports"])
        assert counted.keys() == {"1", "2", "3"}, one
        # Once for each life that may have died between the message and the line that says it was sent.
        assert max(counted.values()) <= 3, one
        assert len(one["alerts"]) == 3


@pytest.mark.servers
def test_likewise_on_postgresql(tmp_path: Path, postgresql: PostgreSQL) -> None:
    """The other database."""
    urls = [postgresql.new_database() for _ in range(14)]
    check_notices(killed_at_every_step("notice", tmp_path, urls))


def test_an_escalation_goes_on_where_it_was_until_somebody_answers(tmp_path: Path) -> None:
    """Every step rings, none more than twice, and the answer stands."""
    told = killed_at_every_step("escalation", tmp_path, files(tmp_path, 60))
    assert len(told) >= 14
    assert any("voice" in one["step"] for one in told)
    for one in told:
        calls = {
            f"{channel} trigger {level} over_temperature"
            for channel, level in (("robot", 0), ("voice", 1), ("voice", 2))
        }
        each_once_or_twice(one["received"], calls)
        assert one["alerts"] == ["acknowledged"]


@pytest.mark.parametrize(
    ("story", "end", "people"), [("cut_by_breaker", "verified", 0), ("cut_by_nobody", "failed", 1)]
)
def test_a_cut_goes_on_to_its_proof_or_to_people(tmp_path: Path, story: str, end: str, people: int) -> None:
    """One cut, each order under its one id however often it is sent, and people are called where nothing switches off."""
    told = killed_at_every_step(story, tmp_path, files(tmp_path, 60))
    assert len(told) >= 12
    assert {"after stop was sent", "before breaker_open is sent"} <= {one["step"] for one in told}
    for one in told:
        assert (one["cuts"], one["cut_failed"]) == ([end], people), one
        orders = [line.split()[0] for line in set(one["commands"])]
        assert orders.count("breaker_open") == 1
        assert len(set(orders)) == len(orders)
