"""Current flows at a port that says it is switched off: its relay is welded, whatever the charger believes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from alerts.messages import compose, place, quantity
from alerts.model import Alert, AlertKey, AlertKind, Condition, Text
from alerts.rules.base import BaseRule, CalmWords, Hold, Surroundings, key_of, ref_of
from alerts.rules.hazards_electrical import RelayWelded
from alerts.rules.level import number_of
from ingest.model import PORT_STATES, DeviceKind, DeviceRef, Reading

OFF_STATES = frozenset({"idle", "plugged", "full", "off"})
"""States in which a charger gives no power, by its own word."""
_ON_STATES = frozenset(PORT_STATES) - OFF_STATES


@dataclass(slots=True)
class _Port:
    key: AlertKey
    settings: RelayWelded
    reports: int = 0
    power_w: float = 0.0
    current_a: float = 0.0
    hold: Hold = field(default_factory=Hold)


class RelayWeldedRule(BaseRule):
    """Follows ports that report a state without power and power at once; the charger's own word is `charger_fault`'s."""

    name = "relay_welded_current"
    hears = (DeviceKind.CHARGER,)
    fields = ("state",)

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._ports: dict[tuple[DeviceRef, int], _Port] = {}
        self._calm: dict[tuple[DeviceRef, int], CalmWords] = {}

    def calm(self, ref: DeviceRef, port: int | None, field: str) -> CalmWords | None:
        if field != "state":
            return None
        if port is None:
            return CalmWords(frozenset(PORT_STATES))
        words = frozenset() if (ref, port) in self._ports else _ON_STATES
        return self._calm.setdefault((ref, port), CalmWords(words))

    def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:
        state = reading.values.get("state")
        if state is None or reading.port is None or reading.late:
            return ()
        power_w, current_a = number_of(reading, "power_w") or 0.0, number_of(reading, "current_a") or 0.0
        flows = state in OFF_STATES and (power_w > 0.0 or current_a > 0.0)
        if not flows and (not self._ports or (reading.device, reading.port) not in self._ports):
            # Nearly always and nearly everywhere.
            return ()
        port = self._port(reading.device, reading.port)
        own = port.settings
        if flows and (power_w >= own.min_power_w or current_a >= own.min_current_a):
            port.power_w, port.current_a = power_w, current_a
            port.reports += 1
        else:
            port.reports = 0
        return self._judge(port, now_ms)

    def tick(self, now_ms: int) -> Iterator[Condition]:
        for where, port in tuple(self._ports.items()):
            if port.hold.pending:
                yield from self._judge(port, now_ms)
            if not (port.reports or port.hold.active or port.hold.pending):
                del self._ports[where]
                if (calm := self._calm.get(where)) is not None:
                    calm.become(_ON_STATES)

    def restore(self, alert: Alert, now_ms: int) -> bool:  # noqa: ARG002 - the port's signature
        key = alert.key
        if key.kind is not AlertKind.RELAY_WELDED or key.port is None or alert.value is None:
            return False
        port = self._port(ref_of(key), key.port)
        if port.settings.enabled:
            port.hold.active, port.reports, port.power_w = True, port.settings.reports, alert.value
        return port.settings.enabled

    def _port(self, ref: DeviceRef, number: int) -> _Port:
        known = self._ports.get((ref, number))
        if known is None:
            own = self._around.book.of(AlertKind.RELAY_WELDED, RelayWelded, ref)
            known = self._ports[ref, number] = _Port(key_of(AlertKind.RELAY_WELDED, ref, number), own)
            if (calm := self._calm.get((ref, number))) is not None:
                # What flows now is judged until it flows no more, in whatever state.
                calm.become(frozenset())
        return known

    def _judge(self, port: _Port, now_ms: int) -> Iterator[Condition]:
        own, before = port.settings, port.hold.active
        if not own.enabled:
            return
        present = port.reports >= own.reports or (before and port.reports > 0)
        if port.hold.feed(present, now_ms, own.current_delay_s, own.off_delay_s) or (before and present):
            yield self._condition(port)

    def _condition(self, port: _Port) -> Condition:
        power, current = quantity(port.power_w, "W"), quantity(port.current_a, "A")
        what = Text(
            f"已停止充电但仍有 {power}（{current}），继电器粘连",
            f"off, but still draws {power} ({current}); its relay is welded",
        )
        return Condition(
            key=port.key,
            active=port.hold.active,
            severity=port.settings.severity,
            message=compose(port.key.kind, place(self._around.topology, port.key), what),
            value=round(port.power_w, 1),
            threshold=port.settings.min_power_w,
            unit="W",
            details={"rule": self.name, "current_a": port.current_a},
        )
