"""Messages on topics nobody has: taken from a connection of their own, and refused with the reason.

The intake subscribes to the topics of the contract alone. A device that publishes beside them would never be heard of, so
a second client listens to everything below the prefix and looks at topics only. It asks the broker for small
packets (MQTT 5), so that pictures are not sent twice.
"""

from __future__ import annotations

from collections.abc import Callable

from ingest.contract import WireError, parse_topic
from ingest.inbox import Inbound, Inbox

# Telemetry of a 16-way charger has about 2.5 kB; a stray message is judged by its topic, not by what it holds.
MAX_PACKET_BYTES = 4096
BATCH = 500
# Topics of the service's own, at their place below the prefix.
_OWN_CHANNELS = frozenset({"command"})

Refuse = Callable[[Inbound, str], None]


class Strays:
    """Keep `run` running; `refuse` is called with each stray message and why it is one."""

    def __init__(self, inbox: Inbox, refuse: Refuse, prefix: str) -> None:
        self._inbox = inbox
        self._refuse = refuse
        self._prefix = prefix

    @staticmethod
    def subscriptions(prefix: str) -> list[str]:
        """What its connection listens to."""
        return [f"{prefix}/#"]

    async def run(self) -> None:
        """Look at messages until cancelled."""
        while True:
            for inbound in await self._inbox.take(BATCH):
                reason = why_stray(inbound.topic, self._prefix)
                if reason is not None and not inbound.retain:
                    self._refuse(inbound, reason)
                inbound.ack()


def why_stray(topic: str, prefix: str) -> str | None:
    """Why a topic is none of the contract's, or None where it is one."""
    levels = topic.removeprefix(f"{prefix}/").split("/")
    if levels[0] == "service" or (len(levels) == 4 and levels[2] == "alert") or levels[2:] == ["siren"]:
        return None
    if len(levels) == 5 and levels[4] in _OWN_CHANNELS:
        return None
    try:
        parse_topic(topic, prefix)
    except WireError as error:
        return str(error)
    return None
