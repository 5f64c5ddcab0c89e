"""From what detectors say on every frame to what is worth telling: a beginning, a renewal now and then, an end. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from vision.model import ObservationKind, Sighting

RENEW_S = 5.0
# A fire changes fast, so its first half minute is kept in several pictures; anything else is told by one.
_PICTURES_AT_S = {ObservationKind.SMOKE: (0.0, 4.0, 15.0), ObservationKind.FLAME: (0.0, 4.0, 15.0)}
# The freed corridor is proved by a picture too.
_PICTURE_AT_END = {ObservationKind.CORRIDOR_BLOCKED}


class Announcement(NamedTuple):
    """One sighting to be told, and whether a picture goes with it."""

    sighting: Sighting
    picture: bool


@dataclass(slots=True)
class _Running:
    since_ms: int
    told_ms: int
    pictures: int


class Announcer:
    """Remembers for one camera what has been told."""

    def __init__(self) -> None:
        self._running: dict[tuple[ObservationKind, str | None], _Running] = {}

    def announce(self, sightings: Sequence[Sighting], now_ms: int) -> Iterator[Announcement]:
        """What of this frame's sightings is to be told. `now_ms` is the frame's time of capture."""
        for sighting in sightings:
            key = (sighting.kind, sighting.zone)
            running = self._running.get(key)
            if sighting.active and running is None:
                self._running[key] = _Running(now_ms, now_ms, 1)
                yield Announcement(sighting, picture=True)
            elif sighting.active and running is not None:
                yield from self._renew(sighting, running, now_ms)
            elif running is not None:
                del self._running[key]
                yield Announcement(sighting, picture=sighting.kind in _PICTURE_AT_END)

    @staticmethod
    def _renew(sighting: Sighting, running: _Running, now_ms: int) -> Iterator[Announcement]:
        times = _PICTURES_AT_S.get(sighting.kind, (0.0,))
        due = running.pictures < len(times) and now_ms - running.since_ms >= times[running.pictures] * 1000
        if due or now_ms - running.told_ms >= RENEW_S * 1000:
            running.told_ms = now_ms
            running.pictures += due
            yield Announcement(sighting, picture=due)
