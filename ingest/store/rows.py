"""Readings as rows: which column a field has, and how its value is kept as a number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ingest.model import FIELDS, FieldKind, Reading, Value
from ingest.store.port import AGGREGATES

COLUMNS = tuple(FIELDS)
INTEGERS = tuple(name for name, spec in FIELDS.items() if spec.kind is not FieldKind.FLOAT)
"""Fields whose values are kept as the index of a word, or as yes or no."""
KEYS = ("series", "ts", "received_ms", "digest", "device_ms")
"""What every row begins with; the columns of its fields follow."""
Row = tuple[int, int, int, int, int | None, *tuple[float | None, ...]]

_INT64 = 2**63
# Each has statements of its own; devices that report ever other fields share the one with all columns.
MAX_SHAPES = 64
_codes: dict[str, dict[str, int]] = {
    name: {word: index for index, word in enumerate(spec.values)}
    for name, spec in FIELDS.items()
    if spec.kind is FieldKind.ENUM
}


class Shape:
    """The columns of readings that report the same fields, so that many of them are inserted by one statement.

    Attributes:
        integers: those of `fields` whose values are kept as integers.
        number: below `MAX_SHAPES`; it tells the shape of just these fields from all others.
    """

    __slots__ = ("_inserts", "_words", "fields", "integers", "number")

    def __init__(self, fields: tuple[str, ...], number: int) -> None:
        self.fields = fields
        self.number = number
        self.integers = tuple(name for name in fields if name in INTEGERS)
        self._words = [(place, _codes[name]) for place, name in enumerate(fields) if name in _codes]
        self._inserts: dict[int, str] = {}

    def row(self, reading: Reading, series: int, digest: int) -> Row:
        """`(*KEYS, *fields)` of a reading that reports just these fields."""
        return self._row(reading, series, digest, [*reading.values.values()])

    def _row(self, reading: Reading, series: int, digest: int, values: list[Any]) -> Row:
        for place, codes in self._words:
            word = values[place]
            if isinstance(word, str):
                values[place] = codes[word]
        device_ms = reading.device_ms
        if device_ms is not None and not -_INT64 <= device_ms < _INT64:
            # A claimed time that no column can hold, which a broken device can send.
            device_ms = None
        return (series, reading.ts_ms, reading.received_ms, digest, device_ms, *values)

    def insert(self, rows: int) -> str:
        """The statement that inserts so many rows, and none where its key is taken.

        `OR IGNORE`, because a statement that may fail half way has SQLite copy every page before it is changed.
        """
        known = self._inserts.get(rows)
        if known is None:
            names = (*KEYS, *self.fields)
            one = f"({', '.join('?' * len(names))})"
            known = f"INSERT OR IGNORE INTO raw ({', '.join(names)}) VALUES {', '.join([one] * rows)}"  # noqa: S608 - columns of the registry
            self._inserts[rows] = known
        return known


class _AllColumns(Shape):
    """Fits every reading."""

    __slots__ = ()

    def row(self, reading: Reading, series: int, digest: int) -> Row:
        return self._row(reading, series, digest, [reading.values.get(name) for name in COLUMNS])


ALL_COLUMNS = _AllColumns(COLUMNS, MAX_SHAPES)
"""The shape that fits every reading."""
_shapes: dict[tuple[str, ...], Shape] = {}


def shape_of(fields: tuple[str, ...]) -> Shape:
    """The shape of a reading whose `values` have these keys, in this order."""
    known = _shapes.get(fields)
    if known is None:
        if len(_shapes) >= MAX_SHAPES:
            return ALL_COLUMNS
        known = _shapes[fields] = Shape(fields, len(_shapes))
    return known


def values_of(columns: Iterable[float | None]) -> dict[str, Value]:
    """The fields of a row's `COLUMNS` as they were reported."""
    return {name: word_of(name, number) for name, number in zip(COLUMNS, columns, strict=True) if number is not None}


def word_of(field: str, number: float) -> Value:
    """A field's value from the number it is kept as."""
    spec = FIELDS[field]
    if spec.kind is FieldKind.ENUM:
        return spec.values[int(number)]
    return bool(number) if spec.kind is FieldKind.BOOL else float(number)


def check_query(field: str, every_s: int, agg: str) -> None:
    """Refuse what no history can answer.

    Raises:
        ValueError: no such field or aggregate, or a negative step.
    """
    if field not in FIELDS:
        raise ValueError(f"no field {field!r}; there are {', '.join(FIELDS)}")
    if agg not in AGGREGATES:
        raise ValueError(f"no aggregate {agg!r}; there are {', '.join(AGGREGATES)}")
    if every_s < 0:
        raise ValueError("every_s must be 0 (every value) or more")
