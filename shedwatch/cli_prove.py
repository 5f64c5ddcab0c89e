"""`shedwatch prove`: a test alarm through a running service, followed to every channel."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from shedwatch.cli_options import ConfigOption, fail, settings_of

LOOK_EVERY_S = 1.0
LONGEST_S = 900.0
ANSWER_S = 10.0
ACCEPTED = 202


def prove(
    config: ConfigOption = Path("shedwatch.yaml"),
    kinds: Annotated[str, typer.Option(help="What to prove, of heat,smoke; all where it is left out.")] = "",
    channels: Annotated[
        str, typer.Option(help="Names of channels that tell it, `-` for none; those of the nightly proof by default.")
    ] = "",
    siren: Annotated[str, typer.Option(help="SITE/SHED whose siren shall sound meanwhile.")] = "",
    api: Annotated[str, typer.Option(help="Address of the service; by default as configured.")] = "",
    token: Annotated[str, typer.Option(help="API token of an operator.", envvar="SHEDWATCH_TOKEN")] = "",
) -> None:
    """Prove that an alarm of a running service reaches people; exit 1 if a stage is not passed."""
    import httpx2

    if not token:
        fail("--token, or SHEDWATCH_TOKEN: a token of role operator; `shedwatch token` makes one")
    settings = settings_of(config).api
    order: dict[str, Any] = {"kinds": _names(kinds)}
    if channels:
        order["channels"] = [] if channels == "-" else _names(channels)
    if siren:
        order["siren"] = siren
    base = api or f"http://{settings.host}:{settings.port}"
    try:
        with httpx2.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=ANSWER_S) as client:
            answer = client.post("/api/v1/proofs", json=order)
            if answer.status_code != ACCEPTED:
                fail(f"not begun: {_reason(answer)}", 1)
            begun = [proof["id"] for proof in answer.json()["items"] if proof["done_ts"] is not None]
            figures = _finished(client)
    except httpx2.HTTPError as error:
        fail(f"{base}: {error or type(error).__name__}", 1)
    proofs = [proof for proof in reversed(figures["items"]) if proof["id"] not in begun]
    for proof in proofs:
        typer.echo("\n".join(_lines(proof)))
    raise typer.Exit(0 if proofs and all(proof["ok"] for proof in proofs) else 1)


def _finished(client: Any) -> dict[str, Any]:
    until = time.monotonic() + LONGEST_S
    while True:
        answer = client.get("/api/v1/proofs")
        answer.raise_for_status()
        figures: dict[str, Any] = answer.json()
        if not figures["running"]:
            return figures
        if time.monotonic() > until:
            fail(f"not finished within {LONGEST_S:g} s", 1)
        time.sleep(LOOK_EVERY_S)


def _lines(proof: dict[str, Any]) -> list[str]:
    published = next((it["at_ts"] for it in proof["stages"] if it["at_ts"] is not None), proof["begun_ts"])
    said = [f"{proof['kind']}: {'proven' if proof['ok'] else 'NOT PROVEN'}"]
    for stage in proof["stages"]:
        if stage["at_ts"] is not None:
            when = f"{(stage['at_ts'] - published) / 1000:8.2f} s"
        else:
            when = f"{'failed' if stage['error'] else '-':>10}"
        said.append(f"  {when}  {stage['name']}  {stage['error']}".rstrip())
    return said


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _reason(answer: Any) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"
