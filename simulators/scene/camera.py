"""A simulated camera in a shed: pictures as a function of time, with the truth about them."""

from __future__ import annotations

from collections.abc import Sequence

from simulators.scene.backdrop import backdrop
from simulators.scene.canvas import Painter
from simulators.scene.events import SceneError, SceneEvent, check
from simulators.scene.exposure import light_at
from simulators.scene.layouts import layout_named
from simulators.scene.sensor import expose, stamp
from simulators.scene.staging import actors_at
from simulators.scene.truth import Picture, Truth, free_width_m

SMALLEST_PX = 96


class CameraScene:
    """One camera of one shed. `render` gives the same bytes for the same time, whatever was rendered before.

    Args:
        layout: one of `LAYOUTS`.
        seed: paints, bikes, people and their comings and goings.
        width, height: pixels.
        events: what happens besides ordinary life.

    Raises:
        SceneError: unknown layout, impossible size, or an event that makes no sense.
    """

    def __init__(
        self, layout: str, seed: int, width: int = 640, height: int = 360, events: Sequence[SceneEvent] = ()
    ) -> None:
        self._layout = layout_named(layout)
        if width < SMALLEST_PX or height < SMALLEST_PX:
            raise SceneError(f"{width} x {height} is too small; at least {SMALLEST_PX} x {SMALLEST_PX}")
        self._seed = seed
        self._painters: dict[tuple[float, float], Painter] = {}
        self._size = (width, height)
        self._events = check(events, [bay.id for bay in self._layout.bays])

    def render(self, t_s: float, hour: float) -> Picture:
        """The picture at a time of the scene (seconds) and an hour of the day (0-24, local)."""
        width, height = self._size
        standing = backdrop(self._layout.name, self._seed, width, height)
        painter = self._painters.setdefault((0.0, 0.0), Painter(standing))
        light = light_at(self._layout, standing, self._events, t_s, hour)
        actors = actors_at(self._layout, self._seed, self._events, t_s, hour)
        canvas = painter.paint(actors, light.weights)
        picture = expose(canvas.light, light.gain, light.grey, round(t_s * 1000), width, height)
        stamp(picture, hour, f"CAM {self._seed % 90 + 1:02d}")
        return Picture(
            picture, Truth(objects=tuple(canvas.objects), free_width_m=free_width_m(self._layout, []), light=light.word)
        )
