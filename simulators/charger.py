"""A charger with its ports: time and orders → telemetry, events and replies, as the wire contract has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from ingest.contract import DEFAULT_PREFIX, ChargerEvent, ChargerTelemetry, Command, Reply, encode, topic_of
from ingest.model import DeviceKind, DeviceRef
from simulators.device import Beat, Outgoing, Surroundings
from simulators.faults import EVENT_WORDS, SILENT_KINDS, Fault, FaultsOf
from simulators.port import Port
from simulators.residents import Stay, stays
from simulators.thermal import SocketSpec

# The feeder of a shed: a few tens of metres of copper.
_FEEDER_OHM = 0.12


@dataclass(frozen=True, slots=True)
class ChargerHabits:
    """How a charger reports. `max_session_s`: it ends any session after that long."""

    telemetry_s: float = 10.0
    max_session_s: float = 28_800.0
    history_s: float = 86_400.0


class Charger:
    """One charger as a fold over time. `fixed` names stays for ports that residents leave alone."""

    kind = DeviceKind.CHARGER

    def __init__(
        self,
        ref: DeviceRef,
        ports: int,
        *,
        seed: int,
        start_ms: int,
        surroundings: Surroundings,
        faults: Sequence[Fault] = (),
        fixed: Mapping[int, Sequence[Stay]] | None = None,
        habits: ChargerHabits | None = None,
        prefix: str = DEFAULT_PREFIX,
    ) -> None:
        self.ref = ref
        self._habits = habits or ChargerHabits()
        self._start_ms = start_ms
        self._prefix = prefix
        self._surroundings = surroundings
        self._faults = FaultsOf(faults, ref)
        self._random = Random(f"{seed}:{ref}")
        self._signal_pct = self._random.uniform(62.0, 95.0)
        self._leakage_ma = self._random.uniform(0.3, 0.9)
        self._seq = 0
        self._breaker_closed = True
        self._beat = Beat(self._habits.telemetry_s, self._random)
        self._pushes = [edge for edge in self._faults.edges(EVENT_WORDS) if edge[2]]
        self._ports = [self._port(number, seed, faults, (fixed or {}).get(number)) for number in range(1, ports + 1)]
        for port in self._ports:
            port.advance(0.0)

    @property
    def due_s(self) -> float:
        changes = min(port.next_change_s for port in self._ports)
        pushed = self._pushes[0][0] if self._pushes else self._beat.next_s
        return min(self._beat.next_s, changes, pushed)

    def advance(self, t_s: float) -> list[Outgoing]:
        sent: list[Outgoing] = []
        while (at_s := self.due_s) <= t_s:
            sent += [
                self._event(when_s, word, port.number) for port in self._ports for when_s, word in port.advance(at_s)
            ]
            while self._pushes and self._pushes[0][0] <= at_s:
                sent.append(self._event(at_s, EVENT_WORDS[self._pushes.pop(0)[1].kind], None))
            if self._beat.next_s <= at_s:
                sent.append(self._telemetry(at_s))
                self._beat.go_on()
        return [message for message in sent if not self._faults.any_on(SILENT_KINDS, message.t_s)]

    def command(self, t_s: float, command: Command) -> list[Outgoing]:
        """Obey an order at `t_s`; the reply, and what follows from it. A silent charger does neither."""
        sent = self.advance(t_s)
        if self._faults.any_on(SILENT_KINDS, t_s):
            return sent
        for port in self._ports:
            port.advance(t_s)
        refusal, ended = self._obey(t_s, command)
        sent.append(self._message(t_s, "reply", encode(Reply(command.id, refusal is None, refusal))))
        sent += [self._event(t_s, "session_ended", port) for port in ended]
        if refusal is None:
            sent.append(self._telemetry(t_s))
        return sent

    def _obey(self, t_s: float, command: Command) -> tuple[str | None, list[int]]:
        if command.expires_ts < self._start_ms + t_s * 1000.0:
            return "expired", []
        if command.command in ("stop", "start"):
            if command.port is None or command.port > len(self._ports):
                return "no such port", []
            port = self._ports[command.port - 1]
            if command.command == "stop":
                return None, [port.number] if port.stop(t_s) else []
            return (None if port.start(t_s) else "nothing plugged in, or no power"), []
        if command.command in ("breaker_open", "breaker_close"):
            self._breaker_closed = command.command == "breaker_close"
            return None, [port.number for port in self._ports if port.breaker(self._breaker_closed, t_s)]
        return None, []

    def _port(self, number: int, seed: int, faults: Sequence[Fault], fixed: Sequence[Stay] | None) -> Port:
        random = Random(f"{seed}:{self.ref}#{number}")
        sequence: Iterator[Stay] = (
            stays(random, self._surroundings.start_hour, self._habits.history_s) if fixed is None else iter(fixed)
        )
        return Port(
            number,
            sequence,
            self._surroundings,
            FaultsOf(faults, self.ref, number),
            socket=SocketSpec(contact_ohm=random.uniform(0.045, 0.075)),
            max_session_s=self._habits.max_session_s,
            from_s=-self._habits.history_s,
        )

    def _voltage_v(self, t_s: float) -> float:
        for kind in ("over_voltage", "under_voltage"):
            if fault := self._faults.on(kind, t_s):
                return fault.figure("volts")
        open_v = self._surroundings.open_circuit_v(t_s)
        load_a = sum(port.current_a(t_s, open_v) for port in self._ports)
        return open_v - load_a * _FEEDER_OHM

    def _telemetry(self, t_s: float) -> Outgoing:
        voltage_v = self._voltage_v(t_s)
        leak = self._faults.on("leakage", t_s)
        load_w = sum(port.power_w(t_s) for port in self._ports)
        noise = self._random.gauss
        telemetry = ChargerTelemetry(
            ts=self._stamp(t_s),
            seq=self._seq,
            voltage_v=round(voltage_v + noise(0.0, 0.25), 1),
            temperature_c=round(self._surroundings.air_c(t_s) + 2.5 + load_w * 0.0012 + noise(0.0, 0.1), 1),
            leakage_ma=round(max(0.0, self._leakage_ma + (leak.figure("ma") if leak else 0.0) + noise(0.0, 0.05)), 1),
            smoke=False,
            signal_pct=round(min(100.0, max(0.0, self._signal_pct + noise(0.0, 2.0)))),
            breaker="closed" if self._breaker_closed else "open",
            ports=[port.telemetry(t_s, voltage_v, noise(0.0, 0.1)) for port in self._ports],
        )
        self._seq += 1
        return self._message(t_s, "telemetry", encode(telemetry))

    def _event(self, t_s: float, word: str, port: int | None) -> Outgoing:
        return self._message(t_s, "event", encode(ChargerEvent(event=word, ts=self._stamp(t_s), port=port)))  # type: ignore[arg-type]

    def _message(self, t_s: float, channel: str, payload: bytes) -> Outgoing:
        return Outgoing(t_s, self.ref, topic_of(self.ref, self.kind, channel, self._prefix), payload)

    def _stamp(self, t_s: float) -> int:
        skew = self._faults.on("clock_skew", t_s)
        return self._start_ms + round((t_s + (skew.figure("seconds") if skew else 0.0)) * 1000.0)
