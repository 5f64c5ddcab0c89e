"""Readings as rows: which column a field has, and how its value is kept as a number."""

from __future__ import annotations

from ingest.model import FIELDS, FieldKind, Reading, Value
from ingest.store.port import AGGREGATES

COLUMNS = tuple(FIELDS)
Row = tuple[int | float | None, ...]

_INT64 = 2**63
_codes: dict[str, dict[str, int]] = {
    name: {word: index for index, word in enumerate(spec.values)}
    for name, spec in FIELDS.items()
    if spec.kind is FieldKind.ENUM
}


def number(field: str, value: Value) -> float | int:
    """The number a field's value is kept as: enums by their index, bools as 0 and 1."""
    if isinstance(value, str):
        return _codes[field][value]
    return int(value) if value is True or value is False else value


def row_of(reading: Reading, series: int, digest: int) -> Row:
    """`(series, ts, received_ms, digest, device_ms, *COLUMNS)` of a reading."""
    values = reading.values
    return (
        series,
        reading.ts_ms,
        reading.received_ms,
        digest,
        storable(reading.device_ms),
        *[number(name, values[name]) if name in values else None for name in COLUMNS],
    )


def storable(moment_ms: int | None) -> int | None:
    """None for a claimed time beyond 64 bits, which a broken device can send."""
    return moment_ms if moment_ms is not None and -_INT64 <= moment_ms < _INT64 else None


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
