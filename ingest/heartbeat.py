"""Proof that the bus really reaches us: a message of our own that has to come back. Pure; time is given, in seconds.

A connection can be open, answer every ping, and still bring nothing: a subscription lost, a session mixed up, a bridge
that is down. Anything that arrives is proof; the beat sees to it that something does.
"""

from __future__ import annotations

BEAT_EVERY_S = 10.0
# A beat queues behind what the broker has kept for us; while any of that arrives, we are not deaf.
DEAF_AFTER_S = 20.0
# Who is deaf so long gets a new connection: half-open ones never end by themselves.
GIVE_UP_AFTER_S = 30.0


class BusHeartbeat:
    """Call `due` about once a second while there is a connection, `received` with the count of messages so far.

    Attributes:
        proved: anything has arrived on this connection.
    """

    def __init__(self) -> None:
        self._sent_s: float | None = None
        self._proved_s: float | None = None
        self._received = 0
        self.proved = False

    def connected(self, now_s: float) -> None:
        """A connection begins: it has to prove itself from now on."""
        self._sent_s, self._proved_s, self.proved = None, now_s, False

    def received(self, messages: int, now_s: float) -> None:
        """So many messages have arrived since the start."""
        if messages != self._received:
            self._received, self._proved_s, self.proved = messages, now_s, True

    def excused(self, now_s: float) -> None:
        """Nothing is read on purpose (the store is behind): silence proves nothing."""
        self._proved_s = now_s

    def due(self, now_s: float) -> bool:
        """Whether a beat is to be sent now."""
        if self._sent_s is not None and now_s - self._sent_s < BEAT_EVERY_S:
            return False
        self._sent_s = now_s
        return True

    def deaf_s(self, now_s: float) -> float | None:
        """How long nothing has come back, or None while it is not too long."""
        if self._proved_s is None or now_s - self._proved_s < DEAF_AFTER_S:
            return None
        return now_s - self._proved_s

    @staticmethod
    def hopeless(deaf_s: float) -> bool:
        """Whether who is deaf for so long needs a new connection."""
        return deaf_s >= GIVE_UP_AFTER_S
