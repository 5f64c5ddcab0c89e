"""The wire: what is right in a message is used, what is wrong is named, and nothing else ever comes out."""

from __future__ import annotations

import json
import math
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest import contract
from ingest.contract import (
    ChargerTelemetry,
    PortTelemetry,
    WireError,
    decode_telemetry,
    parse_topic,
    parse_ts,
    topic_of,
)
from ingest.model import FIELDS, PORT_FAULTS, PORT_STATES, DeviceKind, DeviceRef
from tests.ingest.ingest_samples import TELEMETRY

IDS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)
KINDS = st.sampled_from([(kind, channel) for kind, channels in contract._CHANNELS.items() for channel in channels])


def test_words_of_the_wire_and_of_the_store_are_the_same() -> None:
    """A word the wire accepts and the store does not know would lose a reading."""
    assert get_args(contract.PortStateWord) == PORT_STATES
    assert get_args(contract.PortFaultWord) == PORT_FAULTS
    for struct in (ChargerTelemetry, PortTelemetry):
        assert set(struct.__struct_fields__) - {"ts", "seq", "ports", "port"} <= set(FIELDS)


@given(IDS, IDS, IDS, KINDS)
def test_topics_are_read_as_they_are_written(site: str, shed: str, device: str, kind: tuple[str, str]) -> None:
    """For every id, kind and channel."""
    ref = DeviceRef(site, shed, device)
    topic = topic_of(ref, DeviceKind(kind[0]), kind[1])

    assert parse_topic(topic) == (ref, kind[0], kind[1])


@given(st.text(max_size=120) | st.lists(st.text(max_size=10), min_size=6, max_size=6).map("/".join))
def test_no_other_topic_is_taken_for_a_device(topic: str) -> None:
    """A topic is read completely, or refused."""
    try:
        ref, kind, channel = parse_topic(topic)
    except WireError:
        return

    assert topic_of(ref, kind, channel) == topic


@pytest.mark.parametrize(
    "topic",
    [
        "sheds/a/b/charger/C1/telemetry",
        "sheds/a/b/charger/c1",
        "sheds/a/b/charger/c1/telemetry/x",
        "sheds/a/b/charger/c1/frame",
        "sheds/a/b/kettle/c1/telemetry",
        "xsheds/a/b/charger/c1/telemetry",
        "sheds/a/b/extinguisher/e1/status",
    ],
)
def test_near_misses_are_refused(topic: str) -> None:
    """With another id alphabet, level, channel, kind or prefix."""
    with pytest.raises(WireError, match="unknown topic"):
        parse_topic(topic)


def test_an_absurd_value_does_not_cost_the_other_ports() -> None:
    """The value is refused with its place, the rest is used."""
    decoded = decode_telemetry(
        b'{"ports":[{"port":1,"power_w":1e9,"current_a":0.5},{"port":2,"power_w":20.0,"colour":"red"}],"firmware":"9"}'
    )

    assert [port.current_a for port in decoded.telemetry.ports] == [0.5, None]
    assert decoded.telemetry.ports[1].power_w == 20.0
    assert len(decoded.refused) == 1
    assert decoded.refused[0].startswith("$.ports[0].power_w")
    assert decoded.unknown_fields == 2


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", '"12.5"', "true", "[]", "{}"])
def test_what_is_no_finite_number_is_never_a_value(value: str) -> None:
    """Neither NaN nor a number in quotes may reach a rule: it would never exceed a threshold."""
    payload = f'{{"voltage_v":220.0,"ports":[{{"port":1,"temperature_c":{value}}}]}}'.encode()
    try:
        ports = decode_telemetry(payload).telemetry.ports
    except WireError:
        return

    assert all(port.temperature_c is None for port in ports)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from([*ChargerTelemetry.__struct_fields__, "x"])
PORT_NAMES = st.sampled_from([*PortTelemetry.__struct_fields__, "x"])


@given(
    st.dictionaries(NAMES, JSON, max_size=6),
    st.none() | st.lists(st.dictionaries(PORT_NAMES, JSON | st.integers(1, 64), max_size=6), max_size=4),
)
def test_anything_but_a_usable_message_is_a_wire_error(envelope: dict[str, Any], ports: list[Any] | None) -> None:
    """Every JSON gives values within physical bounds or one WireError with words."""
    if ports is not None:
        envelope["ports"] = ports
    try:
        decoded = decode_telemetry(json.dumps(envelope).encode())
    except WireError as error:
        assert str(error)  # noqa: PT017 - it need not be raised
        return

    numbers = [value for port in decoded.telemetry.ports for value in msgspec.structs.astuple(port)]
    assert all(math.isfinite(value) for value in numbers if isinstance(value, float))
    assert all(1 <= port.port <= 64 for port in decoded.telemetry.ports)


@given(st.binary(max_size=200))
@example(b'"\x80"')
@example(b'{"ts": 1, "event": "\xff"}')
def test_no_bytes_break_a_decoder(payload: bytes) -> None:
    """Each of them gives a value or a WireError."""
    for decode in (
        contract.decode_telemetry,
        contract.decode_event,
        contract.decode_sensor,
        contract.decode_reply,
        contract.decode_status,
    ):
        try:
            decode(payload)
        except WireError as error:
            assert str(error)  # noqa: PT017 - it need not be raised


@given(st.datetimes(timezones=st.timezones()), st.booleans())
def test_times_with_an_offset_are_understood(moment: Any, as_number: bool) -> None:
    """As text and as epoch milliseconds alike."""
    expected = round(moment.timestamp() * 1000)
    try:
        parsed = parse_ts(expected if as_number else moment.isoformat())
    except WireError:
        # RFC 3339 knows no offsets with seconds, which some historical time zones have.
        assert not as_number
        return

    assert parsed == expected


@pytest.mark.parametrize("text", ["2026-11-23T08:00:00", "2026-11-23", "yesterday", "", "1795412345678"])
def test_a_time_without_offset_is_an_error(text: str) -> None:
    """It is never taken for local time."""
    with pytest.raises(WireError, match="ts:"):
        parse_ts(text)


def test_the_values_of_a_message_are_all_it_reports_of_the_registry() -> None:
    """Each field that a struct of the wire has, in its order, where it is told and only there."""
    port = PortTelemetry(1, "charging", 1.0, 2.0, 3.0, 4.0, 5.0, "other")
    charger = ChargerTelemetry(1, 2, 1.0, 2.0, 3.0, False, 4.0, "open", [port])
    for told in (port, charger):
        fields = [name for name in told.__struct_fields__ if name in FIELDS]
        assert [*told.values().items()] == [(name, getattr(told, name)) for name in fields]
        for name in fields:
            assert [*msgspec.structs.replace(told, **{name: None}).values()] == [
                other for other in fields if other != name
            ]


def test_the_example_of_the_documentation_is_right() -> None:
    """A charger maker will copy it."""
    payload = (
        b'{"ts":1795412345678,"seq":8123,"voltage_v":224.8,"temperature_c":31.0,"leakage_ma":1.0,"smoke":false,'
        b'"signal_pct":71,"breaker":"closed","ports":[{"port":1,"state":"charging","power_w":182.4,"current_a":0.83,'
        b'"energy_wh":512.0,"temperature_c":36.0,"session_s":5400,"fault":null}]}'
    )
    decoded = decode_telemetry(payload)

    assert (decoded.refused, decoded.unknown_fields, decoded.ts_ms) == ((), 0, 1795412345678)
    assert parse_topic(TELEMETRY).ref.device == "c1"
