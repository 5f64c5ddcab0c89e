"""What blocks a corridor and what does not, on drawn pictures with a dwell time of ten seconds."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from synthetic_shed import FLOOR, HEIGHT, WIDTH, crate, film, lamps_off, last, person, spans, sway

from vision.corridor import CorridorDetector, CorridorSettings, free_width
from vision.decode import scene_of
from vision.model import Zone, ZoneKind

DWELL_S = 10.0
BLOCKED = "corridor_blocked"


def detector() -> CorridorDetector:
    return CorridorDetector([FLOOR], CorridorSettings(dwell_s=DWELL_S))


def blocked(draw, seconds, **how):
    return spans(detector(), film(draw, seconds, **how)).get(BLOCKED, [])


def set_down_at(start_s, end_s=1e9):
    return lambda empty, t_s: crate(empty) if start_s <= t_s < end_s else empty


@pytest.mark.parametrize("fps", [1.0, 2.0, 6.0])
def test_a_crate_set_down_is_told_soon_after_the_dwell_time_at_any_frame_rate(fps):
    """Ten seconds of standing, a moment of certainty, and not before."""
    found = blocked(set_down_at(8), 34, fps=fps)
    assert len(found) == 1
    assert 8 + DWELL_S <= found[0][0] <= 8 + DWELL_S + 8
    assert found[0][1] is None


def test_the_sighting_says_where_and_how_much_is_left():
    """The box lies on the crate, the area and the free width are those drawn."""
    (told,) = last(detector(), film(set_down_at(5), 28))
    x, y, w, h = told.box
    assert abs(x - 105 / WIDTH) < 0.03
    assert abs(y - 98 / HEIGHT) < 0.03
    assert abs(w - 33 / WIDTH) < 0.05
    assert abs(h - 33 / HEIGHT) < 0.05
    zone_area = 0.8 * WIDTH * 0.7 * HEIGHT
    assert told.measures["area_fraction"] == pytest.approx(34 * 34 / zone_area, rel=0.25)
    # Of 192 pixels of width, 81 to the left of the crate are the widest way past it.
    assert told.measures["free_width_fraction"] == pytest.approx(81 / 192, abs=0.05)


@pytest.mark.slow
def test_it_ends_when_the_crate_is_taken_away_and_the_next_one_is_told_again():
    """Clears within seconds of the floor being bare, and is armed anew."""

    def draw(empty, t_s):
        return crate(empty) if 6 <= t_s < 30 else crate(empty, x=60) if t_s >= 55 else empty

    found = blocked(draw, 85)
    assert len(found) == 2
    assert 30 < found[0][1] < 50
    assert 65 <= found[1][0] < 80


@pytest.mark.slow
def test_a_crate_that_stays_for_long_never_becomes_background():
    """After nearly twenty dwell times it still blocks."""
    found = blocked(set_down_at(6), 200, fps=1.0)
    assert [end for _, end in found] == [None]


@pytest.mark.slow
def test_what_leans_over_the_line_from_its_bay_leaves_the_way_free():
    """The floor zone begins at x = 24 of 240: a crate mostly left of it takes a twentieth of the way, one within it blocks."""
    assert blocked(lambda empty, t_s: crate(empty, x=1) if t_s >= 8 else empty, 40) == []
    assert len(blocked(lambda empty, t_s: crate(empty, x=28) if t_s >= 8 else empty, 40)) == 1


@pytest.mark.slow
def test_somebody_standing_is_no_object():
    """A person who shifts their weight for six dwell times is not told of."""
    assert blocked(lambda empty, t_s: person(empty, 112 + sway(t_s)) if 5 <= t_s < 65 else empty, 80) == []


@pytest.mark.slow
def test_somebody_who_does_not_stir_at_all_is_given_three_times_as_long():
    """Tall and narrow is the shape of somebody standing; a guard at their post is no obstacle after a minute."""
    found = blocked(lambda empty, t_s: person(empty, 112) if t_s >= 5 else empty, 60)
    assert len(found) == 1
    assert found[0][0] > 5 + 3 * DWELL_S


def test_an_owner_beside_the_crate_does_not_hide_it():
    """The crate is told while somebody stands next to it, at the latest when they have gone."""

    def draw(empty, t_s):
        picture = crate(empty) if t_s >= 6 else empty
        return person(picture, 160 + sway(t_s)) if 4 <= t_s < 26 else picture

    found = blocked(draw, 50)
    assert len(found) == 1
    assert found[0][0] < 40


@pytest.mark.slow
def test_people_passing_in_front_neither_restart_nor_end_the_time():
    """Hidden for a second in every five, the crate is told all the same, once."""

    def draw(empty, t_s):
        picture = crate(empty) if t_s >= 6 else empty
        walker = (t_s % 5.0) / 1.5
        return person(picture, 30 + 180 * walker) if t_s >= 4 and walker < 1.0 else picture

    found = blocked(draw, 70)
    assert len(found) == 1
    assert found[0][1] is None


@pytest.mark.parametrize("factor", [0.55, 1.45])
def test_lamps_switched_off_or_on_block_nothing(factor):
    """The whole picture is darker or brighter by a half from one frame to the next."""
    assert blocked(lambda empty, t_s: empty * (factor if t_s >= 8 else 1.0), 50) == []


def test_a_shadow_or_a_bright_patch_on_the_floor_is_light():
    """A quarter of the floor is lit differently and keeps its joints and stains."""

    def draw(empty, t_s):
        picture = empty.copy()
        if t_s >= 8:
            picture[75:135, 45:112] *= 0.62
            picture[112:165, 142:195] *= 1.4
        return picture

    assert blocked(draw, 50) == []


def test_what_stood_there_from_the_beginning_leaves_no_ghost():
    """The floor under a crate that was there when the camera was switched on is no object when it is bared."""
    assert blocked(set_down_at(0, end_s=15), 60) == []


def test_shake_and_slow_drift_of_the_camera_block_nothing():
    """Two pixels of shake, and six of drift in a minute."""
    rng = np.random.default_rng(3)

    def draw(empty, t_s):
        dx, dy = rng.normal((t_s * 0.1, 0.0), 0.8)
        return cv2.warpAffine(
            empty, np.float32([[1, 0, dx], [0, 1, dy]]), (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT
        )

    assert blocked(draw, 60) == []


@pytest.mark.slow
def test_a_crate_is_found_on_a_shaking_camera():
    """The same shake does not hide one either."""
    rng = np.random.default_rng(4)

    def draw(empty, t_s):
        dx, dy = rng.normal(0, 0.8, 2)
        picture = crate(empty) if t_s >= 8 else empty
        return cv2.warpAffine(
            picture, np.float32([[1, 0, dx], [0, 1, dy]]), (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT
        )

    assert len(blocked(draw, 60)) == 1


def test_noise_and_compression_alone_block_nothing():
    """Strong noise, saved as a poor JPEG."""

    def draw(empty, t_s):
        return empty

    frames = (
        (
            t_s,
            scene_of(cv2.imdecode(cv2.imencode(".jpg", s.image, [cv2.IMWRITE_JPEG_QUALITY, 35])[1], 1), s.captured_ms),
        )
        for t_s, s in film(draw, 30, noise=7.0)
    )
    assert spans(detector(), frames) == {}


@pytest.mark.slow
def test_the_switch_to_infrared_blocks_nothing_and_keeps_what_blocks():
    """Colour goes, contrast changes; the crate that stood there still does, and nothing else is found."""

    def draw(empty, t_s):
        picture = crate(empty) if t_s >= 6 else empty
        if t_s < 35:
            return picture
        grey = cv2.cvtColor(picture.clip(0, 255).astype(np.uint8), cv2.COLOR_BGR2GRAY).astype(float)
        return np.repeat((grey * 0.8 + 10)[..., None], 3, axis=2)

    found = blocked(draw, 80)
    assert len(found) == 1
    assert found[0] == (found[0][0], None)


@pytest.mark.parametrize("dark_s", [1.2, 6.0])
@pytest.mark.parametrize("fps", [1.0, 2.0])
def test_lamps_that_go_out_and_on_again_block_nothing(dark_s, fps):
    """The camera shows darkness, infrared light too bright, infrared light, and colour again: an empty painted floor in each."""

    def draw(empty, t_s):
        floor = empty.copy()
        floor[60:, 70:110] = floor[60:, 70:110] * 0.4 + (10, 130, 140)
        return lamps_off(floor, t_s - 8, dark_s) if 8 <= t_s < 40 else floor

    assert blocked(draw, 65, fps=fps) == []


def test_a_crate_blocks_through_darkness_and_infrared_light_and_back():
    """It stood there before the lamps went out and stands there when they are on again; in the dark nobody can see it go."""

    def draw(empty, t_s):
        picture = crate(empty) if t_s >= 6 else empty
        return lamps_off(picture, t_s - 30, 6.0) if 30 <= t_s < 50 else picture

    found = blocked(draw, 75, fps=1.0)
    assert len(found) == 1
    assert found[0][0] < 30
    assert found[0][1] is None


def test_darkness_or_a_cover_are_no_time_to_learn_from():
    """A minute of black pictures; the empty corridor afterwards is as empty as before."""
    assert blocked(lambda empty, t_s: empty * 0.02 if 10 <= t_s < 70 else empty, 100) == []


def test_a_picture_sent_again_and_again_gives_no_time():
    """A camera with noise that hangs while somebody walks by does not turn them into an object."""
    frames = list(film(lambda empty, t_s: person(empty, 112) if t_s >= 6 else empty, 7))
    stuck = frames[-1][1]
    repeated = [(7 + n / 2, scene_of(stuck.image, round((7 + n / 2) * 1000))) for n in range(100)]
    assert spans(detector(), [*frames, *repeated]) == {}


def test_drawn_pictures_without_noise_count_as_they_are():
    """In a source without noise identical pictures are nothing special."""

    def draw(empty, t_s):
        picture = crate(empty) if t_s >= 6 else empty
        return person(picture, t_s * 30) if t_s < 8 else picture

    assert len(blocked(draw, 40, noise=0.0)) == 1


def test_without_a_corridor_zone_there_is_nothing_to_block():
    """Bays alone give no corridor."""
    bay = Zone("bay-1", ZoneKind.BAY, FLOOR.polygon)
    assert spans(CorridorDetector([bay]), film(set_down_at(2), 10)) == {}


def test_free_width_is_the_longest_way_past_the_narrowest_place():
    """Ten columns of which four in the middle are taken leave three."""
    zone = np.ones((20, 10), bool)
    occupied = np.zeros_like(zone)
    occupied[5:8, 3:7] = True
    assert free_width(occupied, zone) == pytest.approx(0.3)
    assert free_width(np.zeros_like(zone), zone) == 1.0


def test_free_width_of_a_corridor_across_the_picture_counts_its_rows():
    """A passage twice as wide as high runs from left to right."""
    zone = np.ones((10, 40), bool)
    occupied = np.zeros_like(zone)
    occupied[0:6, 20:22] = True
    assert free_width(occupied, zone) == pytest.approx(0.4)
