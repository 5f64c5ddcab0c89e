"""The life of a connection to the broker, as a pure state machine: when to try, how, and how long to wait.

IDLE ─► OPENING ─► GREETING ─► PROVING ─► ONLINE ◄─► DEAF
           ▲          │           │          │         │
           └─ WAITING ◄───────────┴──────────┴─────────┘      STOPPED from anywhere, for good

That a broker took us in proves little: ONLINE is who has received something since, if only its own heartbeat.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

MIN_BACKOFF_S = 0.5
# A broker that returns should be found again within the time an operator is willing to stare at the page.
MAX_BACKOFF_S = 20.0


class LinkState(StrEnum):
    """Where a connection stands."""

    IDLE = "idle"
    OPENING = "opening"
    GREETING = "greeting"
    PROVING = "proving"
    ONLINE = "online"
    DEAF = "deaf"
    WAITING = "waiting"
    STOPPED = "stopped"


class Protocol(IntEnum):
    """Versions of MQTT, by their number on the wire."""

    V311 = 4
    V5 = 5


@dataclass(frozen=True, slots=True)
class Link:
    """A connection's state. Every method gives the state after what it names happened.

    Attributes:
        protocol: the version to try next, or in use.
        settled: a broker has accepted `protocol` before, so its silence is no sign of a wrong version.
        failures: attempts failed since anything was last received.
        reason: why it is not online, for people.
    """

    state: LinkState = LinkState.IDLE
    protocol: Protocol = Protocol.V5
    settled: bool = False
    failures: int = 0
    reason: str = "not started"

    @property
    def connected(self) -> bool:
        """Whether the broker has us, as far as is known."""
        return self.state in (LinkState.PROVING, LinkState.ONLINE, LinkState.DEAF)

    def opening(self) -> Link:
        """A connection is being opened."""
        return replace(self, state=LinkState.OPENING)

    def greeting(self) -> Link:
        """It is open; the broker's answer to our CONNECT is awaited."""
        return replace(self, state=LinkState.GREETING)

    def accepted(self) -> Link:
        """The broker took us in; what it sends has yet to arrive."""
        return replace(self, state=LinkState.PROVING, settled=True, reason="")

    def proved(self) -> Link:
        """Something arrived."""
        if not self.connected or self.state is LinkState.ONLINE:
            return self
        return replace(self, state=LinkState.ONLINE, failures=0, reason="")

    def deaf(self, reason: str) -> Link:
        """Nothing has arrived for too long."""
        return replace(self, state=LinkState.DEAF, reason=reason) if self.connected else self

    def refused(self, reason: str, wrong_version: bool = False) -> Link:
        """The broker sent us away."""
        return self._waiting(reason, other_version=wrong_version)

    def lost(self, reason: str) -> Link:
        """It broke. Some brokers answer a version they don't know by hanging up instead of saying so."""
        hung_up = self.state is LinkState.GREETING and not self.settled
        return self._waiting(reason, other_version=hung_up)

    def stopped(self) -> Link:
        """We ended it."""
        return replace(self, state=LinkState.STOPPED, reason="stopped")

    def delay_s(self, rng: random.Random) -> float:
        """How long to wait before the next attempt: exponential with full jitter, none for the other version at once.

        Jitter keeps a district's services from all coming back to a restarted broker in the same instant.
        """
        ceiling_s = min(MAX_BACKOFF_S, MIN_BACKOFF_S * 2 ** max(0, self.failures - 1))
        return 0.0 if self.failures == 0 else rng.uniform(MIN_BACKOFF_S / 2, ceiling_s)

    def _waiting(self, reason: str, other_version: bool) -> Link:
        if self.state is LinkState.STOPPED:
            return self
        protocol = self.protocol
        failures = self.failures + 1
        if other_version:
            # From 5 to 3.1.1 at once; the way back counts as a failure, or two refusals would chase each other.
            failures -= protocol is Protocol.V5 and not self.failures
            protocol = Protocol.V311 if protocol is Protocol.V5 else Protocol.V5
        return Link(LinkState.WAITING, protocol, self.settled and not other_version, failures, reason)
