"""What the flame detector finds, and what it leaves alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_fire import HEIGHT, WIDTH, flame, raised, room, scenes, told

from vision.evaluate import evaluate
from vision.flame import FlameDetector
from vision.hotspots import disorder
from vision.model import WHOLE, ObservationKind, Zone, ZoneKind
from vision.voting import Vote

ROOM = room()
BAY = Zone("bay-7", ZoneKind.BAY, ((0.5, 0.2), (0.75, 0.2), (0.75, 0.9), (0.5, 0.9)), "c1#7")
BEGINS_S = 3.0
ORANGE = (30, 130, 245)


def fire(t_s):
    return flame(ROOM, t_s) if t_s >= BEGINS_S else ROOM


@pytest.mark.parametrize("fps", [5, 10])
def test_a_fire_alarms_within_three_seconds_or_little_more(fps):
    """Flames in a quiet room are told where they are, with the figures behind it."""
    said = told(FlameDetector([]), scenes(fire, 9, fps))

    first_s, sighting = next((t_s, sighting) for t_s, sighting in said if sighting.active)
    x, y, width, height = sighting.box

    assert BEGINS_S < first_s <= BEGINS_S + 3.5
    assert sighting.kind is ObservationKind.FLAME
    assert x <= 200 / WIDTH <= x + width
    assert y <= 120 / HEIGHT <= y + height
    assert {"disorder", "hue_spread", "wander"} <= sighting.measures.keys()


def test_one_frame_a_second_is_enough():
    """Pictures over MQTT may be rare; the alarm then takes longer, but comes."""
    assert raised(told(FlameDetector([]), scenes(fire, 18, fps=1)))


def test_the_alarm_names_its_bay():
    """A fire within a bay is that bay's."""
    said = told(FlameDetector([BAY]), scenes(fire, 9))

    assert {sighting.zone for _, sighting in said if sighting.active} == {"bay-7"}


def test_what_is_masked_is_not_judged():
    """An IGNORE zone hides a stove for good."""
    assert told(FlameDetector([Zone("stove", ZoneKind.IGNORE, WHOLE)]), scenes(fire, 9)) == []


def test_the_end_is_told_once():
    """When the fire is out the sighting turns inactive once, then there is silence."""
    said = told(FlameDetector([]), scenes(lambda t_s: fire(t_s) if t_s < 9 else ROOM, 22))

    ended = [number for number, (_, sighting) in enumerate(said) if not sighting.active]

    assert ended == [len(said) - 1]


def block(picture, left, top, colour, width=40, height=60):
    picture = picture.copy()
    picture[top : top + height, left : left + width] = colour
    return picture


def orange_vest(t_s):
    """Somebody in a bright orange vest walks to and fro."""
    return block(ROOM, int(20 + abs((t_s * 35) % 480 - 240)), 70, ORANGE)


def balloon(t_s):
    """An orange balloon sways on its string, lit from above."""
    shade = np.linspace(1.0, 0.8, 60)[:, None, None] * np.array(ORANGE)
    return block(ROOM, int(150 + 6 * np.sin(t_s * 4)), 60, shade)


def warm_lamp(t_s):
    """A warm lamp burns steadily."""
    return block(ROOM, 150, 40, (120, 215, 255), 24, 24)


def flashing_lamp(t_s):
    """A warning lamp flashes twice a second."""
    return block(ROOM, 150, 40, (60, 170, 255), 24, 24) if int(t_s * 4) % 2 else ROOM


def welding(t_s):
    """Blue-white flashes of an arc, irregular."""
    flash = np.random.default_rng(round(t_s * 100)).random() > 0.5
    return block(ROOM, 150, 80, (255, 250, 245), 20, 20) if flash else ROOM


def tail_lights(t_s):
    """Red lights drive by and brake."""
    return block(ROOM, int((t_s * 60) % 280), 120, (30, 30, 250 if int(t_s) % 2 else 200), 14, 8)


def charger_leds(t_s):
    """Small LEDs blink in red, green and orange."""
    picture = ROOM
    for number, colour in enumerate([(20, 20, 250), (20, 250, 20), (20, 140, 250)]):
        if int(t_s * (number + 1)) % 2:
            picture = block(picture, 60 + 30 * number, 50, colour, 3, 3)
    return picture


def infrared_glare(t_s):
    """A grey night picture with a moth before the lens."""
    rng = np.random.default_rng(round(t_s * 10))
    return block(ROOM, int(rng.integers(0, 280)), int(rng.integers(0, 140)), (250, 250, 250), 20, 20)


@pytest.mark.parametrize(
    "harmless",
    [orange_vest, balloon, warm_lamp, flashing_lamp, welding, tail_lights, charger_leds, infrared_glare],
)
@pytest.mark.parametrize("fps", [5, 10])
def test_harmless_things_do_not_alarm(harmless, fps):
    """A detector that cries wolf is switched off."""
    assert raised(told(FlameDetector([]), scenes(harmless, 10, fps))) == []


@given(dx=st.integers(-8, 8), dy=st.integers(-8, 8))
def test_a_thing_that_only_moves_shows_no_disorder(dx, dy):
    """A shift explains all of its change."""
    shape = np.zeros((60, 60), np.float32)
    shape[20:40, 22:34] = 1

    assert disorder(np.roll(shape, (dy, dx), axis=(0, 1)), shape) < 0.05


def test_a_thing_that_changes_its_outline_shows_disorder():
    """No shift lays a standing bar on a lying one."""
    standing, lying = np.zeros((60, 60), np.float32), np.zeros((60, 60), np.float32)
    standing[15:45, 26:34] = 1
    lying[26:34, 15:45] = 1

    assert disorder(standing, lying) > 0.5


@given(hits=st.lists(st.booleans(), min_size=1, max_size=60), gap_ms=st.integers(60, 1500))
def test_a_vote_never_turns_on_a_miss_nor_before_its_window(hits, gap_ms):
    """Alarms begin on a frame that agrees, after the window, and last at least the hold."""
    vote, was, last_hit = Vote(window_s=1.0, share=0.7, hold_s=3.0), False, 0
    for number, hit in enumerate(hits):
        active = vote.cast(number * gap_ms, hit)
        last_hit = number * gap_ms if hit else last_hit
        if active and not was:
            assert hit
            assert number * gap_ms >= 1000
        if was and not active:
            assert number * gap_ms - last_hit > 3000
        was = active


@pytest.mark.footage
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_most_real_flames_are_found_with_hardly_a_false_alarm(footage):
    """A floor under what is measured on labelled real footage."""
    flames = evaluate(footage / "catalogue.csv", ["flame"])["summary"]["flame"]

    assert flames["tp"] >= 6
    assert flames["fp"] <= 3
