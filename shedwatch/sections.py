"""What every part of the configuration is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, so that a typing mistake is never silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def refuse_twice(names: Iterable[str], what: str, where: str) -> None:
    """Raise ValueError where one of these is used twice: `what` they are, and `where`, or how to mend it."""
    counted = Counter(names)
    twice = [name for name, times in counted.items() if times > 1]
    if twice:
        raise ValueError(f"{what} {min(twice)!r} is used twice{where}")
