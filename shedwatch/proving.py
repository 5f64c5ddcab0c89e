"""Proofs of one process: where the alarms are kept they are made, elsewhere the orders are passed on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from alerts.ledger.proofs import ProofBook
from alerts.model import AlertKind
from alerts.proof.model import ProofDesk, ProofFigures, ProofKind, ProofOrder, ProofUnavailableError
from alerts.proof.prover import Plan, Prover, Ways
from alerts.proof.schedule import Nightly
from alerts.proof.signals import Clip, HotSocket, Signal, SmokePicture
from alerts.proving_ground import CHARGER, SHED, SITE
from alerts.rules.hazards_electrical import OverTemperature
from alerts.rules.hazards_fire import Sight
from alerts.rules.settings import RuleBook
from alerts.service import AlarmService
from api.stream import Hub
from ingest.broker import Broker
from ingest.contract import alert_topic
from shedwatch.channel_settings import PhoneSettings
from shedwatch.clock import Clock
from shedwatch.people import People, siren_sheds
from shedwatch.proof_clip import CLIP_S, film
from shedwatch.seeing import detectors_of
from shedwatch.settings import Settings

ABOVE_C = 5.0
HOTTEST_C = 390.0
LISTEN_S = 30.0


class ProofDoor:
    """`alerts.proof.model.ProofDesk` for those who are put together before the prover is."""

    def __init__(self) -> None:
        self.desk: ProofDesk | None = None

    async def prove(self, order: ProofOrder) -> None:
        await self._open().prove(order)

    async def figures(self) -> ProofFigures:
        return await self._open().figures()

    def _open(self) -> ProofDesk:
        if self.desk is None:
            raise ProofUnavailableError("the service is starting")
        return self.desk


class OutsideClient:
    """`alerts.proof.witness.Listener` over a connection of its own."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._tell: Callable[[str], None] = lambda _alert_id: None

    async def publish(self, topic: str, payload: bytes) -> None:
        await self._broker.wait_online()
        self._broker.publish(topic, payload, qos=1)

    def on_alert(self, heard: Callable[[str], None]) -> None:
        self._tell = heard

    async def listen(self) -> None:
        """Tell of test alerts that are heard, until cancelled."""
        while True:
            for message in await self._broker.inbox.take(50):
                with contextlib.suppress(msgspec.DecodeError):
                    alert = msgspec.json.decode(message.payload or b"{}", type=_Heard)
                    if alert.test:
                        self._tell(alert.id)
                message.ack()


class _Heard(msgspec.Struct):
    id: str = ""
    test: bool = False


def kinds_of(settings: Settings) -> tuple[ProofKind, ...]:
    """What can be proved: smoke only where cameras are watched."""
    return (ProofKind.HEAT, ProofKind.SMOKE) if settings.watches_cameras() else (ProofKind.HEAT,)


def plan_of(settings: Settings, book: RuleBook) -> Plan:
    """What is proved, when, and by which channels."""
    heat = book.of(AlertKind.OVER_TEMPERATURE, OverTemperature, CHARGER)
    smoke = book.of(AlertKind.SMOKE, Sight, CHARGER)
    proof, channels = settings.proof, settings.notify.channels
    quiet = tuple(channel.name for channel in channels if not isinstance(channel, PhoneSettings))
    siren = settings.notify.siren
    return Plan(
        kinds=kinds_of(settings),
        channels=tuple(channel.name for channel in channels),
        nightly_channels=quiet if proof.channels is None else tuple(proof.channels),
        sirens=tuple("/".join(shed) for shed in siren_sheds(settings, siren)) if siren is not None else (),
        delays_s={
            ProofKind.HEAT: (heat.jump_wait_s + heat.on_delay_s, heat.off_delay_s),
            ProofKind.SMOKE: (smoke.on_delay_s, smoke.off_delay_s + CLIP_S),
        },
        nightly=Nightly(proof.at, settings.notify.zone) if proof.nightly else None,
        max_age_ms=round(proof.max_age_h * 3_600_000),
        detectors=detectors_of(settings),
    )


def prover(
    settings: Settings,
    book: RuleBook,
    alarms: AlarmService,
    proofs: ProofBook,
    people: People,
    hub: Hub | None,
    mqtt_url: str,
    report: Callable[[str, str, str], None],
    clock: Clock,
) -> Prover:
    """The prover of the process that keeps the alarms."""
    clips: list[Clip] = []
    prefix = settings.mqtt.prefix

    async def signal(kind: ProofKind) -> Signal:
        if kind is ProofKind.HEAT:
            heat = book.of(AlertKind.OVER_TEMPERATURE, OverTemperature, CHARGER)
            return HotSocket(min(heat.critical_c + ABOVE_C, HOTTEST_C), prefix, clock)
        if not clips:
            clips.append(await film())
        return SmokePicture(clips[0], prefix, clock)

    @asynccontextmanager
    async def outside() -> AsyncIterator[OutsideClient]:
        topics = [alert_topic(SITE, SHED, "+", prefix)]
        broker = Broker(settings.mqtt.full_url(mqtt_url), f"{settings.mqtt.client_id}-proof", topics, persistent=False)
        client = OutsideClient(broker)
        tasks = [asyncio.create_task(broker.run()), asyncio.create_task(client.listen())]
        try:
            yield client
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def sound(shed: str | None) -> None:
        site, _, name = (shed or "").partition("/")
        people.sound_tests((site, name) if shed is not None else None)

    def page() -> AsyncIterator[bytes]:
        assert hub is not None
        return hub.events(None, lambda: True, LISTEN_S)

    ways = Ways(
        outside=outside,
        signal=signal,
        tell=people.tell_tests,
        sound=sound,
        report=lambda state, detail: report("proof", state, detail),
        page=page if hub is not None else None,
    )
    return Prover(alarms, proofs, ways, plan_of(settings, book), clock)
