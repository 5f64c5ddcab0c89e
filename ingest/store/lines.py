"""Readings as line protocol (InfluxDB 1.x to 3, VictoriaMetrics): one line a row, its time in milliseconds.

    port,site=cuiping-beili,shed=shed-1,device=c1,port=3 state=2i,power_w=182.4 1795412345678

A charger's ports are the measurement `port`; what a device reports of itself is one named like its kind. Tags are the
same for every line of a measurement and named unlike any field, and a field has one type for ever: numbers are floats,
words (by their index) and yes or no (1 and 0) are integers. Event pushes and changes of status are `event`, with their
word as a tag, because text would be lost in VictoriaMetrics.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from ingest.model import FIELDS, DeviceKind, DeviceRef, Value
from ingest.store.raw import NewRow
from ingest.store.rows import INTEGERS

PORT = "port"
EVENT = "event"
MEASUREMENTS = (PORT, *(str(kind) for kind in DeviceKind if kind is not DeviceKind.EXTINGUISHER))
"""All that hold fields of the registry."""

_SPECIAL_IN_NAME = re.compile(r"([, ])")
_SPECIAL_IN_KEY = re.compile(r"([,= ])")
# A number without `i` is a float, whether it has a point or not.
_YES_OR_NO: tuple[Value, ...] = (False, True)
_INTEGERS: dict[str, dict[Value, str]] = {
    name: {value: f"{number}i" for number, value in enumerate(FIELDS[name].values or _YES_OR_NO)} for name in INTEGERS
}


def measurement_of(kind: DeviceKind, port: int | None) -> str:
    """The measurement of a series."""
    return str(kind) if port is None else PORT


def prefix_of(measurement: str, tags: Sequence[tuple[str, str]]) -> str:
    """Measurement and tags, escaped.

    Raises:
        ValueError: line protocol cannot say it: an empty text, a line's end, or a backslash.
    """
    return ",".join(
        [_escaped(measurement, _SPECIAL_IN_NAME)]
        + [f"{_escaped(key, _SPECIAL_IN_KEY)}={_escaped(value, _SPECIAL_IN_KEY)}" for key, value in tags]
    )


def tags_of(device: DeviceRef, port: int | None) -> list[tuple[str, str]]:
    """The tags of a series."""
    return [*zip(("site", "shed", "device"), device, strict=True)] + ([("port", str(port))] if port is not None else [])


def lines_of(rows: Sequence[NewRow]) -> list[str]:
    """A line for each row."""
    return [
        f"{it.series.prefix or _remembered_prefix(it)} {fields} {it.row[1]}"
        for it, fields in zip(rows, _fields(rows), strict=True)
    ]


def _remembered_prefix(row: NewRow) -> str:
    it = row.reading
    row.series.prefix = prefix = prefix_of(measurement_of(it.kind, it.port), tags_of(it.device, it.port))
    return prefix


def event_line(device: DeviceRef, port: int | None, what: str, word: str, ts_ms: int) -> str:
    """The line of an event push (`what` is `event`) or a change of status."""
    tags = [*tags_of(device, port or 0), ("what", what), ("word", word)]
    return f"{prefix_of(EVENT, tags)} count=1i {ts_ms}"


def _fields(rows: Sequence[NewRow]) -> list[str]:
    """The fields of each row, every one in the type it has for ever.

    JSON's encoder writes numbers five times as fast as Python does, and what it writes of plain names, numbers and marked
    integers differs from line protocol in the signs around them only.
    """
    if not rows:
        return []
    body = msgspec.json.encode([_marked(it) for it in rows])
    return body[2:-2].translate(None, b'"{').replace(b":", b"=").decode().split("},")


def _marked(row: NewRow) -> Mapping[str, Value]:
    """Values with words and yes or no as integers with their mark; most readings have at most one of these."""
    values = row.reading.values
    for name in row.shape.integers:
        if name in values:
            values = {**values, name: _INTEGERS[name][values[name]]}
    return values


def _escaped(text: str, special: re.Pattern[str]) -> str:
    if not text or "\\" in text or not text.isprintable():
        raise ValueError(f"line protocol cannot name {text!r}")
    return special.sub(r"\\\1", text)
