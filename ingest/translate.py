"""A message from the wire as readings: pure but for what it remembers of the devices' clocks.

What is wrong in a message is refused with its reason and the rest of it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

import msgspec

from ingest.contract import (
    DEFAULT_PREFIX,
    Reply,
    Topic,
    WireError,
    decode_event,
    decode_reply,
    decode_sensor,
    decode_status,
    decode_telemetry,
    parse_topic,
)
from ingest.counters import RefusalKind, RefusedError
from ingest.inbox import Inbound
from ingest.model import Device, DeviceKind, DeviceRef, Reading, Topology, Value
from ingest.timekeeping import DeviceClocks, Judged

MAX_TELEMETRY_BYTES = 64 * 1024

# What the service itself sends to devices; a broad subscription brings it back.
_OUR_OWN = "/command"

Part = tuple[RefusalKind, str]
"""A part of a message that was refused: why, in a class and in words."""


class Translated(msgspec.Struct, frozen=True, gc=False):
    """What a message came to."""

    readings: tuple[Reading, ...]
    refused: tuple[Part, ...] = ()
    unknown_fields: int = 0
    reply: tuple[DeviceRef, Reply] | None = None


class Translator:
    """Knows what is configured and how the devices' clocks go."""

    def __init__(self, topology: Topology, clocks: DeviceClocks, prefix: str = DEFAULT_PREFIX) -> None:
        self._topology = topology
        self._clocks = clocks
        self._prefix = prefix
        # Topics of what is configured, and nothing else: as bounded as the configuration.
        self._known: dict[str, tuple[Topic, Device]] = {}
        self._by_channel: dict[str, Callable[[Inbound, Device, int], Translated]] = {
            "telemetry": self._charger,
            "event": self._event,
            "reply": self._reply,
            "status": self._status,
        }

    def address(self, topic: str) -> tuple[Topic, Device]:
        """Take a topic apart and find its device. Raises RefusedError."""
        known = self._known.get(topic)
        if known is not None:
            return known
        try:
            parsed = parse_topic(topic, self._prefix)
        except WireError as error:
            raise RefusedError(RefusalKind.TOPIC, str(error)) from None
        device = self._topology.find(parsed.ref)
        if device is None:
            raise RefusedError(RefusalKind.DEVICE, f"no device {parsed.ref} is configured")
        if device.kind is not parsed.kind:
            raise RefusedError(RefusalKind.DEVICE, f"{parsed.ref} is configured as a {device.kind}")
        self._known[topic] = known = (parsed, device)
        return known

    def translate(self, inbound: Inbound, topic: Topic, device: Device, received_ms: int) -> Translated:
        """Translate anything but a picture.

        Raises:
            RefusedError: nothing of it can be used.
        """
        if inbound.size > MAX_TELEMETRY_BYTES:
            raise RefusedError(RefusalKind.SIZE, f"message of {inbound.size} bytes, more than {MAX_TELEMETRY_BYTES}")
        work = self._by_channel[topic.channel]
        if topic.kind is DeviceKind.SENSOR and topic.channel == "telemetry":
            work = self._sensor
        try:
            return work(inbound, device, received_ms)
        except WireError as error:
            raise RefusedError(RefusalKind.PAYLOAD, str(error)) from None

    def judge(self, device: DeviceRef, device_ms: int | None, received_ms: int) -> Judged:
        """See `DeviceClocks.judge`."""
        return self._clocks.judge(device, device_ms, received_ms)

    def _charger(self, inbound: Inbound, device: Device, received_ms: int) -> Translated:
        telemetry, device_ms, refused, unknown = decode_telemetry(inbound.payload)
        ts_ms, late, _ = self._clocks.judge(device.ref, device_ms, received_ms)
        late = late or inbound.retain
        seq = telemetry.seq
        ref, kind = device.ref, device.kind
        values = telemetry.values()
        readings = [Reading(ref, kind, received_ms, ts_ms, None, device_ms, values, None, None, late, seq)]
        parts: list[Part] = [(RefusalKind.VALUE, reason) for reason in refused] if refused else []
        seen = set()
        for port in telemetry.ports:
            number = port.port
            if number > device.ports:
                parts.append((RefusalKind.PORT, f"port {number}: {ref} is configured with {device.ports}"))
            elif number in seen:
                parts.append((RefusalKind.PORT, f"port {number} is in the message twice; the first was taken"))
            else:
                seen.add(number)
                values = port.values()
                readings.append(
                    Reading(ref, kind, received_ms, ts_ms, number, device_ms, values, None, None, late, seq)
                )
        return Translated(tuple(readings), tuple(parts), unknown)

    def _event(self, inbound: Inbound, device: Device, received_ms: int) -> Translated:
        event, device_ms = decode_event(inbound.payload)
        ts_ms, late, _ = self.judge(device.ref, device_ms, received_ms)
        port = event.port
        parts: tuple[Part, ...] = ()
        if port is not None and port > device.ports:
            # What happened matters more than a wrong port number: the event is taken for the whole charger.
            parts = ((RefusalKind.PORT, f"port {port}: {device.ref} is configured with {device.ports}"),)
            port = None
        reading = Reading(
            device.ref, device.kind, received_ms, ts_ms, port, device_ms, event=event.event, late=late or inbound.retain
        )
        return Translated((reading,), parts)

    def _reply(self, inbound: Inbound, device: Device, _received_ms: int) -> Translated:
        return Translated((), reply=(device.ref, decode_reply(inbound.payload)))

    def _sensor(self, inbound: Inbound, device: Device, received_ms: int) -> Translated:
        telemetry, device_ms = decode_sensor(inbound.payload)
        ts_ms, late, _ = self.judge(device.ref, device_ms, received_ms)
        values: dict[str, Value] = {}
        if telemetry.value is not None:
            values["value"] = telemetry.value
        if telemetry.alarm is not None:
            values["alarm"] = telemetry.alarm
        late = late or inbound.retain
        return Translated((Reading(device.ref, device.kind, received_ms, ts_ms, None, device_ms, values, late=late),))

    def _status(self, inbound: Inbound, device: Device, received_ms: int) -> Translated:
        online, device_ms = decode_status(inbound.payload)
        # A retained status is old and still true: its time is kept, and it is never late.
        ts_ms, _, _ = DeviceClocks().judge(device.ref, device_ms, received_ms)
        return Translated((Reading(device.ref, device.kind, received_ms, ts_ms, None, device_ms, online=online),))


def is_our_own(topic: str) -> bool:
    """Whether the service itself sends on this topic."""
    return topic.endswith(_OUR_OWN)


def digest_of(topic: str, payload: bytes) -> int:
    """63 bits that tell a message from every other; the same message again has the same."""
    return int.from_bytes(blake2b(topic.encode() + b"\0" + payload, digest_size=8).digest(), "big") >> 1
