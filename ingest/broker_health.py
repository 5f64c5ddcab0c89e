"""What a connection to the broker counts, and how it says it is doing; plain values that metrics and health checks read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ingest.link import LinkState, Protocol


@dataclass(slots=True)
class BrokerCounters:
    """What happened on the connection since the start."""

    received: int = 0
    received_bytes: int = 0
    connects: int = 0
    given_up: int = 0
    published: int = 0
    publish_refused: int = 0
    undecodable_topics: int = 0
    pauses: int = 0


class BrokerHealth(NamedTuple):
    """How the connection is: online is well, else `reason` says why not.

    `refused`: subscriptions denied. `deaf_s`: connected, but for so long nothing came, not even our own heartbeat.
    """

    state: LinkState
    protocol: Protocol
    reason: str
    refused: tuple[str, ...]
    deaf_s: float | None = None
