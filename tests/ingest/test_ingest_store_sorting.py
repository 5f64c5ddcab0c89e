"""Finding refused lines by halving: exactly the bad ones are set aside, and every good one is taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.store.sorting import MAX_VAIN_TRIES, Sorting


def run(sorting: Sorting, bad: set[bytes], *, keeps_good: bool, about_lines: bool) -> tuple[set[bytes], int]:
    """Play a server; what it stored, and how many requests that took."""
    stored: set[bytes] = set()
    requests = 0
    while (part := sorting.part) is not None and not sorting.hopeless:
        requests += 1
        if bad.isdisjoint(part):
            stored |= set(part)
            sorting.accepted()
        else:
            if keeps_good:
                stored |= set(part) - bad
            sorting.refuse("bad", about_lines=about_lines)
    return stored, requests


@given(st.integers(1, 300), st.sets(st.integers(0, 299), max_size=20), st.booleans(), st.booleans())
def test_exactly_the_bad_lines_are_set_aside(size: int, bad: set[int], keeps_good: bool, about_lines: bool) -> None:
    """Whether the server keeps the good lines of a refused request or none, and whether it says what is wrong or not."""
    lines = [b"%d" % number for number in range(size)]
    wrong = {b"%d" % number for number in bad if number < size}
    sorting = Sorting(lines)
    stored, requests = run(sorting, wrong, keeps_good=keeps_good, about_lines=about_lines)

    if sorting.hopeless:
        assert not about_lines
        assert requests >= min(MAX_VAIN_TRIES, 2 * size - 1)
        return
    assert {line for line, _ in sorting.refused} == wrong
    assert stored == set(lines) - wrong
    assert requests <= 2 + len(wrong) * (2 * size.bit_length() + 3)


def test_three_bad_lines_of_five_thousand_cost_some_seventy_requests() -> None:
    """Not two a line."""
    lines = [b"%d" % number for number in range(5000)]
    sorting = Sorting(lines)
    stored, requests = run(sorting, {b"7", b"2500", b"4999"}, keeps_good=False, about_lines=True)

    assert len(stored) == 4997
    assert requests < 90


@pytest.mark.parametrize("size", [1, 2, 5000])
def test_a_server_that_refuses_everything_without_saying_why_condemns_no_line(size: int) -> None:
    """A wrong address answers 400 to good lines too; they are kept."""
    lines = [b"%d" % number for number in range(size)]
    sorting = Sorting(lines)
    _, requests = run(sorting, set(lines), keeps_good=False, about_lines=False)

    assert sorting.hopeless
    assert not sorting.refused
    assert requests <= MAX_VAIN_TRIES


def test_lines_that_are_all_named_bad_are_all_set_aside() -> None:
    """A backlog from before the bucket's retention: waiting would not help."""
    lines = [b"%d" % number for number in range(500)]
    sorting = Sorting(lines)
    run(sorting, set(lines), keeps_good=False, about_lines=True)

    assert [line for line, _ in sorting.refused] == lines


def test_a_server_that_stumbled_once_condemns_no_line() -> None:
    """A line is believed bad without its being named only when it is refused twice."""
    sorting = Sorting([b"1", b"2"])
    sorting.refuse("500", about_lines=False)
    sorting.refuse("500", about_lines=False)
    sorting.accepted()
    again = list(sorting.part or [])
    sorting.accepted()

    assert again == [b"1"]
    assert (sorting.part, sorting.refused) == (None, [])


def test_nothing_to_send_is_done_at_once() -> None:
    """No request without a line."""
    assert Sorting([]).part is None
