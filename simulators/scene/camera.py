"""A simulated camera in a shed: pictures as a function of time, with the truth about them."""

from __future__ import annotations

from collections.abc import Sequence

from simulators.scene import air, arc, faults, glow, plumes, weather
from simulators.scene.actors import Actor
from simulators.scene.backdrop import Backdrop, backdrop
from simulators.scene.canvas import Canvas, Painter
from simulators.scene.events import SceneError, SceneEvent, check
from simulators.scene.exposure import Light, light_at
from simulators.scene.geometry import Array
from simulators.scene.layouts import layout_named
from simulators.scene.sensor import expose, stamp
from simulators.scene.smoke import Source
from simulators.scene.staging import actors_at, glowing_ends
from simulators.scene.truth import Picture, Truth, free_width_m

SMALLEST_PX = 96
EMBER = (0.1, 0.35, 1.0)
# What a fire, an arc or a vehicle adds to the metered mean of a picture, each at a light of 1 (mean over the layouts).
FIRE_METERED, ARC_METERED, BEAM_METERED = 0.009, 0.04, 0.05


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
        self._size = (width, height)
        self._events = check(events, [bay.id for bay in self._layout.bays])
        self._fires = plumes.fires(self._layout, seed, self._events)
        self._sources = plumes.sources(self._layout, seed, self._events)
        self._arcs = [
            arc.Arc(plumes.weld_place(self._layout), event.start_s, plumes.end_of(event), event.strength, seed)
            for event in self._events
            if event.kind == "welding"
        ]
        self._painters: dict[tuple[float, float], Painter] = {}
        self._frozen: dict[float, float] = {}

    def render(self, t_s: float, hour: float) -> Picture:
        """The picture at a time of the scene (seconds) and an hour of the day (0-24, local).

        A frozen picture keeps the hour at which it was first asked for.
        """
        found = faults.in_force(self._events, t_s)
        frozen = faults.first_active(self._events, "frozen", t_s)
        if frozen is not None:
            hour = self._frozen.setdefault(frozen.start_s, hour)
            t_s = frozen.start_s
        painter = self._painter(t_s)
        view = painter.backdrop
        light = light_at(self._layout, view, self._events, t_s, hour, self._passing)
        actors = actors_at(self._layout, self._seed, self._events, t_s, hour)
        canvas = painter.paint(actors, light.weights)
        truth = self._fill(canvas, view, light, t_s, hour)
        self._lens(canvas, view, light, t_s)
        picture = self._develop(canvas.light, light, t_s, hour)
        return Picture(picture, self._truth(truth, canvas, actors, light, found))

    def _painter(self, t_s: float) -> Painter:
        event = faults.first_active(self._events, "moved", t_s)
        turned = faults.turned_by(event, self._seed) if event is not None else (0.0, 0.0)
        if turned not in self._painters:
            view = backdrop(self._layout.name, self._seed, *self._size, *turned)
            self._painters[turned] = Painter(view)
        return self._painters[turned]

    def lost(self, t_s: float) -> bool:
        """Whether the picture of this time is lost on its way."""
        event = faults.first_active(self._events, "dropped", t_s)
        return event is not None and faults.lost(event, self._seed, t_s)

    def _passing(self, t_s: float) -> float:
        """What fires, arcs and headlights add to the mean the camera meters."""
        shares = [FIRE_METERED * fire.light(t_s) for fire in self._fires if fire.height_m(t_s) > 0]
        shares += [ARC_METERED * weld.power(t_s) for weld in self._arcs]
        beams = [glow.beam(event, self._layout, t_s) for event in self._events if event.kind == "headlight"]
        shares += [BEAM_METERED * lamps.fade * (0.3 + 0.7 * lamps.aimed) for lamps in beams if lamps is not None]
        return sum(shares)

    def _fill(self, canvas: Canvas, view: Backdrop, light: Light, t_s: float, hour: float) -> air.AirTruth:
        """Everything in the room that shines or hangs in the air."""
        for place, colour in glow.spots(self._layout, self._seed, t_s):
            glow.dot(canvas.light, view, canvas.depth, place, colour)
        for place in glowing_ends(self._layout, self._seed, self._events, t_s):
            glow.dot(canvas.light, view, canvas.depth, place, EMBER)
        for event in self._events:
            if event.kind == "headlight":
                self._headlight(canvas, view, light, glow.beam(event, self._layout, t_s))
            elif event.kind == "sun_patch":
                sun = glow.sun_patch(event, view, t_s, hour)
                if sun is not None:
                    glow.spread(canvas.light, view, light.weights, sun, (0.8, 0.95, 1.0))
        for weld in self._arcs:
            shone = arc.cast(weld, view, t_s)
            if shone is not None:
                glow.spread(canvas.light, view, light.weights, shone, arc.ARC_LIGHT)
            arc.draw(canvas.light, view, canvas.depth, weld, t_s)
        sources = [*self._sources, *self._wisps(t_s)]
        return air.fill(canvas.light, canvas.depth, view, light.weights, self._fires, sources, t_s)

    def _headlight(self, canvas: Canvas, view: Backdrop, light: Light, lamps: glow.Beam | None) -> None:
        if lamps is None:
            return
        glow.spread(canvas.light, view, light.weights, glow.shone(lamps, view), (0.95, 1.0, 1.0))
        halo = glow.glare(lamps, view)
        if halo is not None:
            glow.add(canvas.light, view, halo)

    def _wisps(self, t_s: float) -> list[Source]:
        """The smoke of cigarettes."""
        ends = glowing_ends(self._layout, self._seed, self._events, t_s)
        return [Source(end, t_s - 4.0, t_s, 1.0, 5, self._layout.roof_m, size=0.12, real=False) for end in ends]

    def _lens(self, canvas: Canvas, view: Backdrop, light: Light, t_s: float) -> None:
        """What is before the lens, and what is wrong with it."""
        night = light.weights["infrared"] > 0
        for number, event in enumerate(self._events):
            if event.kind == "fog":
                air.veil(canvas.light, view, weather.fog(event, view, t_s), light.weights)
            elif event.kind == "rain" and event.active(t_s):
                weather.rain(canvas.light, view, event.strength, round(t_s * 1000), night)
            elif event.kind == "insects" and event.active(t_s):
                weather.insects(canvas.light, view, event, self._seed + number, t_s, night)
            elif event.kind == "web" and event.active(t_s):
                weather.web(canvas.light, view, event, self._seed + number, t_s, night)
            elif event.kind == "dust" and event.active(t_s):
                weather.motes(canvas.light, view, event.strength, self._seed + number, t_s, night)
            elif event.kind == "shake" and event.active(t_s):
                canvas.light = faults.shaken(canvas.light, event, t_s)
            elif event.kind == "blurred" and event.active(t_s):
                canvas.light = faults.defocus(canvas.light, event)
            elif event.kind == "covered" and event.active(t_s):
                faults.cover(canvas.light, event, self._seed, t_s)

    def _develop(self, light: Array, state: Light, t_s: float, hour: float) -> Array:
        width, height = self._size
        picture = expose(light, state.gain, state.grey, round(t_s * 1000), width, height)
        stamp(picture, hour, f"CAM {self._seed % 90 + 1:02d}")
        squeezed = faults.first_active(self._events, "artefacts", t_s)
        return picture if squeezed is None else faults.crushed(picture, squeezed)

    def _truth(
        self, seen: air.AirTruth, canvas: Canvas, actors: list[Actor], light: Light, found: tuple[str, ...]
    ) -> Truth:
        footprints = [actor.footprint for actor in actors if actor.footprint is not None]
        return Truth(
            objects=tuple(canvas.objects),
            smoke_density=seen.smoke_density,
            smoke_seen=seen.smoke_seen,
            smoke_map=seen.smoke_map,
            smoke_box=seen.smoke_box,
            flame_visible=seen.flame_box is not None,
            flame_box=seen.flame_box,
            free_width_m=free_width_m(self._layout, footprints),
            blocked=bool(footprints),
            light=light.word,
            faults=found,
        )
