"""What of the detectors' opinions is told, and when a picture goes with it."""

from __future__ import annotations

from vision.announce import RENEW_S, Announcer
from vision.model import ObservationKind, Sighting


def sighting(active: bool = True, kind: ObservationKind = ObservationKind.CORRIDOR_BLOCKED) -> Sighting:
    return Sighting(kind, active, 0.9, zone="corridor")


def told(announcer: Announcer, at_s: float, *sightings: Sighting) -> list[tuple[bool, bool]]:
    return [(it.sighting.active, it.picture) for it in announcer.announce(sightings, round(at_s * 1000))]


def test_a_beginning_is_told_with_a_picture_and_an_end_too():
    """A freed corridor is proved like a blocked one."""
    announcer = Announcer()

    assert told(announcer, 0, sighting()) == [(True, True)]
    assert told(announcer, 1, sighting(active=False)) == [(False, True)]


def test_what_goes_on_is_renewed_now_and_then_without_a_picture():
    """The alarms hear that it is still there, the disk does not fill."""
    announcer = Announcer()
    told(announcer, 0, sighting())

    assert told(announcer, RENEW_S - 1, sighting()) == []
    assert told(announcer, RENEW_S, sighting()) == [(True, False)]
    assert told(announcer, RENEW_S + 1, sighting()) == []


def test_a_fire_is_kept_in_three_pictures():
    """Its first half minute matters most."""
    announcer = Announcer()
    smoke = sighting(kind=ObservationKind.SMOKE)

    pictures = [at_s for at_s in range(60) for _, picture in told(announcer, at_s, smoke) if picture]

    assert pictures == [0, 4, 15]


def test_an_end_of_what_never_began_is_not_told():
    """A detector's calm is no news."""
    assert told(Announcer(), 0, sighting(active=False)) == []
