"""Flames on pictures without colour, and what dazzles an infrared camera without burning."""

import cv2
import numpy as np
import pytest
from synthetic_fire import HEIGHT, WIDTH, flame, raised, room, scenes, told

from vision.flame import FlameDetector
from vision.hotspots import HotSpot
from vision.model import ObservationKind, Zone, ZoneKind
from vision.nightfire import NightMemory, is_infrared, luminous

ROOM = room() * 0.8
BAY = Zone("bay-7", ZoneKind.BAY, ((0.5, 0.2), (0.75, 0.2), (0.75, 0.9), (0.5, 0.9)), "c1#7")
BEGINS_S = 4.0
_ROWS, _COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)


def lit(picture, x, y, strength):
    """The picture with more light on it around a place."""
    square = (_COLUMNS - x) ** 2 + (_ROWS - y) ** 2
    return picture * (1 + strength * 1500 / (square + 1500))[:, :, None]


def by_infrared(picture):
    """What a sensor without colours makes of it."""
    return np.repeat(np.clip(picture, 0, 255).max(axis=2, keepdims=True), 3, axis=2)


def fire(t_s, begins_s=BEGINS_S):
    if t_s < begins_s:
        return ROOM
    flicker = 0.25 + 0.05 * np.sin(t_s * 17)
    return by_infrared(flame(lit(ROOM, 200, 120, flicker), t_s))


@pytest.mark.parametrize("fps", [5, pytest.param(10, marks=pytest.mark.slow)])
def test_flames_on_an_infrared_picture_alarm_within_seconds(fps):
    """Where they are, in the bay they are in, with the figures behind it."""
    said = told(FlameDetector([BAY]), scenes(fire, 10, fps))

    first_s, sighting = next((t_s, sighting) for t_s, sighting in said if sighting.active)

    assert BEGINS_S < first_s <= BEGINS_S + 3.5
    assert (sighting.kind, sighting.zone) == (ObservationKind.FLAME, "bay-7")
    assert {"core", "familiar", "glow"} <= sighting.measures.keys()


@pytest.mark.slow
def test_one_frame_a_second_is_enough():
    """Pictures over MQTT may be rare; the alarm then takes longer, but comes."""
    assert raised(told(FlameDetector([]), scenes(fire, 18, fps=1)))


def dark_fire(t_s):
    """Flames among things too dark or too far to be seen lit."""
    return ROOM if t_s < BEGINS_S else by_infrared(flame(ROOM, t_s))


@pytest.mark.slow
def test_flames_that_light_nothing_in_sight_alarm_by_their_flicker():
    """Five frames a second show it, one does not."""
    assert raised(told(FlameDetector([]), scenes(dark_fire, 10)))
    assert raised(told(FlameDetector([]), scenes(dark_fire, 18, fps=1))) == []


@pytest.mark.slow
def test_a_fire_that_goes_on_is_told_as_long_as_it_burns():
    """What looks like fire does not become the usual picture within minutes."""
    said = told(FlameDetector([]), scenes(fire, 100, fps=3))

    assert said[-1][0] > 99
    assert len(raised(said)) == 1


def disc(picture, x, y, radius, level=255.0):
    picture = picture.copy()
    cv2.circle(picture, (round(x), round(y)), round(radius), (level, level, level), -1, cv2.LINE_AA)
    return picture


def moth(t_s):
    """A moth dances before the lens."""
    rng = np.random.default_rng(round(t_s * 10))
    return disc(ROOM, 160 + rng.normal(0, 40), 90 + rng.normal(0, 25), 12)


def rain(t_s):
    """Drops shine in the light of the infrared lamps, everywhere."""
    rng = np.random.default_rng(round(t_s * 100))
    picture = ROOM.copy()
    for _ in range(120):
        x, y = int(rng.integers(0, WIDTH)), int(rng.integers(0, HEIGHT))
        cv2.line(picture, (x, y), (x + 2, y + 14), (250.0, 250.0, 250.0), 2)
    return picture


def walker(t_s):
    """Somebody in white walks to and fro, overexposed."""
    return white_clothes(30 + abs((t_s * 40) % 480 - 240), t_s)


def idler(t_s):
    """Somebody in white stands near the camera from 4 s on, and fidgets."""
    return ROOM if t_s < BEGINS_S else white_clothes(180, t_s)


