"""Which alerts cut power by themselves, as a property company has decided for each of its sheds; none unless it has. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.bays import BayMap, CutTarget
from alerts.cutoff.model import CutOrder
from alerts.lifecycle import announces
from alerts.model import Alert, AlertChange, AlertKind, Severity

POLICY = "policy"
"""In whose name automatic cuts are made."""


@dataclass(frozen=True, slots=True)
class CutPolicy:
    """For the sheds of `place` (a site, or site and shed; empty for all).

    Attributes:
        kinds: alerts that cut once they are critical.
        uncertain: also cut all ports in view where it is not known which bay it is.
        whole_shed: also open the breaker of every charger of the shed where no port is known.
    """

    kinds: frozenset[AlertKind]
    place: tuple[str, ...] = ()
    uncertain: bool = False
    whole_shed: bool = False

    def covers(self, alert: Alert) -> bool:
        """Whether this alert cuts by it; a test never does."""
        here = (alert.site, alert.shed)[: len(self.place)] == self.place
        return (
            not alert.test
            and here
            and alert.kind in self.kinds
            and alert.severity is Severity.CRITICAL
            and alert.active
        )


def orders_of(alert: Alert, policies: Sequence[CutPolicy], bays: BayMap, chargers: Sequence[str]) -> list[CutOrder]:
    """What to cut for an alert by the first policy that covers it; `chargers` are those of its shed."""
    policy = next((policy for policy in policies if policy.covers(alert)), None)
    if policy is None:
        return []
    target = bays.to_cut(alert)
    if target.ports and (target.certain or policy.uncertain):
        return [_order(alert, ref.charger.device, ref.port) for ref in target.ports]
    if policy.whole_shed and _whole(target):
        return [_order(alert, charger, None) for charger in chargers]
    return []


def begins(change: AlertChange) -> bool:
    """Whether a change is the moment at which a policy looks: the alert is raised, worse or back, or has found its port."""
    return announces(change.transition) or change.transition.action == "update"


def _whole(target: CutTarget) -> bool:
    return target.whole_shed or not target.ports


def _order(alert: Alert, charger: str, port: int | None) -> CutOrder:
    reason = f"{alert.kind}: {alert.message.zh.partition('。')[0]}"
    return CutOrder(alert.site, alert.shed, charger, port, POLICY, reason, alert.id)
