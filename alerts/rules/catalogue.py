"""Every rule there is, made for one topology and rule book."""

from __future__ import annotations

from alerts.rules.base import Rule, Surroundings
from alerts.rules.over_temperature import over_temperature


def all_rules(around: Surroundings) -> list[Rule]:
    """One rule a hazard. `ServiceHealth` is the service's own and not among them."""
    return [
        over_temperature(around),
    ]
