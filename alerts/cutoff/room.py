"""Where cuts are carried out: orders of people and policies in, commands to chargers out, each step kept before the next is taken.

One task does everything in order, so that a reply, a report and a tick never meet. A ledger that is down or slow holds
nothing up for more than a second: cutting goes before writing down.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Protocol, Self

import structlog

from alerts.bays import BayMap
from alerts.cutoff.interlock import OTHER_SHED_MS, held_back
from alerts.cutoff.machine import CutTimes, Loop, Send, requested
from alerts.cutoff.model import Cut, CutOrder, CutState, RefusedCutError, UnknownCutError, UnknownPortError
from alerts.cutoff.policy import POLICY, CutPolicy, begins, orders_of
from alerts.desk import DeskError, Order
from alerts.feed import Subscription
from alerts.ledger.cuts import CutBook
from alerts.ledger.database import LedgerError
from alerts.model import Alert
from alerts.rules.relay_welded import OFF_STATES
from ingest.contract import Command, Reply
from ingest.model import DeviceKind, DeviceRef, Reading, Topology
from shedwatch.clock import Clock
from shedwatch.supervise import Supervisor

_log = structlog.get_logger(__name__)

TICK_S = 0.5
KEEP_WAIT_S = 1.0
"""How long a step waits for the ledger."""

CLOSE_WAIT_S = 5.0

COMMAND_GOOD_FOR_MS = 30_000
"""A command that reaches its charger later than this belongs to another moment; the charger must not obey it."""

SendCommand = Callable[[DeviceRef, Command], None]
Attend = Callable[[DeviceRef, int], None]
"""A camera that is to be watched more closely, until when (epoch milliseconds)."""


class CutAlarms(Protocol):
    """What the room needs of the alarm service."""

    bays: BayMap

    def open_alerts(self) -> Sequence[Alert]:
        """See `AlarmDesk`."""

    def changes(self, after_seq: int | None = None) -> Subscription:
        """See `AlarmService.changes`."""

    def submit_cut_failed(self, charger: DeviceRef, port: int | None, why: str, power_w: float | None) -> None:
        """See `AlarmService.submit_cut_failed`."""

    async def written(self) -> None:
        """See `AlarmService.written`."""

    async def order(self, order: Order) -> Alert:
        """See `AlarmDesk`."""


class CutRoom:
    """Implements `alerts.cutoff.model.CutDesk`; use as an asynchronous context.

    Args:
        send: gives a command to the bus; returns at once.
        attend: has the cameras of a cut port watched more closely while the cut is.
        breaker: whether a charger's breaker may be opened where a port does not switch off.
    """

    def __init__(
        self,
        topology: Topology,
        alarms: CutAlarms,
        book: CutBook,
        send: SendCommand,
        clock: Clock,
        policies: Sequence[CutPolicy] = (),
        times: CutTimes | None = None,
        *,
        attend: Attend = lambda _camera, _until_ms: None,
        breaker: bool = True,
        seed: int | None = None,
        keep: Supervisor | None = None,
    ) -> None:
        self._topology = topology
        self._alarms = alarms
        self._book = book
        self._send_command = send
        self._clock = clock
        self._policies = tuple(policies)
        self._times = times or CutTimes()
        self._attend = attend
        self._breaker = breaker
        self._random = Random(seed)
        self._loops: dict[str, Loop] = {}
        self._unkept: dict[str, Cut] = {}
        self._work: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue()
        self._supervisor = keep or Supervisor()
        self._live: Subscription | None = None
        self._saving: set[asyncio.Task[None]] = set()
        self._one_at_a_time = asyncio.Lock()
        self.failures = 0

    async def __aenter__(self) -> Self:
        self._supervisor.keep("cuts", self._carry_out)
        self._supervisor.keep("cuts-tick", self._tick)
        if self._policies:
            self._live = self._alarms.changes()
            self._supervisor.finish("cuts-policy", self._follow)
        self._work.put_nowait(self._take_up)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._supervisor.end()
        if self._saving:
            await asyncio.wait(self._saving, timeout=CLOSE_WAIT_S)

    @property
    def busy(self) -> bool:
        """Whether something waits to be done now."""
        return not self._work.empty()

    # The desk

    async def cut(self, order: CutOrder) -> Cut:
        return await self._begin(order, automatic=False)

    async def find(self, cut_id: str) -> Cut:
        if (loop := self._loops.get(cut_id)) is not None:
            return loop.cut
        with contextlib.suppress(LedgerError):
            if (kept := await self._book.find(cut_id)) is not None:
                return kept
        raise UnknownCutError(cut_id)

    async def recent(self, limit: int) -> Sequence[Cut]:
        known = {cut.id: cut for cut in await self._kept(limit)}
        known |= {loop.cut.id: loop.cut for loop in self._loops.values()}
        return sorted(known.values(), key=lambda cut: (-cut.requested_ts, cut.id))[:limit]

    # What comes in

    def take_readings(self, readings: Sequence[Reading]) -> None:
        """Look at reports; returns at once."""
        if not self._loops:
            return
        heard = {loop.cut.charger for loop in self._loops.values()}
        ours = [reading for reading in readings if reading.device in heard and not reading.late]
        if ours:
            self._work.put_nowait(lambda: self._measure(ours))

    def take_reply(self, charger: DeviceRef, reply: Reply) -> None:
        """Look at a charger's answer; returns at once."""
        self._work.put_nowait(lambda: self._answer(charger, reply))

    # Inside: everything below runs in the one task, but for `_begin`, which takes no turn of its own

    async def _carry_out(self) -> None:
        while True:
            work = await self._work.get()
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - supervised: one cut's trouble must not stop the others
                self.failures += 1
                self._supervisor.survived("cuts", error, "a step of a cut failed")

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(TICK_S)
            if self._loops or self._unkept:
                self._work.put_nowait(self._time_passes)

    async def _follow(self) -> None:
        while True:
            live, self._live = self._live, None
            if live is None:
                live = self._alarms.changes()
                # What began meanwhile was not heard of.
                self._work.put_nowait(self._take_up)
            async with contextlib.aclosing(live):
                async for change in live:
                    if begins(change):
                        await self._by_policy(change.alert)
            if not live.lost:
                return

    async def _take_up(self) -> None:
        """Go on with the cuts of an earlier life, and with alerts that a policy had no time to cut for."""
        now_ms = self._clock.now_ms()
        earlier = await self._since(now_ms - round(self._times.watch_s * 1000))
        for cut in earlier:
            matters_until = max(cut.watch_until_ts or 0, cut.requested_ts + OTHER_SHED_MS)
            if cut.id not in self._loops and (not cut.settled or matters_until > now_ms):
                self._loops[cut.id] = loop = Loop(cut, self._times)
                self._watch_closely(cut)
                self._send(loop, loop.resume(now_ms))
        answered = {cut.alert_id for cut in earlier}
        for alert in self._alarms.open_alerts():
            if alert.id not in answered:
                await self._by_policy(alert)

    async def _since(self, from_ms: int) -> list[Cut]:
        try:
            return await self._book.since(from_ms)
        except LedgerError as error:
            _log.warning("cuts of an earlier life cannot be read", reason=str(error))
            return []

    async def _by_policy(self, alert: Alert) -> None:
        shed = self._topology.shed(alert.site, alert.shed)
        chargers = [it.ref.device for it in shed.devices if it.kind is DeviceKind.CHARGER] if shed else []
        for order in orders_of(alert, self._policies, self._alarms.bays, chargers):
            if self._told_before(order):
                continue
            try:
                await self._begin(order, automatic=True)
            except RefusedCutError as error:
                await self._note(alert.id, f"自动断电被限制 / automatic cut held back: {error}")
            except UnknownPortError as error:
                await self._note(alert.id, f"无法自动断电 / automatic cut not possible: {error}")

    def _told_before(self, order: CutOrder) -> bool:
        return any(
            (loop.cut.alert_id, loop.cut.device, loop.cut.port) == (order.alert_id, order.device, order.port)
            for loop in self._loops.values()
        )

    async def _begin(self, order: CutOrder, *, automatic: bool) -> Cut:
        self._check(order)
        now_ms = self._clock.now_ms()
        running = self._running(order)
        if running is not None:
            return running.cut
        if automatic:
            recent = [loop.cut for loop in self._loops.values()]
            reason = held_back(order.site, order.shed, recent, now_ms)
            if reason is not None:
                raise RefusedCutError(reason)
        cut_id = f"{now_ms:011x}-{self._random.getrandbits(32):08x}"
        cut = requested(cut_id, order, now_ms, automatic=automatic, breaker_allowed=self._breaker)
        # In the loops before anything waits: a second order for the port finds this one.
        self._loops[cut_id] = loop = Loop(cut, self._times)
        _log.info("cut requested", cut=cut_id, charger=str(cut.charger), port=cut.port, who=cut.who, why=cut.reason)
        self._watch_closely(cut)
        await self._keep(cut)
        self._send(loop, loop.begin())
        await self._tell(loop.cut)
        return loop.cut

    def _watch_closely(self, cut: Cut) -> None:
        # Whether or not it can be cut: where somebody wants the power off, there is danger.
        until_ms = cut.requested_ts + round(self._times.watch_s * 1000)
        for camera in self._alarms.bays.cameras_of(cut.charger, cut.port):
            self._attend(camera, until_ms)

    def _check(self, order: CutOrder) -> None:
        charger = self._topology.find(DeviceRef(order.site, order.shed, order.device))
        if charger is None or charger.kind is not DeviceKind.CHARGER:
            raise UnknownPortError(f"there is no charger {order.site}/{order.shed}/{order.device}")
        if order.port is not None and not 1 <= order.port <= charger.ports:
            raise UnknownPortError(f"charger {charger.ref} has ports 1 to {charger.ports}, not {order.port}")

    def _running(self, order: CutOrder) -> Loop | None:
        place = (order.site, order.shed, order.device)
        return next(
            (
                loop
                for loop in self._loops.values()
                if not loop.cut.settled
                and (loop.cut.site, loop.cut.shed, loop.cut.device) == place
                and loop.cut.port in (order.port, None)
            ),
            None,
        )

    async def _answer(self, charger: DeviceRef, reply: Reply) -> None:
        for loop in tuple(self._loops.values()):
            if loop.cut.charger == charger and reply.id == loop.cut.command_id:
                before = loop.cut
                sends = loop.replied(reply.id, reply.accepted, reply.reason, self._clock.now_ms())
                await self._after(before, loop, sends)

    async def _measure(self, readings: Sequence[Reading]) -> None:
        for loop in tuple(self._loops.values()):
            cut = loop.cut
            # What was measured before the order, or was under way with it, proves nothing.
            of_it = [it for it in readings if it.device == cut.charger and it.received_ms > cut.step_ts]
            power_w, current_a = _flow(of_it, cut.port)
            before = cut
            sends = loop.measured(power_w, current_a, self._clock.now_ms(), _off_ms(of_it, cut))
            await self._after(before, loop, sends)

    async def _time_passes(self) -> None:
        now_ms = self._clock.now_ms()
        if self._unkept and not self._saving:
            for cut in list(self._unkept.values()):
                await self._keep(cut)
        for loop in tuple(self._loops.values()):
            before = loop.cut
            await self._after(before, loop, loop.tick(now_ms))
            until = max(loop.cut.watch_until_ts or 0, loop.cut.requested_ts + OTHER_SHED_MS)
            if loop.cut.settled and until <= now_ms and loop.cut.id not in self._unkept:
                del self._loops[loop.cut.id]

    async def _after(self, before: Cut, loop: Loop, sends: Sequence[Send]) -> None:
        """Call people, keep what has changed, then order what is to be ordered, then write it into the alert's log."""
        cut = loop.cut
        changed = cut.state is not before.state
        if changed:
            _log.info("cut", cut=cut.id, state=str(cut.state), why=cut.log[-1].note)
            if cut.state is CutState.FAILED:
                self._alarms.submit_cut_failed(cut.charger, cut.port, cut.log[-1].note, cut.power_w)
                # The alarm first: a cut that is known to have failed is never taken up again, and nobody would be called.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(KEEP_WAIT_S):
                        await self._alarms.written()
            await self._keep(cut)
        self._send(loop, sends)
        if changed:
            await self._tell(cut)

    async def _keep(self, cut: Cut) -> None:
        """Write a cut down, waiting a moment for it; what takes longer goes on by itself, and is tried again if it fails."""
        self._unkept[cut.id] = cut
        saving = asyncio.create_task(self._save(cut))
        self._saving.add(saving)
        saving.add_done_callback(self._saving.discard)
        await asyncio.wait({saving}, timeout=KEEP_WAIT_S)

    async def _save(self, cut: Cut) -> None:
        # One after the other: an older state must never be written over a newer one.
        async with self._one_at_a_time:
            try:
                await self._book.save(cut)
            except LedgerError as error:
                _log.warning("cut not kept yet", cut=cut.id, reason=str(error))
            else:
                if self._unkept.get(cut.id) is cut:
                    del self._unkept[cut.id]

    async def _tell(self, cut: Cut) -> None:
        if cut.alert_id is not None:
            where = f"{cut.device}#{cut.port}" if cut.port is not None else cut.device
            await self._note(cut.alert_id, f"断电 / cut {where} {cut.state}: {cut.log[-1].note}")

    async def _note(self, alert_id: str, text: str) -> None:
        try:
            await self._alarms.order(Order("comment", alert_id, POLICY, text))
        except DeskError as error:
            _log.warning("cut not written into its alert's log", alert=alert_id, reason=str(error))

    def _send(self, loop: Loop, sends: Sequence[Send]) -> None:
        expires_ts = self._clock.now_ms() + COMMAND_GOOD_FOR_MS
        for send in sends:
            self._send_command(loop.cut.charger, Command(send.command_id, send.command, expires_ts, send.port))

    async def _kept(self, limit: int) -> list[Cut]:
        try:
            return await self._book.recent(limit)
        except LedgerError:
            return []


