"""Whether one alert is a second kind of evidence for another that was put aside: the same place, told by other means."""

from __future__ import annotations

from alerts.means import MEANS, SPREADING
from alerts.model import Alert


def confirms(other: Alert, alert: Alert) -> bool:
    """Whether `other`, another alert, is there, speaks of the same place as `alert` and knows it by other means."""
    means, others = MEANS.get(alert.kind), MEANS.get(other.kind)
    if (
        not other.active
        or means is None
        or others is None
        or means is others
        or (other.site, other.shed) != (alert.site, alert.shed)
    ):
        return False
    if means in SPREADING and others in SPREADING:
        return True
    return bool(_ports(other) & _ports(alert))


def _ports(alert: Alert) -> set[str]:
    """The ports an alert is about, its own and those of its bay, as `c1#3`."""
    own = {f"{alert.device}#{alert.port}"} if alert.port is not None else set()
    return own | {name.rpartition("/")[2] for name in alert.related if "#" in name}
