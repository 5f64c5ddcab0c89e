"""Settling an opinion over time: single-frame hits in, a steady yes or no out."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from vision.model import ObservationKind, Sighting

HIT_SCORE = 0.5

ATTENTION = 0.5
"""Where danger is known (a cut pack that may go on burning) half of the frames in half of the time convince."""


class Vote:
    """Turns true once hits are frequent and lasting, false again when they have stayed away.

    It works on time, not on frame counts, so that it means the same at 1 and at 15 frames a second; `least` frames must
    agree in any case, so that no single frame ever decides.
    """

    def __init__(self, window_s: float, share: float, hold_s: float, least: int = 3) -> None:
        """Need `share` of the frames of the last `window_s` (and `least` of them) to hit; fall `hold_s` after the last hit."""
        self._window_ms = window_s * 1000
        self._share = share
        self._hold_ms = hold_s * 1000
        self._least = least
        self._frames: deque[tuple[int, bool]] = deque()
        self._last_hit_ms = 0
        self.active = False

    def cast(self, captured_ms: int, hit: bool, attentive: bool = False) -> bool:
        """Add one frame's answer and return the settled one; `attentive` is convinced sooner."""
        self._frames.append((captured_ms, hit))
        if hit:
            self._last_hit_ms = captured_ms
        self._forget(captured_ms)
        if self.active:
            self.active = captured_ms - self._last_hit_ms <= self._hold_ms
        else:
            sooner = attentive and hit and self._convinced(captured_ms, ATTENTION)
            self.active = sooner or (hit and self._convinced(captured_ms, 1.0))
        return self.active

    def _forget(self, captured_ms: int) -> None:
        """Keep the window, and at any rate the `least` newest frames, which a slow camera spreads over more time."""
        while len(self._frames) > self._least and self._frames[1][0] <= captured_ms - self._window_ms:
            self._frames.popleft()

    def _convinced(self, captured_ms: int, part: float) -> bool:
        frames = self._frames if part >= 1.0 else self._newest(captured_ms - self._window_ms * part)
        hits = sum(hit for _, hit in frames)
        spanned_ms = captured_ms - frames[0][0]
        return hits >= self._least and spanned_ms >= self._window_ms * part and hits >= self._share * part * len(frames)

    def _newest(self, from_ms: float) -> deque[tuple[int, bool]]:
        frames = self._frames.copy()
        while len(frames) > self._least and frames[1][0] <= from_ms:
            frames.popleft()
        return frames


class ZoneVotes:
    """One vote for each bay and one for the rest of the picture (None), each settled on its own."""

    def __init__(self, kind: ObservationKind, window_s: float, share: float, hold_s: float) -> None:
        """As `Vote`, for observations of `kind`."""
        self._kind = kind
        self._rule = (window_s, share, hold_s)
        self._votes: dict[str | None, Vote] = {}

    @property
    def alarmed(self) -> list[str]:
        """The bays that are active now."""
        return [zone for zone, vote in self._votes.items() if vote.active and zone is not None]

    def settle(self, best: dict[str | None, Sighting], captured_ms: int, attentive: bool = False) -> list[Sighting]:
        """Count this frame's best candidate of each zone (a score of 0.5 is a hit).

        Returns what is active now, and once what has just ended.
        """
        told = []
        for zone in best.keys() | self._votes.keys():
            vote = self._votes.setdefault(zone, Vote(*self._rule))
            was = vote.active
            seen = best.get(zone, Sighting(self._kind, False, 0.0, zone))
            active = vote.cast(captured_ms, seen.score >= HIT_SCORE, attentive)
            if active or was:
                told.append(replace(seen, active=active))
        return told


def met(value: float, needed: float) -> float:
    """How well a condition is met: 0 where nothing, 0.5 where `value` is just what is `needed`, towards 1 above it."""
    return value / (value + needed) if value + needed > 0 else 0.0
