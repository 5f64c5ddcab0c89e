"""What a charger reports as the fault of a port, under the kind it belongs to.

A fault that names a hazard of its own (`relay_welded`, `over_temperature`, …) is raised as that kind, beside the server's
own rule for it; all others are `charger_fault`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from alerts.messages import compose, place
from alerts.model import Alert, AlertKey, AlertKind, Condition, Severity, Text
from alerts.rules.base import BaseRule, CalmWords, Hold, Surroundings, key_of, ref_of
from alerts.rules.hazard import Hazard
from alerts.rules.hazards_electrical import Fault, RelayWelded
from ingest.model import PORT_STATES, DeviceKind, DeviceRef, Reading

KINDS: dict[str, AlertKind] = {
    "relay_welded": AlertKind.RELAY_WELDED,
    "over_current": AlertKind.OVER_CURRENT,
    "over_power": AlertKind.OVER_POWER,
    "over_temperature": AlertKind.OVER_TEMPERATURE,
    "leakage": AlertKind.LEAKAGE,
}
"""Faults that are a kind of their own."""

_SOUND_STATES = frozenset(PORT_STATES) - {"fault"}
# A short, a hazard's own kind: somebody must come now. A bad contact heats. The rest costs a port, not a fire.
_SEVERITIES = {
    "load_short": Severity.HIGH,
    "bad_contact": Severity.MEDIUM,
    "relay_open": Severity.LOW,
    "socket_stuck": Severity.LOW,
    "memory": Severity.LOW,
    "card_reader": Severity.LOW,
    "detector": Severity.MEDIUM,
    "other": Severity.MEDIUM,
}
_NAMES = {
    "relay_welded": Text("继电器粘连，断不开电", "relay welded, cannot switch off"),
    "relay_open": Text("继电器或保险断开", "relay or fuse open"),
    "load_short": Text("负载短路", "load short circuit"),
    "bad_contact": Text("插座接触不良", "bad contact in the socket"),
    "socket_stuck": Text("插座弹片卡住", "socket spring stuck"),
    "over_current": Text("设备报告过流", "device reports over-current"),
    "over_power": Text("设备报告过载", "device reports over-power"),
    "over_temperature": Text("设备报告过温", "device reports over-temperature"),
    "leakage": Text("设备报告漏电", "device reports leakage"),
    "memory": Text("存储器故障", "memory fault"),
    "card_reader": Text("读卡器故障", "card reader fault"),
    "detector": Text("检测电路故障", "detector circuit fault"),
    "other": Text("设备报告故障", "device reports a fault"),
}


@dataclass(slots=True)
class _Port:
    device: DeviceRef
    number: int | None
    fault: str | None = None
    holds: dict[AlertKind, Hold] = field(default_factory=dict)


class ChargerFaultRule(BaseRule):
    """Follows `fault` of every port; a report of the port's state without a fault means there is none."""

    name = str(AlertKind.CHARGER_FAULT)
    hears = (DeviceKind.CHARGER,)
    fields = ("fault", "state")

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._ports: dict[tuple[DeviceRef, int | None], _Port] = {}
        self._pending: dict[tuple[DeviceRef, int | None], _Port] = {}
        self._calm: dict[tuple[DeviceRef, int | None], CalmWords] = {}

    def calm(self, ref: DeviceRef, port: int | None, field: str) -> CalmWords | None:
        if field != "state":
            return None
        words = frozenset() if (ref, port) in self._ports else _SOUND_STATES
        return self._calm.setdefault((ref, port), CalmWords(words))

    def reading(self, reading: Reading, now_ms: int) -> Iterable[Condition]:
        fault, state = reading.values.get("fault"), reading.values.get("state")
        if reading.late or (fault is None and state is None):
            return ()
        port = self._ports.get((reading.device, reading.port))
        if fault is None and state != "fault" and port is None:
            return ()
        port = port or self._port(reading.device, reading.port)
        port.fault = str(fault) if fault is not None else "other" if state == "fault" else None
        if port.fault is not None:
            port.holds.setdefault(_kind(port.fault), Hold())
        return self._judge(port, now_ms)

    def tick(self, now_ms: int) -> Iterator[Condition]:
        for port in tuple(self._pending.values()):
            yield from self._judge(port, now_ms)

    def restore(self, alert: Alert, now_ms: int) -> bool:  # noqa: ARG002 - the port's signature
        key = alert.key
        if key.kind is not AlertKind.CHARGER_FAULT and key.kind not in KINDS.values():
            return False
        if not self._settings(key.kind, ref_of(key)).enabled:
            return False
        if alert.value is not None:
            # It was measured, by the rule of that kind.
            return False
        self._port(ref_of(key), key.port).holds[key.kind] = Hold(active=True)
        return True

    def _port(self, ref: DeviceRef, number: int | None) -> _Port:
        if (calm := self._calm.get((ref, number))) is not None:
            # A state without a fault is news of a port that had one.
            calm.become(frozenset())
        return self._ports.setdefault((ref, number), _Port(ref, number))

    def _settings(self, kind: AlertKind, ref: DeviceRef) -> Hazard:
        return self._around.book.of(kind, Hazard, ref)

    def _judge(self, port: _Port, now_ms: int) -> list[Condition]:
        said = list(self._follow(port, now_ms))
        if any(hold.pending for hold in port.holds.values()):
            self._pending[port.device, port.number] = port
        else:
            self._pending.pop((port.device, port.number), None)
        return said

    def _follow(self, port: _Port, now_ms: int) -> Iterator[Condition]:
        reported = _kind(port.fault) if port.fault else None
        for kind, hold in port.holds.items():
            own = self._settings(kind, port.device)
            if not own.enabled:
                continue
            # The charger's own judgement has its own persistence; the measured value's delay is not for it.
            on_s = own.on_delay_s if isinstance(own, Fault | RelayWelded) else 0.0
            changed = hold.feed(kind is reported, now_ms, on_s, own.off_delay_s)
            if changed or (hold.active and kind is reported):
                yield self._condition(key_of(kind, port.device, port.number), port.fault, hold.active, own)

    def _condition(self, key: AlertKey, fault: str | None, active: bool, own: Hazard) -> Condition:
        severity = _SEVERITIES.get(fault or "other", Severity.HIGH)
        if isinstance(own, RelayWelded):
            severity = own.severity
        return Condition(
            key=key,
            active=active,
            severity=severity,
            message=compose(key.kind, place(self._around.topology, key), _NAMES[fault or "other"]),
            details={"rule": self.name, "fault": fault},
        )


def _kind(fault: str) -> AlertKind:
    return KINDS.get(fault, AlertKind.CHARGER_FAULT)
