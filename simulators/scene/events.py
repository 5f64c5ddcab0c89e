"""What can happen before a camera: the events a scenario asks for, checked when the scene is made.

Errors:
    SceneError(ValueError): an unknown layout or event kind, an impossible time, or a place the layout does not have.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

KINDS: dict[str, str] = {
    "bike_parked": "an e-bike stands in the corridor from start_s, pushed in before and taken away at end_s",
    "bicycle_parked": "a bicycle, or a light e-bike built like one, stands in the corridor likewise",
    "junk": "boxes, a sofa or a mattress stand in the corridor from start_s, carried away at end_s",
    "person_walks": "somebody comes in, walks to the far end of the corridor and back",
    "person_pushes": "somebody pushes a bike up the corridor and out again",
    "person_stands": "somebody stands in the corridor, shifting a little, and leaves",
    "smoke": "smoke from the bay `place`: a first thin wisp at start_s, a full plume within a minute or so",
    "smoke_drift": "smoke of a fire out of sight drifts in at the entrance",
    "flame": "flames in the bay `place`, growing from start_s, lighting what is around",
    "covered": "something hangs over the lens",
    "frozen": "the camera sends the picture of start_s again and again",
    "moved": "the camera was turned away",
    "dark": "neither lamps nor infrared light",
    "blurred": "the lens is out of focus or greasy",
    "dropped": "pictures are lost on the way, at random",
    "artefacts": "the pictures arrive crushed by compression",
    "shake": "the camera shakes a little in gusts, as on a loose bracket",
    "infrared": "the camera switches to night mode although there is light",
    "lamp_off": "the lamps go off",
    "lamp_on": "the lamps go on",
    "headlight": "headlights sweep through the shed",
    "rain": "rain before the lens and at the open side",
    "insects": "insects before the lens, bright at night",
    "web": "a spider's web before the lens, stirring, bright at night",
    "cigarette": "somebody stands and smokes",
    "steam": "white steam that dissolves within seconds",
    "dust": "somebody sweeps: a low cloud of dust, motes before the lens",
    "welding": "somebody welds at the far end: a blinding arc that comes and goes, sparks, fume",
    "sun_patch": "sun through an opening makes a slowly moving bright patch on the floor",
    "fog": "a thin even haze fills the shed",
}
AT_A_BAY = frozenset({"smoke", "flame"})


class SceneError(ValueError):
    """The scene cannot be made as asked; `str(error)` names what is wrong."""


@dataclass(frozen=True)
class SceneEvent:
    """One thing that happens, in seconds of the scene.

    Attributes:
        kind: one of `KINDS`.
        end_s: None: it never ends (a headlight sweep and a walk end by themselves).
        place: id of the bay for smoke and flame (None: chosen by the scene's seed).
        strength: 1.0 is usual; faster and denser for smoke and flame, brighter for light, heavier for weather.
        darkness: of smoke, from 0 (white) to 1 (black once it has grown); None: chosen by the scene's seed.
    """

    kind: str
    start_s: float
    end_s: float | None = None
    place: str | None = None
    strength: float = 1.0
    darkness: float | None = None

    def active(self, t_s: float) -> bool:
        """Whether the event is on at this time."""
        return self.start_s <= t_s and (self.end_s is None or t_s < self.end_s)


def check(events: Iterable[SceneEvent], bays: Collection[str]) -> tuple[SceneEvent, ...]:
    """The events in order of their start.

    Raises:
        SceneError: a kind, time, strength or place that makes no sense.
    """
    checked = sorted(events, key=lambda event: event.start_s)
    for event in checked:
        if event.kind not in KINDS:
            raise SceneError(f"unknown event kind {event.kind!r}; known: {', '.join(KINDS)}")
        if event.end_s is not None and event.end_s <= event.start_s:
            raise SceneError(f"{event.kind}: end_s {event.end_s} is not after start_s {event.start_s}")
        if not event.strength > 0:
            raise SceneError(f"{event.kind}: strength {event.strength} is not above 0")
        if event.darkness is not None and not 0 <= event.darkness <= 1:
            raise SceneError(f"{event.kind}: darkness {event.darkness} is not within 0 and 1")
        if event.kind in AT_A_BAY and event.place is not None and event.place not in bays:
            raise SceneError(f"{event.kind}: no bay {event.place!r}; bays: {', '.join(bays)}")
    return tuple(checked)
