"""Several kinds of evidence for one danger: conditions of rules in, the same conditions out, knowing of each other.

Smoke that a camera sees, a smoke head, a hot socket and what its port draws fail independently. Where two of them speak of
one place (a shed for smoke, a port of the bay map for the rest), both are raised at once, each names the other in
`related` and in its sentence, and what a camera sees in a bay says what the port there is doing:
`3号棚 12号口 … 充电 412 W，已充6小时10分钟`.

It only ever adds: what it cannot judge goes out as the rule said it. Pure; time and sessions are given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import structlog
from msgspec.structs import replace

from alerts.bays import BayMap, PortRef
from alerts.means import MEANS, SPREADING, Means
from alerts.messages import duration, extend, quantity, spot
from alerts.model import AlertKey, AlertKind, Condition, Severity, Text
from alerts.rules.base import ref_of
from alerts.rules.sessions import Sessions
from ingest.model import Topology

_log = structlog.get_logger(__name__)

NAMED_PORTS = 3
"""So many ports in view are told of, those that draw most first; more is no help."""

_WORSE = {Severity.LOW: Severity.MEDIUM, Severity.MEDIUM: Severity.HIGH}

_WORDS: dict[AlertKind, Text] = {
    AlertKind.SMOKE: Text("画面有烟雾", "smoke seen"),
    AlertKind.FLAME: Text("画面有明火", "flames seen"),
    AlertKind.SMOKE_SENSOR: Text("烟感报警", "smoke head in alarm"),
    AlertKind.HEAT_SENSOR: Text("感温报警", "heat detector in alarm"),
    AlertKind.OVER_TEMPERATURE: Text("过温", "too hot"),
    AlertKind.TEMPERATURE_RISE: Text("温升异常", "heating up"),
    AlertKind.CONTACT_AGEING: Text("触点老化", "contact worn"),
    AlertKind.OVER_CURRENT: Text("过流", "over-current"),
    AlertKind.OVER_POWER: Text("过载", "over-power"),
    AlertKind.LEAKAGE: Text("漏电", "leakage"),
    AlertKind.NO_TAPER: Text("充电不降流", "charge not tapering"),
    AlertKind.SESSION_OVERLONG: Text("充电超时", "charging too long"),
    AlertKind.RELAY_WELDED: Text("继电器粘连", "relay welded"),
    AlertKind.CUT_FAILED: Text("断电失败", "cut-off failed"),
    AlertKind.CHARGER_FAULT: Text("设备故障", "charger fault"),
}


class _Source(NamedTuple):
    """Whose word a condition is: several rules may speak of one key."""

    key: AlertKey
    rule: str


class Fusion:
    """What rules say is active now, and what follows from saying it together.

    Args:
        sessions: what ports are doing.

    Attributes:
        failures: conditions that went out as they came, because they could not be judged.
    """

    def __init__(self, topology: Topology, bays: BayMap, sessions: Sessions) -> None:
        self._topology = topology
        self._bays = bays
        self._sessions = sessions
        self._sheds: dict[tuple[str, str], dict[_Source, Condition]] = {}
        self._together: dict[_Source, frozenset[AlertKey]] = {}
        self.failures: Counter[str] = Counter()

    def take(self, condition: Condition, now_ms: int) -> list[Condition]:
        """What to make of a condition: itself, enriched, and others that it confirms for the first time."""
        if condition.key.kind not in MEANS:
            return [condition]
        try:
            return self._fuse(condition, now_ms)
        except Exception as error:  # noqa: BLE001 - supervised: an alarm goes out whatever is made of it
            if not self.failures[condition.key.kind]:
                _log.error("evidence could not be put together", kind=condition.key.kind, exc_info=error)
            self.failures[condition.key.kind] += 1
            return [condition]

    def _fuse(self, condition: Condition, now_ms: int) -> list[Condition]:
        key = condition.key
        source = _Source(key, str(condition.details.get("rule", key.kind)))
        shed = self._sheds.setdefault((key.site, key.shed), {})
        if not condition.active:
            shed.pop(source, None)
            self._together.pop(source, None)
            return [condition]
        shed[source] = condition
        partners = self._partners(condition, shed.values())
        self._together[source] = frozenset(one.key for one in partners)
        out = [self._enrich(condition, partners, now_ms)]
        for other_source, other in tuple(shed.items()):
            if other in partners and key not in self._together.get(other_source, ()):
                confirmed = self._partners(other, shed.values())
                self._together[other_source] = frozenset(one.key for one in confirmed)
                out.append(self._enrich(other, confirmed, now_ms))
        return out

    def _partners(self, condition: Condition, others: Iterable[Condition]) -> list[Condition]:
        means = MEANS[condition.key.kind]
        found = {
            other.key: other
            for other in others
            if MEANS[other.key.kind] is not means and self._confirm(condition, other)
        }
        return sorted(found.values(), key=lambda one: (-one.severity.rank, one.key.kind, one.key.device))

    def _confirm(self, one: Condition, other: Condition) -> bool:
        """Whether two conditions of one shed, known by different means, speak of one danger."""
        means = MEANS[one.key.kind], MEANS[other.key.kind]
        if set(means) == SPREADING:
            return True
        if set(self._ports(one.key)) & set(self._ports(other.key)):
            return True
        if Means.SENSED in means and Means.HOT in means:
            # A smoke head knows no port, a socket that is hot enough names one.
            return (
                next(it for it in (one, other) if MEANS[it.key.kind] is Means.HOT).severity.rank >= Severity.HIGH.rank
            )
        return False

    def _ports(self, key: AlertKey) -> tuple[PortRef, ...]:
        return self._bays.ports(ref_of(key), key.port, key.zone)

    def _enrich(self, condition: Condition, partners: list[Condition], now_ms: int) -> Condition:
        key = condition.key
        doing = self._doing(key, now_ms) if MEANS[key.kind] in SPREADING else Text("", "")
        also = self._also(partners)
        if not doing.zh and not partners:
            return condition
        message = extend(key.kind, condition.message, doing.zh + also.zh, doing.en + also.en)
        if not partners:
            return replace(condition, message=message)
        named = tuple(_address(one.key) for one in partners)
        related = tuple(dict.fromkeys((*condition.details.get("related", ()), *named)))
        confirmed = [f"{one.key.kind} {_address(one.key)}" for one in partners]
        return replace(
            condition,
            severity=_severity(condition, partners),
            message=message,
            details=condition.details | {"related": related, "confirmed_by": confirmed},
        )

    def _doing(self, key: AlertKey, now_ms: int) -> Text:
        """What the ports of a bay, or those in view, are doing."""
        ports = self._ports(key)
        heard = [(port, known) for port in ports if (known := self._sessions.heard(*port, now_ms)) is not None]
        charging = [(port, known.session) for port, known in heard if known.session is not None]
        if not charging:
            return (
                Text("，该口未在充电", ", its port is not charging") if len(ports) == len(heard) == 1 else Text("", "")
            )
        charging.sort(key=lambda it: -(it[1].power_w or 0.0))
        zh, en = [], []
        for port, session in charging[:NAMED_PORTS]:
            where = Text("", "") if len(ports) == 1 else self._name(port)
            power, lasted = quantity(session.power_w or 0.0, "W"), duration((now_ms - session.began_ms) / 1000)
            zh.append(f"{where.zh}正以 {power} 充电，已充{lasted.zh}")
            en.append(f"{where.en}charging at {power} for {lasted.en}")
        return Text(f"，{'；'.join(zh)}", f", {'; '.join(en)}")

    def _name(self, port: PortRef) -> Text:
        device = self._topology.find(port.charger)
        name = Text(device.name.zh, device.name.en) if device else Text(port.charger.device, port.charger.device)
        return Text(f"{name.zh} {port.port}号口", f"{name.en} port {port.port} ")

    def _also(self, partners: list[Condition]) -> Text:
        if not partners:
            return Text("", "")
        zh, en = [], []
        for one in partners[:NAMED_PORTS]:
            where, words = spot(self._topology, one.key), _WORDS[one.key.kind]
            figure = f" {quantity(one.value, one.unit)}" if one.value is not None and one.unit == "°C" else ""
            zh.append(f"{where.zh} {words.zh}{figure}")
            en.append(f"{where.en} {words.en}{figure}")
        return Text(f"；同时 {'、'.join(zh)}", f"; also {', '.join(en)}")


def _severity(condition: Condition, partners: list[Condition]) -> Severity:
    """Fire and heat together are critical; else a second kind of evidence is one step worse, high at most."""
    means = {MEANS[condition.key.kind], *(MEANS[one.key.kind] for one in partners)}
    own = MEANS[condition.key.kind]
    if own is Means.ELECTRIC or not means & SPREADING:
        worse = _WORSE.get(condition.severity, condition.severity)
    else:
        worse = Severity.CRITICAL
    return max(condition.severity, worse, key=lambda severity: severity.rank)


def _address(key: AlertKey) -> str:
    port = f"#{key.port}" if key.port is not None and key.zone is None else ""
    return f"{key.site}/{key.shed}/{key.device}{port}"
