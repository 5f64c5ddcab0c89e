"""The past, lived through again with other settings."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import yaml
from typer.testing import CliRunner

from alerts.engine import AlarmEngine, alert_ids
from alerts.ledger.database import Ledger
from alerts.model import AlertChange
from ingest.model import Reading
from ingest.store.past import Past
from ingest.store.port import Message
from ingest.store.sqlite import SqliteStore
from shedwatch.cli import app
from shedwatch.clock import ManualClock
from tests.alerts.alarm_days import HOUR_S, PACKS, START_MS, Days, Stay, fault

STAY = Stay(60.0, None, PACKS["lead-72v20"], 0.2)
CONFIG = {"sites": [{"id": "s", "sheds": [{"id": "shed", "chargers": [{"id": "c1", "ports": 2}]}]}]}


class Recorded(Days):
    """A day that also remembers what arrived."""

    arrived: list[Reading]

    def _readings(self, now_ms: int) -> Iterator[Reading]:
        for reading in super()._readings(now_ms):
            self.__dict__.setdefault("arrived", []).append(reading)
            yield reading


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with ten hours in which a contact comes loose for a while, and the ledger of those hours."""
    folder = tmp_path_factory.mktemp("replay")
    (folder / "shedwatch.yaml").write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    loose = fault("loose_contact", 5 * HOUR_S, 5.5 * HOUR_S, 1, peak_ohm=6.0, ramp_s=600.0)
    days = Recorded(ports=2, every_s=30.0, faults=[loose], fixed={1: [STAY], 2: [STAY]}).live(10 * HOUR_S)
    asyncio.run(_keep(folder / "data", days))
    return folder


async def _keep(data: Path, days: Recorded) -> None:
    store = await SqliteStore.open(data / "telemetry.db", ManualClock(START_MS))
    for start in range(0, len(days.arrived), 2000):
        batch = days.arrived[start : start + 2000]
        await store.append([Message((reading,), start + number) for number, reading in enumerate(batch)])
    await store.close()
    engine, changes = AlarmEngine(alert_ids(Random(1)), 1), list[AlertChange]()
    for at_s, condition in days.said:
        change = engine.apply(condition, START_MS + round(at_s * 1000))
        changes += [change] if change is not None else []
    ledger = Ledger(f"sqlite+aiosqlite:///{data / 'alerts.db'}")
    await ledger.open()
    await ledger.append(changes)
    await ledger.close()


def run(past: Path, tmp_path: Path, rules: str = "", *more: str) -> tuple[str, dict[str, int]]:
    """What is printed, and the summary of the JSON."""
    out, given = tmp_path / "out.json", tmp_path / "rules.yaml"
    given.write_text(rules, encoding="utf-8")
    times = ["--from", str(START_MS), "--to", str(START_MS + round(10 * HOUR_S * 1000))]
    options = [*times, "-c", str(past / "shedwatch.yaml"), "--rules", str(given), "--json", str(out), *more]
    ran = CliRunner().invoke(app, ["replay", *options])
    assert ran.exit_code == 0, ran.output
    return ran.stdout, json.loads(out.read_text(encoding="utf-8"))["summary"]


def test_the_settings_of_then_tell_what_was_told_then(past: Path, tmp_path: Path) -> None:
    """Nothing appears, vanishes or moves: the replay is what the service would have done."""
    printed, summary = run(past, tmp_path)
    assert summary == {"appears": 0, "vanishes": 0, "moves": 0, "stays": 2}
    assert printed == "0 would appear, 0 vanish, 0 move, 2 stay as they were.\n"
    printed, _ = run(past, tmp_path, "", "--all")
    assert "temperature_rise" in printed
    assert "s/shed/c1#1" in printed


@pytest.mark.parametrize(
    ("rules", "summary"),
    [
        ("rules: {temperature_rise: {enabled: false}}", {"appears": 0, "vanishes": 1, "moves": 0, "stays": 1}),
        (
            "rules: {temperature_rise: {on_delay_s: 240}}",
            {"appears": 0, "vanishes": 0, "moves": 1, "stays": 1},
        ),
        ("alerts: {rules: {over_voltage: {medium_v: 215}}}", {"appears": 1, "vanishes": 0, "moves": 0, "stays": 2}),
        ("rules: {over_temperature: {high_c: 79}}", {"appears": 0, "vanishes": 1, "moves": 0, "stays": 1}),
    ],
)
def test_other_settings_show_what_they_would_change(
    past: Path, tmp_path: Path, rules: str, summary: dict[str, int]
) -> None:
    """A kind switched off vanishes, a longer delay moves, a lower limit appears."""
    assert run(past, tmp_path, rules)[1] == summary


def test_a_part_of_the_past_is_replayed_with_the_habits_of_the_time_before(past: Path, tmp_path: Path) -> None:
    """From the middle of the alarm on: it stands at the beginning, as it does in the ledger."""
    out = tmp_path / "out.json"
    middle = str(START_MS + round(5.4 * HOUR_S * 1000))
    options = ["--from", middle, "--to", str(START_MS + round(6 * HOUR_S * 1000)), "--json", str(out)]
    ran = CliRunner().invoke(app, ["replay", *options, "-c", str(past / "shedwatch.yaml")])
    assert ran.exit_code == 0
    result = json.loads(out.read_text(encoding="utf-8"))
    assert result["summary"]["appears"] == result["summary"]["vanishes"] == 0
    assert result["begins_ts"] < result["from_ts"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--from", "2026-11-20T00:00:00"], "--from: '2026-11-20T00:00:00' is not a time"),
        (["--from", "1h", "--to", "2h"], "--from is not before --to"),
        (["--rules", "nowhere.yaml"], "nowhere.yaml: cannot be read"),
    ],
)
def test_wrong_usage_is_named(past: Path, options: list[str], words: str) -> None:
    """Exit code 2."""
    ran = CliRunner().invoke(app, ["replay", *options, "-c", str(past / "shedwatch.yaml")])
    assert (ran.exit_code, words in ran.stderr) == (2, True)


def test_mistakes_in_the_rules_file_are_named(past: Path, tmp_path: Path) -> None:
    """As `shedwatch check` names them."""
    given = tmp_path / "rules.yaml"
    given.write_text("rules: {over_temperature: {higc: 1}}")
    ran = CliRunner().invoke(app, ["replay", "--rules", str(given), "-c", str(past / "shedwatch.yaml")])
    assert (ran.exit_code, "did you mean high_c?" in ran.stderr) == (2, True)


def test_without_a_history_there_is_nothing_to_replay(tmp_path: Path) -> None:
    """Said, and not shown as a past without alarms."""
    config = tmp_path / "shedwatch.yaml"
    config.write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    ran = CliRunner().invoke(app, ["replay", "-c", str(config)])
    assert (ran.exit_code, "the history cannot be read" in ran.stderr) == (2, True)


def test_the_past_comes_back_as_it_arrived(past: Path) -> None:
    """Every reading, in order of arrival, with its types."""
    with Past(past / "data" / "telemetry.db") as store:
        begins_ms = store.begins_ms()
        assert begins_ms is not None
        readings = [it for part in store.slices(START_MS, START_MS + round(10 * HOUR_S * 1000)) for it in part]
    assert len(readings) > 3000
    assert [it.received_ms for it in readings] == sorted(it.received_ms for it in readings)
    assert {it.values.get("state") for it in readings if it.port} >= {"charging"}