def white_clothes(x, t_s):
    picture = ROOM.copy()
    cv2.rectangle(picture, (int(x), 60), (int(x) + 26, 120), (255.0, 255.0, 255.0), -1)
    for side, pace in ((0, 4.1), (26, 5.3)):
        hand = (int(x + side + 20 * np.sin(t_s * pace)), int(90 + 22 * np.cos(t_s * pace * 0.7)))
        cv2.line(picture, (int(x) + side, 66), hand, (255.0, 255.0, 255.0), 8)
        foot = (int(x + side + 10 * np.sin(t_s * pace * 0.5)), 160)
        cv2.line(picture, (int(x) + 13, 118), foot, (255.0, 255.0, 255.0), 9)
    return picture


def headlight(t_s):
    """A vehicle drives in and its light sweeps through."""
    share = (t_s - BEGINS_S) / 5
    if not 0 < share < 1:
        return ROOM
    x = 40 + 220 * share
    return disc(lit(ROOM, x, 100, 1.5), x, 100, 10 + 14 * np.sin(np.pi * share))


def torch(t_s):
    """Somebody stands and points a torch about, now and then at the camera."""
    if t_s < BEGINS_S:
        return ROOM
    aimed = 0.5 + 0.5 * np.sin(t_s * 3.1) * np.sin(t_s * 1.3)
    return disc(lit(ROOM, 180, 100, 0.8 * aimed), 180 + 4 * np.sin(t_s * 2), 100, 4 + 16 * aimed)


def lamp(t_s):
    """A lamp goes on and off every second and lights what is around it."""
    return disc(lit(ROOM, 180, 60, 0.6), 180, 60, 16) if t_s > BEGINS_S and int(t_s) % 2 else ROOM


def welding(t_s):
    """An arc: its brightness jumps from picture to picture, and all of the room with it."""
    if t_s < BEGINS_S or int(t_s / 3) % 2:
        return ROOM
    power = np.random.default_rng(round(t_s * 100)).uniform(0.3, 1.2)
    return disc(lit(ROOM, 180, 110, power), 180, 110, 18 * power)


def leaves(t_s):
    """Foliage stirs before a bright sky."""
    rng = np.random.default_rng(round(t_s * 100))
    picture = ROOM.copy()
    picture[20:100, 60:200] = 255
    for _ in range(40):
        x, y = int(rng.integers(60, 200)), int(rng.integers(20, 100))
        cv2.circle(picture, (x, y), 6, (60.0, 60.0, 60.0), -1)
    return picture


@pytest.mark.slow
@pytest.mark.parametrize(
    "harmless", [moth, rain, walker, idler, headlight, torch, lamp, welding, leaves], ids=lambda it: it.__name__
)
@pytest.mark.parametrize("fps", [1, 5])
def test_what_dazzles_without_burning_does_not_alarm(harmless, fps):
    """A detector that cries wolf every night is switched off."""
    assert raised(told(FlameDetector([]), scenes(harmless, 12, fps))) == []


def test_a_picture_is_infrared_where_it_has_no_colour():
    """Grain and compression leave a little; a grey room under lamps has more."""
    grain = np.random.default_rng(1).normal(0, 1.5, ROOM.shape)
    night = np.clip(ROOM + grain, 0, 255).astype(np.uint8)
    day = np.clip(ROOM * (0.92, 1.0, 1.0) + grain, 0, 255).astype(np.uint8)

    assert is_infrared(night)
    assert not is_infrared(day)


@pytest.mark.slow
def test_lamps_that_go_on_end_the_night():
    """Where the picture turns coloured the flames are told by their colour, with no second alarm."""

    def spreading(t_s):
        burning = flame(lit(ROOM * (0.8, 1.0, 1.1), 200, 120, 0.3), t_s)
        return fire(t_s) if t_s < 9 else burning

    assert len(raised(told(FlameDetector([]), scenes(spreading, 14)))) == 1


def picture_of(painted):
    return np.clip(painted, 0, 255).astype(np.uint8)


def spot_at(x, y, half=8):
    """A spot of light as the detector follows it."""
    return HotSpot((x - half, y - half, x + half, y + half), np.ones((2 * half, 2 * half), np.uint8), 0)


def test_exposure_is_no_glow():
    """A picture that brightens as a whole lights nothing around a spot; a light beside it does."""
    memory = NightMemory()
    spot = spot_at(180, 100)
    for _ in range(20):
        memory.add(picture_of(ROOM), luminous(picture_of(ROOM)), 0.2, False)

    brighter, beside = picture_of(ROOM * 1.2), picture_of(lit(ROOM, 180, 100, 0.4))
    memory.add(brighter, luminous(brighter), 0.2, False)
    exposed = memory.glow(spot)
    memory.add(beside, luminous(beside), 0.2, False)

    assert abs(exposed) < 1.5
    assert memory.glow(spot) > 5
