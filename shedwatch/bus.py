"""A process's connections to the broker: what each is called, what it listens to, and how it does."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from ingest.broker import Broker
from ingest.contract import heartbeat_topic, service_status_topic
from ingest.embedded_broker import EmbeddedBroker
from ingest.strays import MAX_PACKET_BYTES, Strays
from shedwatch.house import House
from shedwatch.relay import Relay

HEALTH_EVERY_S = 1.0
RELAYED = {
    "alerts": ("observation", "health", "order", "cut", "proof"),
    "api": ("answer", "cut-answer", "proof-answer"),
    "vision": ("attend",),
}
"""What each part takes from other processes."""


class Bus:
    """The connections of one process. All are kept open until it ends."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._mqtt = house.settings.mqtt
        self.url = self._mqtt.url
        self.brokers = house.figures.brokers

    @property
    def online(self) -> bool:
        """Whether all connections are."""
        return all(broker.online for broker in self.brokers.values())

    @property
    def cut_off(self) -> bool:
        """Whether none is."""
        return not any(broker.online for broker in self.brokers.values())

    async def start_broker(self) -> None:
        """Start a broker of our own; the connections then go to it."""
        port = urlsplit(self.url).port or 1883
        broker = EmbeddedBroker(self._house.settings.data_dir / "broker", port=port)
        await self._house.stack.enter_async_context(broker)
        self._house.keep.keep("broker", broker.attend)
        self.url = broker.url

    def main(self) -> Broker:
        """What devices say, and where the service says that it is there."""
        prefix = self._mqtt.prefix
        topics = [f"{prefix}/+/+/charger/+/+", f"{prefix}/+/+/sensor/+/+", f"{prefix}/+/+/camera/+/status"]
        own = [self._mqtt.client_id] if self._sharing else []
        status = service_status_topic("-".join([self._house.settings.instance, *self._own_name, *own]), prefix)
        return self._connect("main", [self._shared(it) for it in topics], status_topic=status)

    def frames(self) -> Broker:
        """Pictures, of which an old one is worth nothing."""
        return self._connect("frames", [f"{self._mqtt.prefix}/+/+/camera/+/frame"], persistent=False)

    def strays(self) -> Broker:
        """Everything, to find what is on no topic of the contract."""
        topics = [self._shared(it) for it in Strays.subscriptions(self._mqtt.prefix)]
        return self._connect("strays", topics, persistent=False, max_packet_bytes=MAX_PACKET_BYTES)

    def relay(self) -> Relay:
        """The way to the other processes of the service."""
        base = Relay.base(self._mqtt.prefix, self._house.settings.instance)
        wanted = [f"{base}/{what}" for part, whats in RELAYED.items() if self._house.has(part) for what in whats]
        broker = self._connect("relay", wanted)
        relay = Relay(broker, base)
        self._house.keep.keep("relay", lambda: broker.read_by(relay.run))
        if not self._house.has("alerts"):
            # Of several processes with the same parts each speaks for itself.
            who = f"{self._mqtt.client_id}-" if self._sharing else ""
            self._house.health.tell(lambda name, state, detail: relay.send_health(who + name, state, detail))
        return relay

    def report_health(self) -> None:
        """Say of each connection how it does."""
        for name, broker in self.brokers.items():
            health = broker.health
            trouble = f"subscriptions refused: {', '.join(health.refused)}" if health.refused else ""
            if health.deaf_s is not None:
                trouble = f"connected, but nothing comes back, not even our own heartbeat for {health.deaf_s:.0f} s"
            state = "down" if not broker.online else "degraded" if trouble else "ok"
            self._house.health.report(f"mqtt-{name}", state, trouble or ("" if broker.online else health.reason))

    def _connect(
        self,
        name: str,
        subscriptions: Sequence[str],
        *,
        status_topic: str | None = None,
        persistent: bool = True,
        max_packet_bytes: int | None = None,
    ) -> Broker:
        own = [name] if name != "main" else []
        client_id = "-".join([self._mqtt.client_id, *self._own_name, *own])
        broker = Broker(
            self._mqtt.full_url(self.url),
            client_id,
            subscriptions,
            persistent=persistent,
            max_packet_bytes=max_packet_bytes,
            status_topic=status_topic,
            heartbeat_topic=heartbeat_topic(self._house.settings.instance, client_id, self._mqtt.prefix),
        )
        self.brokers[name] = broker
        self._house.keep.keep(f"mqtt-{name}", broker.run)
        return broker

    @property
    def _sharing(self) -> bool:
        """Whether this is one of several processes that store what devices send, each a part of it."""
        return self._mqtt.share is not None and self._house.parts == {"ingest"}

    def _shared(self, topics: str) -> str:
        """Of a shared subscription the broker gives each message to one process of the group."""
        return f"$share/{self._mqtt.share}/{topics}" if self._sharing else topics

    @property
    def _own_name(self) -> list[str]:
        """What tells this process from the others of the same service; nothing where there is only one."""
        return [] if self._house.whole else sorted(self._house.parts)
