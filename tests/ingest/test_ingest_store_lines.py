"""Line protocol: what is written can be read back, and a field has one type for ever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.model import FIELDS, DeviceKind, DeviceRef, FieldKind, Reading, Value
from ingest.store.lines import MEASUREMENTS, event_line, lines_of, prefix_of
from ingest.store.raw import NewRow
from ingest.store.rows import COLUMNS, shape_of, word_of
from ingest.store.series import Series
from tests.ingest.ingest_samples import C1, NOW_MS


def parse(line: str) -> tuple[str, dict[str, str], dict[str, int | float], int]:
    """A reader of its own, after InfluxDB's reference: measurement, tags, fields by type, time."""
    prefix, fields, ts_ms = line.rsplit(" ", 2)
    measurement, *pairs = _unescaped_split(prefix, ",")
    tags = dict(_unescaped_split(pair, "=") for pair in pairs)
    typed = dict(pair.split("=") for pair in fields.split(","))
    return (
        _plain(measurement),
        {_plain(key): _plain(value) for key, value in tags.items()},
        {name: int(text[:-1]) if text.endswith("i") else float(text) for name, text in typed.items()},
        int(ts_ms),
    )


def _unescaped_split(text: str, separator: str) -> list[str]:
    parts, begin, at = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == separator:
            parts.append(text[begin:at])
            begin = at + 1
        at += 1
    return [*parts, text[begin:]]


def _plain(text: str) -> str:
    for character in ", =":
        text = text.replace("\\" + character, character)
    return text


def line_of(values: dict[str, Value], port: int | None = 3, kind: DeviceKind = DeviceKind.CHARGER) -> str:
    reading = Reading(C1, kind, NOW_MS, NOW_MS, port, NOW_MS, values)
    shape = shape_of(tuple(values))
    return lines_of([NewRow(0, Series(1), reading, shape, shape.row(reading, 1, 2))])[0]


NAMES = st.text(
    st.characters(blacklist_categories=("C", "Zl", "Zp"), blacklist_characters="\\\u00a0"), min_size=1, max_size=12
).filter(str.isprintable)


@given(NAMES, st.lists(st.tuples(NAMES, NAMES), max_size=4, unique_by=lambda it: it[0]))
def test_any_measurement_and_tags_can_be_read_back(measurement: str, tags: list[tuple[str, str]]) -> None:
    """Commas, spaces and equals signs are escaped, and nothing else is changed."""
    found = parse(f"{prefix_of(measurement, tags)} value=1.0 5")

    assert found == (measurement, dict(tags), {"value": 1.0}, 5)


@pytest.mark.parametrize("text", ["", "a\nb", "back\\slash", "tab\t", "nul\0"])
def test_what_line_protocol_cannot_say_is_refused(text: str) -> None:
    """Instead of becoming another line."""
    with pytest.raises(ValueError, match="cannot name"):
        prefix_of("port", [("device", text)])


def any_value(name: str) -> st.SearchStrategy[Value]:
    spec = FIELDS[name]
    if spec.kind is FieldKind.ENUM:
        return st.sampled_from(spec.values)
    return st.booleans() if spec.kind is FieldKind.BOOL else st.floats(allow_nan=False, allow_infinity=False)


VALUES = st.sets(st.sampled_from(COLUMNS), min_size=1).flatmap(
    lambda names: st.fixed_dictionaries({name: any_value(name) for name in sorted(names)})
)


@given(VALUES)
def test_any_reading_can_be_read_back(values: dict[str, Value]) -> None:
    """To the last bit of a float, and to the word."""
    _, _, fields, ts_ms = parse(line_of(values))

    assert {name: word_of(name, number) for name, number in fields.items()} == values
    assert ts_ms == NOW_MS


@given(VALUES)
def test_a_field_has_one_type_for_ever(values: dict[str, Value]) -> None:
    """Floats have no mark, words and yes or no are integers; a whole number changes nothing about that."""
    whole = {name: 3 if FIELDS[name].kind is FieldKind.FLOAT else value for name, value in values.items()}
    for some in (values, whole):
        pairs = dict(pair.split("=") for pair in line_of(some).split(" ")[1].split(","))

        assert {name: text.endswith("i") for name, text in pairs.items()} == {
            name: FIELDS[name].kind is not FieldKind.FLOAT for name in pairs
        }


def test_no_tag_is_named_like_a_field_or_a_measurement_like_another() -> None:
    """InfluxDB 3 would refuse it; and VictoriaMetrics joins the names of measurement and field."""
    assert not {"site", "shed", "device", "port", "what", "word"} & FIELDS.keys()
    joined = [f"{measurement}_{field}" for measurement in MEASUREMENTS for field in FIELDS]
    assert len(set(joined)) == len(joined)


def test_a_line_says_what_where_and_when() -> None:
    """As documented."""
    device = DeviceRef("cuiping-beili", "shed-1", "c1")
    assert line_of({"power_w": 182.4}) == (
        f"port,site=cuiping-beili,shed=shed-1,device=c1,port=3 power_w=182.4 {NOW_MS}"
    )
    assert parse(line_of({"state": "charging", "smoke": True}))[2] == {"state": 2, "smoke": 1}
    assert line_of({"voltage_v": 224}, None).startswith(
        "charger,site=cuiping-beili,shed=shed-1,device=c1 voltage_v=224 "
    )
    assert event_line(device, None, "event", "boot", 7) == (
        "event,site=cuiping-beili,shed=shed-1,device=c1,port=0,what=event,word=boot count=1i 7"
    )
