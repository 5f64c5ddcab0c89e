"""`shedwatch dead-letters`: what was refused, on the command line. Works beside a running service and without one."""

from __future__ import annotations

import getpass
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shedwatch.cli_options import ConfigOption, fail, settings_of

if TYPE_CHECKING:
    import sqlite3

    from ingest.model import DeadLetter
    from ingest.store.dead_letters import LetterQuery

letters = typer.Typer(help="Refused messages: look, take again after a mend, delete.", no_args_is_help=True)

CONFIG = Path("shedwatch.yaml")
LOOK_EVERY_S = 0.2

Within = Annotated[str, typer.Option(help="Only of this SITE, SITE/SHED or SITE/SHED/DEVICE.")]
Kind = Annotated[str, typer.Option(help="Only of this kind: topic, device, port, size, payload, value, picture, …")]
Topic = Annotated[str, typer.Option(help="Only of topics that contain this.")]
Ids = Annotated[list[int] | None, typer.Argument(help="Their numbers.")]
Everything = Annotated[bool, typer.Option("--all", help="Every letter there is.")]


@letters.command("list")
def list_letters(
    config: ConfigOption = CONFIG,
    within: Within = "",
    kind: Kind = "",
    topic: Topic = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many at most, the newest.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, payload in hexadecimal.")] = False,
) -> None:
    """What was refused, newest first, and who sends most of it."""
    from ingest.store import dead_letters as table

    with _store(config) as connection:
        query = _query(within, kind, topic)
        found = table.find(connection, query, limit, None)
        total, sources = table.count(connection, query), table.sources(connection, 5)
    for letter in found:
        typer.echo(json.dumps(_plain(letter), ensure_ascii=False) if as_json else _line(letter))
    if not as_json:
        worst = ", ".join(f"{it.source or 'unknown'} {it.letters} (+{it.unkept} only counted)" for it in sources)
        typer.echo(f"{len(found)} of {total}" + (f"; most from: {worst}" if worst else ""), err=True)


@letters.command()
def show(letter: Annotated[int, typer.Argument(help="Its number.")], config: ConfigOption = CONFIG) -> None:
    """One refused message, its payload as text and as bytes."""
    from ingest.store import dead_letters as table

    with _store(config) as connection:
        found = table.get(connection, letter)
    if found is None:
        fail(f"there is no dead letter {letter}", 1)
    tried = f"{found.tries} times, last {_moment(found.tried_ms)}" if found.tried_ms is not None else "never"
    kept = f"{found.size} bytes" if found.whole else f"{found.size} bytes, of which {len(found.payload)} were kept"
    for name, value in (
        ("number", found.id),
        ("received", _moment(found.received_ms)),
        ("topic", found.topic),
        ("device", found.source or "unknown"),
        ("refused", f"{found.kind}: {found.reason}"),
        ("alike", f"{found.unkept} before it were only counted"),
        ("tried again", tried),
        ("payload", kept),
    ):
        typer.echo(f"{name:12} {_printable(str(value))}")
    text = found.payload.decode(errors="replace")
    typer.echo(f"\n{_printable(text)}\n\n" + "\n".join(_hex_lines(found.payload)))


@letters.command()
def replay(
    ids: Ids = None,
    config: ConfigOption = CONFIG,
    within: Within = "",
    kind: Kind = "",
    topic: Topic = "",
    everything: Everything = False,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for what comes of it.")] = 10.0,
) -> None:
    """Take messages again after a mend, as ones of the time they came at: they fill history and ring nowhere."""
    from ingest.store import dead_letters as table
    from ingest.store.schema import transaction

    with _store(config) as connection:
        chosen = _chosen(connection, ids, _query(within, kind, topic), everything)
        with transaction(connection):
            wanted = table.want(connection, chosen, _who())
        until = time.monotonic() + wait
        while (waiting := _waiting(connection, chosen)) and time.monotonic() < until:
            time.sleep(LOOK_EVERY_S)
        left = [found for number in chosen if (found := table.get(connection, number)) is not None]
    refused = [letter for letter in left if letter.wanted_by is None]
    for letter in refused[:20]:
        typer.echo(_line(letter))
    typer.echo(f"{wanted - len(left)} stored, {len(refused)} refused again, {waiting} waiting")
    if waiting:
        typer.echo("The service takes them as soon as it runs.", err=True)
    raise typer.Exit(1 if refused or wanted < len(chosen) else 0)


@letters.command()
def delete(
    ids: Ids = None,
    config: ConfigOption = CONFIG,
    within: Within = "",
    kind: Kind = "",
    topic: Topic = "",
    everything: Everything = False,
) -> None:
    """Delete refused messages for good."""
    from ingest.store import dead_letters as table
    from ingest.store.schema import transaction

    with _store(config) as connection:
        chosen = _chosen(connection, ids, _query(within, kind, topic), everything)
        with transaction(connection):
            gone = table.remove(connection, chosen, _who(), time.time_ns() // 1_000_000)
    typer.echo(f"{gone} deleted")
    raise typer.Exit(0 if gone == len(chosen) else 1)


@contextmanager
def _store(config: Path) -> Iterator[sqlite3.Connection]:
    """The service's own file. Others may use it at the same time."""
    import sqlite3

    from ingest.store.port import StoreError
    from ingest.store.schema import connect_writer

    path = settings_of(config).store_path()
    if not path.is_file():
        fail(f"there is no store at {path} yet; the service makes it at its first start")
    try:
        connection = connect_writer(path)
        try:
            yield connection
        finally:
            connection.close()
    except (StoreError, sqlite3.Error) as error:
        fail(f"{path}: {error}", 1)


def _chosen(connection: sqlite3.Connection, ids: list[int] | None, query: LetterQuery, everything: bool) -> list[int]:
    from ingest.store import dead_letters as table
    from ingest.store.dead_letters import LetterQuery

    if ids:
        return ids
    if query == LetterQuery() and not everything:
        fail("which? Give numbers, --within, --kind or --topic, or --all")
    return table.ids(connection, query)


def _waiting(connection: sqlite3.Connection, chosen: list[int]) -> int:
    from ingest.store import dead_letters as table

    wanted = {letter.id for letter in table.wanted(connection, len(chosen) + 10_000)}
    return len(wanted.intersection(chosen))


def _query(within: str, kind: str, topic: str) -> LetterQuery:
    from ingest.store.dead_letters import LetterQuery

    return LetterQuery(within or None, kind or None, topic or None)


def _line(letter: DeadLetter) -> str:
    alike = f" (+{letter.unkept} alike)" if letter.unkept else ""
    where = letter.source or letter.topic
    return _printable(f"{letter.id}  {_moment(letter.received_ms)}  {letter.kind}  {where}  {letter.reason}{alike}")


def _plain(letter: DeadLetter) -> dict[str, Any]:
    return {**asdict(letter), "payload": letter.payload.hex()}


def _moment(epoch_ms: int) -> str:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).astimezone().isoformat(sep=" ", timespec="seconds")


def _printable(text: str) -> str:
    # What a device sends must not steer the terminal.
    return "".join(sign if sign.isprintable() or sign == "\n" else "·" for sign in text)


def _hex_lines(payload: bytes) -> Iterator[str]:
    for at in range(0, len(payload), 16):
        piece = payload[at : at + 16]
        signs = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in piece)
        yield f"{at:06x}  {piece.hex(' '):<47}  {signs}"


def _who() -> str:
    return f"{getpass.getuser()} (command line)"
