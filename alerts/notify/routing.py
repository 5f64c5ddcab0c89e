"""Which change of an alert goes to which channel, as what. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.lifecycle import Action, announces
from alerts.model import AlarmState, Alert, AlertChange, Severity, Text
from alerts.notify.port import EventAction
from alerts.notify.wording import SEVERITY

_ACTIONS: dict[str, EventAction] = {
    Action.ACKNOWLEDGE: EventAction.ACKNOWLEDGE,
    Action.SHELVE: EventAction.ACKNOWLEDGE,
    Action.OUT_OF_SERVICE: EventAction.ACKNOWLEDGE,
    Action.FALSE_ALARM: EventAction.ACKNOWLEDGE,
    Action.SUPPRESS: EventAction.RESOLVE,
    Action.CLEAR: EventAction.RESOLVE,
    Action.MERGE: EventAction.RESOLVE,
}

_TOLD = frozenset(set(AlarmState) - {AlarmState.SUPPRESSED, AlarmState.RETURNED_UNACKNOWLEDGED, AlarmState.NORMAL})
"""States of an alert that people know of and whose end they have not been told."""

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
    """What a change is to the world outside.

    Whatever brings an alert before people is a trigger: a raise, a return, a rise in severity, the end of a shelf or of
    a suppression. Shelving is taking notice. What goes under its root cause is resolved until it is triggered again.
    A note or a further picture is nothing.
    """
    transition = change.transition
    if announces(transition):
        return EventAction.TRIGGER
    event = _ACTIONS.get(transition.action)
    if event is EventAction.ACKNOWLEDGE and not (change.alert.open and change.alert.active):
        # The hazard had gone before, and that was told.
        return None
    if event is EventAction.RESOLVE and transition.from_state not in _TOLD:
        # Nobody was told of it, or its end was told already.
        return None
    return event


def summary(alert: Alert, event: EventAction) -> Text:
    """A title: `【紧急】1号车棚 c1 3号口 …`, `[CRITICAL] …`."""
    words = SEVERITY[alert.severity]
    if event is EventAction.RESOLVE:
        words = Text(f"已恢复·{words.zh}", f"RESOLVED {words.en}")
    elif event is EventAction.ACKNOWLEDGE:
        who = alert.acknowledged_by or (alert.aside.by if alert.aside else "")
        words = Text(f"{who}已确认·{words.zh}", f"ACKNOWLEDGED by {who}, {words.en}")
    # The first sentence says what and where; what to do stands in the message itself.
    zh, en = alert.message.zh.partition("。")[0], alert.message.en.partition(". ")[0]
    return Text(f"【{words.zh}】{zh}", f"[{words.en}] {en}")
