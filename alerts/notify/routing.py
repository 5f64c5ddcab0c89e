"""Which change of an alert goes to which channel, as what. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.lifecycle import Action
from alerts.model import Alert, AlertChange, Severity, Text
from alerts.notify.port import EventAction

_ACTIONS: dict[str, EventAction] = {
    Action.RAISE: EventAction.TRIGGER,
    Action.WORSEN: EventAction.TRIGGER,
    Action.RENEW: EventAction.TRIGGER,
    Action.ACKNOWLEDGE: EventAction.ACKNOWLEDGE,
    Action.CLEAR: EventAction.RESOLVE,
    Action.MERGE: EventAction.RESOLVE,
}

_WORDS = {
    Severity.CRITICAL: Text("紧急", "CRITICAL"),
    Severity.HIGH: Text("严重", "HIGH"),
    Severity.MEDIUM: Text("一般", "MEDIUM"),
    Severity.LOW: Text("提示", "LOW"),
}

EVERY_EVENT = frozenset(EventAction)


@dataclass(frozen=True, slots=True)
class Route:
    """What a channel is told.

    Attributes:
        min_severity: alerts below it are not told.
        events: which of trigger, acknowledge and resolve are told.
    """

    min_severity: Severity = Severity.LOW
    events: frozenset[EventAction] = EVERY_EVENT

    def event_of(self, change: AlertChange) -> EventAction | None:
        """What this channel is told of a change, or None."""
        event = event_of(change)
        if event not in self.events or change.alert.severity.rank < self.min_severity.rank:
            return None
        return event


def event_of(change: AlertChange) -> EventAction | None:
    """What a change is to the world outside: a raise, a return and a rise in severity are triggers; a note or a further picture is nothing."""
    transition = change.transition
    if transition.action == Action.ACKNOWLEDGE and not change.alert.open:
        # The hazard had gone before, and that was told.
        return None
    return _ACTIONS.get(transition.action)


def summary(alert: Alert, event: EventAction) -> Text:
    """A title: `【紧急】1号车棚 c1 3号口 …`, `[CRITICAL] …`."""
    words = _WORDS[alert.severity]
    if event is EventAction.RESOLVE:
        words = Text(f"已恢复·{words.zh}", f"RESOLVED {words.en}")
    elif event is EventAction.ACKNOWLEDGE:
        who = alert.acknowledged_by or ""
        words = Text(f"{who}已确认·{words.zh}", f"ACKNOWLEDGED by {who}, {words.en}")
    # The first sentence says what and where; what to do stands in the message itself.
    zh, en = alert.message.zh.partition("。")[0], alert.message.en.partition(". ")[0]
    return Text(f"【{words.zh}】{zh}", f"[{words.en}] {en}")
