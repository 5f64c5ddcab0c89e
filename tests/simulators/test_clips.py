"""Clips of rendered scenes: the catalogue, the truth beside it, reels and scenarios as what is filmed."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from typer.testing import CliRunner

from shedwatch.cli import app
from simulators.avi import AviError, AviWriter
from simulators.clips import ClipPlan, film, write_catalogue
from simulators.reel import load, shipped
from simulators.scene import CameraScene, SceneEvent, encode, zones
from simulators.truth_log import Moment, events_of, runs
from simulators.yaml_reader import ScenarioError
from vision.catalogue import Category, read_catalogue

pytestmark = pytest.mark.slow

SMALL = ClipPlan("small", "row", 3, 12.0, 4.0, fps=5.0, width=192, height=108)
NOW_MS = 1_795_400_000_000


def moment(t_s: float, **shown: object) -> Moment:
    return replace(Moment(t_s, False, False, False, 0.0, 1.7, "day"), **shown)


def catalogue_of(plan: ClipPlan, folder: Path) -> list[dict[str, str]]:
    write_catalogue(folder, film(plan, folder))
    with (folder / "catalogue.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def truth_of(plan: ClipPlan, folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / f"{plan.name}.truth.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_clip_holds_the_pictures_a_camera_sends(tmp_path):
    """The video opens, has the rate and every picture asked for, and each is the JPEG that the camera would publish."""
    film(SMALL, tmp_path)
    capture = cv2.VideoCapture(str(tmp_path / "small.avi"))
    pictures = []
    while capture.grab():
        assert capture.get(cv2.CAP_PROP_POS_MSEC) == pytest.approx(len(pictures) * 200.0)
        pictures.append(capture.retrieve()[1])
    scene = CameraScene("row", 3, 192, 108)
    sent = encode(scene.render(1.4, 12.0 + 1.4 / 3600).image, 80)

    assert len(pictures) == 20
    assert sent in (tmp_path / "small.avi").read_bytes()
    decoded = cv2.imdecode(np.frombuffer(sent, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(decoded.astype(int) - pictures[7]).mean() < 3


def test_the_same_plan_gives_the_same_bytes(tmp_path):
    """Video, truth and rows are the same for the same seed, and not for another."""
    plan = replace(SMALL, events=(SceneEvent("smoke", 1.0),))
    made = []
    for name, seed in (("one", 3), ("two", 3), ("other", 4)):
        (tmp_path / name).mkdir()
        rows = film(replace(plan, seed=seed), tmp_path / name)
        made.append((rows, *((tmp_path / name / f"small{end}").read_bytes() for end in (".avi", ".truth.jsonl"))))

    assert made[0] == made[1]
    assert made[0][1] != made[2][1]


def test_the_catalogue_is_one_that_evaluate_reads(tmp_path):
    """Smoke, flame and blocked rows with the corridor as zone; the reader of the contract's format takes them."""
    events = (SceneEvent("bike_parked", 1.0), SceneEvent("smoke", 1.0, strength=4.0), SceneEvent("flame", 2.0))
    rows = catalogue_of(replace(SMALL, events=events, seconds=8.0, width=320, height=180), tmp_path)
    (clip,) = read_catalogue(tmp_path / "catalogue.csv")

    assert [row["category"] for row in rows] == ["blocked", "smoke", "flame"]
    assert {event.category for event in clip.events} == {Category.BLOCKED, Category.SMOKE, Category.FLAME}
    (blocked,) = clip.of(Category.BLOCKED)
    assert blocked.polygon == tuple((x, y) for x, y in zones("row")[0]["polygon"])
    assert blocked.start_s == 1.0
    assert 0.0 < float(rows[0]["free_width_m"]) < 1.6


def test_a_clip_without_events_is_negative(tmp_path):
    """Calm and nuisances are what a detector must be silent about."""
    rows = catalogue_of(replace(SMALL, events=(SceneEvent("steam", 0.0),)), tmp_path)

    assert [(row["category"], row["event_start_s"], row["events"]) for row in rows] == [("negative", "", "steam")]


def test_smoke_begins_with_the_first_picture_that_shows_it(tmp_path):
    """Not when it begins to come out: a wisp behind bikes is not seen at once; the truth has every picture's density."""
    plan = replace(
        SMALL, seconds=30.0, fps=2.0, width=320, height=180, events=(SceneEvent("smoke", 5.0, strength=0.3),)
    )
    (row,) = catalogue_of(plan, tmp_path)
    truth = truth_of(plan, tmp_path)
    first = int(row["first_visible_frame"])

    assert float(row["event_start_s"]) == first / 2.0 >= 5.0
    assert [line["smoke"]["visible"] for line in truth].index(True) == first
    assert max(line["smoke"]["density"] for line in truth) == pytest.approx(float(row["smoke_density"]), abs=1e-4)
    grid = np.array(truth[-1]["smoke"]["grid"])
    assert grid.shape == (9, 16)
    assert grid.mean() == pytest.approx(truth[-1]["smoke"]["density"], abs=2e-3)


def test_masks_of_things_are_in_the_truth(tmp_path):
    """A mask's runs put together again are the pixels of the thing, within its box."""
    plan = replace(SMALL, events=(SceneEvent("junk", 0.5),))
    film(plan, tmp_path)
    thing = next(it for it in truth_of(plan, tmp_path)[-1]["objects"] if it["obstacle"])
    height, width = thing["mask"]["size"]
    on = np.repeat(np.arange(len(thing["mask"]["counts"])) % 2, thing["mask"]["counts"]).reshape(width, height).T

    assert 0.2 < on.mean() <= 1.0
    assert thing["box"] == pytest.approx(
        [thing["mask"]["x"] / 192, thing["mask"]["y"] / 108, width / 192, height / 108], abs=1e-4
    )


