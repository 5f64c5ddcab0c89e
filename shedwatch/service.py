"""The composition root: from settings to a running service. The only module that knows every room.

Each part (`ingest`, `vision`, `alerts`, `api`) is put together by one method; what parts say to each other goes
directly where they share this process, else over the bus (`shedwatch.relay`).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import structlog

from alerts.cutoff.model import CutDesk
from alerts.cutoff.room import CutRoom
from alerts.desk import AlarmDesk, Order
from alerts.ledger.database import Ledger
from alerts.ledger.proofs import ProofBook
from alerts.ledger_desk import Answer, LedgerDesk
from alerts.memory import MemoryFile
from alerts.proof.prover import Prover
from alerts.proof.remote import RemoteProofDesk
from alerts.proving_ground import CAMERA as PROVING_CAMERA
from alerts.proving_ground import is_test, overrides, with_proving_ground
from alerts.register import RegisterFile, with_register
from alerts.rules.hazards import HAZARDS
from alerts.rules.settings import RuleBook
from alerts.service import AlarmService
from api.app import create_app, hub_of
from api.auth import TokenBook
from api.deps import ApiDeps
from api.links import signer_in
from api.stream import Hub
from ingest.broker import Broker
from ingest.cameras import run_sources, source_of
from ingest.contract import Reply, heartbeat_topic, service_status_topic, topic_of
from ingest.embedded_broker import EmbeddedBroker
from ingest.intake import Intake
from ingest.model import DeviceKind, DeviceRef, Frame, Reading, Topology
from ingest.outbox import Shipper
from ingest.replay import Replayer
from ingest.store.letter_book import LetterBook
from ingest.store.port import TelemetryStore
from ingest.store.sole import alone, lock_of
from ingest.store.sqlite import SqliteStore
from ingest.store.tiers import TieredStore
from ingest.strays import MAX_PACKET_BYTES, Strays
from shedwatch.clock import Clock
from shedwatch.cutting import cut_room, remote_cuts
from shedwatch.evidence import evidence_keeping
from shedwatch.figures import Figures
from shedwatch.health import HealthBoard
from shedwatch.heartbeat import Heartbeat
from shedwatch.http import listen, serve
from shedwatch.no_store import NoStore
from shedwatch.people import People
from shedwatch.proving import ProofDoor, prover
from shedwatch.relay import Relay
from shedwatch.settings import WHOLE_PICTURE, Settings
from shedwatch.stores import make_remote, open_local, retention_of
from shedwatch.supervise import Supervisor
from vision.corridor import CorridorSettings
from vision.detectors import VisionSettings
from vision.evidence import EvidenceFolder
from vision.gallery import Gallery
from vision.model import Observation
from vision.watcher import Watcher
from vision.worker import CameraPlan

log = structlog.get_logger(__name__)

PARTS = frozenset({"ingest", "vision", "alerts", "api"})
HEALTH_EVERY_S = 1.0
REGISTER_EVERY_S = 30.0


class Service:
    """One process of the service, with all parts or some."""

    def __init__(self, settings: Settings, parts: frozenset[str], clock: Clock) -> None:
        self._settings = settings
        self._parts = parts
        self._clock = clock
        self._extinguishers = RegisterFile(settings.register_path())
        self._extinguishers.refresh()
        self._topology: Topology = with_register(settings.topology(), self._extinguishers.register)
        self._proved = with_proving_ground(self._topology, camera=settings.watches_cameras())
        self._health = HealthBoard()
        self._gallery = Gallery()
        self._evidence = EvidenceFolder(settings.data_dir / "evidence")
        self._figures = Figures(clock)
        self._stack = AsyncExitStack()
        self._mqtt_url = settings.mqtt.url
        self._relay: Relay | None = None
        self._alarms: AlarmService | None = None
        self._watcher: Watcher | None = None
        self._intake: Intake | None = None
        self._people: People | None = None
        self._room: CutRoom | None = None
        self._cuts: CutDesk
        self._prover: Prover | None = None
        self._proofs = ProofDoor()
        self._hub: Hub | None = None
        self._fetched = frozenset(settings.sources())
        self._keep = self._figures.supervisor = Supervisor(self._health.report)

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set."""
        async with self._stack:
            try:
                with self._keep.listen():
                    await self._put_together()
                    log.info("service started", parts=sorted(self._parts), instance=self._settings.instance)
                    await stop.wait()
                    log.info("service stopping")
                    if self._hub is not None:
                        self._hub.close()
            finally:
                await self._keep.end()

    def under_way(self, delivered: int) -> str:
        """What is not done yet of this moment; empty when the devices' `delivered` messages are judged and told.

        For simulations whose clock stands still until then (`shedwatch.lockstep`). The store may be behind.
        """
        intake, watcher, people = self._intake, self._watcher, self._people
        if intake is None or people is None or not all(broker.online for broker in self._figures.brokers.values()):
            return "the service connects to the broker"
        if (missing := self.missing(delivered)) > 0:
            return f"{missing} messages are on their way"
        if intake.unjudged:
            return "messages are being judged"
        if watcher is not None and watcher.busy:
            return "pictures are being looked at"
        if self._alarms is not None and self._alarms.writing:
            return "the ledger is being written"
        if self._room is not None and self._room.busy:
            return "power is being cut"
        return "notices are being sent" if people.busy else ""

    def missing(self, delivered: int) -> int:
        """How many of the devices' `delivered` messages have not come yet."""
        counters = self._figures.intake.counters if self._figures.intake else None
        return delivered - counters.received + counters.own if counters else delivered

    async def _put_together(self) -> None:
        store = await self._open_store()
        reading = self._reading_store(store)
        desk = await self._open_desk()
        if self._settings.mqtt.embedded and "ingest" in self._parts:
            await self._start_broker()
        if self._parts != PARTS:
            self._start_relay(desk)
        if "vision" in self._parts and self._settings.watches_cameras():
            self._start_vision()
        if "api" in self._parts:
            self._start_api(reading, store.letters, desk)
        self._start_intake(store)
        if self._alarms is not None:
            self._start_evidence(self._alarms)
            await self._start_people(self._alarms)
        if self._room is not None:
            await self._stack.enter_async_context(self._room)

    # ---- the rooms

    async def _open_store(self) -> SqliteStore:
        store = await open_local(self._settings.store, self._settings.store_path(), self._clock)
        self._stack.push_async_callback(store.close)
        if "ingest" in self._parts:
            self._keep.keep("store-maintenance", store.maintain)
        return store

    def _reading_store(self, store: SqliteStore) -> TelemetryStore:
        """What history is read from, and where there is a remote store, the way of new lines to it."""
        remote = make_remote(self._settings.store)
        if remote is None:
            return store
        self._stack.push_async_callback(remote.close)
        if "ingest" in self._parts and store.outbox is not None:
            shipper = Shipper(store.outbox, remote, self._clock, self._health.report)
            self._figures.shipper = shipper
            lock = lock_of(store.path, "shipper")
            self._keep.keep("store-shipper", lambda: alone(lock, shipper.run, shipper.stand_by))
        return TieredStore(store, remote, self._clock, retention_of(self._settings.store))

    async def _open_desk(self) -> AlarmDesk:
        self._ledger = ledger = Ledger(self._settings.ledger_url())
        if "alerts" not in self._parts:
            desk = LedgerDesk(ledger, self._order)
            self._cuts = remote_cuts(ledger, lambda: self._relay)
            self._stack.push_async_callback(ledger.close)
            if "api" in self._parts:
                self._keep.keep("ledger-desk", desk.run)
            return desk
        alerts = self._settings.alerts
        tests = overrides([str(kind) for kind in HAZARDS])
        self._book = RuleBook.parse({"rules": alerts.rules, "overrides": [*alerts.overrides, tests]}, self._proved)
        memory = MemoryFile(self._settings.data_dir / "rules.memory")
        self._alarms = await self._stack.enter_async_context(
            AlarmService(
                self._proved,
                self._book,
                ledger,
                self._clock,
                memory=memory,
                zones=self._settings.zones(),
                register=self._extinguishers.register,
                groups=[group.group(self._topology) for group in alerts.groups],
                fetched=self._fetched,
                keep=self._keep.branch(),
            )
        )
        self._cuts = self._room = cut_room(
            self._settings,
            self._topology,
            self._alarms,
            ledger,
            lambda: self._broker,
            self._attend,
            self._clock,
            self._keep.branch(),
        )
        self._keep.keep("extinguishers", self._follow_register)
        self._figures.alarms = self._alarms
        self._health.tell(self._alarms.submit_health)
        self._health.include(self._alarms.health)
        return self._alarms

    async def _follow_register(self) -> None:
        """See what was imported meanwhile."""
        while True:
            await self._clock.sleep(REGISTER_EVERY_S)
            await asyncio.to_thread(self._extinguishers.refresh)

    async def _start_broker(self) -> None:
        port = urlsplit(self._mqtt_url).port or 1883
        broker = EmbeddedBroker(self._settings.data_dir / "broker", port=port)
        await self._stack.enter_async_context(broker)
        self._keep.keep("broker", broker.attend)
        self._mqtt_url = broker.url

    def _start_relay(self, desk: AlarmDesk) -> None:
        base = Relay.base(self._settings.mqtt.prefix, self._settings.instance)
        topics = {
            "alerts": ("observation", "health", "order", "cut", "proof"),
            "api": ("answer", "cut-answer", "proof-answer"),
            "vision": ("attend",),
        }
        wanted = [f"{base}/{what}" for part, whats in topics.items() if part in self._parts for what in whats]
        broker = self._client("relay", wanted)
        self._relay = relay = Relay(broker, base)
        self._keep.keep("relay", lambda: broker.read_by(relay.run))
        if self._alarms is not None:
            relay.serve_observations(self._observe)
            relay.serve_health(self._health.report)
            relay.serve_orders(desk)
            relay.serve_cuts(self._cuts)
            relay.serve_proofs(self._proofs)
        else:
            # Of several processes with the same parts each speaks for itself.
            who = f"{self._settings.mqtt.client_id}-" if self._sharing else ""
            self._health.tell(lambda name, state, detail: relay.send_health(who + name, state, detail))
            self._proofs.desk = RemoteProofDesk(relay.prove)
        if "vision" in self._parts:
            relay.serve_attention(self._attend)

    def _start_vision(self) -> None:
        vision = VisionSettings(corridor=CorridorSettings(dwell_s=self._settings.vision.dwell_s))
        zones = {**self._settings.zones(), PROVING_CAMERA: (WHOLE_PICTURE,)}
        plans = {camera: CameraPlan(drawn, vision) for camera, drawn in zones.items()}
        cores = os.cpu_count() or 2
        self._watcher = watcher = Watcher(
            plans,
            self._evidence.folder,
            self._gallery,
            self._observe,
            self._health.report,
            workers=self._settings.vision.workers or max(1, cores - 1),
        )
        self._figures.watcher = watcher.counters
        self._keep.keep("vision", watcher.run)

    def _start_api(self, store: TelemetryStore, letters: LetterBook, desk: AlarmDesk) -> None:
        settings = self._settings.api
        app = create_app(
            ApiDeps(
                topology=self._topology,
                store=store,
                letters=letters,
                desk=desk,
                tokens=TokenBook(self._settings.data_dir / "auth.db"),
                pictures=self._gallery,
                evidence_dir=self._evidence.folder,
                health=self._health,
                counters=self._figures.read,
                clock=self._clock,
                base_url=settings.base_url or f"http://{settings.host}:{settings.port}",
                picture_limit_s=settings.picture_limit_s,
                links=signer_in(self._settings.data_dir),
                zone=self._settings.notify.zone,
                cuts=self._cuts,
                keep=self._keep.branch(),
                proofs=self._proofs,
            )
        )
        self._hub = hub_of(app)
        listening = [listen(settings.host, settings.port)]

        async def serving() -> None:
            # The server closes its socket when it ends, however it does.
            await serve(app, listening.pop() if listening else listen(settings.host, settings.port))

        self._keep.keep("api", serving)

    def _start_intake(self, store: SqliteStore) -> None:
        prefix = self._settings.mqtt.prefix
        devices = [f"{prefix}/+/+/charger/+/+", f"{prefix}/+/+/sensor/+/+", f"{prefix}/+/+/camera/+/status"]
        devices = [self._shared(topics) for topics in devices]
        own = [self._settings.mqtt.client_id] if self._sharing else []
        status = service_status_topic("-".join([self._settings.instance, *self._own_name, *own]), prefix)
        broker = self._client("main", devices, status_topic=status)
        frames = self._client("frames", [f"{prefix}/+/+/camera/+/frame"], persistent=False)
        intake = Intake(
            self._proved,
            store if "ingest" in self._parts else NoStore(),
            self._clock,
            broker.inbox,
            frames.inbox,
            on_readings=self._take_readings,
            on_frame=self._take_frame,
            on_reply=self._take_reply,
            prefix=prefix,
        )
        self._broker = broker
        self._intake = self._figures.intake = intake
        self._keep.keep("intake", lambda: broker.read_by(intake.run))
        self._keep.keep("health-watch", lambda: self._watch_health(intake))
        if "ingest" in self._parts:
            self._start_sources(intake)
            self._start_strays(intake)
            replayer, lock = (
                Replayer(self._proved, store, store.letters, self._clock, prefix),
                lock_of(store.path, "replay"),
            )
            self._keep.keep("replay", lambda: alone(lock, replayer.run))

    def _start_sources(self, intake: Intake) -> None:
        """Cameras whose pictures are fetched; other processes of the service get them from the bus."""
        sources = [
            source
            for camera, settings in self._settings.sources().items()
            if (source := source_of(camera, settings.source, self._clock, 1.0 / settings.fps)) is not None
        ]
        self._figures.sources = sources
        if sources:
            self._keep.keep("cameras", lambda: run_sources(sources, intake.offer_frame))

    def _start_strays(self, intake: Intake) -> None:
        prefix = self._settings.mqtt.prefix
        broker = self._client(
            "strays",
            [self._shared(it) for it in Strays.subscriptions(prefix)],
            persistent=False,
            max_packet_bytes=MAX_PACKET_BYTES,
        )
        strays = Strays(broker.inbox, intake.refuse_stray, prefix)
        self._keep.keep("strays", lambda: broker.read_by(strays.run))

    async def _watch_health(self, intake: Intake) -> None:
        """Ask those parts that do not report by themselves."""
        while True:
            for name, broker in self._figures.brokers.items():
                health = broker.health
                refused = f"subscriptions refused: {', '.join(health.refused)}" if health.refused else ""
                if health.deaf_s is not None:
                    refused = f"connected, but nothing comes back, not even our own heartbeat for {health.deaf_s:.0f} s"
                state = "down" if not broker.online else "degraded" if refused else "ok"
                self._health.report(f"mqtt-{name}", state, refused or ("" if broker.online else health.reason))
            state, detail, _ = intake.health
            self._health.report("intake", state, detail)
            await self._clock.sleep(HEALTH_EVERY_S)

    def _client(
        self,
        name: str,
        subscriptions: Sequence[str],
        *,
        status_topic: str | None = None,
        persistent: bool = True,
        max_packet_bytes: int | None = None,
    ) -> Broker:
        own = [name] if name != "main" else []
        client_id = "-".join([self._settings.mqtt.client_id, *self._own_name, *own])
        broker = Broker(
            self._settings.mqtt.full_url(self._mqtt_url),
            client_id,
            subscriptions,
            persistent=persistent,
            max_packet_bytes=max_packet_bytes,
            status_topic=status_topic,
            heartbeat_topic=heartbeat_topic(self._settings.instance, client_id, self._settings.mqtt.prefix),
        )
        self._figures.brokers[name] = broker
        self._keep.keep(f"mqtt-{name}", broker.run)
        return broker

    def _start_evidence(self, desk: AlarmDesk) -> None:
        keeping = evidence_keeping(self._settings.evidence, self._evidence.folder, desk, self._clock)
        self._figures.evidence = keeping.counters
        self._keep.keep("evidence", keeping.run)

    async def _start_people(self, alarms: AlarmService) -> None:
        self._people = people = People(
            self._settings, alarms, self._broker, self._evidence.load, self._clock, self._keep.branch
        )
        await people.start(self._stack)
        self._keep.keep("republish", people.republish)
        if (heartbeat := self._settings.notify.heartbeat) is not None:
            url = heartbeat.address()
            beat = Heartbeat(url, heartbeat.every_s, self._health.ailment, self._clock)
            self._keep.keep("heartbeat", beat.run)
        self._prover = self._figures.prover = self._proofs.desk = prover(
            self._settings,
            self._book,
            alarms,
            ProofBook(self._ledger),
            people,
            self._hub,
            self._mqtt_url,
            self._health.report,
            self._clock,
        )
        self._keep.keep("proof", self._prover.run)

    @property
    def _sharing(self) -> bool:
        """Whether this is one of several processes that store what devices send, each a part of it."""
        return self._settings.mqtt.share is not None and self._parts == {"ingest"}

    def _shared(self, topics: str) -> str:
        """Of a shared subscription the broker gives each message to one process of the group."""
        return f"$share/{self._settings.mqtt.share}/{topics}" if self._sharing else topics

    @property
    def _own_name(self) -> list[str]:
        """What tells this process from the others of the same service; nothing where there is only one."""
        return sorted(self._parts) if self._parts != PARTS else []

    # ---- what goes from room to room

    async def _take_readings(self, readings: Sequence[Reading]) -> None:
        # Judged in the first step of this call; what follows waits for the ledger only.
        judged = self._alarms.submit_readings(readings) if self._alarms is not None else None
        if (
            self._prover is not None
            and self._prover.proving
            and any(is_test(reading.device.site) for reading in readings)
        ):
            self._prover.heard(self._clock.now_ms())
        if self._room is not None:
            self._room.take_readings(readings)
        try:
            if judged is not None:
                await judged
        finally:
            if self._hub is not None:
                self._hub.notify_readings(readings)

    def _take_reply(self, charger: DeviceRef, reply: Reply) -> None:
        if self._room is not None:
            self._room.take_reply(charger, reply)

    def _attend(self, camera: DeviceRef, until_ms: int) -> None:
        if self._watcher is not None:
            self._watcher.attend(camera, until_ms)
        elif self._relay is not None and "vision" not in self._parts:
            self._relay.send_attention(camera, until_ms)

    def _take_frame(self, frame: Frame) -> None:
        self._gallery.hang(frame)
        if self._prover is not None and self._prover.proving and is_test(frame.camera.site):
            self._prover.heard(frame.received_ms)
        if self._parts != PARTS and frame.camera in self._fetched:
            topic = topic_of(frame.camera, DeviceKind.CAMERA, "frame", self._settings.mqtt.prefix)
            self._broker.publish(topic, frame.image, qos=0)
        if self._watcher is not None:
            self._watcher.show(frame)

    async def _observe(self, observations: list[Observation]) -> None:
        if (
            self._prover is not None
            and self._prover.proving
            and any(it.active and is_test(it.camera.site) for it in observations)
        ):
            self._prover.saw()
        if self._alarms is not None:
            await self._alarms.submit_observations(observations)
        elif self._relay is not None:
            await self._relay.send_observations(observations)

    async def _order(self, order: Order) -> Answer:
        assert self._relay is not None
        return await self._relay.order(order)
