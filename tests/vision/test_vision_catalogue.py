"""The catalogue of labelled footage."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.catalogue import COLUMNS, CatalogueError, Category, parse_catalogue, read_catalogue
from vision.model import WHOLE

HEADER = ",".join(COLUMNS)


def rows(*lines):
    return parse_catalogue("\n".join([HEADER, *lines]))


def test_rows_of_one_file_are_one_clip_with_its_events():
    """Several rows, several categories; only what all rows call usable is shown."""
    (clip,) = rows("a.mp4,smoke,27,,,0,37", "a.mp4,flame,14.5,33,,2,")
    assert [(event.category, event.start_s, event.end_s) for event in clip.events] == [
        (Category.SMOKE, 27.0, None),
        (Category.FLAME, 14.5, 33.0),
    ]
    assert (clip.from_s, clip.to_s, clip.negative) == (2.0, 37.0, False)
    assert clip.events[0].polygon == WHOLE


def test_a_zone_is_a_polygon_of_its_event():
    """Pairs parted by blanks."""
    (clip,) = rows('b.avi,blocked,5,,"0,0 1,0 0.5,1",,')
    assert clip.events[0].polygon == ((0.0, 0.0), (1.0, 0.0), (0.5, 1.0))


def test_columns_may_stand_in_any_order_beside_others():
    """A catalogue has columns for its readers too."""
    (clip,) = parse_catalogue(
        "note,zone,file,category,usable_to_s,usable_from_s,event_end_s,event_start_s\n"
        '"two\nlines",,c.mp4,negative,9,1,,\n'
    )
    assert (clip.file, clip.negative, clip.from_s, clip.to_s, clip.events) == ("c.mp4", True, 1.0, 9.0, ())


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (",negative,,,,,", "line 2, column file"),
        ("a,fire,1,,,,", "line 2, column category"),
        ("a,smoke,,,,,", "line 2, column event_start_s"),
        ("a,smoke,soon,,,,", "line 2, column event_start_s"),
        ("a,smoke,nan,,,,", "line 2, column event_start_s"),
        ("a,smoke,-1,,,,", "line 2, column event_start_s"),
        ("a,smoke,5,4,,,", "line 2, column event_end_s"),
        ('a,blocked,5,,"0,0 1,1",,', "line 2, column zone"),
        ('a,blocked,5,,"0,0 1,0 2,1",,', "line 2, column zone"),
        ('a,blocked,5,,"0,0 1,0 x,1",,', "line 2, column zone"),
        ("a,negative,,,,9,3", "line 2, column usable_to_s"),
        ('a,negative,,,"unfinished', "line 2"),
    ],
)
def test_each_error_names_its_line_and_column(line, named):
    """So that it can be found in a long table."""
    with pytest.raises(CatalogueError, match=named):
        rows(line)


def test_a_missing_column_and_an_empty_or_missing_file_are_named(tmp_path):
    """Before any row is read."""
    with pytest.raises(CatalogueError, match="line 1, column zone"):
        parse_catalogue("file,category,event_start_s,event_end_s,usable_from_s,usable_to_s\n")
    with pytest.raises(CatalogueError, match="line 1"):
        parse_catalogue("")
    with pytest.raises(CatalogueError, match=r"nowhere\.csv"):
        read_catalogue(tmp_path / "nowhere.csv")


seconds = st.floats(0, 1000).map(lambda value: round(value, 3))
events = st.tuples(
    st.text("abc", min_size=1, max_size=2), st.sampled_from(["blocked", "smoke", "flame"]), seconds, st.none() | seconds
)


@given(st.lists(events, max_size=8))
def test_what_is_written_is_read_back(written):
    """Every event appears once, in its file, in order."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for file, category, start_s, length_s in written:
        table.writerow([file, category, start_s, "" if length_s is None else start_s + length_s, "", "", ""])
    clips = parse_catalogue(text.getvalue())
    assert len({clip.file for clip in clips}) == len(clips)
    for clip in clips:
        assert [(str(e.category), e.start_s) for e in clip.events] == [
            (category, start_s) for file, category, start_s, _ in written if file == clip.file
        ]
    assert sum(len(clip.events) for clip in clips) == len(written)


@given(st.text(max_size=200))
def test_any_text_is_a_catalogue_or_a_catalogue_error(text):
    """Nothing else, whatever was saved as CSV."""
    try:
        parse_catalogue(HEADER + "\n" + text)
    except CatalogueError as error:
        assert str(error)  # noqa: PT017 - either outcome is right
