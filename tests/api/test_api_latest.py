"""The board of latest values."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from api.latest import LatestBoard
from ingest.model import DeviceKind, Reading
from ingest.store.port import LatestValue
from tests.api.fakes import CHARGER, SHED, SITE

START_MS = 1_795_400_000_000


def at(offset_ms: int, late: bool = False, online: bool | None = None, **values: float) -> Reading:
    now_ms = START_MS + offset_ms
    return Reading(CHARGER, DeviceKind.CHARGER, now_ms, now_ms, port=1, values=values, late=late, online=online)


@given(st.permutations([at(0, power_w=1.0), at(10, power_w=2.0), at(20, current_a=3.0), at(30, power_w=4.0)]))
def test_the_newest_wins_in_any_order(readings: list[Reading]) -> None:
    """However messages overtake each other, each field shows its newest value."""
    board = LatestBoard(START_MS)
    for reading in readings:
        board.note([reading])

    assert {name: value.value for name, value in board.values(CHARGER, 1).items()} == {"power_w": 4.0, "current_a": 3.0}
    assert board.updated_ms((SITE, SHED)) == START_MS + 30


def test_who_is_there() -> None:
    """A device is unknown until heard, gone when its status says so, and back as soon as it reports again."""
    board = LatestBoard(START_MS)
    assert board.online(CHARGER) is None

    board.note([at(1, power_w=1.0)])
    assert board.online(CHARGER) is True
    board.note([at(2, online=False)])
    assert board.online(CHARGER) is False
    board.note([at(3, late=True, power_w=1.0)])
    assert board.online(CHARGER) is False
    board.note([at(4, power_w=1.0)])
    assert board.online(CHARGER) is True


def test_what_the_store_knew_is_not_news() -> None:
    """Values from before the start are shown with their age, but tell nothing about who is there now."""
    board = LatestBoard(START_MS)
    board.prime({(CHARGER, 1): {"power_w": LatestValue(5.0, START_MS - 9, START_MS - 9)}})
    assert board.values(CHARGER, 1)["power_w"].value == 5.0
    assert board.online(CHARGER) is None

    board.prime({(CHARGER, 1): {"power_w": LatestValue(6.0, START_MS + 9, START_MS + 9)}})
    assert board.values(CHARGER, 1)["power_w"].value == 6.0
    assert board.online(CHARGER) is True


def test_priming_never_hides_what_came_meanwhile() -> None:
    """The store may answer after the first readings; they stay."""
    board = LatestBoard(START_MS)
    board.note([at(5, power_w=7.0)])

    board.prime({(CHARGER, 1): {"power_w": LatestValue(5.0, START_MS, START_MS)}})

    assert board.values(CHARGER, 1)["power_w"].value == 7.0


def test_touched_places_are_told_once() -> None:
    """Where something arrived is told with the next question and then forgotten."""
    board = LatestBoard(START_MS)
    board.note([at(1, power_w=1.0)])

    assert board.take_touched() == {(SITE, SHED): {(CHARGER, 1)}}
    assert board.take_touched() == {}
