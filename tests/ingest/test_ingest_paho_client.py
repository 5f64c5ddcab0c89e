"""The short way for messages without properties reads what paho's long way reads, and leaves it the rest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt import _packet
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.paho_client import read_plain


@given(
    st.text(min_size=1, max_size=20),
    st.binary(max_size=60),
    st.integers(1, 65_535),
    st.integers(0, 2),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_both_ways_read_the_same(
    topic: str, payload: bytes, mid: int, qos: int, dup: bool, retain: bool, v5: bool, with_ts: bool
) -> None:
    """For every QoS, flag and version."""
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if with_ts:
        properties.UserProperty = ("ts", "1")
    name = topic.encode()
    packet = bytearray(len(name).to_bytes(2, "big") + name)
    packet += mid.to_bytes(2, "big") if qos else b""
    packet += (properties.pack() if v5 else b"") + payload  # type: ignore[no-untyped-call]
    command = 0x30 | dup << 3 | qos << 1 | retain
    version = MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311
    paho = _packet.decode_publish(command, bytes(packet), version)
    plain = read_plain(command, packet, v5)

    if qos == 2 or (v5 and with_ts):
        assert plain is None
    else:
        assert plain is not None
        assert (plain.topic, plain.payload, plain.qos) == (paho.topic, paho.payload, paho.qos)
        assert (plain.mid, plain.dup, plain.retain) == (paho.mid or 0, paho.dup, paho.retain)


@given(st.integers(0x30, 0x3F), st.binary(max_size=12), st.booleans())
def test_no_bytes_break_it(command: int, packet: bytes, v5: bool) -> None:
    """A malformed packet is left to paho, which ends the connection."""
    plain = read_plain(command, packet, v5)

    assert plain is None or len(plain.topic) + len(plain.payload) <= len(packet)
