"""A charger with its ports: time and orders → telemetry, events and replies, as the wire contract has them."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec

from ingest.contract import DEFAULT_PREFIX, ChargerTelemetry, Command, PortTelemetry, Reply, encode, topic_of
from ingest.model import DeviceKind, DeviceRef
from simulators.cutoff import CutoffRules
from simulators.device import Beat, Outgoing, Surroundings
from simulators.effects import feeder_ohm, leak_ma, reported_code
from simulators.faults import EVENT_WORDS, MUTE_KINDS, Fault, FaultsOf
from simulators.feeder import Feeder, FeederSpec
from simulators.habits import HABITS, Habit, Part
from simulators.port import Port, PortEvent
from simulators.probe import Probe
from simulators.residents import Calendar, Stay, stays
from simulators.rtc import DeviceClock
from simulators.thermal import SocketSpec
from simulators.uplink import Uplink

# A charger that gets its power back speaks after so many seconds.
_BOOT_S = (3.0, 12.0)
# What its capacitors still give after the mains have gone.
_GASP_S = 0.05
# Orders that were obeyed lately; one that a broker repeats is answered again and not obeyed again.
_REMEMBERED_ORDERS = 32


class PushedEvent(msgspec.Struct, omit_defaults=True):
    """`…/charger/{id}/event` as this charger fills it in; `reason` is why a session ended."""

    event: str
    ts: int
    port: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ChargerHabits:
    """How a charger reports, and by which rules it ends sessions; `history_s` of residents before scenario time 0."""

    habit: Habit = HABITS["prompt"]
    rules: CutoffRules = field(default_factory=CutoffRules)
    history_s: float = 86_400.0
    drift_ppm: float | None = None


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
        calendar: Calendar | None = None,
        prefix: str = DEFAULT_PREFIX,
    ) -> None:
        self.ref = ref
        self._habits = habits or ChargerHabits()
        self._calendar = calendar or Calendar(surroundings.start_hour)
        self._start_ms = start_ms
        self._prefix = prefix
        self._surroundings = surroundings
        self._faults = FaultsOf(faults, ref)
        self._random = Random(f"{seed}:{ref}")
        self._signal_pct = self._random.uniform(62.0, 95.0)
        self._leakage_ma = self._random.uniform(0.3, 0.9)
        self._seq = 0
        self._breaker_closed = True
        self._down = False
        self._orders: dict[bytes, str | None] = {}
        self._beats = [(part, Beat(every_s, self._random)) for part, every_s in self._habits.habit.every_s]
        # What faults need is drawn apart, so that a fault changes nothing but what it is about.
        own = Random(f"{seed}:{ref}:own")
        self._clock = self._make_clock(own)
        self._uplink = Uplink(self._faults, own)
        self._ports = [self._port(number, seed, faults, (fixed or {}).get(number)) for number in range(1, ports + 1)]
        self._probes = [
            Probe(port.faults, "probe", Random(f"{seed}:{ref}#{port.number}:probe")) for port in self._ports
        ]
        for port in self._ports:
            port.advance(0.0)
        self._feeder = Feeder(
            FeederSpec(),
            0.0,
            current_a=lambda t_s: self._load_a(t_s, surroundings.mains_v),
            added_ohm=lambda t_s: feeder_ohm(self._faults, t_s),
            air_c=surroundings.air_c,
        )
        self._agenda: list[tuple[float, int, Callable[[float], list[Outgoing]]]] = []
        self._plan(own)

    @property
    def due_s(self) -> float:
        return min(self._made_due_s, self._uplink.due_s)

    def advance(self, t_s: float) -> list[Outgoing]:
        sent: list[Outgoing] = []
        while (at_s := self.due_s) <= t_s:
            sent += self._uplink.release(at_s)
            if self._made_due_s <= at_s:
                made = self._live(at_s)
                sent += [] if self._down else self._uplink.carry([it for it in made if not self._mute(it.t_s)])
        return sent

    def command(self, t_s: float, command: Command) -> list[Outgoing]:
        """Obey an order at `t_s`; the reply, and what follows from it. A silent charger does neither."""
        sent = self.advance(t_s)
        if self._down or self._mute(t_s):
            return sent
        self._feeder.advance(t_s)
        for port in self._ports:
            port.advance(t_s)
        order = encode(command)
        again = order in self._orders
        refusal, happened = (self._orders[order], []) if again else self._obey(t_s, command)
        self._remember(order, refusal)
        made = [self._message(t_s, "reply", encode(Reply(command.id, refusal is None, refusal)))]
        made += [self._session_event(number, event) for number, event in happened]
        if refusal is None:
            made.append(self._telemetry(t_s, "whole"))
        return sent + self._uplink.carry(made)

    def cable_c(self, t_s: float) -> float:
        """Temperature of its incoming cable; for a probe on it."""
        self._feeder.advance(t_s)
        return self._feeder.temperature_c

    def _mute(self, t_s: float) -> bool:
        return self._faults.any_on(MUTE_KINDS, t_s)

    @property
    def _made_due_s(self) -> float:
        changes = min(port.next_change_s for port in self._ports)
        beats = min(beat.next_s for _, beat in self._beats)
        return min(beats, changes, self._agenda[0][0] if self._agenda else math.inf)

    def _live(self, at_s: float) -> list[Outgoing]:
        """What is due at this very time."""
        made: list[Outgoing] = []
        self._feeder.advance(at_s)
        for port in self._ports:
            made += [self._session_event(port.number, event) for event in port.advance(at_s)]
        while self._agenda and self._agenda[0][0] <= at_s:
            made += heapq.heappop(self._agenda)[2](at_s)
        for part, beat in self._beats:
            if beat.next_s <= at_s:
                made.append(self._telemetry(at_s, part))
                beat.go_on()
        return made

    def _obey(self, t_s: float, command: Command) -> tuple[str | None, list[tuple[int, PortEvent]]]:
        if command.expires_ts < self._start_ms + t_s * 1000.0:
            return "expired", []
        if command.command in ("stop", "start"):
            if command.port is None or command.port > len(self._ports):
                return "no such port", []
            port = self._ports[command.port - 1]
            if command.command == "stop":
                return None, [(port.number, event) for event in port.stop(t_s)]
            refusal = port.refusal(t_s) or self._start_refusal(t_s)
            return refusal, [] if refusal else [(port.number, event) for event in port.start(t_s)]
        if command.command in ("breaker_open", "breaker_close"):
            self._breaker_closed = (
                command.command == "breaker_close" or self._faults.on("breaker_stuck", t_s) is not None
            )
            return None, [(it.number, event) for it in self._ports for event in it.breaker(self._breaker_closed, t_s)]
        return None, []

    def _start_refusal(self, t_s: float) -> str | None:
        if self._faults.on("smoke_event", t_s) is not None:
            return "smoke alarm"
        return "mains voltage" if self._voltage_trip(self._voltage_v(t_s)) else None

    def _remember(self, order: bytes, refusal: str | None) -> None:
        self._orders[order] = refusal
        if len(self._orders) > _REMEMBERED_ORDERS:
            del self._orders[next(iter(self._orders))]

    def _plan(self, random: Random) -> None:
        """Put on the agenda what faults will have it do."""
        for at_s, fault, begins in self._faults.edges((*EVENT_WORDS, "power_cut", "over_voltage", "under_voltage")):
            if fault.kind == "power_cut":
                if begins and random.random() < fault.figure("last_gasp"):
                    self._at(at_s - _GASP_S, lambda t_s: [self._push(t_s, "power_cut")])
                self._at(at_s, lambda t_s, there=not begins: self._mains(t_s, there))  # type: ignore[misc]
                if not begins:
                    self._at(at_s + random.uniform(*_BOOT_S), self._boot)
            elif begins and fault.kind in EVENT_WORDS:
                self._at(at_s, lambda t_s, word=EVENT_WORDS[fault.kind]: [self._push(t_s, word)])  # type: ignore[misc]
            elif begins:
                self._at(at_s, self._trip)

    def _at(self, t_s: float, act: Callable[[float], list[Outgoing]]) -> None:
        heapq.heappush(self._agenda, (t_s, len(self._agenda), act))

    def _mains(self, t_s: float, there: bool) -> list[Outgoing]:
        self._down = True
        for port in self._ports:
            port.mains(there, t_s)
        return []

    def _boot(self, t_s: float) -> list[Outgoing]:
        self._down, self._seq = False, 0
        self._clock.boot(t_s)
        return [self._push(t_s, "boot"), self._telemetry(t_s, "whole")]

    def _trip(self, t_s: float) -> list[Outgoing]:
        reason = self._voltage_trip(self._voltage_v(t_s))
        if reason is None:
            return []
        return [self._session_event(port.number, event) for port in self._ports for event in port.stop(t_s, reason)]

    def _voltage_trip(self, voltage_v: float) -> Any:
        rules = self._habits.rules
        if voltage_v >= rules.over_voltage_v:
            return "over_voltage"
        return "under_voltage" if voltage_v <= rules.under_voltage_v else None

    def _make_clock(self, random: Random) -> DeviceClock:
        habit = self._habits.habit
        given = self._habits.drift_ppm
        ppm = random.uniform(-1.0, 1.0) * habit.drift_ppm if given is None else given
        return DeviceClock(self._start_ms, habit, self._faults, ppm=ppm, phase_s=random.uniform(0.0, habit.sync_s))

    def _port(self, number: int, seed: int, faults: Sequence[Fault], fixed: Sequence[Stay] | None) -> Port:
        random = Random(f"{seed}:{self.ref}#{number}")
        sequence: Iterator[Stay] = (
            stays(random, self._calendar, self._habits.history_s) if fixed is None else iter(fixed)
        )
        return Port(
            number,
            sequence,
            self._surroundings,
            FaultsOf(faults, self.ref, number),
            socket=SocketSpec(contact_ohm=random.uniform(0.045, 0.075)),
            rules=self._habits.rules,
            from_s=-self._habits.history_s,
        )

    def _load_a(self, t_s: float, voltage_v: float) -> float:
        return sum(port.current_a(t_s, voltage_v) for port in self._ports)

    def _voltage_v(self, t_s: float) -> float:
        for kind in ("over_voltage", "under_voltage"):
            if fault := self._faults.on(kind, t_s):
                return fault.figure("volts")
        return self._surroundings.open_circuit_v(t_s) - self._feeder.drop_v(t_s)

    def _telemetry(self, t_s: float, part: Part) -> Outgoing:
        voltage_v = self._voltage_v(t_s)
        noise = self._random.gauss
        telemetry = ChargerTelemetry(ts=self._clock.stamp_ms(t_s), seq=self._seq)
        if part != "power":
            telemetry.voltage_v = round(voltage_v + noise(0.0, 0.25), 1)
            telemetry.temperature_c = round(self._cabinet_c(t_s) + noise(0.0, 0.1), 1)
        if part in ("whole", "host"):
            leak = self._leakage_ma + leak_ma(self._faults, t_s) + noise(0.0, 0.05)
            telemetry.leakage_ma = round(max(0.0, leak), 1)
            telemetry.smoke = self._faults.on("smoke_event", t_s) is not None
        if part in ("whole", "state"):
            telemetry.signal_pct = round(min(100.0, max(0.0, self._signal_pct + noise(0.0, 2.0))))
            telemetry.breaker = "closed" if self._breaker_closed else "open"
        if part != "host":
            telemetry.ports = [self._port_report(port, t_s, voltage_v, part) for port in self._ports]
        self._seq += 1
        return self._message(t_s, "telemetry", encode(telemetry))

    def _cabinet_c(self, t_s: float) -> float:
        load_w = sum(port.power_w(t_s) for port in self._ports)
        return self._surroundings.air_c(t_s) + 2.5 + load_w * 0.0012 + 0.3 * self._feeder.terminal_rise_k

    def _port_report(self, port: Port, t_s: float, voltage_v: float, part: Part) -> PortTelemetry:
        report = PortTelemetry(port=port.number)
        if part != "power":
            report.state = port.state(t_s)
            report.fault = reported_code(port.faults, t_s)  # type: ignore[assignment]
        if part != "state":
            heat_c = self._probes[port.number - 1].read(t_s, port.temperature_c + self._random.gauss(0.0, 0.1))
            report.power_w = round(port.power_w(t_s), 1)
            report.current_a = round(port.current_a(t_s, voltage_v), 3)
            report.energy_wh = round(port.energy_wh, 1)
            report.session_s = float(int(port.session_s(t_s)))
            report.temperature_c = None if heat_c is None else round(heat_c, 1)
        return report

    def _session_event(self, port: int, event: PortEvent) -> Outgoing:
        return self._push(event.t_s, event.word, port, event.reason)

    def _push(self, t_s: float, word: str, port: int | None = None, reason: str | None = None) -> Outgoing:
        return self._message(t_s, "event", encode(PushedEvent(word, self._clock.stamp_ms(t_s), port, reason)))

    def _message(self, t_s: float, channel: str, payload: bytes) -> Outgoing:
        qos = 1 if self._habits.habit.resends or channel == "reply" else 0
        return Outgoing(t_s, self.ref, topic_of(self.ref, self.kind, channel, self._prefix), payload, qos=qos)
