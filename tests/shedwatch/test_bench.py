"""The benchmarks: their arithmetic, the shape of what they report, and that each runs to its end (never how fast)."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from ingest.contract import decode_telemetry, parse_topic
from ingest.embedded_broker import find_mosquitto
from shedwatch.bench import alarm_way, alerts, api, backlog, ingest, render, simulators, store, vision
from shedwatch.bench.children import figures_of, serving
from shedwatch.bench.fleet import Fleet
from shedwatch.bench.report import BenchError, Pair, Report, Run, interleave, machine
from shedwatch.cli import app
from vision.detectors import VisionSettings, build

SMALL = Fleet(sheds=2, chargers=2, ports=3)
KEYS = {"name", "ratio", "ours", "reference", "unit", "runs"}


def report_of(*pairs: tuple[float, float]) -> Report:
    runs = [Pair(Run(ours, {"p50_ms": ours}), Run(reference)) for ours, reference in pairs]
    return Report("demo", "something", "something else", "things/s", "higher", runs)


def test_the_ratio_is_ours_divided_by_the_reference_of_the_same_pair():
    """Load that comes and goes hits both runs of a pair, so pairs are compared and never mixed."""
    report = report_of((10.0, 20.0), (300.0, 400.0), (9.0, 10.0)).as_dict({})

    assert report["ratio"] == 0.75
    assert (report["ours"], report["reference"]) == (300.0, 400.0)
    assert [run["ratio"] for run in report["runs"]] == [0.5, 0.75, 0.9]


def test_an_even_number_of_pairs_reports_a_pair_that_was_really_run():
    """Of two pairs in the middle the worse one counts, so that ours ÷ reference is the ratio."""
    report = report_of((1.0, 4.0), (2.0, 4.0), (3.0, 4.0), (4.0, 4.0)).as_dict({})

    assert report["ratio"] == report["ours"] / report["reference"] == 0.5


def test_a_report_has_what_the_contract_names():
    """Top level and runs, and it survives JSON."""
    report = json.loads(json.dumps(report_of((1.0, 2.0)).as_dict(machine())))

    assert report.keys() >= KEYS
    assert report["runs"] == [{"ratio": 0.5, "ours": {"value": 1.0, "p50_ms": 1.0}, "reference": {"value": 2.0}}]
    assert report["machine"]["cores"] >= 1


def test_people_read_every_run_and_the_median():
    """What was run, on what, each pair, and which way is better."""
    text = "\n".join(report_of((1.0, 2.0), (3.0, 4.0)).lines({"cores": 2}))

    for word in ("something", "something else", "cores 2", "0.5", "0.75", "median", "higher is better", "p50_ms"):
        assert word in text


def test_ours_and_the_reference_take_turns_and_progress_is_told():
    """Ours, reference, ours, reference."""
    order, told = [], []

    pairs = interleave(
        lambda: order.append("ours") or Run(1.0),
        lambda: order.append("reference") or Run(2.0),
        2,
        lambda done, total, what: told.append((done, total, what)),
    )

    assert order == ["ours", "reference"] * 2
    assert told == [(0, 4, "ours"), (1, 4, "reference"), (2, 4, "ours"), (3, 4, "reference")]
    assert [pair.ratio for pair in pairs] == [0.5, 0.5]


def test_a_run_that_measured_nothing_is_no_result():
    """A ratio with nothing is refused instead of being zero or infinite."""
    with pytest.raises(BenchError, match="measured nothing"):
        interleave(lambda: Run(1.0), lambda: Run(0.0), 1)


def test_the_fleet_sends_messages_the_intake_takes_whole():
    """About 200 bytes of one port each, nothing refused, no two alike."""
    messages = list(SMALL.single_ports(24, 1_795_400_000_000))

    assert len(set(messages)) == 24
    for topic, payload in messages:
        assert SMALL.topology().find(parse_topic(topic).ref) is not None
        decoded = decode_telemetry(payload)
        assert (decoded.refused, decoded.unknown_fields, len(decoded.telemetry.ports)) == ((), 0, 1)
        assert 170 <= len(payload) <= 230


def test_alerts_runs_and_raises_what_runs_hot():
    """A small district through all rules: the hot port is an open alert, and each run's figures are there."""
    result = alerts.run(scale=alerts.AlertsScale(SMALL, sweeps=2, pairs=2, way=None)).as_dict(machine())

    assert result["name"] == "alerts"
    assert len(result["runs"]) == 2
    assert result["ratio"] == pytest.approx(result["ours"] / result["reference"], rel=1e-3)
    assert result["runs"][0]["ours"].keys() >= {"us_per_reading", "tick_ms", "alerts_open"}


@pytest.mark.servers
def test_alarms_are_on_the_live_stream_while_notifier_and_store_hang():
    """A whole service with Mosquitto: every welded port's alarm arrives, and far sooner than the hung webhook would answer."""
    figures = alarm_way.measure(alarm_way.WayScale(warm_up_s=1.0, seconds=3.0, rate=200.0, one_of=20))

    assert figures["alarms"] == 30
    assert figures["alarm_p99_ms"] < 5000


