"""What the settings of every hazard have in common."""

from __future__ import annotations

from typing import Annotated

import msgspec

Delay = Annotated[float, msgspec.Meta(ge=0, le=86_400 * 31)]
Celsius = Annotated[float, msgspec.Meta(ge=-40, le=400)]
Positive = Annotated[float, msgspec.Meta(gt=0, le=1e6)]
Margin = Annotated[float, msgspec.Meta(ge=0, le=1e5)]


class Hazard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every kind has.

    enabled: whether the kind is watched at all.
    on_delay_s: how long it must last before it is raised; 0 raises at the first sign.
    off_delay_s: how long it must be gone before it clears, so that a value at the limit does not chatter (three
        raises a minute count as chattering).
    """

    enabled: bool = True
    on_delay_s: Delay = 0.0
    off_delay_s: Delay = 60.0


def rising(hazard: Hazard, low: str, high: str) -> None:
    """Raises ValueError where the field `low` is not below the field `high`."""
    if getattr(hazard, low) >= getattr(hazard, high):
        raise ValueError(f"{low} {getattr(hazard, low):g} is not below {high} {getattr(hazard, high):g}")
