"""The alarm service: readings, observations and health in, alert changes out; it is the alarm desk.

Evaluation happens in memory and changes go to all subscribers at once. The ledger follows: `submit_*` waits for it a
little, never for long; while it is down, alarms still go out and `service_degraded` says so.

    async with AlarmService(topology, book, ledger, clock) as desk:
        await desk.submit_readings(readings)
        async for change in desk.changes():
            ...
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from random import Random
from typing import Self

import structlog

from alerts.bays import BayMap
from alerts.desk import AlertQuery, Order
from alerts.engine import SYSTEM, AlarmEngine, alert_ids
from alerts.feed import Feed, Subscription
from alerts.fusion import Fusion
from alerts.group import Group
from alerts.history import MAX_RESUMED, History, page_of
from alerts.ledger.database import Ledger, LedgerError, NoticeRow
from alerts.load import DAY_MS, MAX_SEEDED, LoadFigures, LoadMeter
from alerts.memory import SAVE_EVERY_S, MemoryFile
from alerts.messages import SERVICE
from alerts.model import Alert, AlertChange, AlertKind, Condition, Transition
from alerts.orders import Limits
from alerts.register import Register
from alerts.rules.base import Surroundings, ref_of
from alerts.rules.catalogue import all_rules
from alerts.rules.cut_failed import CutFailedRule
from alerts.rules.runner import RuleSet
from alerts.rules.service_health import HealthState, ServiceHealth
from alerts.rules.sessions import Sessions
from alerts.rules.settings import RuleBook
from alerts.steady import SteadyTime
from alerts.suppression import RootCauses, aside_of, regroup
from alerts.writer import LedgerWriter
from ingest.model import DeviceKind, DeviceRef, Reading, Topology
from shedwatch.clock import Clock
from shedwatch.supervise import Supervisor
from vision.model import Observation, Zone

_log = structlog.get_logger(__name__)

WRITE_WAIT_S = 2.0
"""How long a caller waits for the ledger: as long as an alarm may take to the screen, and one second."""

OPEN_WAIT_S = 10.0
"""How long the start waits for the ledger before it goes on without it."""

_CAMERA = DeviceKind.CAMERA
CLOSE_WAIT_S = 5.0
REOPEN_S = 5.0
UNWATCHED = "no longer configured: nothing watches this any more"
PROOF_OVER = "the proof is over"


class AlarmService:
    """Implements `alerts.desk.AlarmDesk`; use as an asynchronous context.

    Args:
        seed: of the random part of alert ids; None draws from the system.
        tick_s: how often rules are told that time has passed.
        memory: where rules keep what they learn over days; None: in this process only.
        limits: for how long people may put alerts aside.
        zones: what each camera looks at; its bays say which port smoke is seen at.
        register: the extinguishers.
        groups: devices with a common cause beside those of each shed.
        fetched: cameras whose pictures do not come over the broker.
        followers: names of marks of those who follow the transitions. One that has none yet is set before anything of this
            life is written: else a crash before its first one would hide from it what had been written by then.
        keep: keeps our loops alive.
    """

    def __init__(
        self,
        topology: Topology,
        book: RuleBook,
        ledger: Ledger,
        clock: Clock,
        seed: int | None = None,
        tick_s: float = 1.0,
        memory: MemoryFile | None = None,
        limits: Limits | None = None,
        zones: Mapping[DeviceRef, Sequence[Zone]] | None = None,
        register: Register | None = None,
        groups: Sequence[Group] = (),
        fetched: Collection[DeviceRef] = frozenset(),
        followers: Sequence[str] = (),
        keep: Supervisor | None = None,
    ) -> None:
        around, self.bays = Surroundings(topology, book, register or Register()), BayMap(topology, zones or {})
        sessions = Sessions(around)
        self._topology = topology
        self._ledger = ledger
        self._followers = tuple(followers)
        self._clock = clock
        self._tick_s = tick_s
        self._memory = memory
        self._health = ServiceHealth(around)
        self._roots = RootCauses(around, groups, fetched)
        self._cut_failed = CutFailedRule(around)
        self.rules = RuleSet([*all_rules(around, sessions), self._health, self._cut_failed, self._roots])
        self._fusion = Fusion(topology, self.bays, sessions)
        self._feed = Feed()
        self._load = LoadMeter()
        self._history = History(self._feed, ledger)
        self._writer = LedgerWriter(ledger, clock, self._ledger_told)
        self._random = Random(seed)
        self._engine = AlarmEngine(alert_ids(self._random), clock.now_ms(), limits)
        self._started_seq = self._engine.last_seq
        self._supervisor = keep or Supervisor()
        self._started = False
        self._unsound: set[str] = set()
        self.counts: Counter[str] = Counter()
        self._steady = SteadyTime(clock, self.counts)

    async def __aenter__(self) -> Self:
        if self._memory is not None:
            await self._memory.recall(self.rules, self._steady.now_ms())
        restored = await self._restore_within(OPEN_WAIT_S)
        self._started = True
        self._supervisor.keep("alerts-ledger-writer", self._writer.run)
        self._supervisor.keep("alerts-tick", self._tick_for_ever)
        if self._memory is not None:
            self._supervisor.keep("alerts-memory", partial(self._remember_for_ever, self._memory))
        if not restored:
            self._supervisor.finish("alerts-ledger-open", self._restore_later)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._feed.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WAIT_S):
                await self._writer.drain()
        if self._writer.waiting:
            _log.error("stopped with changes that the ledger did not take; they are lost", entries=self._writer.waiting)
        await self._supervisor.end()
        if self._memory is not None:
            await self._memory.keep(self.rules, self._steady.now_ms())
        await self._ledger.close()

    # What comes in

    async def submit_readings(self, readings: Sequence[Reading]) -> None:
        """Judge readings; returns when what they changed is in the ledger, or after `WRITE_WAIT_S`.

        A camera's reading that is no status says that a picture of it has arrived.
        """
        now_ms = self._steady.now_ms()
        pictures = [it for it in readings if it.kind is _CAMERA and it.online is None and not it.late]
        for picture in pictures:
            self.rules.frame(picture.device, now_ms)
        await self._settle(self.rules.readings(readings, now_ms))

    async def submit_observations(self, observations: Sequence[Observation]) -> None:
        """Judge what cameras see; as `submit_readings`."""
        now_ms = self._steady.now_ms()
        await self._settle(
            condition for observation in observations for condition in self.rules.observation(observation, now_ms)
        )

    def submit_health(self, name: str, state: HealthState, detail: str = "") -> None:
        """Say how a part of the service does; a part that is not ok for some seconds raises `service_degraded`."""
        self._fold(self._health.submit(name, state, detail, self._steady.now_ms()))

    def submit_cut_failed(self, charger: DeviceRef, port: int | None, why: str, power_w: float | None) -> None:
        """Say that a port could not be switched off; raises `cut_failed` until its meter shows that it is."""
        self._fold(self._cut_failed.failed(charger, port, why, power_w))

    def health(self) -> dict[str, tuple[HealthState, str]]:
        """Every part's state and detail as last submitted, the ledger's and the rules' included."""
        return self._health.parts

    @property
    def writing(self) -> bool:
        """Whether changes wait for the ledger."""
        return self._writer.waiting > 0

    async def written(self) -> None:
        """Wait until no change waits for the ledger: for as long as it is down."""
        await self._writer.drain()

    def figures(self) -> dict[str, float]:
        """Counters for `/metrics`: those of `counts`, what waits for the ledger, and what was given up."""
        return {
            **self.counts,
            "open": len(self._engine.open_alerts()),
            "ledger_waiting": self._writer.waiting,
            "ledger_dropped": self._writer.dropped,
            "ledger_refused": self._writer.refused,
            "readers_let_go": self._feed.let_go,
            "rule_failures": self.rules.failures.total(),
            "fusion_failures": self._fusion.failures.total(),
        }

    # The desk

    async def query(self, query: AlertQuery) -> tuple[Sequence[Alert], str | None]:
        if query.state == "open":
            return page_of(self._engine.open_alerts(), query)
        return await self._history.page(query)

    async def get(self, alert_id: str) -> Alert:
        return self._engine.find(alert_id) or await self._history.find(alert_id)

    async def log(self, alert_id: str) -> Sequence[Transition]:
        await self.get(alert_id)
        return await self._history.log(alert_id)

    async def order(self, order: Order) -> Alert:
        closed = None if self._engine.find(order.alert_id) else await self.get(order.alert_id)
        change = self._engine.order(order, self._clock.now_ms(), closed)
        await self._written(self._publish([change]))
        return change.alert

    async def acknowledge(self, alert_id: str, who: str, note: str) -> Alert:
        """As `order`."""
        return await self.order(Order("acknowledge", alert_id, who, note))

    def open_alerts(self) -> Sequence[Alert]:
        return self._engine.open_alerts()

    def load(self) -> LoadFigures:
        return self._load.figures(self._engine.open_alerts(), self._clock.now_ms())

    def changes(self, after_seq: int | None = None) -> Subscription:
        """Changes from now on, after those since `after_seq`. Ends when the service stops or its reader is too slow."""
        if after_seq is None:
            return self._feed.subscribe()
        return self._feed.subscribe(lambda: self._history.changes_after(after_seq, self._started_seq))

    async def end_tests(self) -> None:
        """End every test alert that is still there: the proof it was raised for is over."""
        now_ms, changes = self._clock.now_ms(), []
        for alert in [one for one in self._engine.open_alerts() if one.test]:
            if (change := self._engine.abandon(alert.id, PROOF_OVER, now_ms)) is not None:
                changes.append(change)
            if self._engine.find(alert.id) is not None:
                changes.append(self._engine.order(Order("close", alert.id, SYSTEM, PROOF_OVER), now_ms))
        await self._written(self._publish(changes))

    # What the notifier needs

    @property
    def started_seq(self) -> int:
        """Transitions up to this one are of an earlier life."""
        return self._started_seq

    def keep(self, notices: Sequence[NoticeRow], marks: dict[str, int] | None = None) -> None:
        """Have notices and marks written to the ledger, in order, when it can be."""
        self._writer.put(notices=notices, marks=marks)

    async def notices(self, alert_id: str) -> list[NoticeRow]:
        """All notices of an alert, sent or not. Raises LedgerError."""
        return await self._ledger.notices(alert_id)

    async def missed(self, mark: int) -> list[AlertChange]:
        """Changes of earlier lives above a mark, in order: the newest `MAX_RESUMED` of them. Raises LedgerError."""
        if mark >= self._started_seq:
            return []
        found = await self._ledger.changes_after(mark, MAX_RESUMED)
        return [change for change in found if change.transition.seq <= self._started_seq]

    async def unfinished(self) -> tuple[int | None, list[NoticeRow]]:
        """The notifier's mark and the notices still to be sent. Raises LedgerError."""
        return await self._ledger.mark("notifier"), await self._ledger.pending_notices()

    # Inside

    async def _settle(self, conditions: Iterable[Condition]) -> None:
        await self._written(self._fold(conditions))

    def _fold(self, conditions: Iterable[Condition]) -> asyncio.Event | None:
        now_ms, steady_ms = self._clock.now_ms(), self._steady.now_ms()
        changes: list[AlertChange] = []
        for condition in (fused for told in conditions for fused in self._fusion.take(told, steady_ms)):
            try:
                for one in (*self._roots.take(condition, steady_ms), condition):
                    changes += self._apply(one, now_ms, steady_ms)
            except Exception as error:  # noqa: BLE001 - supervised: one condition must not cost the alarms of the others
                self.counts["engine_failures"] += 1
                _log.exception("condition could not be applied", key=condition.key)
                if condition.key.kind is not AlertKind.SERVICE_DEGRADED:
                    # Of its own failure it could only tell itself.
                    self._supervisor.survived("alarms", error, f"{condition.key.kind} could not be applied")
        return self._publish(changes)

    def _apply(self, condition: Condition, now_ms: int, steady_ms: int) -> list[AlertChange]:
        found = self._roots.explains(condition.key, condition.severity, steady_ms) if condition.active else None
        aside = aside_of(self._engine, found, now_ms) if found is not None else None
        change = self._engine.apply(condition, now_ms, aside)
        return [] if change is None else [change, *self._engine.consequences(change, now_ms)]

    def _pass_time(self) -> None:
        now_ms, steady_ms = self._clock.now_ms(), self._steady.now_ms()
        self._fold(self.rules.tick(steady_ms))
        steps: tuple[Callable[[], object], ...] = (
            lambda: self._publish(self._engine.tick(now_ms)),
            lambda: self._publish(regroup(self._engine, self._roots, now_ms, steady_ms)),
            lambda: self._tell_unsound_rules(steady_ms),
        )
        for step in steps:
            try:
                step()
            except Exception as error:  # noqa: BLE001 - supervised: time must go on for everything else
                self.counts["engine_failures"] += 1
                self._supervisor.survived("alarms", error, "a step of the alarms' clock failed")

    def _publish(self, changes: Sequence[AlertChange]) -> asyncio.Event | None:
        if not changes:
            return None
        for change in changes:
            self.counts[f"action_{change.transition.action}"] += 1
            self._load.take(change)
            self._feed.publish(change)
        return self._writer.put(changes)

    async def _written(self, written: asyncio.Event | None) -> None:
        if written is None or self._writer.failing:
            # Ingest acknowledges messages after this: a ledger that is down must not slow it.
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WRITE_WAIT_S):
                await written.wait()

    async def _tick_for_ever(self) -> None:
        while True:
            await self._clock.sleep(self._tick_s)
            self._pass_time()

    async def _remember_for_ever(self, memory: MemoryFile) -> None:
        while True:
            await self._clock.sleep(SAVE_EVERY_S)
            await memory.keep(self.rules, self._steady.now_ms())

    def _tell_unsound_rules(self, now_ms: int) -> None:
        unsound = self.rules.unsound(now_ms)
        for name, reason in unsound.items():
            self.submit_health(f"rule-{name}", "degraded", reason)
        for name in self._unsound - set(unsound):
            self.submit_health(f"rule-{name}", "ok")
        self._unsound = set(unsound)

    def _ledger_told(self, reason: str | None) -> None:
        self.submit_health("ledger", "ok" if reason is None else "down", reason or "")

    async def _restore_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._ledger.open()
                alerts = await self._ledger.open_alerts()
                told = await self._ledger.changes_since(self._clock.now_ms() - DAY_MS, MAX_SEEDED)
                last_seq = await self._ledger.last_seq()
                self._engine.continue_after(last_seq)
                await self._begin_marks(last_seq)
                if not self._started:
                    self._started_seq = self._engine.last_seq
        except (LedgerError, TimeoutError) as error:
            reason = str(error) or f"no answer within {seconds:g} s"
            _log.warning("ledger cannot be opened, alarms go on without it", reason=reason)
            self._ledger_told(reason)
            return False
        self._load.seed(told)
        self._restore(alerts)
        self._ledger_told(None)
        return True

    async def _begin_marks(self, last_seq: int) -> None:
        missing = [name for name in self._followers if await self._ledger.mark(name) is None]
        if missing:
            await self._ledger.append([], marks=dict.fromkeys(missing, last_seq))

    async def _restore_later(self) -> None:
        while not await self._restore_within(OPEN_WAIT_S):
            await self._clock.sleep(REOPEN_S)

    def _restore(self, alerts: Sequence[Alert]) -> None:
        now_ms = self._clock.now_ms()
        changes = []
        for alert in alerts:
            if self._engine.find(alert.id) is not None:
                continue
            watching = self._watching(alert) if alert.active else []
            changes.append(self._engine.restore(alert, watching, now_ms))
            if alert.active and not watching:
                changes.append(self._engine.abandon(alert.id, PROOF_OVER if alert.test else UNWATCHED, now_ms))
        self._publish([change for change in changes if change is not None])

    def _watching(self, alert: Alert) -> list[str]:
        if alert.test:
            # The proof it was raised for has ended with the process that made it.
            return []
        if alert.site != SERVICE and self._topology.find(ref_of(alert.key)) is None:
            return []
        return self.rules.restore(alert, self._steady.now_ms())
