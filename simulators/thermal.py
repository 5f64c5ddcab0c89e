"""Heat in a socket: contact resistance and current → temperature.

One thermal node (an RC element): the heat capacity of contacts and housing, and one resistance to the air. A step with
constant heat is exact for any length, so the result does not depend on how often it is asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SocketSpec:
    """A charger's socket.

    Attributes:
        contact_ohm: plug contacts, relay and wire together, when all is well: some 40 K of rise at 10 A.
        relay_w: what the closed relay's coil gives off beside it.
        rise_k_per_w: thermal resistance to the air.
        time_constant_s: thermal resistance × heat capacity.
    """

    contact_ohm: float = 0.06
    relay_w: float = 0.50
    rise_k_per_w: float = 6.0
    time_constant_s: float = 150.0


def step(spec: SocketSpec, temperature_c: float, ambient_c: float, heat_w: float, seconds: float) -> float:
    """Temperature after `seconds` of constant heat and air temperature, from `temperature_c`."""
    return approach(temperature_c, ambient_c + heat_w * spec.rise_k_per_w, spec.time_constant_s, seconds)


def approach(value: float, settled: float, time_constant_s: float, seconds: float) -> float:
    """An RC element: where `value` is on its way to `settled` after `seconds`."""
    return settled + (value - settled) * math.exp(-seconds / time_constant_s)


def contact_heat_w(spec: SocketSpec, current_a: float, added_ohm: float = 0.0) -> float:
    """Heat in the socket: I²R of the contacts, with `added_ohm` of a loose one, and the relay where current flows."""
    if current_a <= 0.0:
        return 0.0
    return current_a * current_a * (spec.contact_ohm + added_ohm) + spec.relay_w
