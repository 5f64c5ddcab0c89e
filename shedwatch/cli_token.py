"""`shedwatch token`: make a login, list them all, take one back; each while the service runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from shedwatch.cli_options import ConfigOption, fail, settings_of

if TYPE_CHECKING:
    from api.auth import TokenBook, TokenEntry

token = typer.Typer(help="Logins: make one, list them, take one back.", invoke_without_command=True)

CONFIG = Path("shedwatch.yaml")


@token.callback()
def make(
    context: typer.Context,
    role: Annotated[Literal["viewer", "operator", "admin"] | None, typer.Option(help="What it allows.")] = None,
    name: Annotated[str | None, typer.Option(help="Whose it is; appears in the log of what was done.")] = None,
    config: ConfigOption = CONFIG,
) -> None:
    """Make an API token (--role, --name); it is shown once, alone on the last line. Or `list`, or `revoke`."""
    if context.invoked_subcommand is not None:
        if role or name:
            fail(f"--role and --name make a token; {context.invoked_subcommand} has options of its own")
        return
    if role is None or name is None:
        fail("a token needs --role and --name; `shedwatch token list` shows those that were made")
    from api.auth import Role, TokenBookError

    try:
        text = _book(config).create(name, Role(role))
    except ValueError as error:
        fail(str(error))
    except TokenBookError as error:
        fail(str(error), 1)
    typer.echo(f"Token for {name} ({role}); it cannot be shown again:", err=True)
    typer.echo(text)


@token.command("list")
def list_tokens(config: ConfigOption = CONFIG) -> None:
    """Every token ever made: id, role, name, when it was made and taken back; never its text."""
    from api.auth import TokenBookError

    try:
        entries = _book(config).list()
    except TokenBookError as error:
        fail(str(error), 1)
    for entry in entries:
        typer.echo(_line(entry))
    if not entries:
        typer.echo("No token was made yet.", err=True)


@token.command()
def revoke(
    token_id: Annotated[int | None, typer.Argument(metavar="ID", help="The token's id, as `list` shows it.")] = None,
    name: Annotated[str | None, typer.Option(help="Instead: every valid token of this name.")] = None,
    config: ConfigOption = CONFIG,
) -> None:
    """Take a token back: its requests, logins and open pages end at once, also where the service runs."""
    from api.auth import TokenBookError

    if (token_id is None) == (name is None):
        fail("which token? Give its ID, or --name NAME for all of a name; `shedwatch token list` shows both")
    try:
        book = _book(config)
        entries = book.list()
        wanted = [it for it in entries if token_id in (it.id, None) and name in (it.name, None)]
        valid = [it for it in wanted if it.revoked_ms is None]
        if not valid:
            fail(_why_not(wanted, f"id {token_id}" if name is None else f"name {name!r}"))
        for entry in valid:
            book.revoke(entry.id)
            typer.echo(f"Revoked {entry.id}: {entry.name} ({entry.role}).")
    except TokenBookError as error:
        fail(str(error), 1)


def _book(config: Path) -> TokenBook:
    from api.auth import TokenBook

    return TokenBook(settings_of(config).data_dir / "auth.db")


def _why_not(known: list[TokenEntry], what: str) -> str:
    if not known:
        return f"no token has the {what}; `shedwatch token list` shows those that were made"
    return f"the token with the {what} was revoked already, at {_time(max(it.revoked_ms or 0 for it in known))}"


def _line(entry: TokenEntry) -> str:
    state = "valid" if entry.revoked_ms is None else f"revoked {_time(entry.revoked_ms)}"
    return f"{entry.id:>4}  {entry.role:<8}  {entry.name}  made {_time(entry.created_ms)}  {state}"


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).isoformat().replace("+00:00", "Z")
