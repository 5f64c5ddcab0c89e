"""By what means each kind of alarm knows of a danger: what two kinds of the same means say is one kind of evidence."""

from __future__ import annotations

from enum import StrEnum

from alerts.model import AlertKind


class Means(StrEnum):
    """Kinds of evidence that fail independently of each other."""

    SEEN = "seen"
    SENSED = "sensed"
    HOT = "hot"
    ELECTRIC = "electric"


MEANS: dict[AlertKind, Means] = {
    AlertKind.SMOKE: Means.SEEN,
    AlertKind.FLAME: Means.SEEN,
    AlertKind.SMOKE_SENSOR: Means.SENSED,
    AlertKind.HEAT_SENSOR: Means.SENSED,
    AlertKind.OVER_TEMPERATURE: Means.HOT,
    AlertKind.TEMPERATURE_RISE: Means.HOT,
    AlertKind.CONTACT_AGEING: Means.HOT,
    AlertKind.OVER_CURRENT: Means.ELECTRIC,
    AlertKind.OVER_POWER: Means.ELECTRIC,
    AlertKind.LEAKAGE: Means.ELECTRIC,
    AlertKind.NO_TAPER: Means.ELECTRIC,
    AlertKind.SESSION_OVERLONG: Means.ELECTRIC,
    AlertKind.RELAY_WELDED: Means.ELECTRIC,
    AlertKind.CUT_FAILED: Means.ELECTRIC,
    AlertKind.CHARGER_FAULT: Means.ELECTRIC,
}
SPREADING = frozenset({Means.SEEN, Means.SENSED})
"""Smoke and flame are the whole shed's business: a smoke head confirms any camera of its shed."""
