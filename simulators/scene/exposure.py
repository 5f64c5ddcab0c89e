"""Light at a time: which lamps are on, whether the camera is in night mode, and its automatic gain with its lag."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulators.scene.backdrop import Backdrop
from simulators.scene.events import SceneEvent
from simulators.scene.layouts import Layout
from simulators.scene.light import daylight, lamps_scheduled
from simulators.scene.sensor import LEAST_GAIN, MOST_GAIN, TARGET

# Below this much light the camera turns to night mode; it takes a moment to decide.
NIGHT_BELOW, NIGHT_DELAY_S = 0.035, 1.2
DARK_BELOW = 0.02
LAG_S, LAG_STEP_S, LAG_STEPS = 0.9, 0.2, 16


@dataclass(frozen=True)
class Light:
    """Amounts of each kind of light (see `light.KINDS`), the camera's gain, night mode, and a word for it all."""

    weights: dict[str, float]
    gain: float
    grey: bool
    word: str


def light_at(
    layout: Layout,
    picture: Backdrop,
    events: tuple[SceneEvent, ...],
    t_s: float,
    hour: float,
    passing: Callable[[float], float],
) -> Light:
    """The light at a time of the scene and an hour of the day; pure. `passing(t_s)`: what fires and vehicles add to the metered mean."""
    weights, grey = _weights(layout, events, t_s, hour)
    lag = np.exp(-np.arange(LAG_STEPS) * LAG_STEP_S / LAG_S)
    times = [t_s - i * LAG_STEP_S for i in range(LAG_STEPS)]
    past = [_wanted(picture, _weights(layout, events, then, hour)[0], passing(then)) for then in times]
    gain = float(np.exp(np.log(past) @ lag / lag.sum()))
    if weights["infrared"] + weights["lamps"] + weights["day"] < DARK_BELOW:
        word = "dark"
    elif weights["infrared"]:
        word = "infrared"
    else:
        word = "lamps" if weights["lamps"] >= weights["day"] * layout.daylight else "day"
    return Light(weights, gain, grey, word)


def _weights(layout: Layout, events: tuple[SceneEvent, ...], t_s: float, hour: float) -> tuple[dict[str, float], bool]:
    day, lamps = _day_and_lamps(layout, events, t_s, hour)
    before = _day_and_lamps(layout, events, t_s - NIGHT_DELAY_S, hour)
    night = before[0] * layout.daylight + before[1] < NIGHT_BELOW
    blind = any(event.kind == "dark" and event.active(t_s) for event in events)
    if blind:
        day, lamps = min(day, 0.0012), 0.0
    forced = any(event.kind == "infrared" and event.active(t_s) for event in events)
    grey = night or forced
    return {"day": day, "lamps": lamps, "infrared": float(grey and not blind)}, grey


def _day_and_lamps(layout: Layout, events: tuple[SceneEvent, ...], t_s: float, hour: float) -> tuple[float, float]:
    day = daylight(hour)
    lamps = 1.0 if lamps_scheduled(layout, hour) else 0.0
    for event in events:
        if event.kind in {"lamp_on", "lamp_off"} and event.active(t_s):
            lamps = event.strength if event.kind == "lamp_on" else 0.0
    # Even at night some street light comes in.
    return max(day, 0.004), lamps


def _wanted(picture: Backdrop, weights: dict[str, float], passing: float) -> float:
    metered = passing + sum(picture.metered[kind] * amount for kind, amount in weights.items())
    return float(np.clip(TARGET / max(metered, 1e-4), LEAST_GAIN, MOST_GAIN))
