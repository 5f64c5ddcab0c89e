"""A camera sends pictures that show nothing: frozen, covered, dark, moved, blurred.

One cause often shows several signs (a covered lens is dark and blurred too), so only the most telling one is raised; the
others come forward by themselves if they outlast it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from alerts.messages import compose, place
from alerts.model import Alert, AlertKey, AlertKind, Condition, Text
from alerts.rules.base import BaseRule, Hold, Surroundings, ref_of
from alerts.rules.hazards_presence import CameraBlind
from alerts.rules.sight import PICTURES_ARRIVE_MS
from ingest.model import DeviceRef
from vision.model import Observation

_WHAT = {
    AlertKind.CAMERA_COVERED: Text("镜头被遮挡", "lens covered"),
    AlertKind.CAMERA_FROZEN: Text("画面静止不动", "picture frozen"),
    AlertKind.CAMERA_DARK: Text("画面过暗", "picture too dark"),
    AlertKind.CAMERA_MOVED: Text("被移动，对着别处", "moved, it looks elsewhere"),
    AlertKind.CAMERA_BLURRED: Text("画面模糊", "picture out of focus"),
}
"""Signs, the most telling first."""


@dataclass(slots=True)
class _Sign:
    settings: CameraBlind
    told_ms: int
    score: float | None = None
    evidence: tuple[str, ...] = ()
    present: bool = False
    raised: bool = False
    hold: Hold = field(default_factory=Hold)


class CameraBlindRule(BaseRule):
    """Follows the signs of each camera, and raises the most telling."""

    name = "camera_blind"

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._cameras: dict[DeviceRef, dict[AlertKind, _Sign]] = {}
        self._frames_ms: dict[DeviceRef, int] = {}

    def frame(self, camera: DeviceRef, now_ms: int) -> None:
        self._frames_ms[camera] = now_ms

    def observation(self, observation: Observation, now_ms: int) -> Iterable[Condition]:
        kind = AlertKind(str(observation.kind))
        if kind not in _WHAT:
            return ()
        sign = self._sign(observation.camera, kind, now_ms)
        sign.present, sign.told_ms = observation.active, now_ms
        sign.score, sign.evidence = round(observation.score, 2), observation.evidence
        return self._judge(observation.camera, now_ms, told=kind)

    def tick(self, now_ms: int) -> Iterator[Condition]:
        for ref, signs in self._cameras.items():
            arriving = now_ms - self._frames_ms.get(ref, -PICTURES_ARRIVE_MS) < PICTURES_ARRIVE_MS
            for sign in signs.values():
                if arriving and now_ms - sign.told_ms > sign.settings.renew_limit_s * 1000:
                    sign.present = False
            yield from self._judge(ref, now_ms, told=None)

    def restore(self, alert: Alert, now_ms: int) -> bool:
        key = alert.key
        if key.kind not in _WHAT:
            return False
        sign = self._sign(ref_of(key), key.kind, now_ms)
        sign.present = sign.raised = sign.hold.active = sign.settings.enabled
        return sign.settings.enabled

    def _sign(self, ref: DeviceRef, kind: AlertKind, now_ms: int) -> _Sign:
        signs = self._cameras.setdefault(ref, {})
        if kind not in signs:
            signs[kind] = _Sign(self._around.book.of(kind, CameraBlind, ref), now_ms)
        return signs[kind]

    def _judge(self, ref: DeviceRef, now_ms: int, told: AlertKind | None) -> Iterator[Condition]:
        signs = self._cameras[ref]
        for sign in signs.values():
            own = sign.settings
            sign.hold.feed(sign.present and own.enabled, now_ms, own.on_delay_s, own.off_delay_s)
        hidden = False
        for kind in _WHAT:
            known = signs.get(kind)
            if known is None:
                continue
            before, known.raised = known.raised, known.hold.active and (known.raised or not hidden)
            hidden = hidden or known.hold.active or (known.present and known.settings.enabled)
            if known.raised is not before or (known.raised and told is kind):
                yield self._condition(AlertKey(kind, *ref), known)

    def _condition(self, key: AlertKey, sign: _Sign) -> Condition:
        return Condition(
            key=key,
            active=sign.raised,
            severity=sign.settings.severity,
            message=compose(key.kind, place(self._around.topology, key), _WHAT[key.kind]),
            value=sign.score,
            evidence=sign.evidence,
            details={"rule": self.name},
        )
