"""What to film, as YAML: a reel (a list of clips) or a scenario, whose cameras then are the clips → `ClipPlan`s.

Errors: see `simulators.yaml_reader`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from ingest.model import DeviceKind
from simulators.cameras import plan_of
from simulators.clips import ClipPlan
from simulators.scenario import parse as parse_scenario
from simulators.scenario import shipped as shipped_scenario
from simulators.scene import KINDS, LAYOUTS, SceneError, SceneEvent, zones
from simulators.yaml_reader import Document, Part, ScenarioError

_PICTURE = {"fps": 5.0, "width": 640.0, "height": 360.0, "quality": 80.0}
_LIMITS = {"fps": (0.1, 30.0), "width": (96, 1920), "height": (96, 1080), "quality": (1, 100)}
_CLIP_KEYS = frozenset({"name", "layout", "seed", "hour", "seconds", "events", *_PICTURE})
_EVENT_KEYS = frozenset({"kind", "start_s", "end_s", "place", "strength", "darkness"})
_NOON = 12.0


def shipped(name: str) -> Path:
    """The file of a reel or a scenario that is shipped, by its name with or without `.yaml`; else `name` as a path.

    Raises:
        ScenarioError: neither exists.
    """
    folder = Path(str(resources.files("simulators"))) / "reels"
    for candidate in (folder / name, folder / f"{name}.yaml"):
        if candidate.is_file() and not Path(name).is_file():
            return candidate
    try:
        return shipped_scenario(name)
    except ScenarioError as error:
        reels = ", ".join(sorted(file.stem for file in folder.glob("*.yaml")))
        raise ScenarioError(f"{error}; shipped reels: {reels}") from None


def load(path: Path, now_ms: int, seed: int) -> list[ClipPlan]:
    """The clips of a reel or scenario file.

    Raises:
        ScenarioError: with file, line and key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: cannot be read: {error}") from None
    root = Document(text, path.name).root
    return _reel(root, seed) if "clips" in root.data else _scenario(text, path.name, now_ms, seed)


def _reel(root: Part, seed: int) -> list[ClipPlan]:
    root.only({"name", "picture", "clips"})
    picture = root.part("picture", {})
    picture.only(_PICTURE)
    usual = {
        key: picture.number(key, default, low=_LIMITS[key][0], high=_LIMITS[key][1])
        for key, default in _PICTURE.items()
    }
    plans = [plan for part in root.parts("clips") for plan in _clips(part, usual, seed)]
    names = [plan.name for plan in plans]
    if not plans:
        raise root.fail("clips", "has no clips")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise root.fail("clips", f"two clips are called {twice!r}")
    return plans


def _clips(part: Part, usual: dict[str, float], seed: int) -> Iterator[ClipPlan]:
    """The clips of one entry: every layout with every seed and hour it names."""
    part.only(_CLIP_KEYS)
    name = part.text("name")
    if not name or set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789-_"):
        raise part.fail("name", f"{name!r} cannot name a file; use a-z, 0-9, '-' and '_'")
    taken = {key: part.number(key, usual[key], low=_LIMITS[key][0], high=_LIMITS[key][1]) for key in _PICTURE}
    seconds = part.number("seconds", low=1.0, high=86_400.0)
    events = tuple(_event(event) for event in part.parts("events"))
    layouts, seeds, hours = _many(part, "layout", str), _many(part, "seed", int), _many(part, "hour", float)
    for layout in layouts:
        if layout not in LAYOUTS:
            raise part.fail("layout", f"unknown layout {layout!r}; there are {', '.join(LAYOUTS)}")
        _check_places(part, layout, events)
        for own in seeds:
            for hour in hours:
                word = [name, layout] + [f"s{own}"] * (len(seeds) > 1) + [f"{hour:g}h"] * (len(hours) > 1)
                yield ClipPlan(
                    name="-".join(word).replace(".", "_"),
                    layout=layout,
                    seed=own + (seed - 1) * 1000,
                    hour=hour,
                    seconds=seconds,
                    events=events,
                    fps=taken["fps"],
                    width=int(taken["width"]),
                    height=int(taken["height"]),
                    quality=int(taken["quality"]),
                )


def _check_places(part: Part, layout: str, events: tuple[SceneEvent, ...]) -> None:
    bays = [zone["id"] for zone in zones(layout)[1:]]
    for event in events:
        if event.place is not None and event.place not in bays:
            raise part.fail("events", f"{layout} has no bay {event.place!r}; bays: {', '.join(bays)}")


def _many(part: Part, key: str, kind: type) -> list[Any]:
    """One value or a list of them."""
    value = part.data.get(key)
    values = value if isinstance(value, list) else [value]
    allowed = (int, float) if kind is float else kind
    if not values or any(not isinstance(it, allowed) or isinstance(it, bool) for it in values):
        words = {str: "a layout", int: "a whole number", float: "a number"}[kind]
        raise part.fail(key, f"must be {words} or a list of them, not {value!r}")
    return [kind(it) for it in values]


def _event(part: Part) -> SceneEvent:
    part.only(_EVENT_KEYS)
    start_s = part.number("start_s", 0.0, low=-3600.0)
    event = SceneEvent(
        kind=part.text("kind", of=KINDS),
        start_s=start_s,
        end_s=part.optional_number("end_s"),
        place=part.text("place") if part.has("place") else None,
        strength=part.number("strength", 1.0, low=0.01, high=10.0),
        darkness=part.number("darkness", low=0.0, high=1.0) if part.has("darkness") else None,
    )
    if event.end_s is not None and event.end_s <= start_s:
        raise part.fail("end_s", f"must come after start_s {start_s:g}")
    return event


def _scenario(text: str, name: str, now_ms: int, seed: int) -> list[ClipPlan]:
    scenario = parse_scenario(text, name, now_ms)
    hour = scenario.general("hour", _NOON) if scenario.start_ms is None else scenario.hour_at(scenario.start_ms)
    plans = []
    for device in scenario.devices:
        if device.kind is not DeviceKind.CAMERA:
            continue
        camera = plan_of(scenario, device.ref, seed)
        try:
            events = tuple(SceneEvent(**event) for event in camera.events)
        except (TypeError, SceneError) as error:
            raise ScenarioError(f"{name}: {device.ref}: {error}") from None
        plans.append(
            ClipPlan(
                name="-".join(camera.ref),
                layout=camera.layout,
                seed=camera.seed,
                hour=hour,
                seconds=scenario.duration_s,
                events=events,
                fps=camera.fps,
                width=camera.width,
                height=camera.height,
                quality=camera.quality,
                gaps=tuple(_gaps(camera.gaps, camera.links, scenario.duration_s)),
            )
        )
    if not plans:
        raise ScenarioError(f"{name}: has no cameras to film with")
    return plans


def _gaps(
    silent: list[tuple[float, float | None]], links: list[tuple[float, bool]], end_s: float
) -> Iterator[tuple[float, float]]:
    """When a camera sends nothing: silent, or its connection down."""
    yield from ((begin, end_s if end is None else end) for begin, end in silent)
    down_s: float | None = None
    for t_s, up in sorted(links):
        if not up and down_s is None:
            down_s = t_s
        elif up and down_s is not None:
            yield down_s, t_s
            down_s = None
    if down_s is not None:
        yield down_s, end_s
