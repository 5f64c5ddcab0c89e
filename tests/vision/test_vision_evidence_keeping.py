"""Evidence is kept as long as it is wanted, as the disk allows, and in any case while its alarm is open."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.model import DeviceRef
from shedwatch.clock import ManualClock
from vision.evidence import EvidenceFolder
from vision.evidence_keeping import (
    DAY_MS,
    YOUNG_MS,
    EvidenceKeeping,
    EvidenceLimits,
    Kept,
    captured_ms_of,
    to_delete,
)

NOW_MS = 1_795_400_000_000
CAM = DeviceRef("cuiping-beili", "shed-1", "cam-1")


def aged(name: str, days: float, size: int = 10) -> Kept:
    return Kept(name, NOW_MS - int(days * DAY_MS), size)


def names(gone: list[Kept]) -> list[str]:
    return [picture.name for picture in gone]


def test_the_old_go_but_for_those_of_open_alarms() -> None:
    """However old the alarm."""
    pictures = [aged("new", 1), aged("old", 91), aged("open", 400), aged("older", 200)]

    assert names(to_delete(pictures, {"open"}, NOW_MS, EvidenceLimits(days=90))) == ["older", "old"]


def test_the_oldest_go_where_all_together_take_too_much() -> None:
    """Down to the limit and not further; an open alarm's count, but stay."""
    pictures = [aged(f"{n}", n, size=10) for n in range(1, 6)]

    assert names(to_delete(pictures, {"5"}, NOW_MS, EvidenceLimits(max_bytes=25))) == ["4", "3", "2"]


@given(
    st.lists(st.tuples(st.floats(-1, 500), st.integers(1, 100), st.booleans()), max_size=30),
    st.floats(0.1, 400),
    st.integers(0, 1000),
)
def test_nothing_that_is_needed_or_young_ever_goes(
    made: list[tuple[float, int, bool]], days: float, max_bytes: int
) -> None:
    """And what stays is within the limits, or must stay."""
    pictures = [aged(f"{n}", age, size) for n, (age, size, _) in enumerate(made)]
    needed = {f"{n}" for n, (_, _, is_needed) in enumerate(made) if is_needed}
    gone = set(names(to_delete(pictures, needed, NOW_MS, EvidenceLimits(days, max_bytes))))
    must = [it for it in pictures if it.name in needed or NOW_MS - it.captured_ms < YOUNG_MS]
    left = [it for it in pictures if it.name not in gone]

    assert not gone & {it.name for it in must}
    assert sum(it.size for it in left) <= max_bytes or left == must


async def test_files_are_deleted_by_the_age_in_their_names(tmp_path: Path) -> None:
    """What is no picture of ours stays, and figures tell what is left."""
    folder = EvidenceFolder(tmp_path)
    old = folder.save(CAM, "corridor_blocked", NOW_MS - 100 * DAY_MS, b"old")
    kept = folder.save(CAM, "smoke", NOW_MS - 100 * DAY_MS, b"open")
    new = folder.save(CAM, "flame", NOW_MS, b"new")
    (tmp_path / "notes.txt").write_text("mine")

    async def needed() -> Collection[str]:
        return {kept}

    keeping = EvidenceKeeping(tmp_path, needed, EvidenceLimits(), ManualClock(NOW_MS))

    assert await keeping.tidy() == 1
    assert {path.name for path in tmp_path.iterdir()} == {kept, new, "notes.txt"}
    assert old not in {path.name for path in tmp_path.iterdir()}
    assert (keeping.counters.pictures, keeping.counters.bytes, keeping.counters.deleted) == (2, 7, 1)


async def test_where_the_open_alarms_are_not_known_nothing_goes(tmp_path: Path) -> None:
    """A ledger that is away says nothing about what is needed."""
    folder = EvidenceFolder(tmp_path)
    folder.save(CAM, "smoke", NOW_MS - 1000 * DAY_MS, b"old")

    async def needed() -> Collection[str]:
        raise OSError("the ledger is away")

    keeping = EvidenceKeeping(tmp_path, needed, EvidenceLimits(max_bytes=0), ManualClock(NOW_MS))
    with pytest.raises(OSError, match="away"):
        await keeping.tidy()

    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("name", "captured_ms"),
    [
        ("shed-1-cam-1-smoke-1795400000000-0a1b2c3d.jpg", 1_795_400_000_000),
        ("shed-1.jpg", None),
        (".shed-1-cam-1-smoke-1795400000000-0a1b2c3d.part", None),
        ("a-b-c.jpg", None),
    ],
)
def test_the_time_stands_in_the_name(name: str, captured_ms: int | None) -> None:
    """Of what has another name nothing is known, and it is left alone."""
    assert captured_ms_of(name) == captured_ms