def _flow(readings: Sequence[Reading], port: int | None) -> tuple[float | None, float | None]:
    """Power and current of a port, or the most that any port of a whole charger draws; None where nothing was reported."""
    powers, currents = [], []
    for reading in readings:
        if reading.port is None or (port is not None and reading.port != port):
            continue
        power_w, current_a = reading.values.get("power_w"), reading.values.get("current_a")
        powers += [float(power_w)] if power_w is not None else []
        currents += [float(current_a)] if current_a is not None else []
    return max(powers, default=None), max(currents, default=None)


def _off_ms(readings: Sequence[Reading], cut: Cut) -> int | None:
    """When it was said that the order was carried out, if all that tells of the flow says so in the same message."""
    flow = [
        it
        for it in readings
        if it.port is not None
        and cut.port in (None, it.port)
        and not it.values.keys().isdisjoint(("power_w", "current_a"))
    ]
    if cut.by_breaker:
        opened = {it.received_ms for it in readings if it.port is None and it.values.get("breaker") == "open"}
        off = [it for it in flow if it.received_ms in opened]
    else:
        off = [it for it in flow if it.values.get("state") in OFF_STATES or it.values.get("fault") == "relay_welded"]
    return min((it.ts_ms for it in off), default=None) if len(off) == len(flow) else None
