"""Chargers that never were, and what they send: the same messages for every benchmark."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ingest.contract import ChargerTelemetry, PortTelemetry, encode, topic_of
from ingest.model import Device, DeviceKind, DeviceRef, Name, Shed, Site, Topology

SITE = "bench"
# One port in so many runs hot, so that rules and engine also have something to say.
HOT_EVERY = 500
HOT_C = 75.0


@dataclass(frozen=True, slots=True)
class Fleet:
    """So many sheds with so many chargers each with so many ports each."""

    sheds: int
    chargers: int
    ports: int

    def topology(self) -> Topology:
        """It as it is configured."""
        name = Name("测试", "Bench")
        return Topology((Site(SITE, name, tuple(self._shed(number, name) for number in range(1, self.sheds + 1))),))

    def refs(self) -> list[DeviceRef]:
        """All chargers."""
        return [
            DeviceRef(SITE, f"shed-{shed}", f"c{charger}")
            for shed in range(1, self.sheds + 1)
            for charger in range(1, self.chargers + 1)
        ]

    def single_ports(self, count: int, ts_ms: int) -> Iterator[tuple[str, bytes]]:
        """Topics and payloads of `count` messages of one port each, round all chargers and ports; none twice."""
        refs = self.refs()
        for number in range(count):
            index, turn = number % len(refs), number // len(refs)
            yield topic(refs[index]), payload(index, [turn % self.ports + 1], turn, ts_ms + turn)

    def sweep(self, turn: int, ts_ms: int) -> Iterator[tuple[str, bytes]]:
        """Topics and payloads of one report of every charger with all its ports."""
        ports = range(1, self.ports + 1)
        for index, ref in enumerate(self.refs()):
            yield topic(ref), payload(index, ports, turn, ts_ms)

    def _shed(self, number: int, name: Name) -> Shed:
        shed = f"shed-{number}"
        devices = (
            Device(DeviceRef(SITE, shed, f"c{charger}"), DeviceKind.CHARGER, name, self.ports)
            for charger in range(1, self.chargers + 1)
        )
        return Shed(SITE, shed, name, tuple(devices))


def topic(ref: DeviceRef) -> str:
    """Where a charger's telemetry is sent."""
    return topic_of(ref, DeviceKind.CHARGER, "telemetry")


def payload(index: int, ports: Iterable[int], turn: int, ts_ms: int) -> bytes:
    """A charger's message; with one port about 200 bytes. Values drift from `turn` to `turn` as real ones do."""
    drift = math.sin(turn / 7.0 + index)
    return encode(
        ChargerTelemetry(
            ts=ts_ms,
            seq=turn,
            voltage_v=round(224.0 + 2.0 * drift, 1),
            temperature_c=round(31.0 + drift, 1),
            leakage_ma=1.5,
            signal_pct=71,
            ports=[_port(index, port, turn, drift) for port in ports],
        )
    )


def _port(index: int, port: int, turn: int, drift: float) -> PortTelemetry:
    hot = (index * 10 + port) % HOT_EVERY == 0
    return PortTelemetry(
        port=port,
        state="charging",
        power_w=round(182.0 + 6.0 * drift, 1),
        current_a=round(0.83 + 0.03 * drift, 2),
        energy_wh=round(512.0 + turn * 3.0, 1),
        temperature_c=HOT_C if hot else round(36.0 + drift, 1),
    )
