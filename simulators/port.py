"""One port of a charger: stays and orders → state, power, energy, temperature as time goes on.

idle → plugged → charging → float → full → idle
            ↖______ stop _____/            any → fault, any → off (breaker open)

A pack draws power while its port is fed: something plugged in, relay closed, breaker closed, mains there, no fault in the
way. A `Session` is only what the charger's firmware makes of it; a welded relay feeds without one. The meter counts
whatever flows, so that energy is always the integral of power.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ingest.model import PortStateWord
from simulators.battery import Charge
from simulators.cutoff import CutoffRules, EndReason, Fed, end_by_power, float_from_s
from simulators.device import Surroundings
from simulators.effects import added_ohm, interrupts, loads, reported_code
from simulators.faults import REPORTED_KINDS, FaultsOf
from simulators.residents import Stay
from simulators.thermal import SocketSpec, contact_heat_w, step

_HEAT_STEP_S = 10.0
# Older heat than this many time constants has left the socket.
_HEAT_MEMORY = 12.0
_EDGE_KINDS = (*REPORTED_KINDS, "relay_welded", "no_taper", "session_overlong")


@dataclass(slots=True)
class Session:
    """What the charger counts as one session, from `started_s` until `ended_s` (None: still).

    `paused_s` is how long it had no mains meanwhile: the charger keeps the session in its memory, but no time.
    """

    started_s: float
    ended_s: float | None = None
    reason: EndReason | None = None
    paused_s: float = 0.0

    def seconds(self, t_s: float) -> float:
        """Its length at `t_s`, held after its end."""
        return (t_s if self.ended_s is None else min(t_s, self.ended_s)) - self.started_s - self.paused_s


@dataclass(frozen=True, slots=True)
class PortEvent:
    """A session that started, or ended for a reason."""

    t_s: float
    word: str
    reason: EndReason | None = None


class Port:
    """One socket with its relay and meter. Ask with `advance` first; times never go back."""

    def __init__(
        self,
        number: int,
        stays: Iterator[Stay],
        surroundings: Surroundings,
        faults: FaultsOf,
        *,
        socket: SocketSpec,
        rules: CutoffRules,
        from_s: float,
    ) -> None:
        self.number = number
        self.faults = faults
        self._stays = stays
        self._surroundings = surroundings
        self._socket = socket
        self._rules = rules
        self._loads = loads(faults)
        self._edges = [at_s for at_s, _, _ in faults.edges(_EDGE_KINDS)]
        self._next: Stay | None = next(stays, None)
        self._stay: Stay | None = None
        self._session: Session | None = None
        self._pack: Charge | None = None
        self._fed_s: float | None = None
        self._unfed_s = from_s
        self._top_w = 0.0
        self._meter_wh = 0.0
        self._stopped = False
        self._breaker_closed = True
        self._mains = True
        self._dark_s = from_s
        self._now_s = from_s
        self._temperature_c = surroundings.air_c(from_s)
        self._due: tuple[float, EndReason | None] | None = None

    @property
    def next_change_s(self) -> float:
        """When the port will change its state by itself."""
        return self._soonest()[0]

    def advance(self, t_s: float) -> list[PortEvent]:
        """Live until `t_s`; the sessions that started and ended on the way."""
        happened: list[PortEvent] = []
        while (due := self._soonest())[0] <= t_s:
            at_s, reason = due
            self._live(at_s)
            happened += self._change(at_s, reason)
            self._switch(at_s)
        self._live(t_s)
        return happened

    def stop(self, t_s: float, reason: EndReason = "server") -> list[PortEvent]:
        """Take the power away, as ordered or as the charger protects itself; the session that ended by it."""
        self._live(t_s)
        self._stopped = True
        ended = self._end(t_s, reason)
        self._switch(t_s)
        return ended

    def refusal(self, t_s: float) -> str | None:
        """Why it would not start now; None where it would."""
        code = reported_code(self.faults, t_s)
        if self._stay is None:
            return "nothing plugged in"
        if not (self._breaker_closed and self._mains):
            return "no power"
        return f"fault {code}" if code is not None and interrupts(code) else None

    def start(self, t_s: float) -> list[PortEvent]:
        """Give power again to what is plugged in, if there is no `refusal`; the session that started by it."""
        self._live(t_s)
        self._stopped = False
        if self._session is not None and self._session.ended_s is None:
            return []
        self._begin(t_s)
        self._switch(t_s)
        return [PortEvent(t_s, "session_started")]

    def breaker(self, closed: bool, t_s: float) -> list[PortEvent]:
        """The charger's breaker was moved; the session that ended by it."""
        self._live(t_s)
        self._breaker_closed = closed
        ended = [] if closed else self.stop(t_s, "breaker")
        self._switch(t_s)
        return ended

    def mains(self, there: bool, t_s: float) -> None:
        """The shed lost its power, or got it back: the session waits."""
        self._live(t_s)
        if not there:
            self._dark_s = t_s
        elif not self._mains and self._session is not None and self._session.ended_s is None:
            self._session.paused_s += t_s - self._dark_s
        self._mains = there
        self._switch(t_s)

    def state(self, t_s: float) -> PortStateWord:
        """The word for what the port is doing."""
        if not self._breaker_closed:
            return "off"
        if reported_code(self.faults, t_s) is not None:
            return "fault"
        session = self._session
        if session is None:
            return "idle" if self._stay is None else "plugged"
        if session.ended_s is not None:
            return "full" if session.reason == "full" else "plugged"
        fed = self._feed
        return "float" if fed is not None and t_s >= float_from_s(self._rules, fed) else "charging"

    def power_w(self, t_s: float) -> float:
        """What flows through the meter."""
        charge_w = self._charge_w(t_s)
        if charge_w <= 0.0:
            return 0.0
        return charge_w + self._second_load_w(t_s) + self._lost_w(t_s)

    def current_a(self, t_s: float, voltage_v: float) -> float:
        """Current at this mains voltage: switching chargers draw constant power; what else hangs there is resistive."""
        charge_w = self._charge_w(t_s)
        if self._pack is None or charge_w <= 0.0:
            return 0.0
        return (charge_w / self._pack.pack.power_factor + self._second_load_w(t_s)) / voltage_v

    @property
    def energy_wh(self) -> float:
        """What the meter has counted since the session began, or since the bike was plugged in without one."""
        return self._meter_wh

    @property
    def temperature_c(self) -> float:
        """Of the socket."""
        return self._temperature_c

    def session_s(self, t_s: float) -> float:
        """Length of the session; 0 without one."""
        return self._session.seconds(t_s) if self._session else 0.0

    def _charge_w(self, t_s: float) -> float:
        if self._pack is None or self._fed_s is None:
            return 0.0
        return self._pack.power_w(t_s - self._fed_s)

    def _second_load_w(self, t_s: float) -> float:
        return sum(load.watts for load in self._loads if load.at_s <= t_s < load.until_s)

    def _lost_w(self, t_s: float) -> float:
        ohm = added_ohm(self.faults, t_s)
        return ohm * self.current_a(t_s, self._surroundings.mains_v) ** 2 if ohm else 0.0

    @property
    def _feed(self) -> Fed | None:
        if self._session is None or self._pack is None or self._fed_s is None:
            return None
        return Fed(self._session.started_s + self._session.paused_s, self._fed_s, self._pack, self._top_w, self._loads)

    def _soonest(self) -> tuple[float, EndReason | None]:
        # Asked again and again between changes, and always the same until one comes.
        if self._due is None:
            self._due = self._next_due()
        return self._due

    def _next_due(self) -> tuple[float, EndReason | None]:
        due: list[tuple[float, EndReason | None]] = [(self._edges[0] if self._edges else math.inf, None)]
        if self._stay is None and self._next is not None:
            due.append((self._next.plug_s, None))
        elif self._stay is not None and self._stay.unplug_s is not None:
            due.append((self._stay.unplug_s, None))
        if self._session is None:
            if self._stay is not None and self._may_begin:
                due.append((max(self._now_s, self._stay.plug_s + self._stay.pay_s), None))
        elif self._session.ended_s is None and self._mains:
            due.append(self._end_due(self._session))
        return min(due, key=lambda item: item[0])

    @property
    def _may_begin(self) -> bool:
        ready = self._breaker_closed and self._mains and not self._stopped
        return ready and not interrupts(reported_code(self.faults, self._now_s))

    def _end_due(self, session: Session) -> tuple[float, EndReason | None]:
        if self._stay is None:
            return max(self._now_s, self._unfed_s + self._rules.unplug_s), "unplugged"
        ends: list[tuple[float, EndReason | None]] = [
            (session.started_s + session.paused_s + self._rules.max_session_s, "max_time")
        ]
        if (fed := self._feed) is not None:
            ends.append(end_by_power(self._rules, fed))
        else:
            ends.append((self._unfed_s + self._rules.no_load_s, "no_load"))
        at_s, reason = min(ends, key=lambda end: end[0])
        if self.faults.on("session_overlong", self._now_s) is not None:
            return math.inf, None
        return max(at_s, self._now_s), reason

    def _change(self, at_s: float, reason: EndReason | None) -> list[PortEvent]:
        while self._edges and self._edges[0] <= at_s:
            self._edges.pop(0)
        if self._stay is None and self._next is not None and at_s >= self._next.plug_s:
            ended = self._end(at_s, "unplugged")
            self._plug(at_s)
            return ended
        if self._stay is not None and self._stay.unplug_s is not None and at_s >= self._stay.unplug_s:
            self._unplug(at_s)
            return []
        if reason is not None:
            ended = self._end(at_s, reason)
            if self._stay is None:
                self._session, self._meter_wh = None, 0.0
            return ended
        paid = self._stay is not None and at_s >= self._stay.plug_s + self._stay.pay_s
        if self._session is None and paid and self._may_begin:
            self._begin(at_s)
            return [PortEvent(at_s, "session_started")]
        return []

    def _plug(self, at_s: float) -> None:
        stay = self._next
        assert stay is not None
        self._stay, self._next = stay, next(self._stays, None)
        self._session, self._meter_wh, self._top_w, self._stopped = None, 0.0, 0.0, False
        self._pack = Charge(stay.pack, stay.soc, stay.tapers)
        self._taper(at_s)

    def _unplug(self, at_s: float) -> None:
        self._switch(at_s, fed=False)
        self._stay, self._pack, self._stopped = None, None, False
        self._unfed_s = at_s
        if self._session is None or self._session.ended_s is not None:
            self._session, self._meter_wh = None, 0.0
        self._due = None

    def _begin(self, t_s: float) -> None:
        self._session = Session(t_s)
        self._meter_wh, self._top_w = 0.0, 0.0
        self._due = None

    def _end(self, t_s: float, reason: EndReason) -> list[PortEvent]:
        if self._session is None or self._session.ended_s is not None:
            return []
        self._session.ended_s, self._session.reason = t_s, reason
        return [PortEvent(t_s, "session_ended", reason)]

    def _taper(self, t_s: float) -> None:
        """A bike's charger that fails stays broken until the bike leaves."""
        if self._pack is not None and self._pack.tapers and self.faults.on("no_taper", t_s) is not None:
            fed = self._fed_s is not None
            self._switch(t_s, fed=False)
            self._pack = replace(self._pack, tapers=False)
            self._switch(t_s, fed=fed)

    def _switch(self, t_s: float, *, fed: bool | None = None) -> None:
        """Begin or end to feed the pack where what it takes has changed."""
        self._due = None
        if fed is None:
            self._taper(t_s)
            fed = self._should_feed(t_s)
        if fed and self._fed_s is None:
            self._fed_s = t_s
        elif not fed and self._fed_s is not None:
            assert self._pack is not None
            spent_s = t_s - self._fed_s
            self._top_w = max(self._top_w, self._pack.highest_w(spent_s))
            self._pack = replace(self._pack, soc=self._pack.soc_at(spent_s))
            self._fed_s, self._unfed_s = None, t_s

    def _should_feed(self, t_s: float) -> bool:
        session_open = self._session is not None and self._session.ended_s is None
        closed = session_open or self.faults.on("relay_welded", t_s) is not None
        there = self._stay is not None and self._breaker_closed and self._mains
        return closed and there and not interrupts(reported_code(self.faults, t_s))

    def _live(self, until_s: float) -> None:
        """Let the meter count and the socket warm up until then, with nothing changing."""
        if until_s <= self._now_s:
            return
        if self._pack is not None and self._fed_s is not None:
            # The pack's part and a second load's in closed form, whatever the step.
            before_s, after_s = self._now_s - self._fed_s, until_s - self._fed_s
            self._meter_wh += self._pack.energy_wh(after_s) - self._pack.energy_wh(before_s)
            for load in self._loads:
                seconds = min(until_s, load.until_s) - max(self._now_s, load.at_s)
                self._meter_wh += load.watts * max(0.0, seconds) / 3600.0
        at_s = max(self._now_s, until_s - _HEAT_MEMORY * self._socket.time_constant_s)
        while at_s < until_s:
            seconds = min(_HEAT_STEP_S, until_s - at_s)
            self._warm(at_s + seconds / 2.0, seconds)
            at_s += seconds
        self._now_s = until_s

    def _warm(self, middle_s: float, seconds: float) -> None:
        current_a = self.current_a(middle_s, self._surroundings.mains_v)
        added = added_ohm(self.faults, middle_s)
        self._meter_wh += added * current_a * current_a * seconds / 3600.0
        heat_w = contact_heat_w(self._socket, current_a, added)
        air_c = self._surroundings.air_c(middle_s)
        self._temperature_c = step(self._socket, self._temperature_c, air_c, heat_w, seconds)
