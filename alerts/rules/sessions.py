"""Charging sessions of ports, folded from readings: when each began, what it drew at most, when its power fell.

A session begins with the state `charging` or `float` (of a charger that reports no state: with power) and ends with any
other. `session_s` and `energy_wh` of the charger are believed; where they go back, another session has begun unseen.
The fold can be asked by several rules: whoever brings a reading first has it taken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from alerts.model import AlertKind
from alerts.rules.base import Surroundings
from alerts.rules.hazards_charging import NoTaper, SessionOverlong
from alerts.rules.level import number_of
from ingest.model import DeviceRef, Reading

KNOWN_SESSIONS = 24
"""Sessions of a port that are remembered: a few weeks."""

_ON_STATES = ("charging", "float")
_ON_W = 3.0
"""Below it nothing is plugged in, where a charger tells no state (field firmware judges by 0.3 to 1.5 W)."""
_SAME_BEGINNING_MS = 300_000
"""By so much the beginning that a charger tells may wander."""
_SAME_ENERGY_WH = 5.0
"""By so much a session's energy may go back: it is rounded to 10 Wh in the field."""
_LONGEST_GAP_MS = 900_000
"""Over three slow reports power is taken to have stayed what it was, and a session to be the same; no longer."""
_HEARD_MS = 2_400_000
"""What a port did at its last report, the slowest of which come every half hour, is what it does."""


class Session:
    """One session of a port.

    Attributes:
        began_ms: by the charger's word, else when it was first seen.
        seen_ms: when it was first seen; its power before is unknown.
        peak_w: the most it drew in two reports one after the other, so that in-rush is no peak.
        energy_wh: the charger's figure (`metered`), else what its power adds up to since it was first seen.
        full_power_ms: when it last drew `taper_ratio` of its peak.
        tapered: whether it has left full power for good (`settle_s`).
        fell_ms, rose_ms: since when it draws less than `fallen_ratio`, more than `risen_ratio` of its peak; None: it does not.
        fallen: whether it has drawn that little for `settle_s`.
    """

    __slots__ = (
        "at_ms", "began_ms", "energy_wh", "fallen", "fell_ms", "full_power_ms", "metered", "peak_w", "power_w", "rose_ms", "seen_ms",
        "tapered",
    )  # fmt: skip

    def __init__(self, began_ms: int, seen_ms: int) -> None:
        self.began_ms = began_ms
        self.seen_ms = seen_ms
        self.at_ms = seen_ms
        self.power_w: float | None = None
        self.peak_w = 0.0
        self.energy_wh = 0.0
        self.metered = False
        self.full_power_ms = seen_ms
        self.tapered = False
        self.fallen = False
        self.fell_ms: int | None = None
        self.rose_ms: int | None = None

    def another(self, session_s: float | None, energy_wh: float | None, now_ms: int) -> bool:
        """Whether what a charger tells now is of another session than this."""
        if session_s is None:
            if now_ms - self.at_ms > _LONGEST_GAP_MS:
                return True
        elif now_ms - session_s * 1000 - self.began_ms > _SAME_BEGINNING_MS:
            return True
        return energy_wh is not None and self.metered and energy_wh < self.energy_wh - _SAME_ENERGY_WH

    def go_on(self, power_w: float | None, energy_wh: float | None, now_ms: int, own: NoTaper) -> None:
        """It draws this power now, and has drawn this energy; each None where it is not told."""
        if energy_wh is not None:
            self.energy_wh, self.metered = energy_wh, True
        elif self.power_w is not None and not self.metered:
            self.energy_wh += self.power_w * min(now_ms - self.at_ms, _LONGEST_GAP_MS) / 3_600_000
        self.at_ms = now_ms
        if power_w is None:
            return
        if self.power_w is not None:
            self.peak_w = max(self.peak_w, min(self.power_w, power_w))
        self.power_w = power_w
        if power_w >= own.taper_ratio * self.peak_w:
            self.full_power_ms = now_ms
        elif now_ms - self.full_power_ms >= own.settle_s * 1000:
            self.tapered = True
        if self.tapered:
            self._fall_and_rise(power_w, now_ms, own)

    def _fall_and_rise(self, power_w: float, now_ms: int, own: NoTaper) -> None:
        self.fell_ms = _since(self.fell_ms, power_w < own.fallen_ratio * self.peak_w, now_ms)
        self.rose_ms = _since(self.rose_ms, power_w >= own.risen_ratio * self.peak_w, now_ms)
        if self.fell_ms is not None and now_ms - self.fell_ms >= own.settle_s * 1000:
            self.fallen = True

    def lasted_s(self, now_ms: int) -> float:
        """How long it has lasted, or that part of it over which its energy was counted."""
        return (now_ms - (self.began_ms if self.metered else self.seen_ms)) / 1000

    def full_power_s(self) -> float:
        """How long it has drawn, or drew, its full power, as far as that was seen."""
        return (self.full_power_ms - self.seen_ms) / 1000

    def pack(self) -> list[Any]:
        """Everything, as plain values."""
        return [getattr(self, name) for name in self.__slots__]

    @classmethod
    def unpack(cls, values: Iterable[Any]) -> Session:
        """What `pack` gave."""
        session = cls(0, 0)
        for name, value in zip(cls.__slots__, values, strict=True):
            setattr(session, name, value)
        return session


