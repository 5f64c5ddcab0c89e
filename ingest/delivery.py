"""What is owed between us and the broker: acknowledgements in the order of arrival, and messages to send later."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

MAX_OUTBOX = 2000


class Unacked(msgspec.Struct, gc=False):
    """A message the broker keeps for us until we acknowledge it; call it when the message is safe."""

    queue: AckQueue
    mid: int
    done: bool = False

    def __call__(self) -> None:
        """The message is safe. Again does no harm."""
        self.done = True
        if not self.queue.told:
            self.queue.tell()


class AckQueue:
    """Gives acknowledgements in the order the messages came (MQTT 5, 4.6), in whatever order they are done.

    What belongs to an earlier connection is forgotten at `clear`: its numbers mean other messages now.

    Attributes:
        on_done: called when messages are done that `ready` has not yet been asked about; once for any number of them.
        told: it has been called, and `ready` not since.
    """

    def __init__(self, on_done: Callable[[], object] = lambda: None) -> None:
        self.on_done = on_done
        self.told = False
        self._queue: deque[Unacked] = deque()

    def add(self, mid: int) -> Unacked:
        """A message came."""
        unacked = Unacked(self, mid)
        self._queue.append(unacked)
        return unacked

    def tell(self) -> None:
        """A message is done."""
        self.told = True
        self.on_done()

    def ready(self) -> list[int]:
        """The numbers that can be acknowledged now, each given once."""
        self.told = False
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

    def __len__(self) -> int:
        return len(self._waiting)

    def take_back(self, messages: Iterable[Outgoing]) -> None:
        """Keep messages that were on their way already, before all others and whatever the limit."""
        before: OrderedDict[object, Outgoing] = OrderedDict((object(), message) for message in messages)
        self._waiting = before | self._waiting

    def drain(self, send: Callable[[Outgoing], bool]) -> None:
        """Send, oldest first, until one is not taken; that one and those after it stay."""
        while self._waiting:
            key, message = next(iter(self._waiting.items()))
            if not send(message):
                return
            del self._waiting[key]
