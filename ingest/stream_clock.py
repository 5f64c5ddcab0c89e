"""When a picture of a live stream was taken: from the stream's own time stamps, and the smallest delay seen with them.

A picture arrives when it was taken plus a delay that is never negative. The stream's clock has an unknown origin; the
smallest difference between arrival and stamp belongs to the picture that was least delayed. Every other picture is
older by what its difference is larger: so pictures that piled up while the network stood still are shown as old
as they are (the estimator of one-way delay of RFC 5905's clock filter, with minima over a sliding window).
"""

from __future__ import annotations

# A camera's clock drifts by up to some 100 ppm: 60 ms in ten minutes, well below what matters here.
WINDOW_S = 600.0
# A step of the stream's clock (camera set its time, stream began anew): what was known of it is worth nothing.
STEP_S = 30.0


class StreamClock:
    """Keeps the smallest delay of one stream; `age_s` with each picture in the order they come."""

    def __init__(self) -> None:
        self._smallest: float | None = None
        self._of_window: float | None = None
        self._window_ends_s = 0.0
        self._last_stamp_s: float | None = None

    def age_s(self, stamp_s: float, now_s: float) -> float:
        """How long ago the picture with this stamp was taken, beyond the smallest delay; 0 for a stream without stamps.

        Args:
            stamp_s: the stream's own time, seconds from any origin.
            now_s: monotonic time at which the picture was there.
        """
        last, self._last_stamp_s = self._last_stamp_s, stamp_s
        if last is not None and stamp_s == last:
            # The stamps say nothing, or twice the same.
            return 0.0
        delay = now_s - stamp_s
        if self._smallest is None or abs(delay - self._smallest) > STEP_S or (last is not None and stamp_s < last):
            self._smallest = self._of_window = delay
            self._window_ends_s = now_s + WINDOW_S
            return 0.0
        if now_s >= self._window_ends_s:
            # Two windows side by side, so that the minimum can rise again as the clocks drift apart.
            self._smallest, self._of_window = self._of_window, None
            self._window_ends_s = now_s + WINDOW_S
        self._of_window = delay if self._of_window is None else min(self._of_window, delay)
        self._smallest = min(delay, self._of_window if self._smallest is None else self._smallest)
        return max(0.0, delay - self._smallest)
