"""How alarms leave the service: retained MQTT topics for machines, notices by the configured channels for people."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack

from alerts.notify.notifier import Notifier
from alerts.notify.routing import Route
from alerts.publish import AlertPublisher
from alerts.service import AlarmService
from ingest.broker import Broker
from shedwatch.channels import make_channel
from shedwatch.clock import Clock
from shedwatch.settings import Settings

LOOK_EVERY_S = 1.0


class People:
    """Publisher and notifier of one service; open as long as `stack`."""

    def __init__(
        self,
        settings: Settings,
        alarms: AlarmService,
        broker: Broker,
        evidence: Callable[[str], bytes | None],
        clock: Clock,
    ) -> None:
        self._broker = broker
        self._clock = clock
        self._publisher = AlertPublisher(alarms, self._publish, clock, settings.mqtt.prefix)
        self._notifier = Notifier(
            alarms,
            [(Route(it.min_severity), make_channel(it, clock)) for it in settings.notify.channels],
            clock,
            evidence,
        )

    async def start(self, stack: AsyncExitStack) -> None:
        """Open both."""
        await stack.enter_async_context(self._publisher)
        await stack.enter_async_context(self._notifier)

    @property
    def busy(self) -> bool:
        """Whether a notice is to be sent now."""
        return self._notifier.due

    async def republish(self) -> None:
        """Tell the bus of all open alarms after every connection; a broker may have lost them. Until cancelled."""
        connects = self._broker.counters.connects
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            if connects != self._broker.counters.connects:
                connects = self._broker.counters.connects
                self._publisher.resync()

    async def _publish(self, topic: str, payload: bytes, retain: bool) -> None:
        if not self._broker.publish(topic, payload, 1, retain):
            raise ConnectionError("the broker takes nothing now")
