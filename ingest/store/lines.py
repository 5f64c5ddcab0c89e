"""Readings as line protocol (InfluxDB 1.x to 3, VictoriaMetrics): one line a row, its time in milliseconds.

    port,site=cuiping-beili,shed=shed-1,device=c1,port=3 state=2i,power_w=182.4 1795412345678

A charger's ports are the measurement `port`; what a device reports of itself is one named like its kind. Tags are the
same for every line of a measurement and named unlike any field, and a field has one type for ever: numbers are floats,
words (by their index) and yes or no (1 and 0) are integers. Event pushes and changes of status are `event`, with their
word as a tag, because text would be lost in VictoriaMetrics.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingest.model import FIELDS, DeviceKind, DeviceRef, FieldKind
from ingest.store.rows import KEYS, Row, Shape

PORT = "port"
EVENT = "event"
MEASUREMENTS = (PORT, *(str(kind) for kind in DeviceKind if kind is not DeviceKind.EXTINGUISHER))
"""All that hold fields of the registry."""

_SPECIAL_IN_NAME = re.compile(r"([, ])")
_SPECIAL_IN_KEY = re.compile(r"([,= ])")
# A number without `i` is a float, whether it has a point or not.
_FORMATS = {name: f"{name}=%r" if spec.kind is FieldKind.FLOAT else f"{name}=%di" for name, spec in FIELDS.items()}

_templates: dict[Shape, str] = {}


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


def fields_of(shape: Shape, row: Row) -> str:
    """The fields of a row, each in the type it has for ever."""
    numbers = row[len(KEYS) :]
    if None in numbers:
        pairs = zip(shape.fields, numbers, strict=True)
        return ",".join([_FORMATS[name] % number for name, number in pairs if number is not None])
    template = _templates.get(shape)
    if template is None:
        template = _templates[shape] = ",".join(_FORMATS[name] for name in shape.fields)
    return template % numbers


class LineMaker:
    """Makes the lines of one commit after the other; remembers how each series' lines begin."""

    def __init__(self) -> None:
        self._prefixes: dict[int, str] = {}

    def row(self, device: DeviceRef, kind: DeviceKind, port: int | None, shape: Shape, row: Row) -> str:
        """The line of a row."""
        series = int(row[0] or 0)
        prefix = self._prefixes.get(series)
        if prefix is None:
            prefix = self._prefixes[series] = prefix_of(measurement_of(kind, port), tags_of(device, port))
        return f"{prefix} {fields_of(shape, row)} {row[1]}"

    def event(self, device: DeviceRef, port: int | None, what: str, word: str, ts_ms: int) -> str:
        """The line of an event push (`what` is `event`) or a change of status."""
        tags = [*tags_of(device, port or 0), ("what", what), ("word", word)]
        return f"{prefix_of(EVENT, tags)} count=1i {ts_ms}"


def _escaped(text: str, special: re.Pattern[str]) -> str:
    if not text or "\\" in text or not text.isprintable():
        raise ValueError(f"line protocol cannot name {text!r}")
    return special.sub(r"\\\1", text)
