"""`shedwatch replay` on the command line: what it is given, and what it prints."""

from __future__ import annotations

import asyncio
import json
import re
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shedwatch.cli_options import ConfigOption, fail, settings_of

if TYPE_CHECKING:
    from alerts.episodes import Difference, Episode
    from alerts.rules.settings import RuleBook
    from shedwatch.replay import Replayed
    from shedwatch.settings import Settings

CONFIG = Path("shedwatch.yaml")

_AGO = re.compile(r"(\d{1,4})(d|h|m)")
_UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000}
_WORDS = {"appears": "+ new", "vanishes": "- gone", "moves": "~ moves", "stays": "= same"}


def replay(
    since: Annotated[str, typer.Option("--from", help="RFC 3339, epoch milliseconds, or 7d, 36h, 90m ago.")] = "7d",
    until: Annotated[str, typer.Option("--to", help="As --from; now, if not given.")] = "0m",
    rules: Annotated[Path | None, typer.Option(help="YAML with rules and overrides; else the configuration's.")] = None,
    config: ConfigOption = CONFIG,
    everything: Annotated[bool, typer.Option("--all", help="Show also what stays as it was.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result as JSON.")] = None,
) -> None:
    """Run the stored history through rule settings: which alarms would appear, vanish or move against the ledger."""
    from alerts.ledger.database import LedgerError
    from ingest.store.port import StoreError
    from shedwatch.progress import counting
    from shedwatch.replay import replay as run

    settings = settings_of(config)
    now_ms = round(time.time() * 1000)
    from_ms, to_ms = _moment(since, "--from", now_ms), _moment(until, "--to", now_ms)
    if from_ms >= to_ms:
        fail("--from is not before --to")
    if not settings.store.url.startswith("embedded:"):
        fail("replay reads the embedded store; this configuration keeps its history elsewhere")
    book = _book(settings, rules)
    begun_s = time.monotonic()
    try:
        with counting("Replaying") as tell:
            result = asyncio.run(run(settings, book, from_ms, to_ms, tell))
    except (StoreError, LedgerError) as error:
        fail(f"the history cannot be read: {error}")
    if json_file is not None:
        json_file.write_text(json.dumps(result.plain(), ensure_ascii=False, indent=1), encoding="utf-8")
    _show(result, time.monotonic() - begun_s, everything)


def _book(settings: Settings, rules: Path | None) -> RuleBook:
    import yaml

    from alerts.rules.settings import RuleSettingsError
    from shedwatch.replay import rule_book

    try:
        return rule_book(settings, rules)
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{rules}: cannot be read: {getattr(error, 'strerror', None) or error}")
    except (yaml.YAMLError, RuleSettingsError) as error:
        fail(f"{rules}: {error}")


def _moment(text: str, name: str, now_ms: int) -> int:
    from api.problems import Problem
    from api.times import parse_time

    ago = _AGO.fullmatch(text)
    if ago:
        return now_ms - int(ago[1]) * _UNITS_MS[ago[2]]
    try:
        return parse_time(text, name)
    except Problem as problem:
        fail(f"{name}: {problem.detail}; or 7d, 36h, 90m ago")


def _show(result: Replayed, took_s: float, everything: bool) -> None:
    shown = [it for it in result.differences if everything or it.verdict != "stays"]
    for difference in shown:
        typer.echo(_line(difference))
    counts = result.counts
    typer.echo(
        f"{counts['appears']} would appear, {counts['vanishes']} vanish, {counts['moves']} move, {counts['stays']} stay "
        f"as they were.",
    )
    span_h = (result.to_ms - result.begins_ms) / 3_600_000
    typer.echo(f"{result.readings} readings of {span_h:.1f} h replayed in {took_s:.1f} s.", err=True)
    for rule, times in result.failures.items():
        typer.echo(f"the rule {rule} failed {times} times", err=True)


def _line(it: Difference) -> str:
    one = it.now or it.then
    assert one is not None
    key = one.key
    place = f"{key.site}/{key.shed}/{key.device}" + (f"#{key.port}" if key.port is not None else "")
    severity = str(one.severity)
    if it.then and it.now and it.then.severity is not it.now.severity:
        severity = f"{it.then.severity} -> {it.now.severity}"
    return f"{_WORDS[it.verdict]:8}{_times(it):45}{severity:19}{key.kind:18}{place}"


def _times(it: Difference) -> str:
    """Begin and length; of what moves, by how much."""
    begin = datetime.fromtimestamp(it.begin_ms / 1000).astimezone().isoformat(sep=" ", timespec="seconds")
    if it.verdict == "moves" and it.then and it.now:
        return f"{begin}  {(it.now.begin_ms - it.then.begin_ms) / 1000:+.0f} s"
    one = it.now or it.then
    return f"{begin}  {_lasted(one)}" if one else begin


def _lasted(one: Episode) -> str:
    return "still there" if one.end_ms is None else f"for {(one.end_ms - one.begin_ms) / 1000:.0f} s"
