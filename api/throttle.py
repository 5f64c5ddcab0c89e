"""A brake on guessing: after a few failures an address has to wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus

from api.problems import Problem

FAILURES = 10
WINDOW_S = 60.0
_ADDRESSES = 10_000


class Throttle:
    """Counts failures by address; `monotonic` is seconds of the machine, as it is about people and programs outside."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._failed: dict[str, list[float]] = {}

    def check(self, address: str) -> None:
        """Let an attempt through.

        Raises:
            Problem: 429 after `FAILURES` failures within `WINDOW_S`, with how long to wait.
        """
        recent = self._recent(address)
        if len(recent) >= FAILURES:
            wait_s = max(1, round(recent[0] + WINDOW_S - self._monotonic()))
            detail = f"Too many failed attempts from this address; try again in {wait_s} s."
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "throttled", detail, {"Retry-After": str(wait_s)})

    def failed(self, address: str) -> None:
        """Note a failed attempt."""
        if len(self._failed) >= _ADDRESSES:
            self._failed = {known: recent for known in self._failed if (recent := self._recent(known))}
        self._failed[address] = [*self._recent(address), self._monotonic()]

    def _recent(self, address: str) -> list[float]:
        after_s = self._monotonic() - WINDOW_S
        return [failed_s for failed_s in self._failed.get(address, ()) if failed_s > after_s]