class PortSessions:
    """A port's running session and its past ones as (peak in watts, seconds of full power)."""

    __slots__ = ("heard_ms", "overlong", "own", "past", "session")

    def __init__(self, own: NoTaper, overlong: SessionOverlong) -> None:
        self.own = own
        self.overlong = overlong
        self.heard_ms = -_HEARD_MS
        self.session: Session | None = None
        self.past: deque[tuple[int, int]] = deque(maxlen=KNOWN_SESSIONS)

    def longest_s(self, peak_w: float) -> tuple[int, int]:
        """How many past sessions had a similar peak, and the longest full power of those in seconds."""
        near = [full_s for other_w, full_s in self.past if abs(other_w - peak_w) <= self.own.similar * peak_w]
        return len(near), max(near, default=0)

    def take(self, reading: Reading, now_ms: int) -> None:
        """Take a reading of the port."""
        values = reading.values
        state, power_w = values.get("state"), number_of(reading, "power_w")
        if state is None and power_w is None:
            return
        self.heard_ms = now_ms
        if not (state in _ON_STATES if state is not None else power_w is not None and power_w >= _ON_W):
            self._end()
            return
        session_s = number_of(reading, "session_s") if "session_s" in values else None
        energy_wh = number_of(reading, "energy_wh") if "energy_wh" in values else None
        session = self.session
        if session is not None and session.another(session_s, energy_wh, now_ms):
            self._end()
            session = None
        if session is None:
            began_ms = now_ms if session_s is None else now_ms - round(session_s * 1000)
            session = self.session = Session(began_ms, now_ms)
        session.go_on(power_w, energy_wh, now_ms, self.own)

    def _end(self) -> None:
        session, self.session = self.session, None
        if session is not None and session.tapered and session.peak_w >= self.own.min_power_w:
            self.past.append((round(session.peak_w), round(session.full_power_s())))


class Sessions:
    """The sessions of all ports."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._ports: dict[tuple[DeviceRef, int], PortSessions] = {}
        self._taken: Reading | None = None
        self._port: PortSessions | None = None

    def take(self, reading: Reading, now_ms: int) -> PortSessions | None:
        """Take a reading, once; the sessions of its port, or None where it is about none."""
        if reading is self._taken:
            return self._port
        self._taken, self._port = reading, None
        if reading.port is not None:
            self._port = self.of(reading.device, reading.port)
            self._port.take(reading, now_ms)
        return self._port

    def of(self, ref: DeviceRef, port: int) -> PortSessions:
        """The sessions of a port."""
        known = self._ports.get((ref, port))
        if known is None:
            book = self._around.book
            known = self._ports[ref, port] = PortSessions(
                book.of(AlertKind.NO_TAPER, NoTaper, ref), book.of(AlertKind.SESSION_OVERLONG, SessionOverlong, ref)
            )
        return known

    def heard(self, ref: DeviceRef, port: int, now_ms: int) -> PortSessions | None:
        """What is known of a port that was heard of late; None for any other."""
        known = self._ports.get((ref, port))
        return known if known is not None and now_ms - known.heard_ms <= _HEARD_MS else None

    def pack(self) -> list[Any]:
        """What is to outlive this process."""
        return [
            [*ref, port, [list(past) for past in known.past], known.session.pack() if known.session else None]
            for (ref, port), known in self._ports.items()
            if known.past or known.session
        ]

    def unpack(self, packed: Iterable[Any]) -> None:
        """Take back what `pack` gave; ports that are not configured any more are left out."""
        for site, shed, device, port, past, session in packed:
            ref = DeviceRef(site, shed, device)
            if self._around.topology.find(ref) is None:
                continue
            known = self.of(ref, port)
            known.past.extend((peak_w, full_s) for peak_w, full_s in past)
            known.session = Session.unpack(session) if session else None


def _since(since_ms: int | None, so: bool, now_ms: int) -> int | None:
    if not so:
        return None
    return now_ms if since_ms is None else since_ms
