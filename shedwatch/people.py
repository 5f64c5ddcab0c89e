"""How alarms leave the service: retained MQTT topics for machines, notices by the configured channels for people."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from alerts.notify.apprise_channel import AppriseChannel
from alerts.notify.notifier import Notifier
from alerts.notify.port import Channel
from alerts.notify.routing import Route
from alerts.notify.webhook import WebhookChannel
from alerts.publish import AlertPublisher
from alerts.service import AlarmService
from ingest.broker import Broker
from shedwatch.clock import Clock
from shedwatch.configuration import ConfigurationError
from shedwatch.settings import AppriseSettings, Settings, WebhookSettings

LOOK_EVERY_S = 1.0


def make_channels(settings: Settings, clock: Clock) -> list[tuple[Route, Channel]]:
    """Every configured channel and what it is told.

    Raises:
        ConfigurationError: a secret's file cannot be read, or a URL is none that Apprise knows.
    """
    made: list[tuple[Route, Channel]] = []
    for index, channel in enumerate(settings.notify.channels):
        try:
            made.append((Route(channel.min_severity), _channel(channel, clock)))
        except (OSError, ValueError) as error:
            raise ConfigurationError([f"notify.channels[{index}]: {error}"]) from None
    return made


def _channel(settings: WebhookSettings | AppriseSettings, clock: Clock) -> Channel:
    if isinstance(settings, AppriseSettings):
        return AppriseChannel(settings.name, _secret(settings.url, settings.url_file) or "")
    return WebhookChannel(settings.name, settings.url, clock, _secret(settings.secret, settings.secret_file))


def _secret(value: str | None, file: Path | None) -> str | None:
    return file.read_text(encoding="utf-8").strip() if file is not None else value


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
        self._notifier = Notifier(alarms, make_channels(settings, clock), clock, evidence)

    async def start(self, stack: AsyncExitStack) -> None:
        """Open both."""
        await stack.enter_async_context(self._publisher)
        await stack.enter_async_context(self._notifier)

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
