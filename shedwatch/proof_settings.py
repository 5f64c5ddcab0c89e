"""The `proof` section: when the way to people is proved by itself, and by which channels."""

from __future__ import annotations

from datetime import time
from typing import Annotated

from pydantic import Field

from shedwatch.notify_settings import TimeOfDay
from shedwatch.sections import Id, Section


class ProofSettings(Section):
    """An automatic proof a day at `at` of `notify.timezone`; `channels` empty of all but calls and text messages."""

    nightly: bool = True
    at: TimeOfDay = time(2, 10)
    channels: list[Id] | None = None
    max_age_h: Annotated[float, Field(ge=1, le=8760)] = 36.0
