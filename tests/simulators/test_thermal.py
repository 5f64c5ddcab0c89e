"""A socket's heat: the analytic answer of one resistance and one capacity."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.thermal import SocketSpec, contact_heat_w, step

SOCKET = SocketSpec()


def test_rise_follows_the_analytic_solution():
    """After one time constant of constant heat the socket has made 63.2 % of its way."""
    heat_w = contact_heat_w(SOCKET, 2.0, added_ohm=1.94)
    assert heat_w == pytest.approx(4.0 * 2.0 + 0.5)
    rise_k = step(SOCKET, 20.0, 20.0, heat_w, SOCKET.time_constant_s) - 20.0
    assert rise_k == pytest.approx(heat_w * SOCKET.rise_k_per_w * (1 - math.exp(-1)))


@given(st.floats(-10, 150), st.floats(-10, 45), st.floats(0, 40), st.floats(0.1, 2000), st.integers(1, 50))
def test_steps_add_up(start_c, air_c, heat_w, seconds, parts):
    """The result does not depend on how often it is asked for."""
    temperature_c = start_c
    for _ in range(parts):
        temperature_c = step(SOCKET, temperature_c, air_c, heat_w, seconds / parts)
    assert temperature_c == pytest.approx(step(SOCKET, start_c, air_c, heat_w, seconds), abs=1e-6)


def test_sound_contact_stays_cool_and_a_loose_one_chars():
    """A sound socket warms by a few kelvin with a large charger and bears 10 A; a loose one gets far beyond."""
    sound_k = contact_heat_w(SOCKET, 2.0) * SOCKET.rise_k_per_w
    rated_k = contact_heat_w(SOCKET, 10.0) * SOCKET.rise_k_per_w
    loose_k = contact_heat_w(SOCKET, 2.0, added_ohm=8.0) * SOCKET.rise_k_per_w
    assert 2.0 < sound_k < 10.0
    assert 30.0 < rated_k < 45.0
    assert loose_k > 100.0


def test_no_current_no_heat():
    """Without current the socket takes the temperature of the air."""
    assert contact_heat_w(SOCKET, 0.0, added_ohm=8.0) == 0.0
    assert step(SOCKET, 80.0, 18.0, 0.0, 3000.0) == pytest.approx(18.0, abs=0.01)
