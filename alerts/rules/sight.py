"""What cameras see of fire and of the way out: `smoke`, `flame`, `corridor_blocked`.

Vision has voted over time and renews what it sees every few seconds. What is neither renewed nor taken back while
pictures go on arriving has been forgotten (a detector was restarted) and ends after `renew_limit_s`. While no pictures
arrive nothing ends: a camera that burns must not report the fire as over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from alerts.messages import compose, duration, place
from alerts.model import Alert, AlertKey, AlertKind, Condition, Severity, Text
from alerts.rules.base import BaseRule, Hold, Surroundings, ref_of
from alerts.rules.hazards_fire import CorridorBlocked, Sight
from ingest.model import DeviceRef
from vision.model import Observation

_WHAT = {
    AlertKind.SMOKE: Text("画面中发现烟雾", "smoke seen"),
    AlertKind.FLAME: Text("画面中发现明火", "flames seen"),
}
_KINDS = {AlertKind.SMOKE, AlertKind.FLAME, AlertKind.CORRIDOR_BLOCKED}
PICTURES_ARRIVE_MS = 10_000
"""A camera whose last picture is older is not delivering now."""


@dataclass(slots=True)
class _Seen:
    settings: Sight | CorridorBlocked
    told_ms: int
    since_ms: int
    severity: Severity
    bay: str | None = None
    score: float | None = None
    evidence: tuple[str, ...] = ()
    present: bool = False
    hold: Hold = field(default_factory=Hold)


class SightRule(BaseRule):
    """Follows what each camera sees in each of its zones."""

    name = "sight"

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._seen: dict[AlertKey, _Seen] = {}
        self._frames_ms: dict[DeviceRef, int] = {}
        self._fire_ms: dict[DeviceRef, int] = {}

    def frame(self, camera: DeviceRef, now_ms: int) -> None:
        self._frames_ms[camera] = now_ms

    def observation(self, observation: Observation, now_ms: int) -> Iterable[Condition]:
        kind = AlertKind(str(observation.kind))
        if kind not in _KINDS:
            return ()
        key = _key(kind, observation)
        if not observation.active and key not in self._seen:
            return ()
        seen = self._entry(key, now_ms)
        if observation.active and not isinstance(seen.settings, CorridorBlocked):
            self._fire_ms[observation.camera] = now_ms
        elif observation.active and not seen.hold.active and self._may_be_smoke(seen.settings, observation, now_ms):
            return ()
        if observation.active and not (seen.present or seen.hold.active):
            seen.since_ms, seen.score = now_ms, None
        seen.present, seen.told_ms = observation.active, now_ms
        seen.bay = observation.port or seen.bay
        seen.score = max(seen.score or 0.0, round(observation.score, 2))
        seen.evidence = observation.evidence
        # A picture of the end goes with the clearing, not with the alert that is still held.
        return self._judge(key, seen, now_ms, told=observation.active)

    def tick(self, now_ms: int) -> Iterator[Condition]:
        for key, seen in self._seen.items():
            if self._forgotten(key, seen, now_ms):
                seen.present = False
            if seen.hold.active or seen.hold.pending:
                yield from self._judge(key, seen, now_ms, told=False)

    def restore(self, alert: Alert, now_ms: int) -> bool:
        key = alert.key
        if key.kind not in _KINDS:
            return False
        seen = self._entry(key, now_ms)
        seen.present = seen.hold.active = seen.settings.enabled
        return seen.settings.enabled

    def _entry(self, key: AlertKey, now_ms: int) -> _Seen:
        if key not in self._seen:
            book, ref = self._around.book, ref_of(key)
            corridor = key.kind is AlertKind.CORRIDOR_BLOCKED
            own = book.of(key.kind, CorridorBlocked, ref) if corridor else book.of(key.kind, Sight, ref)
            self._seen[key] = _Seen(own, now_ms, now_ms, severity=own.severity)
        return self._seen[key]

    def _may_be_smoke(self, own: Sight | CorridorBlocked, observation: Observation, now_ms: int) -> bool:
        """Whether this camera saw a fire so lately that drifting smoke may look like an object."""
        fire_ms = self._fire_ms.get(observation.camera)
        after_s = own.after_fire_s if isinstance(own, CorridorBlocked) else 0.0
        return fire_ms is not None and now_ms - fire_ms < after_s * 1000

    def _forgotten(self, key: AlertKey, seen: _Seen, now_ms: int) -> bool:
        arriving = now_ms - self._frames_ms.get(ref_of(key), -PICTURES_ARRIVE_MS) < PICTURES_ARRIVE_MS
        return seen.present and arriving and now_ms - seen.told_ms > seen.settings.renew_limit_s * 1000

    def _judge(self, key: AlertKey, seen: _Seen, now_ms: int, told: bool) -> Iterator[Condition]:
        own, before, severity = seen.settings, seen.hold.active, seen.severity
        if not own.enabled:
            return
        changed = seen.hold.feed(seen.present, now_ms, own.on_delay_s, own.off_delay_s)
        seen.severity = _severity(seen, now_ms)
        if changed or (before and (told or seen.severity is not severity)):
            yield self._condition(key, seen, now_ms)

    def _condition(self, key: AlertKey, seen: _Seen, now_ms: int) -> Condition:
        related = (f"{key.site}/{key.shed}/{seen.bay}",) if seen.bay else ()
        details = {"rule": self.name, "related": related}
        return Condition(
            key=key,
            active=seen.hold.active,
            severity=seen.severity,
            message=compose(key.kind, place(self._around.topology, key, seen.bay), _what(key, seen, now_ms)),
            value=seen.score,
            evidence=seen.evidence,
            details=details,
        )


def _key(kind: AlertKind, observation: Observation) -> AlertKey:
    port = observation.port.partition("#")[2] if observation.port else ""
    return AlertKey(kind, *observation.camera, int(port) if port else None, observation.zone)


def _severity(seen: _Seen, now_ms: int) -> Severity:
    own = seen.settings
    if isinstance(own, CorridorBlocked) and now_ms - seen.since_ms >= own.high_after_s * 1000:
        return max(own.severity, Severity.HIGH, key=lambda severity: severity.rank)
    return own.severity


def _what(key: AlertKey, seen: _Seen, now_ms: int) -> Text:
    if key.kind is not AlertKind.CORRIDOR_BLOCKED:
        return _WHAT[key.kind]
    # With a zone the place names the corridor already.
    what = Text("疏散通道被占用", "way out blocked") if key.zone is None else Text("被占用", "blocked")
    if seen.severity is seen.settings.severity:
        return what if key.zone is None else Text("被占用，影响疏散", "blocked, no way out")
    span = duration((now_ms - seen.since_ms) / 1000)
    return Text(f"{what.zh}已{span.zh}", f"{what.en} for {span.en}")
