"""What a picture as a whole says: the same in other light, on its way to another, or another."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from synthetic_shed import crate, film, infrared, lamps_off, shed

from vision.steady import Exposure, Outlook


def outlooks(draw, seconds, fps=2.0):
    exposure = Exposure()
    return {t_s: exposure.see(scene) for t_s, scene in film(draw, seconds, fps=fps)}


def upheavals(draw, seconds, fps=2.0):
    return [t_s for t_s, outlook in outlooks(draw, seconds, fps).items() if outlook.upheaval]


@pytest.mark.parametrize("factor", [0.5, 1.7])
def test_an_exposure_step_is_a_gain_and_no_other_picture(factor):
    """Half as bright, or nearly twice: the same picture by its gain."""
    seen = outlooks(lambda empty, t_s: empty * 0.6 * (factor if t_s >= 5 else 1.0), 10)
    assert not any(outlook.upheaval for outlook in seen.values())
    assert seen[9.5].gain == pytest.approx(factor, abs=0.1)


def test_a_picture_on_its_way_is_no_new_normal():
    """Lamps out for good: one upheaval, when the infrared light's exposure has settled, neither in the dark nor before."""
    found = upheavals(lambda empty, t_s: lamps_off(empty, t_s - 5, 1.2) if t_s >= 5 else empty, 40)
    assert len(found) == 1
    assert 5 + 1.2 + Exposure._UPHEAVAL_S <= found[0] <= 5 + 1.2 + 4


def test_in_the_dark_before_infrared_light_comes_nothing_is_learned():
    """A camera that takes six seconds to turn to infrared is blind for so long."""
    seen = outlooks(lambda empty, t_s: lamps_off(empty, t_s - 5, 6.0) if t_s >= 5 else empty, 20)
    assert all(outlook.blind for t_s, outlook in seen.items() if 5 <= t_s < 11)
    assert sum(outlook.upheaval for outlook in seen.values()) == 1


def test_a_picture_darker_than_exposure_makes_up_for_is_taken_when_nothing_else_comes():
    """Without infrared lamps a dim shed is what there is to watch, from ten seconds on."""
    assert upheavals(lambda empty, t_s: empty * 0.25 if t_s >= 5 else empty, 30) == [5 + Exposure._DARK_S]


def test_against_a_dim_normal_not_everything_is_alike():
    """After a dim start, in which all grey levels lie close together, a bright picture of something else is another."""

    def draw(empty, t_s):
        return infrared(np.ascontiguousarray(empty[:, ::-1])) if t_s >= 5 else empty * 0.2

    assert len(upheavals(draw, 15)) == 1


def test_colour_that_goes_or_comes_is_another_picture_even_where_its_brightness_is_not():
    """Night mode by mistake, in full light: the grey levels stay as they are."""

    def draw(empty, t_s):
        if not 5 <= t_s < 15:
            return empty
        grey = cv2.cvtColor(empty.clip(0, 255).astype(np.uint8), cv2.COLOR_BGR2GRAY).astype(float)
        return np.repeat(grey[..., None], 3, axis=2)

    assert upheavals(draw, 25) == [6.5, 16.5]


def test_a_beam_that_sweeps_is_no_new_normal():
    """For four seconds most of the picture is lit, never twice the same part; afterwards it is as it was."""

    def draw(empty, t_s):
        if not 5 <= t_s < 9:
            return empty * 0.4
        columns = np.arange(empty.shape[1]) / empty.shape[1]
        return empty * (0.4 + 1.6 * ((columns + 0.4 * t_s) % 1.0 < 0.6))[None, :, None]

    seen = outlooks(draw, 15)
    assert not any(outlook.upheaval for outlook in seen.values())
    assert seen[14.5] == Outlook(pytest.approx(1.0, abs=0.05))


def test_something_that_comes_is_no_upheaval():
    """A large crate in full colour covers a fifth of the floor."""
    assert upheavals(lambda empty, t_s: crate(empty, size=75) if t_s >= 5 else empty, 20) == []


def test_the_shed_has_colour_to_lose():
    """What the tests above rely on."""
    assert float(np.ptp(shed().clip(0, 255), axis=2).mean()) > 4.0
