"""A message becomes readings, its wrong parts become refusals, and the rest of the configuration stays untouched."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.counters import RefusalKind, RefusedError
from ingest.inbox import Inbound
from ingest.model import Reading
from ingest.timekeeping import DeviceClocks
from ingest.translate import Translated, Translator, digest_of
from tests.ingest.ingest_samples import C1, EVENT, HEAD, NOW_MS, SENSOR, TELEMETRY, TOPOLOGY, charging, inbound


def translate(message: Inbound) -> Translated:
    translator = Translator(TOPOLOGY, DeviceClocks())
    return translator.translate(message, *translator.address(message.topic), NOW_MS)


def test_telemetry_gives_one_reading_for_the_charger_and_one_a_port() -> None:
    """Each with only what was reported, at the device's time."""
    payload = {"ts": NOW_MS - 500, "seq": 7, "voltage_v": 221.0, "ports": [{"port": 1, "state": "idle"}, {"port": 2}]}
    charger, one, two = translate(inbound(TELEMETRY, payload)).readings

    assert charger.values == {"voltage_v": 221.0}
    assert (one.port, one.values) == (1, {"state": "idle"})
    assert (two.port, two.values) == (2, {})
    assert (charger.ts_ms, charger.received_ms, charger.device_ms, charger.seq) == (
        NOW_MS - 500,
        NOW_MS,
        NOW_MS - 500,
        7,
    )


@pytest.mark.parametrize(
    ("topic", "kind"),
    [
        ("sheds/cuiping-beili/shed-1/charger/c9/telemetry", RefusalKind.DEVICE),
        ("sheds/cuiping-beili/shed-9/charger/c1/telemetry", RefusalKind.DEVICE),
        ("sheds/cuiping-beili/shed-1/charger/cam-1/telemetry", RefusalKind.DEVICE),
        ("sheds/cuiping-beili/shed-1/charger/c1/gossip", RefusalKind.TOPIC),
        ("elsewhere", RefusalKind.TOPIC),
    ],
)
def test_messages_of_unknown_devices_are_refused(topic: str, kind: RefusalKind) -> None:
    """Nobody would see their alarms."""
    with pytest.raises(RefusedError) as refused:
        translate(inbound(topic, charging(NOW_MS)))

    assert refused.value.kind is kind


def test_a_port_the_charger_does_not_have_is_refused_alone() -> None:
    """The message's other ports are used."""
    payload = {"ports": [{"port": 12, "power_w": 1.0}, {"port": 13, "power_w": 2.0}, {"port": 12, "power_w": 3.0}]}
    translated = translate(inbound(TELEMETRY, payload))

    assert [(reading.port, reading.values) for reading in translated.readings] == [(None, {}), (12, {"power_w": 1.0})]
    assert [kind for kind, _ in translated.refused] == [RefusalKind.PORT, RefusalKind.PORT]
    assert "configured with 12" in translated.refused[0][1]
    assert "twice" in translated.refused[1][1]


def test_a_message_too_large_is_refused_unread() -> None:
    """64 KiB are enough for 64 ports."""
    with pytest.raises(RefusedError, match="65537 bytes") as refused:
        translate(inbound(TELEMETRY, b" " * 65_537))

    assert refused.value.kind is RefusalKind.SIZE


def test_what_is_no_message_is_refused_with_the_decoders_words() -> None:
    """They name the place."""
    with pytest.raises(RefusedError, match="not JSON"):
        translate(inbound(TELEMETRY, b"{ports"))


def test_an_event_is_a_reading_of_its_port() -> None:
    """A wrong port number must not hide that there is smoke."""
    assert translate(inbound(EVENT, {"event": "fuse", "port": 3})).readings[0].port == 3
    smoke = translate(inbound(EVENT, {"event": "smoke", "port": 40}))

    assert (smoke.readings[0].event, smoke.readings[0].port) == ("smoke", None)
    assert smoke.refused[0][0] is RefusalKind.PORT


def test_a_sensor_tells_a_value_or_an_alarm() -> None:
    """Or both."""
    translated = translate(inbound(SENSOR, {"ts": NOW_MS, "kind": "smoke", "value": 0.4, "alarm": False}))

    assert translated.readings == (
        Reading(HEAD, translated.readings[0].kind, NOW_MS, NOW_MS, None, NOW_MS, {"value": 0.4, "alarm": False}),
    )


@pytest.mark.parametrize(("payload", "online"), [(b"online", True), (b'{"status":"offline"}', False)])
def test_a_status_is_a_reading(payload: bytes, online: bool) -> None:
    """As a word and as an object; retained ones are current."""
    reading = translate(inbound("sheds/cuiping-beili/shed-1/camera/cam-1/status", payload, retain=True)).readings[0]

    assert (reading.online, reading.late) == (online, False)


def test_retained_telemetry_is_not_news() -> None:
    """It may be of any day, whatever time it is delivered at."""
    assert all(reading.late for reading in translate(inbound(TELEMETRY, charging(None), retain=True)).readings)


def test_a_reply_is_handed_on() -> None:
    """With the charger it came from."""
    topic = "sheds/cuiping-beili/shed-1/charger/c1/reply"
    translated = translate(inbound(topic, {"id": "x", "accepted": True}))

    assert translated.reply is not None
    assert (translated.reply[0], translated.reply[1].accepted) == (C1, True)


def test_digests_tell_messages_apart() -> None:
    """By topic and payload, within 63 bits."""
    pairs: list[Any] = [("a", b"b"), ("a", b"c"), ("ab", b""), ("a", b"bc")]
    digests = {digest_of(*pair) for pair in pairs}

    assert len(digests) == 4
    assert all(0 <= digest < 2**63 for digest in digests)
    assert digest_of("a", b"b") == digest_of("a", b"b")
