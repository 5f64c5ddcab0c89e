"""Sensors of a shed: smoke heads and the like, time → telemetry. A change of the contact is sent at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random

from ingest.contract import DEFAULT_PREFIX, SensorTelemetry, encode, topic_of
from ingest.model import DeviceKind, DeviceRef
from simulators.device import Beat, Outgoing, Surroundings
from simulators.faults import MUTE_KINDS, Fault, FaultsOf
from simulators.probe import Probe

CONTACT_KINDS = frozenset({"smoke", "heat", "water", "door"})


class Sensor:
    """One sensor as a fold over time: an alarm contact, or a measured value.

    Args:
        measures: what it measures where that is not the air: a temperature (°C) at a time.
    """

    kind = DeviceKind.SENSOR

    def __init__(
        self,
        ref: DeviceRef,
        sensor_kind: str,
        *,
        seed: int,
        start_ms: int,
        surroundings: Surroundings,
        faults: Sequence[Fault] = (),
        telemetry_s: float = 30.0,
        measures: Callable[[float], float] | None = None,
        prefix: str = DEFAULT_PREFIX,
    ) -> None:
        self.ref = ref
        self._sensor_kind = sensor_kind
        self._start_ms = start_ms
        self._surroundings = surroundings
        self._faults = FaultsOf(faults, ref)
        self._topic = topic_of(ref, self.kind, "telemetry", prefix)
        self._measures = measures or surroundings.air_c
        self._random = Random(f"{seed}:{ref}")
        self._probe = Probe(self._faults, "sensor", Random(f"{seed}:{ref}:probe"))
        self._beat = Beat(telemetry_s, self._random)
        self._edges = [at_s for at_s, _, _ in self._faults.edges(("sensor_alarm",))]

    @property
    def due_s(self) -> float:
        return min(self._beat.next_s, self._edges[0] if self._edges else math.inf)

    def advance(self, t_s: float) -> list[Outgoing]:
        sent: list[Outgoing] = []
        while (at_s := self.due_s) <= t_s:
            while self._edges and self._edges[0] <= at_s:
                self._edges.pop(0)
            if self._beat.next_s <= at_s:
                self._beat.go_on()
            sent.append(Outgoing(at_s, self.ref, self._topic, encode(self._telemetry(at_s))))
        return [message for message in sent if not self._faults.any_on(MUTE_KINDS, message.t_s)]

    def _telemetry(self, t_s: float) -> SensorTelemetry:
        ts = self._start_ms + round(t_s * 1000.0)
        kind = self._sensor_kind
        if kind in CONTACT_KINDS:
            return SensorTelemetry(kind=kind, ts=ts, alarm=self._closed(t_s))  # type: ignore[arg-type]
        value = self._probe.read(t_s, self._value(t_s))
        assert value is not None
        return SensorTelemetry(kind=kind, ts=ts, value=round(value, 1))  # type: ignore[arg-type]

    def _closed(self, t_s: float) -> bool:
        # A contact that is stuck never closes: what is worst of it.
        closed = self._faults.on("sensor_alarm", t_s) is not None and self._faults.on("sensor_stuck", t_s) is None
        noisy = self._faults.on("sensor_noisy", t_s)
        return closed or (noisy is not None and self._random.random() < noisy.figure("share"))

    def _value(self, t_s: float) -> float:
        match self._sensor_kind:
            case "temperature":
                return self._measures(t_s) + self._random.gauss(0.0, 0.1)
            case "humidity":
                return 55.0 - (self._surroundings.air_c(t_s) - 18.0) * 2.0 + self._random.gauss(0.0, 0.3)
            case _:
                return abs(self._random.gauss(0.0, 1.0))
