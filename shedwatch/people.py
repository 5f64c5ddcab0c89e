"""How alarms leave the service: retained MQTT topics for machines and sirens, notices by the configured channels for people."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AsyncExitStack

from alerts.model import Alert
from alerts.notify.chaser import Chaser
from alerts.notify.escalation import Escalation
from alerts.notify.notifier import Links, Notifier
from alerts.notify.port import Person
from alerts.notify.siren import Sirens
from alerts.notify.wording import cut_chars
from alerts.publish import AlertPublisher
from alerts.service import AlarmService
from api.links import GOOD_FOR_MS, GROUP, LINK_PATH, Link, LinkSigner, signer_in
from ingest.broker import Broker
from shedwatch.channels import make_channel, route_of
from shedwatch.clock import Clock
from shedwatch.notify_settings import SirenSettings
from shedwatch.settings import Settings
from shedwatch.supervise import Supervisor

LOOK_EVERY_S = 1.0
MAX_SENT_TO = 60
"""Characters of an address for where it was sent: a message to a robot holds some two thousand bytes in all."""


class People:
    """Publisher, sirens and notifier of one service; open as long as `stack`. `branch` gives each its supervisor."""

    def __init__(
        self,
        settings: Settings,
        alarms: AlarmService,
        broker: Broker,
        evidence: Callable[[str], bytes | None],
        clock: Clock,
        branch: Callable[[], Supervisor],
        seed: int | None,
    ) -> None:
        self._broker = broker
        self._clock = clock
        self._branch = branch
        self._publisher = AlertPublisher(alarms, self._publish, clock, settings.mqtt.prefix, branch())
        self._sirens = self._make_sirens(settings, alarms) if settings.notify.siren is not None else None
        self._notifier = self._make_notifier(settings, alarms, evidence, seed)

    def _make_notifier(
        self, settings: Settings, alarms: AlarmService, evidence: Callable[[str], bytes | None], seed: int | None
    ) -> Notifier:
        notify, directory = settings.notify, settings.notify.directory()
        names = [channel.name for channel in notify.channels]
        return Notifier(
            alarms,
            [(route_of(channel), make_channel(channel, notify, self._clock)) for channel in notify.channels],
            self._clock,
            evidence,
            chaser=Chaser(Escalation(notify.policies()), directory, names) if notify.escalation else None,
            directory=directory,
            links=links_to(settings.api.base_url, signer_in(settings.data_dir)) if settings.api.base_url else None,
            seed=seed,
            keep=self._branch(),
        )

    def _make_sirens(self, settings: Settings, alarms: AlarmService) -> Sirens:
        assert settings.notify.siren is not None
        sheds = siren_sheds(settings, settings.notify.siren)
        severity = settings.notify.siren.min_severity
        return Sirens(alarms, self._publish, self._clock, sheds, severity, settings.mqtt.prefix, self._branch())

    async def start(self, stack: AsyncExitStack) -> None:
        """Open all."""
        await stack.enter_async_context(self._publisher)
        if self._sirens is not None:
            await stack.enter_async_context(self._sirens)
        await stack.enter_async_context(self._notifier)

    @property
    def busy(self) -> bool:
        """Whether a notice is to be sent now."""
        return self._notifier.due

    def tell_tests(self, channels: Collection[str]) -> None:
        """From now on these channels tell test alerts."""
        self._notifier.tell_tests(channels)

    def sound_tests(self, shed: tuple[str, str] | None) -> None:
        """From now on that shed's siren sounds for test alerts too."""
        if self._sirens is not None:
            self._sirens.sound_tests(shed)

    async def republish(self) -> None:
        """Tell the bus of all open alarms after every connection; a broker may have lost them. Until cancelled."""
        connects = self._broker.counters.connects
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            if connects != self._broker.counters.connects:
                connects = self._broker.counters.connects
                self._publisher.resync()
                if self._sirens is not None:
                    self._sirens.resync()

    async def _publish(self, topic: str, payload: bytes, retain: bool) -> None:
        if not self._broker.publish(topic, payload, 1, retain):
            raise ConnectionError("the broker takes nothing now")


def siren_sheds(settings: Settings, siren: SirenSettings) -> list[tuple[str, str]]:
    """The sheds that have a siren, as configured: all, those of a site, or single ones."""
    every = [(site.id, shed.id) for site in settings.sites for shed in site.sheds]
    return [shed for shed in every if not siren.sheds or shed[0] in siren.sheds or "/".join(shed) in siren.sheds]


def links_to(base_url: str, signer: LinkSigner) -> Links:
    """Makes the addresses of notices; they are good for a day from the alert's annunciation as it is sent."""
    base = base_url.rstrip("/")

    def links(channel: str, seq: int, alert: Alert, people: Sequence[Person], now_ms: int) -> tuple[str, str]:
        who = people[0].name if len(people) == 1 else GROUP
        meant = f"{channel}: {', '.join(one.name for one in people)}" if len(people) > 1 else channel
        link = Link(alert.id, seq, who, now_ms + GOOD_FOR_MS, cut_chars(meant, MAX_SENT_TO))
        address = f"{base}{LINK_PATH}/{signer.token(link)}"
        return address, f"{address}/picture.jpg" if alert.evidence else ""

    return links
