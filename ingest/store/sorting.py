"""Finding the lines of a parcel that a store refuses, by halving: pure, whoever sends the parts.

The good lines are sent again with each half; a store overwrites what it has already (same series, same time). So it does
not matter whether a server keeps the good lines of a refused request (InfluxDB 1.x, 3) or none (2.x).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

# A request that is refused as a whole, whatever is in it, would otherwise cost two requests a line to find out.
MAX_VAIN_TRIES = 64


class RefusedLine(NamedTuple):
    """A line by itself that the store refuses, and why."""

    line: bytes
    reason: str


class Sorting:
    """One parcel on its way: send `part`, tell `accepted` or `refuse`, until there is none.

    A refusal that does not say that lines are at fault is believed of a line only if the store took another one, and
    refused this one twice.
    """

    def __init__(self, lines: Sequence[bytes]) -> None:
        self.refused: list[RefusedLine] = []
        self.suspicious = False
        self._parts: list[Sequence[bytes]] = [lines] if lines else []
        self._doubtful: list[bytes] = []
        self._second_try = False
        self._accepted = 0
        self._vain_tries = 0

    @property
    def part(self) -> Sequence[bytes] | None:
        """The lines to be sent next."""
        return self._parts[-1] if self._parts else None

    @property
    def hopeless(self) -> bool:
        """It is not lines that are refused: nothing was accepted, and nothing names a line."""
        if self._accepted or self.refused:
            return False
        return self._vain_tries >= MAX_VAIN_TRIES or (not self._parts and bool(self._doubtful))

    def accepted(self) -> None:
        """The store has the part."""
        self._accepted += len(self._parts.pop())
        self._go_on()

    def refuse(self, reason: str, *, about_lines: bool) -> None:
        """The store refuses the part."""
        part = self._parts.pop()
        if not about_lines:
            self.suspicious = True
            self._vain_tries += 1
        if len(part) > 1:
            middle = len(part) // 2
            self._parts += [part[middle:], part[:middle]]
        elif about_lines or self._second_try:
            self.refused.append(RefusedLine(part[0], reason))
        else:
            self._doubtful.append(part[0])
        self._go_on()

    def _go_on(self) -> None:
        """At the end those lines come a second time that were refused by an answer that may have meant something else."""
        if not self._parts and self._doubtful and (self._accepted or self.refused):
            self._parts = [[line] for line in reversed(self._doubtful)]
            self._doubtful = []
            self._second_try = True
