"""What commands share: the configuration they are given, and how they refuse."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from shedwatch.settings import Settings

ConfigOption = Annotated[Path, typer.Option("-c", "--config", help="Configuration file.")]


def fail(message: str, code: int = 2) -> NoReturn:
    """Say why on standard error and end with this code."""
    typer.echo(message, err=True)
    raise typer.Exit(code)


def settings_of(path: Path, *, use: bool = True) -> Settings:
    """The settings in a file, or the end of the command with everything that is wrong in it.

    Without `use`, the files it names need not be there yet.
    """
    from shedwatch.configuration import ConfigurationError, load

    try:
        return load(path, os.environ, use=use)
    except ConfigurationError as error:
        fail("\n".join([*error.problems, f"{len(error.problems)} problem(s) in {path}"]))
