"""The lowest of the values of a time past."""

from __future__ import annotations

from array import array

SLICES = 300
"""Parts of the window that are told apart: seconds, of five minutes."""


class LowestWithin:
    """The lowest of the values of the last `window_ms`, in a memory and with work that no rate of values can grow.

    A queue that rises from front to back: what a later, lower value has outdone is dropped from its end (Lemire,
    "Streaming maximum-minimum filter using no more than three comparisons per element", 2006). Of values within one
    slice of the window only the lowest is kept, as old as the slice's last; so it counts for at most a slice too long.
    """

    # Each value as when it was added, itself, and its slice, one after the other: there is one of these for every port there
    # is, and numbers that lie together are fetched from memory together.
    __slots__ = ("_queue", "_slice_ms", "_window_ms")

    def __init__(self, window_ms: float) -> None:
        self._window_ms = window_ms
        self._slice_ms = window_ms / SLICES
        self._queue = array("d")

    def __len__(self) -> int:
        """How many values are remembered; never more than two above `SLICES`."""
        return len(self._queue) // 3

    @property
    def value(self) -> float:
        """The lowest. Raises IndexError before the first value."""
        return self._queue[1]

    def add(self, value: float, now_ms: int) -> None:
        """Take the newest value; time never runs backwards."""
        queue, part = self._queue, now_ms // self._slice_ms
        while queue and queue[-2] >= value:
            del queue[-3:]
        if queue and queue[-1] == part:
            queue[-3] = now_ms
        else:
            queue.extend((now_ms, value, part))
        oldest_ms = now_ms - self._window_ms
        while queue[0] < oldest_ms:
            del queue[:3]
