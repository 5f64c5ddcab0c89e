"""One port of a charger: stays and orders → state, power, energy, temperature as time goes on.

idle → plugged → charging → float → full → idle
            ↖______ stop _____/            any → fault, any → off (breaker open)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ingest.contract import PortTelemetry
from ingest.model import PortStateWord
from simulators.battery import Charge
from simulators.device import Surroundings
from simulators.faults import FaultsOf
from simulators.residents import Stay
from simulators.thermal import SocketSpec, contact_heat_w, step

# Field firmware gives float an hour, then opens the relay.
FLOAT_S = 3600.0
_HEAT_STEP_S = 10.0
# Older heat than this many time constants has left the socket.
_HEAT_MEMORY = 12.0


@dataclass(slots=True)
class Session:
    """Power given to one pack, from `started_s` until `ended_s` (None: still)."""

    started_s: float
    charge: Charge
    max_s: float
    ended_s: float | None = None

    def at(self, t_s: float) -> float:
        """Seconds of the session at `t_s`, held after its end."""
        return (t_s if self.ended_s is None else min(t_s, self.ended_s)) - self.started_s

    @property
    def end_due_s(self) -> float:
        """When the charger will end it: an hour after float began, or when it has lasted long enough."""
        return self.started_s + min(self.charge.tail_end_s + FLOAT_S, self.max_s)


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
        max_session_s: float,
        from_s: float,
    ) -> None:
        self.number = number
        self._stays = stays
        self._surroundings = surroundings
        self._faults = faults
        self._socket = socket
        self._max_session_s = max_session_s
        self._next: Stay | None = next(stays, None)
        self._stay: Stay | None = None
        self._session: Session | None = None
        self._stopped = False
        self._breaker_closed = True
        self._now_s = from_s
        self._temperature_c = surroundings.air_c(from_s)

    @property
    def next_change_s(self) -> float:
        """When the port will change its state by itself."""
        if self._stay is None:
            return self._next.plug_s if self._next else math.inf
        unplug_s = math.inf if self._stay.unplug_s is None else self._stay.unplug_s
        if self._session is None:
            waits = self._stopped or not self._breaker_closed
            return unplug_s if waits else min(unplug_s, self._stay.plug_s + self._stay.pay_s)
        return unplug_s if self._session.ended_s is not None else min(unplug_s, self._session.end_due_s)

    def advance(self, t_s: float) -> list[tuple[float, str]]:
        """Live until `t_s`; the sessions that started and ended on the way, with their times."""
        happened: list[tuple[float, str]] = []
        while self.next_change_s <= t_s:
            at_s = self.next_change_s
            self._heat(at_s)
            if event := self._change(at_s):
                happened.append((at_s, event))
        self._heat(t_s)
        return happened

    def stop(self, t_s: float) -> bool:
        """Take the power away; True where a session ended by it."""
        self._stopped = True
        if self._session is None or self._session.ended_s is not None:
            return False
        self._session.ended_s = t_s
        return True

    def start(self, t_s: float) -> bool:
        """Give power again to what is plugged in; False where there is nothing or no power."""
        if self._stay is None or not self._breaker_closed:
            return False
        if self._session is not None and self._session.ended_s is None:
            return True
        self._stopped = False
        if self._session is not None:
            soc = self._session.charge.soc_at(self._session.at(t_s))
            self._session = self._begin(t_s, replace(self._session.charge, soc=soc))
        return True

    def breaker(self, closed: bool, t_s: float) -> bool:
        """The charger's breaker was moved; True where a session ended by it."""
        self._breaker_closed = closed
        return not closed and self.stop(t_s)

    def state(self, t_s: float) -> PortStateWord:
        """The word for what the port is doing."""
        if not self._breaker_closed:
            return "off"
        if self._faults.on("bad_contact", t_s):
            return "fault"
        if self._stay is None:
            return "idle"
        session = self._session
        if session is None or self._stopped:
            return "plugged"
        floating = session.charge.phase(session.at(t_s)) == "float"
        if session.ended_s is not None:
            return "full" if floating else "plugged"
        return "float" if floating else "charging"

    def power_w(self, t_s: float) -> float:
        """What flows through the meter."""
        return self._charge_w(t_s) + self._second_load_w(t_s)

    def current_a(self, t_s: float, voltage_v: float) -> float:
        """Current at this mains voltage: switching chargers draw constant power; what else hangs there is resistive."""
        if self._session is None:
            return 0.0
        apparent_va = self._charge_w(t_s) / self._session.charge.pack.power_factor + self._second_load_w(t_s)
        return apparent_va / voltage_v

    def _charge_w(self, t_s: float) -> float:
        session = self._session
        if session is None or not self._breaker_closed or self._faults.on("bad_contact", t_s):
            return 0.0
        if session.ended_s is not None and self._faults.on("relay_welded", t_s) is None:
            return 0.0
        return session.charge.power_w(t_s - session.started_s)

    def _second_load_w(self, t_s: float) -> float:
        fault = self._faults.on("over_power", t_s)
        return fault.figure("watts") if fault is not None and self._charge_w(t_s) > 0.0 else 0.0

    def telemetry(self, t_s: float, voltage_v: float, noise_c: float) -> PortTelemetry:
        """What the charger reports of this port."""
        session = self._session
        bad = self._faults.on("bad_contact", t_s) is not None
        return PortTelemetry(
            port=self.number,
            state=self.state(t_s),
            power_w=round(self.power_w(t_s), 1),
            current_a=round(self.current_a(t_s, voltage_v), 3),
            energy_wh=round(session.charge.energy_wh(session.at(t_s)), 1) if session else 0.0,
            temperature_c=round(self._temperature_c + noise_c, 1),
            session_s=float(int(session.at(t_s))) if session else 0.0,
            fault="bad_contact" if bad else None,
        )

    def _begin(self, t_s: float, charge: Charge) -> Session:
        return Session(t_s, charge, self._max_session_s)

    def _change(self, at_s: float) -> str | None:
        if self._stay is None:
            self._stay, self._next = self._next, next(self._stays, None)
            return None
        if self._stay.unplug_s is not None and at_s >= self._stay.unplug_s:
            was_charging = self._session is not None and self._session.ended_s is None
            self._stay, self._session, self._stopped = None, None, False
            return "session_ended" if was_charging else None
        if self._session is None:
            tapers = self._stay.tapers and self._faults.on("no_taper", at_s) is None
            self._session = self._begin(at_s, Charge(self._stay.pack, self._stay.soc, tapers))
            return "session_started"
        self._session.ended_s = at_s
        return "session_ended"

    def _heat(self, until_s: float) -> None:
        memory_s = _HEAT_MEMORY * self._socket.time_constant_s
        at_s = max(self._now_s, until_s - memory_s)
        while at_s < until_s:
            seconds = min(_HEAT_STEP_S, until_s - at_s)
            middle_s = at_s + seconds / 2.0
            current_a = self.current_a(middle_s, self._surroundings.mains_v)
            heat_w = contact_heat_w(self._socket, current_a, self._faults.added_ohm(middle_s))
            self._temperature_c = step(
                self._socket, self._temperature_c, self._surroundings.air_c(middle_s), heat_w, seconds
            )
            at_s += seconds
        self._now_s = max(self._now_s, until_s)
