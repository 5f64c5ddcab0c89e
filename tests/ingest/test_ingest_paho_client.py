"""The short way past paho reads what paho's own way reads, and leaves it the rest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt import _packet
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.paho_client import Publish, plain_run


def packet_of(topic: str, payload: bytes, mid: int, flags: int, v5: bool, with_ts: bool) -> tuple[bytes, Publish]:
    """A PUBLISH packet, and what paho reads in it."""
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if with_ts:
        properties.UserProperty = ("ts", "1")
    name = topic.encode()
    body = bytearray(len(name).to_bytes(2, "big") + name)
    body += mid.to_bytes(2, "big") if flags & 6 else b""
    body += (properties.pack() if v5 else b"") + payload  # type: ignore[no-untyped-call]
    version = MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311
    read = _packet.decode_publish(0x30 | flags, bytes(body), version)
    length = len(body)
    header = bytes([0x30 | flags]) + (bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7]))
    return header + bytes(body), Publish(read.topic, read.payload, read.mid or 0, read.qos, read.dup, read.retain)


packets = st.tuples(
    st.text(min_size=1, max_size=20),
    st.binary(max_size=200),
    st.integers(1, 65_535),
    st.sampled_from([0, 1, 2, 3, 8, 10, 11, 4]),
    st.booleans(),
)


@given(st.lists(packets, max_size=6), st.booleans(), st.integers(0, 2000))
def test_it_reads_what_paho_reads_and_stops_before_the_rest(
    drawn: list[tuple[str, bytes, int, int, bool]], v5: bool, cut: int
) -> None:
    """For every QoS, flag and version, wherever the buffer happens to end."""
    made = [(packet_of(*fields, v5, v5 and with_ts), fields[3] & 4 or (v5 and with_ts)) for *fields, with_ts in drawn]
    buffer = b"".join(packet for (packet, _), _ in made)[:cut]
    found, at, unfinished = plain_run(buffer, 0, v5, 100)

    expected, begins = [], 0
    for (packet, read), others in made:
        if others or begins + len(packet) > len(buffer):
            break
        expected.append(read)
        begins += len(packet)
    assert (found, at) == (expected, begins)
    left = len(buffer) - begins
    following = made[len(expected)] if len(expected) < len(made) else None
    if left == 0 or (following and left < len(following[0][0]) and not following[1]):
        assert unfinished
    elif following and left == len(following[0][0]):
        assert not unfinished


@given(st.binary(max_size=40), st.booleans())
def test_no_bytes_break_it(buffer: bytes, v5: bool) -> None:
    """A malformed packet is left to paho, which ends the connection."""
    found, at, _ = plain_run(buffer, 0, v5, 100)

    assert sum(len(message.topic) + len(message.payload) for message in found) <= at <= len(buffer)


def test_a_picture_is_left_to_paho_which_reads_it_piece_by_piece() -> None:
    """Or each piece would be copied with all before it."""
    header = b"\x30" + bytes([0x80, 0x80, 0x02])

    assert plain_run(header, 0, False, 100) == ([], 0, False)


def test_no_more_is_read_than_there_is_room_for() -> None:
    """The rest stays in the buffer."""
    packet, read = packet_of("t", b"x", 7, 2, True, False)

    assert plain_run(packet * 3, 0, True, 2) == ([read, read], 2 * len(packet), True)
