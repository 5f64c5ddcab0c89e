"""Whether one alert is a second kind of evidence for another that was put aside: the same place, told by other means."""

from __future__ import annotations

from alerts.model import Alert, AlertKind

_K = AlertKind
_SEEN = frozenset({_K.SMOKE, _K.FLAME})
_SENSED = frozenset({_K.SMOKE_SENSOR, _K.HEAT_SENSOR})
_HOT = frozenset({_K.OVER_TEMPERATURE, _K.TEMPERATURE_RISE, _K.CONTACT_AGEING})
_ELECTRIC = frozenset(
    {
        _K.OVER_CURRENT,
        _K.OVER_POWER,
        _K.LEAKAGE,
        _K.NO_TAPER,
        _K.SESSION_OVERLONG,
        _K.RELAY_WELDED,
        _K.CUT_FAILED,
        _K.CHARGER_FAULT,
    }
)
_MODALITIES = (_SEEN, _SENSED, _HOT, _ELECTRIC)
_SPREADING = _SEEN | _SENSED
"""Smoke and flame are the whole shed's business: a smoke head confirms any camera of its shed."""


def confirms(other: Alert, alert: Alert) -> bool:
    """Whether `other`, another alert, is there, speaks of the same place as `alert` and knows it by other means."""
    means = [next((m for m in _MODALITIES if one.kind in m), None) for one in (other, alert)]
    if (
        not other.active
        or None in means
        or means[0] is means[1]
        or (other.site, other.shed) != (alert.site, alert.shed)
    ):
        return False
    if other.kind in _SPREADING and alert.kind in _SPREADING:
        return True
    return bool(_ports(other) & _ports(alert))


def _ports(alert: Alert) -> set[str]:
    """The ports an alert is about, its own and those of its bay, as `c1#3`."""
    own = {f"{alert.device}#{alert.port}"} if alert.port is not None else set()
    return own | {name.rpartition("/")[2] for name in alert.related if "#" in name}
