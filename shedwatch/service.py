"""The composition root: from settings to a running service. The only module that knows every room.

Each part (`ingest`, `vision`, `alerts`, `api`) is put together by one method; what parts say to each other goes
directly where they share this process, else over the bus (`shedwatch.relay`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import structlog

from alerts.cutoff.model import CutDesk
from alerts.cutoff.room import CutRoom
from alerts.desk import AlarmDesk, Order
from alerts.ledger.database import Ledger
from alerts.ledger.proofs import ProofBook
from alerts.ledger_desk import Answer
from alerts.proof.prover import Prover
from alerts.proof.remote import RemoteProofDesk
from alerts.proving_ground import is_test
from alerts.register import RegisterFile, with_register
from alerts.service import AlarmService
from api.app import create_app, hub_of
from api.auth import TokenBook
from api.deps import ApiDeps
from api.links import signer_in
from api.stream import Hub
from ingest.contract import Reply, topic_of
from ingest.intake import Intake
from ingest.model import DeviceKind, DeviceRef, Frame, Reading
from ingest.replay import Replayer
from ingest.store.sole import alone, lock_of
from ingest.store.sqlite import SqliteStore
from ingest.strays import Strays
from shedwatch.alarming import desk_elsewhere, open_alarms, rule_book
from shedwatch.bus import Bus
from shedwatch.clock import Clock
from shedwatch.cutting import cut_room, remote_cuts
from shedwatch.heartbeat import Heartbeat
from shedwatch.house import PARTS, House
from shedwatch.http import server
from shedwatch.no_store import NoStore
from shedwatch.people import People
from shedwatch.proving import ProofDoor, prover
from shedwatch.relay import Relay
from shedwatch.seeing import fetch_pictures, keep_evidence, watch_cameras
from shedwatch.settings import Settings
from shedwatch.store_room import Stores, open_stores
from vision.evidence import EvidenceFolder
from vision.gallery import Gallery
from vision.model import Observation
from vision.watcher import Watcher

__all__ = ["PARTS", "Service"]

log = structlog.get_logger(__name__)

HEALTH_EVERY_S = 1.0


class Service:
    """One process of the service, with all parts or some; `seed` as in `House`.

    `ordered` counts the commands given to the bus for each charger.
    """

    def __init__(self, settings: Settings, parts: frozenset[str], clock: Clock, seed: int | None = None) -> None:
        self.ordered: Counter[DeviceRef] = Counter()
        self._extinguishers = RegisterFile(settings.register_path())
        self._extinguishers.refresh()
        topology = with_register(settings.topology(), self._extinguishers.register)
        self._house = House(settings, parts, clock, topology, seed)
        self._keep = self._house.keep
        self._bus = Bus(self._house)
        self._gallery = Gallery()
        self._evidence = EvidenceFolder(settings.data_dir / "evidence")
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

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set."""
        async with self._house.stack:
            try:
                with self._keep.listen():
                    await self._put_together()
                    log.info("service started", parts=sorted(self._house.parts), instance=self._house.settings.instance)
                    await stop.wait()
                    log.info("service stopping")
                    if self._hub is not None:
                        self._hub.close()
            finally:
                await self._keep.end()

    @property
    def bus(self) -> Bus:
        """Its connections to the broker."""
        return self._bus

    def under_way(self, delivered: int | None) -> str:
        """What is not done yet of this moment; empty when the devices' `delivered` messages are judged and told.

        For simulations whose clock stands still until then (`shedwatch.lockstep`). The store may be behind. None: there
        is no broker for now, and nobody is waited for.
        """
        intake, watcher, people = self._intake, self._watcher, self._people
        if intake is None or people is None:
            return "the service starts"
        if delivered is not None and not self._bus.online:
            return "the service connects to the broker"
        if delivered is not None and (missing := self.missing(delivered)) > 0:
            return f"{missing} messages are on their way"
        if intake.unjudged:
            return "messages are being judged"
        if watcher is not None and watcher.busy:
            return "pictures are being looked at"
        if self._alarms is not None and self._alarms.writing:
            return "the ledger is being written"
        if self._extinguishers.busy:
            return "the register of extinguishers is being read"
        if self._room is not None and self._room.busy:
            return "power is being cut"
        return "notices are being sent" if people.busy else ""

    def missing(self, delivered: int) -> int:
        """How many of the devices' `delivered` messages have not come yet."""
        counters = self._house.figures.intake.counters if self._house.figures.intake else None
        return delivered - counters.received + counters.own if counters else delivered

    async def _put_together(self) -> None:
        house = self._house
        stores = await open_stores(house)
        desk = await self._open_desk()
        if house.settings.mqtt.embedded and house.has("ingest"):
            await self._bus.start_broker()
        if not house.whole:
            self._start_relay(desk)
        if house.has("vision") and house.settings.watches_cameras():
            self._watcher = watch_cameras(house, self._evidence.folder, self._gallery, self._observe)
        if house.has("api"):
            self._start_api(stores, desk)
        self._start_intake(stores.local)
        if self._alarms is not None:
            keep_evidence(house, self._evidence.folder, self._alarms)
            await self._start_people(self._alarms)
        if self._room is not None:
            await house.stack.enter_async_context(self._room)

    # ---- the rooms

    async def _open_desk(self) -> AlarmDesk:
        house = self._house
        self._ledger = ledger = Ledger(house.settings.ledger_url())
        if not house.has("alerts"):
            self._cuts = remote_cuts(ledger, lambda: self._relay)
            return desk_elsewhere(house, ledger, self._order)
        self._book = rule_book(house)
        self._alarms = await open_alarms(house, self._book, ledger, self._extinguishers)
        self._cuts = self._room = cut_room(
            house, self._alarms, ledger, lambda: self._broker, self._attend, self.ordered
        )
        return self._alarms

    def _start_relay(self, desk: AlarmDesk) -> None:
        self._relay = relay = self._bus.relay()
        if self._alarms is not None:
            relay.serve_observations(self._observe)
            relay.serve_health(self._house.health.report)
            relay.serve_orders(desk)
            relay.serve_cuts(self._cuts)
            relay.serve_proofs(self._proofs)
        else:
            self._proofs.desk = RemoteProofDesk(relay.prove)
        if self._house.has("vision"):
            relay.serve_attention(self._attend)

    def _start_api(self, stores: Stores, desk: AlarmDesk) -> None:
        house = self._house
        settings, data = house.settings.api, house.settings.data_dir
        app = create_app(
            ApiDeps(
                topology=house.topology,
                store=stores.reading,
                letters=stores.local.letters,
                desk=desk,
                tokens=TokenBook(data / "auth.db"),
                pictures=self._gallery,
                evidence_dir=self._evidence.folder,
                health=house.health,
                counters=house.figures.read,
                clock=house.clock,
                base_url=settings.base_url or f"http://{settings.host}:{settings.port}",
                picture_limit_s=settings.picture_limit_s,
                links=signer_in(data),
                zone=house.settings.notify.zone,
                cuts=self._cuts,
                keep=self._keep.branch(),
                proofs=self._proofs,
                limits=house.settings.limits(),
            )
        )
        self._hub = hub_of(app)
        self._keep.keep("api", server(app, settings.host, settings.port))

    def _start_intake(self, store: SqliteStore) -> None:
        house, clock, prefix = self._house, self._house.clock, self._house.settings.mqtt.prefix
        broker, frames = self._bus.main(), self._bus.frames()
        intake = Intake(
            house.proved,
            store if house.has("ingest") else NoStore(),
            clock,
            broker.inbox,
            frames.inbox,
            on_readings=self._take_readings,
            on_frame=self._take_frame,
            on_reply=self._take_reply,
            prefix=prefix,
            paces=house.settings.paces(),
        )
        self._broker = broker
        self._intake = house.figures.intake = intake
        self._keep.keep("intake", lambda: broker.read_by(intake.run))
        self._keep.keep("health-watch", lambda: self._watch_health(intake))
        if not house.has("ingest"):
            return
        fetch_pictures(house, intake.offer_frame)
        everything = self._bus.strays()
        strays = Strays(everything.inbox, intake.refuse_stray, prefix)
        self._keep.keep("strays", lambda: everything.read_by(strays.run))
        replayer, lock = Replayer(house.proved, store, store.letters, clock, prefix), lock_of(store.path, "replay")
        self._keep.keep("replay", lambda: alone(lock, replayer.run))

    async def _watch_health(self, intake: Intake) -> None:
        """Ask those parts that do not report by themselves."""
        while True:
            self._bus.report_health()
            state, detail, _ = intake.health
            self._house.health.report("intake", state, detail)
            await self._house.clock.sleep(HEALTH_EVERY_S)

    async def _start_people(self, alarms: AlarmService) -> None:
        house = self._house
        self._people = people = People(
            house.settings, alarms, self._broker, self._evidence.load, house.clock, self._keep.branch, house.seed
        )
        await people.start(house.stack)
        self._keep.keep("republish", people.republish)
        if (heartbeat := house.settings.notify.heartbeat) is not None:
            beat = Heartbeat(heartbeat.address(), heartbeat.every_s, house.health.ailment, house.clock)
            self._keep.keep("heartbeat", beat.run)
        self._prover = house.figures.prover = self._proofs.desk = prover(
            house.settings,
            self._book,
            alarms,
            ProofBook(self._ledger),
            people,
            self._hub,
            self._bus.url,
            house.health.report,
            house.clock,
        )
        self._keep.keep("proof", self._prover.run)

    # ---- what goes from room to room

    async def _take_readings(self, readings: Sequence[Reading]) -> None:
        # Judged in the first step of this call; what follows waits for the ledger only.
        judged = self._alarms.submit_readings(readings) if self._alarms is not None else None
        if (
            self._prover is not None
            and self._prover.proving
            and any(is_test(reading.device.site) for reading in readings)
        ):
            self._prover.heard(self._house.clock.now_ms())
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
        elif self._relay is not None and not self._house.has("vision"):
            self._relay.send_attention(camera, until_ms)

    def _take_frame(self, frame: Frame) -> None:
        self._gallery.hang(frame)
        if self._prover is not None and self._prover.proving and is_test(frame.camera.site):
            self._prover.heard(frame.received_ms)
        if not self._house.whole and frame.camera in self._fetched:
            topic = topic_of(frame.camera, DeviceKind.CAMERA, "frame", self._house.settings.mqtt.prefix)
            self._broker.publish(topic, frame.image, qos=0)
        if self._watcher is not None:
            self._watcher.show(frame)

    async def _observe(self, observations: list[Observation]) -> None:
        if self._prover is not None and self._prover.proving:
            for seen in observations:
                if seen.active and is_test(seen.camera.site):
                    self._prover.saw(seen.worker)
        if self._alarms is not None:
            await self._alarms.submit_observations(observations)
        elif self._relay is not None:
            await self._relay.send_observations(observations)

    async def _order(self, order: Order) -> Answer:
        assert self._relay is not None
        return await self._relay.order(order)
