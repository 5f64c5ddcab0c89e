"""The catalogue of labelled footage: a CSV of events, grouped into the clips they happen in.

Header `file,category,event_start_s,event_end_s,zone,usable_from_s,usable_to_s`; other columns are ignored. One row an
event; `negative` rows have none. An empty zone is the whole picture.

Errors:
    CatalogueError(ValueError): the catalogue is wrong; the message names the line and the column.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from vision.geometry import ZoneError, parse_polygon
from vision.model import WHOLE, ObservationKind, Polygon

COLUMNS = ("file", "category", "event_start_s", "event_end_s", "zone", "usable_from_s", "usable_to_s")


class CatalogueError(ValueError):
    """The catalogue is wrong."""


class Category(StrEnum):
    """What a row says of its clip."""

    BLOCKED = "blocked"
    SMOKE = "smoke"
    FLAME = "flame"
    NEGATIVE = "negative"


# The alarm each category of event must raise.
ALARM_OF: dict[Category, ObservationKind] = {
    Category.BLOCKED: ObservationKind.CORRIDOR_BLOCKED,
    Category.SMOKE: ObservationKind.SMOKE,
    Category.FLAME: ObservationKind.FLAME,
}
EVENT_CATEGORIES = tuple(ALARM_OF)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens in a clip, in seconds of the clip. `end_s` None: until the clip's end."""

    category: Category
    start_s: float
    end_s: float | None
    polygon: Polygon = WHOLE


@dataclass(frozen=True, slots=True)
class Clip:
    """One file with its events; only the part from `from_s` to `to_s` (None: the end) may be shown."""

    file: str
    events: tuple[Event, ...]
    negative: bool
    from_s: float = 0.0
    to_s: float | None = None

    def of(self, category: Category) -> tuple[Event, ...]:
        """The events of one category, in order of the catalogue."""
        return tuple(event for event in self.events if event.category is category)

    def has(self, categories: Iterable[Category]) -> bool:
        """Whether any row of the clip is of one of these categories."""
        wanted = set(categories)
        return (self.negative and Category.NEGATIVE in wanted) or any(e.category in wanted for e in self.events)


@dataclass(frozen=True, slots=True)
class _Row:
    file: str
    category: Category
    event: Event | None
    from_s: float
    to_s: float | None


def read_catalogue(path: Path) -> tuple[Clip, ...]:
    """The clips of a catalogue file, in order of first appearance.

    Raises:
        CatalogueError: the file cannot be read or is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CatalogueError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise CatalogueError(f"{path}: not UTF-8 at byte {error.start}") from None
    return parse_catalogue(text)


def parse_catalogue(text: str) -> tuple[Clip, ...]:
    """As `read_catalogue`, from the text of the file.

    Raises:
        CatalogueError: a column is missing, or a row is wrong; names line and column.
    """
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    rows: list[_Row] = []
    columns: dict[str, int] | None = None
    try:
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue
            if columns is None:
                columns = _columns(fields, reader.line_num)
            else:
                rows.append(_row(fields, columns, reader.line_num))
    except csv.Error as error:
        raise CatalogueError(f"line {reader.line_num}: {error}") from None
    if columns is None:
        raise CatalogueError("line 1: no header")
    by_file: dict[str, list[_Row]] = {}
    for row in rows:
        by_file.setdefault(row.file, []).append(row)
    return tuple(_clip(file, group) for file, group in by_file.items())


def _columns(header: Sequence[str], line: int) -> dict[str, int]:
    names = [name.strip() for name in header]
    for column in COLUMNS:
        if names.count(column) != 1:
            problem = "is missing" if column not in names else "stands twice"
            raise CatalogueError(f"line {line}, column {column}: {problem} in the header")
    return {column: names.index(column) for column in COLUMNS}


def _row(fields: Sequence[str], columns: dict[str, int], line: int) -> _Row:
    cells = {name: fields[at].strip() if at < len(fields) else "" for name, at in columns.items()}
    if not cells["file"]:
        raise CatalogueError(f"line {line}, column file: is empty")
    if cells["category"] not in list(Category):
        raise CatalogueError(f"line {line}, column category: {cells['category']!r} is none of {', '.join(Category)}")
    category = Category(cells["category"])
    from_s = _seconds(cells, "usable_from_s", line) or 0.0
    to_s = _seconds(cells, "usable_to_s", line)
    if to_s is not None and to_s <= from_s:
        raise CatalogueError(f"line {line}, column usable_to_s: {to_s:g} is not after usable_from_s {from_s:g}")
    return _Row(cells["file"], category, _event(category, cells, line), from_s, to_s)


def _event(category: Category, cells: dict[str, str], line: int) -> Event | None:
    start_s = _seconds(cells, "event_start_s", line)
    end_s = _seconds(cells, "event_end_s", line)
    if category is Category.NEGATIVE:
        return None
    if start_s is None:
        raise CatalogueError(f"line {line}, column event_start_s: a {category} event needs one")
    if end_s is not None and end_s < start_s:
        raise CatalogueError(f"line {line}, column event_end_s: {end_s:g} is before event_start_s {start_s:g}")
    try:
        polygon = parse_polygon(cells["zone"]) if cells["zone"] else WHOLE
    except ZoneError as error:
        raise CatalogueError(f"line {line}, column zone: {error}") from None
    return Event(category, start_s, end_s, polygon)


def _seconds(cells: dict[str, str], column: str, line: int) -> float | None:
    text = cells[column]
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0.0):
        raise CatalogueError(f"line {line}, column {column}: {text!r} is not a number of seconds")
    return value


def _clip(file: str, rows: Sequence[_Row]) -> Clip:
    """Where rows of one file differ in what is usable, only what all call usable is shown."""
    ends = [row.to_s for row in rows if row.to_s is not None]
    return Clip(
        file=file,
        events=tuple(row.event for row in rows if row.event is not None),
        negative=any(row.category is Category.NEGATIVE for row in rows),
        from_s=max(row.from_s for row in rows),
        to_s=min(ends) if ends else None,
    )
