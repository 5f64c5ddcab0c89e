"""A small neighbourhood, and messages as a broker would hand them over, for the tests of ingestion."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any

import msgspec

from ingest.inbox import Inbound
from ingest.model import Device, DeviceKind, DeviceRef, Name, Reading, Shed, Site, Topology
from ingest.store.port import Message

NOW_MS = 1_795_400_000_000

C1 = DeviceRef("cuiping-beili", "shed-1", "c1")
CAM = DeviceRef("cuiping-beili", "shed-1", "cam-1")
HEAD = DeviceRef("cuiping-beili", "shed-1", "smoke-1")


def name(text: str) -> Name:
    return Name(text, text)


TOPOLOGY = Topology(
    (
        Site(
            "cuiping-beili",
            name("翠屏北里"),
            (
                Shed(
                    "cuiping-beili",
                    "shed-1",
                    name("1号车棚"),
                    (
                        Device(C1, DeviceKind.CHARGER, name("c1"), ports=12),
                        Device(CAM, DeviceKind.CAMERA, name("cam-1")),
                        Device(HEAD, DeviceKind.SENSOR, name("smoke-1"), sensor_kind="smoke"),
                    ),
                ),
            ),
        ),
    )
)

TELEMETRY = "sheds/cuiping-beili/shed-1/charger/c1/telemetry"
EVENT = "sheds/cuiping-beili/shed-1/charger/c1/event"
FRAME = "sheds/cuiping-beili/shed-1/camera/cam-1/frame"
SENSOR = "sheds/cuiping-beili/shed-1/sensor/smoke-1/telemetry"


def inbound(
    topic: str,
    payload: Any,
    *,
    ack: Callable[[], None] = lambda: None,
    dup: bool = False,
    retain: bool = False,
    sent_ts: str | None = None,
) -> Inbound:
    body = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
    return Inbound(topic, body, len(body), sent_ts, dup, retain, ack)


def charging(ts_ms: int | None, power_w: float = 180.0, port: int = 3) -> dict[str, Any]:
    return {"ts": ts_ms, "ports": [{"port": port, "state": "charging", "power_w": power_w}]}


def reading(ts_ms: int, power_w: float = 180.0, port: int | None = 3, **changes: Any) -> Reading:
    fields: dict[str, Any] = {
        "values": {"power_w": power_w, "state": "charging"},
        "device_ms": ts_ms,
        "received_ms": ts_ms,
    }
    fields |= changes
    return Reading(device=C1, kind=DeviceKind.CHARGER, ts_ms=ts_ms, port=port, **fields)


def message(ts_ms: int, power_w: float = 180.0, *, digest: int | None = None, redelivered: bool = False) -> Message:
    key = hash((ts_ms, power_w)) & (2**62 - 1) if digest is None else digest
    return Message((reading(ts_ms, power_w),), key, redelivered)


def png(width: int, height: int) -> bytes:
    """A real grey PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\x00" + b"\x80" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
