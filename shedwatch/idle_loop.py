"""An event loop that can tell when it has nothing left to do: lock-step simulations move their clock only then.

The loop asks its selector with a timeout other than 0 exactly when no callback is ready and no timer is due. At such
a moment, with no socket readable either, everything in this process has come to rest, and whoever waits in `until` is
asked whether what runs elsewhere (a broker, worker processes) has come to rest as well.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

# How long a moment of rest lasts at most before it is looked at again: what ended in a thread may have told nobody.
_LOOK_AGAIN_S = 0.05

Selected = list[tuple[selectors.SelectorKey, int]]


@dataclass(slots=True)
class _Waiter:
    settled: Callable[[], bool]
    told: asyncio.Future[bool]


class _RestSelector(selectors.BaseSelector):
    """The system's selector; at rest it asks the waiter first."""

    def __init__(self) -> None:
        self._inner = selectors.DefaultSelector()
        self.waiter: _Waiter | None = None

    def select(self, timeout: float | None = None) -> Selected:
        if timeout == 0 or self.waiter is None:
            return self._inner.select(timeout)
        if events := self._inner.select(0):
            return events
        waiter = self.waiter
        if waiter.settled():
            self.waiter = None
            if not waiter.told.done():
                waiter.told.set_result(True)
            return []
        return self._inner.select(_LOOK_AGAIN_S if timeout is None else min(timeout, _LOOK_AGAIN_S))

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.modify(fileobj, events, data)

    def close(self) -> None:
        self._inner.close()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._inner.get_map()

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.get_key(fileobj)


class IdleLoop(asyncio.SelectorEventLoop):
    """The usual loop, and `until`. For `asyncio.Runner(loop_factory=IdleLoop)`."""

    def __init__(self) -> None:
        self._rest = _RestSelector()
        super().__init__(self._rest)

    async def until(self, settled: Callable[[], bool], patience_s: float) -> bool:
        """Wait until the loop is at rest and `settled()` holds; False where it did not within that many (real) seconds.

        `settled` is called while nothing else runs; it must be quick and must not raise. One caller at a time.
        """
        if self._rest.waiter is not None:
            raise RuntimeError("somebody waits for this loop's rest already")
        told: asyncio.Future[bool] = self.create_future()
        self._rest.waiter = _Waiter(settled, told)
        giving_up = self.call_later(patience_s, _give_up, told)
        try:
            return await told
        finally:
            giving_up.cancel()
            self._rest.waiter = None


def _give_up(told: asyncio.Future[bool]) -> None:
    if not told.done():
        told.set_result(False)