@pytest.mark.slow
def test_simulators_run_and_none_of_their_messages_is_lost():
    """A small fleet into a session and out of it again: each side has its figures."""
    if find_mosquitto() is None:
        pytest.skip("mosquitto is not installed")
    scale = simulators.SimulatorsScale(chargers=2, ports=2, messages=6000, pairs=1)

    result = simulators.run(scale=scale).as_dict(machine())

    assert result["name"] == "simulators"
    assert result["ratio"] == pytest.approx(result["ours"] / result["reference"], rel=1e-3)


@pytest.mark.slow
def test_vision_runs_every_detector():
    """A few small pictures: what each detector costs is in the figures."""
    scale = vision.VisionScale(width=320, height=180, frames=3, pairs=1)

    result = vision.run(scale=scale).as_dict(machine())

    figures = result["runs"][0]["ours"]
    detectors = {f"{type(detector).__name__}_ms" for detector in build([], VisionSettings())}
    assert len(detectors) >= 4
    assert figures.keys() >= {"decode_ms", *detectors}
    # The whole holds its parts; five figures are kept of each.
    assert figures["value"] >= 0.999 * sum(figures[name] for name in ("decode_ms", *detectors))


@pytest.mark.slow
def test_render_times_every_scene():
    """A few small pictures: each scene's cost, and the pictures a second that one core makes of both sizes."""
    scale = render.RenderScale(width=192, height=108, small=(96, 96), frames=1, pairs=1)

    figures = render.run(scale=scale).as_dict(machine())["runs"][0]["ours"]

    assert figures.keys() >= {f"{name}_ms" for name in render.SCENES}
    assert figures.keys() >= {"fps_per_core_192x108_with_jpeg", "fps_per_core_96x96_with_jpeg", "standing_picture_s"}


@pytest.mark.slow
def test_api_asks_both_servers():
    """Two servers in processes of their own; ours answers with all sheds."""
    result = api.run(scale=api.ApiScale(seconds=0.2, pairs=1)).as_dict(machine())

    assert result["runs"][0]["ours"]["answer_bytes"] > 1000
    assert result["runs"][0]["reference"]["answer_bytes"] == len('{"status":"ok"}')


@pytest.mark.servers
@pytest.mark.slow
@pytest.mark.parametrize("broker", ["mosquitto", "amqtt"])
def test_ingest_takes_every_message_on_both_sides(broker):
    """Filled beforehand, taken to the last message; a lost one would end in an error."""
    if broker == "mosquitto" and find_mosquitto() is None:
        pytest.skip("mosquitto is not installed")

    result = ingest.run(scale=ingest.IngestScale(messages=2500, pairs=1, broker=broker)).as_dict(machine())

    ours = result["runs"][0]["ours"]
    assert (ours["refused"], ours["late"]) == (0, 0)
    assert broker in result["what"]
    assert ("live_ratio" in result["besides"]) is (broker == "mosquitto")


def test_a_broker_that_is_not_there_ends_the_benchmark_in_words():
    """Not in a traceback."""
    with pytest.raises(BenchError, match="the broker does not answer"):
        backlog.publish(("127.0.0.1", 1), [])


def test_a_child_that_fails_is_told_with_its_last_words():
    """Its own reason reaches the report."""
    with pytest.raises(BenchError, match="No module named"):
        figures_of("shedwatch.bench.nobody", limit_s=30.0)


def test_a_child_that_takes_too_long_is_ended():
    """A lost message must not leave a benchmark waiting for ever."""
    late = pytest.raises(BenchError, match="did not end in time")
    with late, serving("shedwatch.bench.api_server", "ours", limit_s=0.2):
        pass


def test_the_command_refuses_an_unknown_name_and_a_folder_that_is_not_there(tmp_path):
    """Wrong usage is exit code 2, before anything runs."""
    unknown = CliRunner().invoke(app, ["bench", "lunch"])
    nowhere = CliRunner().invoke(app, ["bench", "alerts", "--json", str(tmp_path / "no" / "file.json")])

    assert (unknown.exit_code, nowhere.exit_code) == (2, 2)
    assert "ingest, store, vision, alerts, api" in unknown.output
    assert "no folder" in nowhere.output


def test_the_command_prints_and_writes_the_same_result(tmp_path, monkeypatch):
    """Standard output for people, the file for programs."""
    monkeypatch.setattr(alerts, "run", lambda _tell: report_of((1.0, 2.0)))
    file = tmp_path / "alerts.json"

    done = CliRunner().invoke(app, ["bench", "alerts", "--json", str(file)])

    assert done.exit_code == 0
    assert "median" in done.output
    assert json.loads(file.read_text(encoding="utf-8"))["ratio"] == 0.5


def test_a_benchmark_that_cannot_be_run_is_exit_code_1(monkeypatch):
    """The check failed; the usage was right."""

    def fail(_tell):
        raise BenchError("no broker today")

    monkeypatch.setattr(alerts, "run", fail)

    done = CliRunner().invoke(app, ["bench", "alerts"])

    assert done.exit_code == 1
    assert "no broker today" in done.output


def test_the_store_benchmark_runs_to_its_end():
    """Both sides store the same rows; ours once more with the outbox on."""
    report = store.run(scale=store.StoreScale(messages=400, commit=100, pairs=1))

    assert report.name == "store"
    assert report.median.ours.figures["with_outbox_readings_per_s"] > 0
