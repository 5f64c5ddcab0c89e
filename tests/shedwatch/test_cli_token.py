"""`shedwatch token` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.auth import Principal, Role, TokenBook
from shedwatch.cli import app


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "shedwatch.yaml"
    path.write_text("sites: [{id: s, sheds: [{id: shed-1}]}]\n", encoding="utf-8")
    return path


def token(config: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["token", *words, "-c", str(config)])


def made(config: Path, name: str, role: str = "operator") -> str:
    run = token(config, "--role", role, "--name", name)
    assert run.exit_code == 0
    return run.stdout.splitlines()[-1]


def test_a_token_is_shown_once_alone_on_the_last_line(config: Path) -> None:
    """Scripts take it from there; the words about it are on standard error."""
    run = token(config, "--role", "viewer", "--name", "wall")
    assert run.exit_code == 0
    assert run.stdout.startswith("sw_")
    assert run.stdout.count("\n") == 1


def test_the_list_shows_every_token_and_no_secret(config: Path) -> None:
    """Who has access, since when, and whose was taken back."""
    secrets = [made(config, "wall", "viewer"), made(config, "Li Wei")]
    token(config, "revoke", "1")
    run = token(config, "list")
    wall, li = run.stdout.splitlines()
    assert wall.split()[:3] == ["1", "viewer", "wall"]
    assert "revoked 20" in wall
    assert li.split()[:4] == ["2", "operator", "Li", "Wei"]
    assert li.endswith("valid")
    assert not any(secret[3:] in run.output for secret in secrets)


def test_a_revoked_token_is_worth_nothing_to_a_service_that_runs(config: Path) -> None:
    """At once, for requests and for the pages that were logged in with it; others go on."""
    gone, stays = made(config, "wall"), made(config, "desk")
    service = TokenBook(config.parent / "data" / "auth.db")
    session = service.open_session(gone)
    assert session is not None
    assert service.verify(gone) == Principal("wall", Role.OPERATOR)
    assert service.session(session) is not None

    run = token(config, "revoke", "1")

    assert (run.exit_code, run.stdout) == (0, "Revoked 1: wall (operator).\n")
    assert service.verify(gone) is None
    assert service.session(session) is None
    assert service.verify(stays) is not None
    service.close()


def test_all_tokens_of_a_name_are_taken_back_at_once(config: Path) -> None:
    """Somebody has left; nobody has to count how many logins they had."""
    made(config, "Li Wei")
    made(config, "Li Wei", "admin")
    made(config, "desk")
    run = token(config, "revoke", "--name", "Li Wei")
    assert run.stdout.splitlines() == ["Revoked 1: Li Wei (operator).", "Revoked 2: Li Wei (admin)."]
    assert [line.endswith("valid") for line in token(config, "list").stdout.splitlines()] == [False, False, True]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["revoke", "7"], "no token has the id 7"),
        (["revoke", "--name", "nobody"], "no token has the name 'nobody'"),
        (["revoke"], "which token?"),
        (["revoke", "1", "--name", "gone"], "which token?"),
        (["revoke", "1"], "the token with the id 1 was revoked already, at 20"),
        (["--role", "viewer"], "a token needs --role and --name"),
        (["--role", "viewer", "--name", " "], "a token needs a name of 1 to 80 printable characters"),
    ],
)
def test_what_cannot_be_done_is_said(config: Path, words: list[str], said: str) -> None:
    """With what would help; exit code 2, and nothing is changed."""
    made(config, "gone")
    token(config, "revoke", "1")
    before = token(config, "list").stdout
    run = token(config, *words)
    assert run.exit_code == 2
    assert said in run.stderr
    assert token(config, "list").stdout == before


def test_a_list_of_nothing_says_so(config: Path) -> None:
    """Before the first start."""
    run = token(config, "list")
    assert (run.exit_code, run.stdout, run.stderr) == (0, "", "No token was made yet.\n")
