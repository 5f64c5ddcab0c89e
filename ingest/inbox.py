"""Messages between the broker's socket and the intake: a bounded queue that says when to stop reading.

Nothing is ever dropped from it: when it is full the socket is left unread, and the broker keeps what it has.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

MAX_MESSAGES = 4000
MAX_BYTES = 64 << 20


class Inbound(msgspec.Struct, frozen=True, gc=False):
    """One message from the broker.

    Attributes:
        payload: what was sent, or only its beginning where it was absurdly large; `size` is its true length.
        sent_ts: the MQTT 5 user property `ts` as text, None where there was none.
        dup: the broker's own word that it may have delivered this before.
        retain: kept by the broker from earlier, not news.
        ack: tell the broker it need not keep the message; call it after it is safe (again does no harm). Does nothing when the
            connection it came on is gone: the broker will deliver the message again.
    """

    topic: str
    payload: bytes
    size: int
    sent_ts: str | None
    dup: bool
    retain: bool
    ack: Callable[[], None]


class Inbox:
    """The queue. `on_full` and `on_drained` are called at the edges; between them nobody should `put`."""

    def __init__(self, max_messages: int = MAX_MESSAGES, max_bytes: int = MAX_BYTES) -> None:
        self.on_full: Callable[[], None] = lambda: None
        self.on_drained: Callable[[], None] = lambda: None
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._messages: deque[Inbound] = deque()
        self._bytes = 0
        self._full = False
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def full(self) -> bool:
        """Whether reading should stop."""
        return self._full

    @property
    def room(self) -> int:
        """How many messages it takes before it is full, at least one."""
        return max(1, self._max_messages - len(self._messages))

    def put(self, message: Inbound) -> None:
        """Add a message; always possible, but after `on_full` nothing more should come."""
        self.put_all((message,))

    def put_all(self, messages: Sequence[Inbound]) -> None:
        """Add messages, oldest first."""
        self._messages.extend(messages)
        self._bytes += sum([len(message.payload) for message in messages])
        self._arrived.set()
        if not self._full and (len(self._messages) >= self._max_messages or self._bytes >= self._max_bytes):
            self._full = True
            self.on_full()

    async def take(self, limit: int) -> list[Inbound]:
        """Wait for messages; up to `limit`, oldest first."""
        await self._arrived.wait()
        taken = [self._messages.popleft() for _ in range(min(limit, len(self._messages)))]
        self._bytes -= sum([len(message.payload) for message in taken])
        if not self._messages:
            self._arrived.clear()
        # Half empty before reading goes on, so that a slow store does not make it stutter message by message.
        if self._full and len(self._messages) * 2 <= self._max_messages and self._bytes * 2 <= self._max_bytes:
            self._full = False
            self.on_drained()
        return taken