@given(arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_runs_tell_the_mask(mask):
    """Runs begin with what is outside, alternate, and add up to the mask."""
    counts = runs(mask)
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)

    assert np.array_equal(flat, mask.ravel(order="F"))
    assert all(count > 0 for count in counts[1:])


def test_what_pauses_for_a_moment_is_one_event():
    """Flames that flicker out of sight for a second are one event; what comes back after ten is another."""
    lit = [1, 2, 4, 5, 16, 17]
    events = events_of([moment(float(t_s), flame=t_s in lit) for t_s in range(20)])

    assert [(event.category, event.start_s, event.end_s, event.first_frame) for event in events] == [
        ("flame", 1.0, 5.0, 1),
        ("flame", 16.0, 17.0, 16),
    ]


def test_an_event_that_lasts_has_no_end():
    """Smoke in the last picture is smoke until the clip's end; its narrowest and densest moments are kept."""
    moments = [
        moment(0.0),
        moment(1.0, smoke=True, density=0.1, free_width_m=0.4),
        moment(2.0, smoke=True, density=0.3),
    ]
    (event,) = events_of(moments)

    assert (event.start_s, event.end_s, event.density, event.free_width_m) == (1.0, None, 0.3, 0.4)


def test_lost_pictures_are_the_ones_before(tmp_path):
    """A silent camera's picture stands still, bytes and truth."""
    plan = replace(SMALL, gaps=((1.0, 2.0),), events=(SceneEvent("person_walks", 0.0),))
    film(plan, tmp_path)
    truth = truth_of(plan, tmp_path)

    assert all({**truth[4], "frame": 0, "t_s": 0} == {**line, "frame": 0, "t_s": 0} for line in truth[5:10])
    assert truth[10]["objects"] != truth[4]["objects"] or truth[12]["objects"] != truth[4]["objects"]


def test_an_avi_too_large_is_refused(tmp_path, monkeypatch):
    """Before a file grows past what its form can hold, the error says what to do."""
    monkeypatch.setattr("simulators.avi.LARGEST_BYTES", 100)
    with AviWriter(tmp_path / "a.avi", 5.0, 96, 96) as writer, pytest.raises(AviError, match="film less"):
        writer.append(bytes(200))


@pytest.mark.parametrize("name", ["nuisances", "hazards", "night", "demo"])
def test_what_is_shipped_can_be_filmed(name):
    """Every shipped reel, and a scenario, gives clips of different names, each a scene that can be made."""
    plans = load(shipped(name), NOW_MS, 1)

    assert len({plan.name for plan in plans}) == len(plans) >= 5
    assert load(shipped(name), NOW_MS, 2)[0].seed != plans[0].seed


def test_a_scenarios_cameras_are_clips():
    """Each camera is a clip with its own faults, as long as the scenario, silent where its connection is down."""
    plans = {plan.name: plan for plan in load(shipped("blind-cameras"), NOW_MS, 1)}
    blind = plans["lab-shed-1-cam-1"]

    assert (blind.layout, blind.seconds, blind.hour) == ("row", 700.0, 14.0)
    assert {"covered", "frozen", "blurred", "dark"} <= {event.kind for event in blind.events}
    assert blind.silent(535.0)
    assert blind.silent(640.0)
    assert not blind.silent(100.0)


GOOD = (
    "clips: [{name: a, layout: row, seed: 1, hour: 12, seconds: 5, events: [{kind: smoke, start_s: 1, place: bay-1}]}]"
)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("layout: row", "layout: attic"), "r.yaml:1: clips[0].layout: unknown layout 'attic'"),
        (("kind: smoke", "kind: earthquake"), "clips[0].events[0].kind: unknown kind 'earthquake'"),
        (("bay-1", "bay-77"), "clips[0].events: row has no bay 'bay-77'"),
        (("seed: 1", "seed: x"), "clips[0].seed: must be a whole number or a list of them"),
        (("name: a", "name: a/b"), "clips[0].name: 'a/b' cannot name a file"),
        (("start_s: 1", "start_s: 1, end_s: 1"), "clips[0].events[0].end_s: must come after"),
        (("seconds: 5", "seconds: 5, fps: 99"), "clips[0].fps: must be within"),
        (("layout: row", "layout: [row, row]"), "two clips are called"),
    ],
)
def test_a_wrong_reel_says_what_and_where(tmp_path, change, words):
    """File, line, key, and how to mend it."""
    (tmp_path / "r.yaml").write_text(GOOD.replace(*change), encoding="utf-8")

    with pytest.raises(ScenarioError) as error:
        load(tmp_path / "r.yaml", NOW_MS, 1)
    assert words in str(error.value)


def test_the_command_films_and_says_where(tmp_path):
    """`shedwatch render` writes clips and a catalogue; mistakes are answered with exit code 2."""
    reel = tmp_path / "r.yaml"
    reel.write_text(GOOD.replace("clips:", "picture: {width: 192, height: 108}\nclips:"), encoding="utf-8")
    command = ["render", str(reel), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, command)
    nothing = CliRunner().invoke(app, [*command, "--only", "zebra"])
    unknown = CliRunner().invoke(app, ["render", "no-such-reel", "--out", str(tmp_path / "out")])

    assert done.exit_code == 0, done.output
    assert str(tmp_path / "out" / "catalogue.csv") in done.output
    assert len(read_catalogue(tmp_path / "out" / "catalogue.csv")) == 1
    assert (nothing.exit_code, unknown.exit_code) == (2, 2)
    assert "zebra" in nothing.output
    assert "shipped reels: hazards, night, nuisances" in unknown.output
