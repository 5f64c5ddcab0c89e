"""When a camera counts as blind, on drawn pictures."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from synthetic_shed import HEIGHT, WIDTH, crate, film, person, shed, spans, sway

from vision.decode import scene_of
from vision.health import HealthDetector, HealthSettings

SECONDS = 60


def told(draw, seconds=SECONDS, settings=None, **how):
    return spans(HealthDetector(settings), film(draw, seconds, **how))


def during(change, start_s=20, end_s=1e9):
    return lambda empty, t_s: change(empty) if start_s <= t_s < end_s else empty


def only(found, kind):
    assert list(found) == [kind]
    assert len(found[kind]) == 1
    return found[kind][0]


def clocked(picture, t_s):
    """The picture with the time drawn into its corner."""
    drawn = picture.copy()
    cv2.putText(drawn, f"08:00:{int(t_s):02d}", (4, 10), cv2.FONT_HERSHEY_PLAIN, 0.7, (255, 255, 255), 1)
    return drawn


def elsewhere():
    """What the camera sees after it was knocked aside."""
    turned = np.float32([[0.9, -0.35, 60], [0.35, 0.9, -35]])
    return cv2.warpAffine(shed(seed=5), turned, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)


def frozen_from(start_s, seconds, clock=False):
    """A noisy film that stops at `start_s`, its clock going on if asked for."""
    frames = [(t_s, scene) for t_s, scene in film(lambda empty, t_s: empty, start_s)]
    still = frames[-1][1].image
    for number in range(int((seconds - start_s) * 2)):
        t_s = start_s + number / 2
        picture = clocked(still, t_s) if clock else still
        frames.append((t_s, scene_of(picture, round(t_s * 1000))))
    return frames


def test_a_camera_that_sees_well_is_told_nothing_of():
    """People, bikes and a slow change of daylight are ordinary life."""

    def draw(empty, t_s):
        picture = crate(empty) if t_s > 15 else empty
        return person(picture, 60 + t_s * 2 + sway(t_s)) * (1.0 - t_s / 150)

    assert told(draw) == {}


def test_identical_pictures_for_half_a_minute_are_frozen():
    """Told after thirty seconds of the same picture, ended by a new one."""
    frames = frozen_from(10, 60)
    frames += [(60 + t_s, scene_of(s.image, round((60 + t_s) * 1000))) for t_s, s in film(lambda e, t: e, 6, seed=9)]
    start_s, end_s = only(spans(HealthDetector(), frames), "camera_frozen")
    assert 38 <= start_s <= 42
    assert 60 <= end_s <= 61


def test_a_clock_that_goes_on_does_not_hide_that_the_picture_is_frozen():
    """Only the burnt-in time changes."""
    start_s, _ = only(spans(HealthDetector(), frozen_from(10, 55, clock=True)), "camera_frozen")
    assert start_s <= 43


def test_a_camera_of_one_picture_in_ten_seconds_is_not_called_frozen_by_its_slowness():
    """Repeated pictures for a shorter time than half a minute, as slow cameras rebuild them, are no fault."""
    frames = []
    for number, (_, scene) in enumerate(film(lambda empty, t_s: empty, 8)):
        frames += [(number * 10 + n * 2, scene_of(scene.image, (number * 10 + n * 2) * 1000)) for n in range(5)]
    assert spans(HealthDetector(), frames) == {}


def test_a_source_without_noise_may_stand_still_for_minutes():
    """Drawn pictures repeat exactly; that nothing moves for two minutes is no fault of the camera."""

    def draw(empty, t_s):
        return person(empty, 40 + t_s * 12) if t_s < 10 else empty

    assert told(draw, 130, noise=0.0, fps=1.0) == {}


def test_something_over_the_lens_is_covered():
    """Uniform from one picture to the next, and told until it is taken away."""

    def cloth(_empty):
        return np.full((HEIGHT, WIDTH, 3), 70.0)

    start_s, end_s = only(told(during(cloth, 20, 40)), "camera_covered")
    assert 24 <= start_s <= 28
    assert 43 <= end_s <= 47


def test_smoke_that_fills_the_shed_slowly_is_not_called_a_cover():
    """Contrast goes within half a minute, not within seconds: that is for the smoke detector."""

    def draw(empty, t_s):
        density = min(1.0, max(0.0, (t_s - 20) / 30))
        return empty * (1 - density) + 170 * density

    assert "camera_covered" not in told(draw, 70)


def test_a_turned_camera_has_moved():
    """The same shed, seen from elsewhere."""
    other = elsewhere()
    start_s, _ = only(told(during(lambda _empty: other)), "camera_moved")
    assert 29 <= start_s <= 33


def test_a_moved_camera_is_accepted_when_it_stays_so():
    """After the time to adopt it, the new view is the usual one."""
    other = elsewhere()
    quick = replace(HealthSettings(), adopt_s=25.0)
    (_, end_s), *rest = told(during(lambda _empty: other), 70, quick)["camera_moved"]
    assert end_s is not None
    assert not rest


def test_lamps_and_infrared_do_not_move_a_camera():
    """Half the light, then grey pictures of other contrast."""

    def draw(empty, t_s):
        if t_s < 15:
            return empty
        if t_s < 35:
            return empty * 0.5
        grey = cv2.cvtColor(empty.clip(0, 255).astype(np.uint8), cv2.COLOR_BGR2GRAY).astype(float)
        return np.repeat((grey * 0.7 + 30)[..., None], 3, axis=2)

    assert told(draw, 70) == {}


@pytest.mark.slow
def test_a_lens_out_of_focus_is_blurred():
    """Half a minute of blur; focus hunting for some seconds is none."""
    start_s, _ = only(told(during(lambda empty: cv2.GaussianBlur(empty, (0, 0), 2.5)), 70), "camera_blurred")
    assert 49 <= start_s <= 54
    assert told(during(lambda empty: cv2.GaussianBlur(empty, (0, 0), 2.5), 20, 35)) == {}


def test_darkness_is_told_as_darkness():
    """Neither lamps nor infrared; not a cover, not a turned camera."""
    start_s, end_s = only(told(during(lambda empty: empty * 0.03, 20, 40)), "camera_dark")
    assert 29 <= start_s <= 33
    assert 43 <= end_s <= 47
