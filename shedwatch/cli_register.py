"""`shedwatch extinguishers`: the register of extinguishers, imported from a table and listed. The service sees it by itself."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shedwatch.cli_options import ConfigOption, fail, settings_of

if TYPE_CHECKING:
    from alerts.register import Entry

extinguishers = typer.Typer(help="The register of extinguishers: import it from CSV, look at it.", no_args_is_help=True)

CONFIG = Path("shedwatch.yaml")


@extinguishers.command("import")
def import_csv(
    table: Annotated[Path, typer.Argument(help="CSV with the columns shed and id; also site, name, inspected, due, …")],
    config: ConfigOption = CONFIG,
) -> None:
    """Put the table in place of the register; a running service sees it within half a minute."""
    from alerts.register import RegisterError, RegisterFile, read_csv

    settings = settings_of(config)
    try:
        entries = read_csv(table.read_bytes(), settings.topology())
    except OSError as error:
        fail(f"{table}: cannot be read: {error.strerror or error}")
    except RegisterError as error:
        lines = [f"{table}: {problem}" for problem in error.problems]
        fail("\n".join([*lines, f"{len(lines)} problem(s); the register is as it was"]))
    RegisterFile(settings.register_path()).save(entries)
    unsound = sum(entry.condition != "ok" for entry in entries)
    undated = sum(entry.inspected is None and entry.due is None for entry in entries)
    typer.echo(
        f"{len(entries)} extinguishers in the register; {unsound} missing or unusable, {undated} without a date."
    )


@extinguishers.command("list")
def list_register(config: ConfigOption = CONFIG) -> None:
    """What the register holds, the longest uninspected first."""
    from alerts.register import RegisterFile

    file = RegisterFile(settings_of(config).register_path())
    file.refresh()
    for entry in sorted(file.register.entries.values(), key=lambda it: it.inspected or date.min):
        typer.echo(_line(entry))


def _line(entry: Entry) -> str:
    dates = [f"inspected {entry.inspected or 'never'}"] + ([f"due {entry.due}"] if entry.due else [])
    return "  ".join([str(entry.ref), entry.name_zh, *dates, entry.condition, entry.note]).rstrip()
