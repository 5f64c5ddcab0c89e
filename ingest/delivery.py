"""What is owed between us and the broker: acknowledgements in the order of arrival, and messages to send later."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import NamedTuple

MAX_OUTBOX = 2000


class Unacked:
    """A message the broker keeps for us until we acknowledge it."""

    __slots__ = ("done", "mid")

    def __init__(self, mid: int) -> None:
        self.mid = mid
        self.done = False


class AckQueue:
    """Gives acknowledgements in the order the messages came (MQTT 5, 4.6), in whatever order they are done.

    What belongs to an earlier connection is forgotten at `clear`: its numbers mean other messages now.
    """

    def __init__(self) -> None:
        self._queue: deque[Unacked] = deque()

    def add(self, mid: int) -> Unacked:
        """A message came; tell `done` when it is safe."""
        unacked = Unacked(mid)
        self._queue.append(unacked)
        return unacked

    def done(self, unacked: Unacked) -> list[int]:
        """The numbers that can be acknowledged now."""
        unacked.done = True
        ready = []
        while self._queue and self._queue[0].done:
            ready.append(self._queue.popleft().mid)
        return ready

    def clear(self) -> None:
        """A new connection begins."""
        self._queue.clear()


class Outgoing(NamedTuple):
    """A message to publish."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


class Outbox:
    """Messages that wait for a connection. Of retained ones only the newest of each topic: it is the state."""

    def __init__(self, limit: int = MAX_OUTBOX) -> None:
        self._limit = limit
        self._waiting: OrderedDict[object, Outgoing] = OrderedDict()

    def keep(self, message: Outgoing) -> bool:
        """Keep a message; False where it has QoS 0, which promises nothing, or too many wait."""
        key = message.topic if message.retain else object()
        if message.qos == 0 or (key not in self._waiting and len(self._waiting) >= self._limit):
            return False
        self._waiting[key] = message
        self._waiting.move_to_end(key)
        return True

    def empty(self) -> list[Outgoing]:
        """All of them, oldest first; none is kept any more."""
        waiting, self._waiting = list(self._waiting.values()), OrderedDict()
        return waiting
