"""The command line. Each command reads its options and hands over; exit codes: 0 done, 1 the check failed, 2 wrong usage."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated

import typer

from shedwatch.cli_letters import letters
from shedwatch.cli_options import ConfigOption
from shedwatch.cli_options import fail as _fail
from shedwatch.cli_options import settings_of as _settings
from shedwatch.cli_prove import prove
from shedwatch.cli_register import extinguishers
from shedwatch.cli_replay import replay
from shedwatch.cli_token import token

app = typer.Typer(
    name="shedwatch",
    help="Monitoring for e-bike charging sheds.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(letters, name="dead-letters")
app.add_typer(extinguishers, name="extinguishers")
app.add_typer(token, name="token")
app.command()(replay)
app.command()(prove)


@app.command()
def run(
    config: ConfigOption,
    only: Annotated[str, typer.Option(help="Run these parts only: ingest,vision,alerts,api.")] = "",
) -> None:
    """Run the service."""
    from shedwatch.clock import from_spec
    from shedwatch.parts import PARTS, run_parts

    settings = _settings(config)
    parts = frozenset(part.strip() for part in only.split(",") if part.strip()) or PARTS
    if unknown := parts - PARTS:
        _fail(f"--only: no part {', '.join(sorted(unknown))}; there are {', '.join(sorted(PARTS))}")
    raise typer.Exit(run_parts(settings, parts, from_spec(os.environ.get("SHEDWATCH_CLOCK"))))


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="Port of the page; 0 takes a free one.")] = 8080,
    data: Annotated[Path, typer.Option(help="Where the demo keeps its data.")] = Path("demo-data"),
    seed: Annotated[int, typer.Option(help="Another seed, another day at the sheds.")] = 1,
    scenario: Annotated[str, typer.Option(help="A scenario file, or the name of one that is shipped.")] = "demo.yaml",
    speed: Annotated[float, typer.Option(min=0.1, max=100, help="Simulated seconds a second.")] = 1.0,
) -> None:
    """Everything on this machine: broker, store, simulated sheds, service, page."""
    from shedwatch.demo import DemoOptions, run_demo

    raise typer.Exit(run_demo(DemoOptions(port=port, data=data, seed=seed, scenario=scenario, speed=speed)))


@app.command()
def init(
    file: Annotated[Path, typer.Argument(help="File to write.")] = Path("shedwatch.yaml"),
    force: Annotated[bool, typer.Option(help="Overwrite what is there.")] = False,
) -> None:
    """Write a commented configuration to start from."""
    if file.exists() and not force:
        _fail(f"{file} exists; --force overwrites it")
    file.write_text((Path(__file__).parent / "starter.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    typer.echo(f"Wrote {file}. Next: edit it, `shedwatch check {file}`, `shedwatch run -c {file}`.")


@app.command()
def check(file: Annotated[Path, typer.Argument(help="Configuration file.")]) -> None:
    """Say what is wrong in a configuration, with line and key."""
    topology = _settings(file).topology()
    devices = sum(1 for _ in topology.devices())
    ports = sum(device.ports for device in topology.devices())
    typer.echo(f"{file} is right: {len(list(topology.sheds()))} sheds, {devices} devices, {ports} ports.")


@app.command("broker-config")
def broker_config(
    out: Annotated[Path, typer.Option(help="Folder for the files acl, passwords and service.password.")],
    config: ConfigOption = Path("shedwatch.yaml"),
    renew: Annotated[
        list[str] | None, typer.Option(help="Give SITE/SHED/DEVICE, gateway/ID, or the service, a new password.")
    ] = None,
    owner: Annotated[str, typer.Option(help="Whom the files shall belong to: the user Mosquitto runs as.")] = "",
) -> None:
    """Write accounts and rights of all devices for Mosquitto; each new password is shown once, here."""
    from shedwatch.broker_config import UnknownUserError, write_broker_files

    try:
        fresh = write_broker_files(_settings(config, use=False), out, renew or [], owner)
    except UnknownUserError as error:
        _fail(f"--renew: {error}")
    except (OSError, LookupError) as error:
        _fail(f"{out}: {error}", 1)
    for user, password in fresh.items():
        typer.echo(f"{user} {password}")
    typer.echo(
        f"{len(fresh)} new password(s); they cannot be shown again. Mosquitto reads the files anew on SIGHUP.", err=True
    )


@app.command()
def simulate(
    scenario: Annotated[str, typer.Argument(help="A scenario file, or the name of one that is shipped.")] = "",
    mqtt: Annotated[str, typer.Option(help="Broker of a running deployment; without it one is started here.")] = "",
    api: Annotated[str, typer.Option(help="Its API, as http://127.0.0.1:8080, for --expect.")] = "",
    token: Annotated[str, typer.Option(help="Its API token, for --expect.", envvar="SHEDWATCH_TOKEN")] = "",
    listen: Annotated[
        str, typer.Option(help="HOST:PORT where its webhook channels post to, for scenarios that expect notices.")
    ] = "",
    speed: Annotated[
        str, typer.Option(help="Simulated seconds a second; `max`: in lock-step, as fast as everything is judged.")
    ] = "1",
    seed: Annotated[int, typer.Option(help="Another seed, another day at the sheds.")] = 1,
    expect: Annotated[
        bool, typer.Option("--expect", help="Judge the scenario's expectations; exit 1 if not met.")
    ] = False,
    junit: Annotated[Path | None, typer.Option(help="Write the judgement as JUnit XML.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the judgement as JSON.")] = None,
    truth: Annotated[Path | None, typer.Option(help="Write what is wrong when and where, a line of JSON each.")] = None,
    load: Annotated[str, typer.Option(help="Instead of a scenario so many chargers x ports, as 1000x12.")] = "",
    every: Annotated[float, typer.Option(min=0.1, help="With --load: seconds between a charger's messages.")] = 10.0,
    seconds: Annotated[float, typer.Option(min=1, help="With --load: for how long.")] = 60.0,
    burst: Annotated[int, typer.Option(min=0, help="With --load: so many messages at once instead.")] = 0,
    sites: Annotated[Path | None, typer.Option(help="With --load: write the sites to configure.")] = None,
) -> None:
    """Drive simulated devices, and judge what the service makes of them."""
    if load:
        from shedwatch.loading import LoadOptions, run_load

        if scenario or not mqtt:
            _fail("--load needs --mqtt, the broker to load, and no scenario")
        raise typer.Exit(run_load(LoadOptions(load, mqtt, every, seconds, burst, seed, sites, json_file)))
    if not scenario:
        _fail("which scenario? Give a file or a shipped name, or --load 1000x12")
    from shedwatch.idle_loop import IdleLoop
    from shedwatch.rehearsal import RehearsalOptions, rehearse

    factor = _speed(speed)
    if mqtt and factor != 1.0:
        _fail(
            "--speed: a running deployment lives in real time; leave --mqtt away to have a service started in fast time"
        )
    if mqtt and expect and not api:
        _fail("--expect with --mqtt needs --api, the address of the deployment to judge")
    options = RehearsalOptions(scenario, mqtt, api, token, listen, factor, seed, expect, junit, json_file, truth)
    with asyncio.Runner(loop_factory=IdleLoop) as runner:
        raise typer.Exit(runner.run(rehearse(options)))


def _speed(text: str) -> float | None:
    """Simulated seconds a second; None for `max`."""
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0.1 <= speed <= 1000:
        _fail(f"--speed: {text!r} is neither a number from 0.1 to 1000 nor `max`")
    return speed


@app.command()
def watch(
    source: Annotated[str, typer.Argument(help="A video file, a folder of pictures, or an rtsp:// address.")],
    zones: Annotated[Path | None, typer.Option(help="YAML list of zones, as in a camera's configuration.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write an annotated video.")] = None,
) -> None:
    """Run the detectors on pictures and print what they see."""
    from shedwatch.watching import watch_source

    raise typer.Exit(watch_source(source, zones, out))


@app.command()
def evaluate(
    catalogue: Annotated[Path, typer.Argument(help="CSV of labelled footage.")],
    only: Annotated[str, typer.Option(help="Categories, of blocked,smoke,flame.")] = "",
    dwell: Annotated[float, typer.Option(help="Seconds after which an object counts as blocking.")] = 10.0,
    fps: Annotated[float, typer.Option(help="Pictures a second shown to the detectors, at most.")] = 5.0,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Clips at a time.")] = 2,
    grey: Annotated[bool, typer.Option("--grey", help="Take the colours out, as infrared cameras do.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result as JSON.")] = None,
) -> None:
    """Score the detectors on labelled footage."""
    from shedwatch.watching import evaluate_catalogue

    result = evaluate_catalogue(catalogue, only, dwell, fps, jobs, grey)
    if json_file is not None:
        json_file.write_text(json.dumps(result, indent=1), encoding="utf-8")


@app.command()
def render(
    scene: Annotated[str, typer.Argument(help="A reel or scenario file, or the name of one that is shipped.")],
    out: Annotated[Path, typer.Option(help="Folder for the clips, their truth and catalogue.csv.")],
    only: Annotated[str, typer.Option(help="Only clips whose names begin so, as smoke,flame.")] = "",
    seed: Annotated[int, typer.Option(min=1, help="Another seed, other sheds, bikes and people.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Clips at a time.")] = 2,
) -> None:
    """Film rendered scenes with their truth, as labelled footage that `evaluate` scores."""
    from shedwatch.filming import render as film

    raise typer.Exit(film(scene, out, seed, only, jobs))


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="ingest, store, vision, alerts, api, render or simulators.")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result as JSON.")] = None,
) -> None:
    """Measure against a reference on this machine, in about a minute."""
    from shedwatch.bench.command import run_bench

    raise typer.Exit(run_bench(name, json_file))
