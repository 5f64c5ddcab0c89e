"""Which events put what into the air, and where: fires, their smoke, smoke drifting in, steam, dust, welding fume."""

from __future__ import annotations

import numpy as np

from simulators.scene.events import SceneEvent
from simulators.scene.flame import Fire
from simulators.scene.geometry import unit
from simulators.scene.layouts import Layout
from simulators.scene.smoke import Source

# Height of the battery, under the seat.
BATTERY_M = 0.5
# What smoke looks like where the event leaves it to the seed.
DARKNESSES = (0.0, 0.0, 0.5, 0.5, 1.0)
DRIFTS_M_S, STEAM_M_S, STEAM_FADES_S, SWEEP_M_S = 0.55, 0.12, 2.2, 0.22
DUST: tuple[float, float, float] = (0.6, 0.72, 0.82)
NEVER_S = 1e12

Place = tuple[float, float, float]


def fires(layout: Layout, seed: int, events: tuple[SceneEvent, ...]) -> list[Fire]:
    """The fires of flame events."""
    return [
        Fire(bay_place(layout, seed, event), event.start_s, end_of(event), event.strength, seed + number)
        for number, event in enumerate(events)
        if event.kind == "flame"
    ]


def sources(layout: Layout, seed: int, events: tuple[SceneEvent, ...]) -> list[Source]:
    """Everything that gives off smoke or what looks like it."""
    found = []
    for number, event in enumerate(events):
        if event.kind in _MAKERS:
            found.append(_MAKERS[event.kind](layout, seed, number, event))
    return found


def end_of(event: SceneEvent) -> float:
    """When an event ends; very late if never."""
    return NEVER_S if event.end_s is None else event.end_s


def bay_place(layout: Layout, seed: int, event: SceneEvent) -> Place:
    """Where in its bay a battery burns."""
    bay = layout.bay(event.place) if event.place is not None else layout.bays[seed % len(layout.bays)]
    angle = np.radians(bay.heading_deg)
    return (float(bay.x_m - 0.2 * np.cos(angle)), float(bay.y_m - 0.2 * np.sin(angle)), BATTERY_M)


def weld_place(layout: Layout) -> Place:
    """Where somebody welds: at the far end of the corridor, beside the way in."""
    (x, y), (ahead_x, ahead_y) = layout.entrance[1], layout.entrance[2]
    along = unit(np.subtract((ahead_x, ahead_y), (x, y)))
    return (float(x + 0.8 * along[0] - 0.5 * along[1]), float(y + 0.8 * along[1] + 0.5 * along[0]), 0.75)


def _battery(layout: Layout, seed: int, number: int, event: SceneEvent) -> Source:
    place = bay_place(layout, seed, event)
    own = seed * 7 + number
    return Source(
        place,
        event.start_s,
        end_of(event),
        event.strength,
        own,
        layout.roof_m,
        darkness=DARKNESSES[own % 5] if event.darkness is None else event.darkness,
    )


def _above_flames(layout: Layout, seed: int, number: int, event: SceneEvent) -> Source:
    start = event.start_s + 4.0
    place, own = bay_place(layout, seed, event), seed * 7 + number
    end = max(end_of(event), start + 0.1)
    return Source(place, start, end, 0.7 * event.strength, own, layout.roof_m, darkness=DARKNESSES[own % 5])


def _drifting(layout: Layout, seed: int, number: int, event: SceneEvent) -> Source:
    """Smoke of a fire out of sight, carried in at the entrance."""
    (x, y), inside = layout.entrance[0], layout.entrance[1]
    ahead = unit(np.subtract(inside, (x, y))) * DRIFTS_M_S
    return Source(
        (x, y, 0.9),
        event.start_s,
        end_of(event),
        event.strength,
        seed * 7 + number,
        layout.roof_m,
        darkness=DARKNESSES[(seed + number) % 5] if event.darkness is None else event.darkness,
        full_after_s=40.0,
        rises=0.16,
        wind_m_s=(float(ahead[0]), float(ahead[1])),
    )


def _steam(layout: Layout, seed: int, number: int, event: SceneEvent) -> Source:
    """A pot, a wet floor hosed down, a heating pipe: white, at once, gone within seconds."""
    x0, y0, x1, y1 = layout.corridor[0]
    rng = np.random.default_rng((seed, number, 91))
    place = (float(rng.uniform(x0, x1)), float(y0 + (y1 - y0) * rng.uniform(0.35, 0.65)), float(rng.uniform(0.15, 0.9)))
    return Source(
        place,
        event.start_s,
        end_of(event),
        0.3 * event.strength,
        seed * 7 + number,
        layout.roof_m,
        size=0.8,
        real=False,
        full_after_s=2.0,
        rises=0.9,
        wind_m_s=(float(rng.uniform(-STEAM_M_S, STEAM_M_S)), float(rng.uniform(-STEAM_M_S, STEAM_M_S))),
        fades_s=STEAM_FADES_S,
    )


def _dust(layout: Layout, seed: int, number: int, event: SceneEvent) -> Source:
    """Somebody sweeps: a low brownish cloud that spreads along the floor."""
    x, y = about(layout, seed * 1000 + number)
    return Source(
        (x - 0.4, y - 0.5, 0.08),
        event.start_s + 6.0,
        max(end_of(event), event.start_s + 7.0),
        0.11 * event.strength,
        seed * 7 + number,
        layout.roof_m,
        real=False,
        darkness=0.4,
        colour=DUST,
        full_after_s=4.0,
        rises=0.1,
        wind_m_s=(SWEEP_M_S, -SWEEP_M_S),
        fades_s=9.0,
    )


def _fume(layout: Layout, seed: int, number: int, event: SceneEvent) -> Source:
    place = weld_place(layout)
    end = end_of(event)
    return Source(place, event.start_s, end, 0.4, seed * 7 + number, layout.roof_m, size=0.3, real=False, fades_s=6.0)


def about(layout: Layout, seed: int) -> tuple[float, float]:
    """A spot in the corridor where somebody stands about."""
    rng = np.random.default_rng((seed, 21))
    x0, y0, x1, y1 = layout.corridor[0]
    return (float(x0 + (x1 - x0) * rng.uniform(0.25, 0.75)), float(y0 + (y1 - y0) * rng.uniform(0.3, 0.6)))


_MAKERS = {
    "smoke": _battery,
    "flame": _above_flames,
    "smoke_drift": _drifting,
    "steam": _steam,
    "dust": _dust,
    "welding": _fume,
}
