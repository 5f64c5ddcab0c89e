"""The evaluation run from catalogue to figures, on videos drawn for it; and `watch` on the same."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from synthetic_shed import HEIGHT, WIDTH, crate, film

from vision.evaluate import EvaluationError, clip_frames, evaluate
from vision.model import Zone, ZoneKind
from vision.watch import WatchError, watch

HEADER = "file,category,event_start_s,event_end_s,zone,usable_from_s,usable_to_s\n"
ZONE = "0.1,0.3 0.9,0.3 0.9,1 0.1,1"


def video(path, draw, seconds, fps=2.0):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (WIDTH, HEIGHT))
    for _, scene in film(draw, seconds, fps):
        writer.write(scene.image)
    writer.release()


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    folder = tmp_path_factory.mktemp("footage")
    video(folder / "crate.avi", lambda empty, t_s: crate(empty) if t_s >= 8 else empty, 30)
    video(folder / "calm.avi", lambda empty, t_s: empty, 12)
    file = folder / "catalogue.csv"
    file.write_text(f'{HEADER}crate.avi,blocked,8,,"{ZONE}",,\ncalm.avi,negative,,,,2,10\n')
    return file


def test_the_result_has_the_shape_and_figures_of_the_contract(catalogue):
    """A crate found after its dwell time, nothing in the calm clip, only its usable part shown."""
    told = []
    result = evaluate(catalogue, ["blocked"], jobs=1, progress=lambda *step: told.append(step))
    crated, calm = result["clips"]
    assert list(crated) == ["file", "seconds", "frames", "cpu_s", "alarms", "tp", "fn", "fp"]
    assert (crated["file"], crated["frames"], crated["tp"], crated["fn"], crated["fp"]) == ("crate.avi", 60, 1, 0, 0)
    (alarm,) = crated["alarms"]
    assert list(alarm) == ["kind", "t_s", "zone", "score"]
    assert alarm["kind"] == "corridor_blocked"
    assert 18 <= alarm["t_s"] <= 24
    assert (calm["frames"], calm["seconds"], calm["alarms"]) == (16, 7.5, [])
    assert list(result["summary"]) == ["blocked"]
    assert result["summary"]["blocked"]["recall"] == 1.0
    assert told == [(1, 2, "crate.avi"), (2, 2, "calm.avi")]


def test_the_dwell_time_is_an_option_for_all_clips(catalogue):
    """Nothing stands for a minute in a clip of half of one."""
    summary = evaluate(catalogue, ["blocked"], dwell_s=60.0, jobs=1)["summary"]["blocked"]
    assert (summary["tp"], summary["fn"], summary["fp"]) == (0, 1, 0)


def test_colours_can_be_taken_out(catalogue, monkeypatch):
    """So that footage with colours shows what a camera without would have let the detectors see."""
    shown = []

    class Watching:
        def see(self, scene):
            shown.append(scene.image)
            return []

    monkeypatch.setattr("vision.evaluate.build", lambda *_: [Watching()])
    evaluate(catalogue, ["flame"], jobs=1)
    coloured, shown[:] = np.ptp(shown, axis=3).max(), []
    evaluate(catalogue, ["flame"], jobs=1, grey=True)

    assert coloured > 0
    assert np.ptp(shown, axis=3).max() == 0


@pytest.mark.slow
def test_two_processes_give_what_one_gives(catalogue):
    """Order and figures do not depend on who finishes first."""

    def timeless(result):
        for clip in result["clips"]:
            clip.pop("cpu_s")
        return result

    assert timeless(evaluate(catalogue, jobs=2)) == timeless(evaluate(catalogue, jobs=1))


def test_frames_are_thinned_by_their_time_stamps(catalogue):
    """Two a second by the clip, one a second shown, from the usable start to before the usable end."""
    times = [t_s for t_s, _ in clip_frames(catalogue.parent / "crate.avi", 3.0, 8.0, 1.0)]
    assert times == pytest.approx([3, 4, 5, 6, 7], abs=0.51)
    assert len(times) == 5


def test_a_clip_that_is_not_there_or_not_shown_is_an_error(tmp_path):
    """Silence would look like a good score."""
    file = tmp_path / "catalogue.csv"
    file.write_text(HEADER + "nowhere.avi,negative,,,,,\n")
    with pytest.raises(EvaluationError, match=r"nowhere\.avi"):
        evaluate(file, jobs=1)


def test_wrong_options_are_refused(catalogue):
    """By name."""
    with pytest.raises(ValueError, match="steam"):
        evaluate(catalogue, ["steam"])
    with pytest.raises(ValueError, match="fps"):
        evaluate(catalogue, fps=0)


def test_watch_tells_what_begins_and_writes_an_annotated_video(catalogue, tmp_path):
    """A line for the crate, and a video of as many pictures as were shown."""
    lines = []
    zone = Zone("corridor", ZoneKind.CORRIDOR, ((0.1, 0.3), (0.9, 0.3), (0.9, 1.0), (0.1, 1.0)))
    out = tmp_path / "seen.avi"
    # The service's dwell time is longer than the clip; what is told of are the sightings of the whole chain.
    assert watch(str(catalogue.parent / "crate.avi"), [zone], out, lines.append) == 60
    assert lines == []
    assert len(list(clip_frames(out, 0.0, None, 30.0))) == 60


def test_watch_reads_a_folder_of_pictures_one_a_second(tmp_path):
    """A lens covered after a while is told with its time."""
    for number, (_, scene) in enumerate(film(lambda empty, t_s: empty if t_s < 15 else empty * 0 + 80, 30, fps=1.0)):
        cv2.imwrite(str(tmp_path / f"{number:03d}.png"), scene.image)
    lines = []
    assert watch(str(tmp_path), [], None, lines.append) == 30
    (line,) = [line for line in lines if "camera_covered" in line]
    assert "begins" in line
    assert 18 <= float(line.split()[0]) <= 24


@pytest.mark.parametrize("source", ["nowhere.mp4", "empty"])
def test_watch_says_what_it_cannot_read(source, tmp_path):
    """A missing file, a folder without pictures."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(WatchError, match=source):
        watch(str(tmp_path / source), [], None, print)


def test_watch_refuses_a_video_it_cannot_write(catalogue, tmp_path):
    """Before anything is read."""
    with pytest.raises(WatchError, match="ends in"):
        watch(str(catalogue.parent / "calm.avi"), [], tmp_path / "seen.gif", print)
