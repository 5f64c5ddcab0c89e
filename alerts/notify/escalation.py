"""Chasing people until somebody acknowledges: which step of a policy is due for which alert. Pure.

A step is a channel that is used and people who are told, so many seconds after the alert was annunciated (raised, became worse,
came back). After the last step the steps are gone through again until somebody acknowledges or the hazard is gone.

Every call has an id made of the annunciation, the round and the step, so that after a restart nothing is told twice and
nothing that is due is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from alerts.lifecycle import announces
from alerts.model import AlarmState, Alert, AlertChange, Severity

LONGEST_MS = 86_400_000
"""A day: what nobody has answered by then stands as stale on the page."""


@dataclass(frozen=True, slots=True)
class Step:
    """So long after the annunciation these channels tell these people (ids of people or of duties)."""

    after_s: float
    channels: tuple[str, ...]
    to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """How alerts of certain places are escalated.

    Attributes:
        steps: by rising `after_s`.
        repeat_s: the steps begin again this long after the last one; 0 for never.
        place: a site, or site and shed; all places where it is empty.
    """

    id: str
    steps: Sequence[Step]
    repeat_s: float = 0.0
    min_severity: Severity = Severity.HIGH
    place: tuple[str, ...] = ()

    def covers(self, alert: Alert) -> bool:
        """Whether it is for this alert."""
        return (
            alert.severity.rank >= self.min_severity.rank and (alert.site, alert.shed)[: len(self.place)] == self.place
        )


@dataclass(frozen=True, slots=True)
class Call:
    """A step of a policy that is due: `id` is unique to annunciation, policy, round and step."""

    id: str
    alert: Alert
    seq: int
    level: int
    step: Step


@dataclass(slots=True)
class _Chase:
    alert: Alert
    seq: int
    since_ms: int
    told: set[str]


class Escalation:
    """What is being chased; `take` every change, `due` again and again.

    Args:
        policies: the first that covers an alert is used.
    """

    def __init__(self, policies: Sequence[Policy]) -> None:
        self._policies = tuple(policies)
        self._chases: dict[str, _Chase] = {}

    def __len__(self) -> int:
        return len(self._chases)

    def take(self, change: AlertChange) -> None:
        """An alert has changed."""
        alert, transition = change.alert, change.transition
        if alert.test:
            # It is told once to each channel that is proved, and nobody is chased for it.
            return
        if alert.state is not AlarmState.UNACKNOWLEDGED:
            self._chases.pop(alert.id, None)
        elif announces(transition) or alert.id not in self._chases:
            self._chases[alert.id] = _Chase(alert, transition.seq, transition.at_ms, set())
        else:
            self._chases[alert.id].alert = alert

    def restore(self, alert: Alert, seq: int, since_ms: int, told: Collection[str]) -> None:
        """Go on with an alert of an earlier life; `told` are ids of the calls that were made."""
        if alert.state is AlarmState.UNACKNOWLEDGED and not alert.test:
            self._chases[alert.id] = _Chase(alert, seq, since_ms, set(told))

    def due(self, now_ms: int) -> list[Call]:
        """Calls that are due and were not made yet, worst alert first; each is given once."""
        calls: list[Call] = []
        for chase in self._chases.values():
            policy = self._policy(chase.alert)
            if policy is None or now_ms - chase.since_ms > LONGEST_MS:
                continue
            for call in _calls(policy, chase, now_ms):
                if call.id not in chase.told:
                    chase.told.add(call.id)
                    calls.append(call)
        return sorted(calls, key=lambda call: (-call.alert.severity.rank, call.seq, call.level))

    def _policy(self, alert: Alert) -> Policy | None:
        return next((policy for policy in self._policies if policy.covers(alert)), None)


def _calls(policy: Policy, chase: _Chase, now_ms: int) -> Iterable[Call]:
    """The calls of the round that is running; of rounds that passed unseen (the service was down) only the newest is made up for."""
    elapsed_s = (now_ms - chase.since_ms) / 1000
    if elapsed_s < 0 or not policy.steps:
        return
    round_s = policy.steps[-1].after_s + policy.repeat_s
    number = int(elapsed_s // round_s) if policy.repeat_s > 0 else 0
    for index, step in enumerate(policy.steps):
        if number * round_s + step.after_s <= elapsed_s:
            level = number * len(policy.steps) + index
            yield Call(f"{chase.seq}-{policy.id}-{level}", chase.alert, chase.seq, level, step)
