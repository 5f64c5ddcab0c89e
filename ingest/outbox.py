"""From the outbox to the remote store: in order, one request at a time, forgotten here only when it is there.

    embedded store's transaction ─► outbox ─► request ─► answer ─► verdict ─┬─► accepted: forget
                                                                            ├─► lines refused: find them, bury them, go on
                                                                            └─► else: keep, say so, try again

Nothing of the service waits for it. A crash repeats the last request, which changes nothing at the store.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog

from ingest.counters import RefusalKind
from ingest.store.outbox_book import Outbox
from ingest.store.port import Refusal, StoreError
from ingest.store.remote import Answer, RemoteStore
from ingest.store.sorting import RefusedLine, Sorting
from ingest.store.spool import OutboxLevel, Parcel
from ingest.store.verdict import SAME_ANSWERS, Action, Verdict, judge
from shedwatch.clock import Clock

log = structlog.get_logger(__name__)

Report = Callable[[str, str, str], None]
"""Part, `ok` or `degraded`, detail for people."""

PARCEL_LINES = 5000
PARCEL_BYTES = 1 << 20
LEAST_PARCEL_BYTES = 16 << 10
# Readings trickle in; so long others may join them in one request.
LINGER_S = 0.2
# Another process may fill the outbox without our noticing.
LOOK_EVERY_S = 1.0
# What only people can mend is tried again at this pace; a restored token is noticed within it.
HOLD_S = 10.0
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.5, 30.0
PROBE_EVERY_S = 1.0
WATCH_EVERY_S = 1.0
EXPIRE_EVERY_S = 60.0
# Shorter trouble is not worth an alarm: a store that restarts.
SHORT_TROUBLE_S = 5.0
# Lines that were refused or given up are told of for so long.
LOSS_SHOWN_S = 600.0
NEARLY_FULL = 0.8


class Trouble(NamedTuple):
    """Why the store takes nothing, since when by the monotonic clock, and whether somebody has to mend it."""

    reason: str
    since_s: float
    needs_people: bool


@dataclass(slots=True)
class ShipperCounters:
    """Since the start. `requests` by `Action`."""

    lines: int = 0
    refused: int = 0
    requests: Counter[Action] = field(default_factory=Counter)


class Shipper:
    """Keep `run` running. Reports the parts `store-remote`, `store-refused` and `store-outbox`."""

    def __init__(
        self, outbox: Outbox, remote: RemoteStore, clock: Clock, report: Report, rng: random.Random | None = None
    ) -> None:
        self.counters = ShipperCounters()
        self._outbox = outbox
        self._remote = remote
        self._clock = clock
        self._report = report
        self._rng = rng or random.Random()
        self._trouble: Trouble | None = None
        self._failures = 0
        self._believes_probe = True
        self._max_bytes = PARCEL_BYTES
        self._refused_at_s: float | None = None
        self._refused_reason = ""
        self._dropped: int | None = None
        self._dropped_at_s: float | None = None

    @property
    def trouble(self) -> Trouble | None:
        """What keeps lines from the store now."""
        return self._trouble

    @property
    def level(self) -> OutboxLevel:
        """What waits."""
        return self._outbox.level

    @property
    def age_s(self) -> float:
        """How long the oldest line has waited."""
        oldest_ms = self._outbox.level.oldest_ms
        return 0.0 if oldest_ms is None else max(0.0, (self._clock.now_ms() - oldest_ms) / 1000)

    def stand_by(self) -> None:
        """Say that nothing is known of the store here: another process sends."""
        for part in ("store-remote", "store-refused", "store-outbox"):
            self._report(part, "ok", "another process sends")

    async def run(self) -> None:
        """Send until cancelled. Of the processes that share an outbox one at a time may (`ingest.store.sole`)."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._ship(), name="outbox-ship")
            tasks.create_task(self._watch(), name="outbox-watch")

    # ---- the way out

    async def _ship(self) -> None:
        while True:
            self._outbox.grew.clear()
            try:
                parcel = await self._outbox.next(PARCEL_LINES, self._max_bytes)
                if parcel is None:
                    await self._wait_for_more()
                    continue
                await self._settle(parcel, await self._deliver(parcel.lines))
            except StoreError as error:
                log.warning("outbox_cannot_be_used", reason=str(error))
                await self._clock.sleep(1.0)
                continue
            if len(parcel.lines) * 2 < PARCEL_LINES:
                await self._clock.sleep(LINGER_S)

    async def _wait_for_more(self) -> None:
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await self._outbox.grew.wait()
        except TimeoutError:
            return

    async def _settle(self, parcel: Parcel, refused: Sequence[RefusedLine]) -> None:
        now_ms = self._clock.now_ms()
        topic = f"store {self._remote.name}"
        refusals = [
            Refusal(now_ms, topic, reason, line, kind=str(RefusalKind.STORE), source=topic) for line, reason in refused
        ]
        await self._outbox.settle(parcel.last_seq, refusals)
        self.counters.lines += len(parcel.lines) - len(refused)
        if refused:
            self.counters.refused += len(refused)
            self._refused_at_s, self._refused_reason = self._clock.monotonic(), refused[-1].reason
            log.error("store_refuses_lines", lines=len(refused), reason=refused[-1].reason, store=self._remote.name)

    async def _deliver(self, lines: Sequence[bytes]) -> list[RefusedLine]:
        """Send until each line is there or refused by itself, however long that takes; the refused ones."""
        sorting = Sorting(lines)
        before: tuple[Sequence[bytes], Answer] | None = None
        same_before = 0
        while (part := sorting.part) is not None:
            answer = await self._remote.write(b"\n".join(part))
            same_before = same_before + 1 if before == (part, answer) else 0
            before = part, answer
            verdict = judge(answer, SAME_ANSWERS - 1 if sorting.suspicious else same_before)
            self.counters.requests[verdict.action] += 1
            if verdict.action is Action.ACCEPTED:
                self._works()
                sorting.accepted()
            elif verdict.action in (Action.REFUSED, Action.TOO_LARGE):
                if verdict.action is Action.TOO_LARGE:
                    self._max_bytes = max(LEAST_PARCEL_BYTES, sum(map(len, part)) // 2)
                sorting.refuse(verdict.reason, about_lines=verdict.about_lines)
            else:
                await self._pause(verdict)
            if sorting.hopeless:
                sorting = Sorting(lines)
                await self._pause(Verdict(Action.HOLD, f"refuses everything: {verdict.reason}"))
        return sorting.refused

    # ---- trouble

    def _works(self) -> None:
        if self._trouble is not None:
            log.info("remote_store_works_again", store=self._remote.name)
        self._trouble, self._failures, self._believes_probe = None, 0, True

    async def _pause(self, verdict: Verdict) -> None:
        """Wait as the verdict says, or until a server that was gone answers again."""
        since_s = self._trouble.since_s if self._trouble else self._clock.monotonic()
        if self._trouble is None:
            log.warning("remote_store_takes_nothing", store=self._remote.name, reason=verdict.reason)
        self._trouble = Trouble(verdict.reason, since_s, verdict.action is Action.HOLD)
        self._failures += 1
        if verdict.action is Action.HOLD:
            await self._clock.sleep(HOLD_S)
        elif verdict.after_s is not None:
            await self._clock.sleep(verdict.after_s)
        else:
            longest_s = min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** min(self._failures - 1, 10))
            await self._wait_and_probe(self._rng.uniform(0.1, 1.0) * longest_s)

    async def _wait_and_probe(self, seconds: float) -> None:
        ends_s = self._clock.monotonic() + seconds
        while (left_s := ends_s - self._clock.monotonic()) > 0:
            await self._clock.sleep(min(left_s, PROBE_EVERY_S))
            if left_s <= PROBE_EVERY_S:
                return
            there = await self._remote.is_there()
            if there and self._believes_probe:
                # Where it answers the probe and still takes nothing, it is only believed after it was really away.
                self._believes_probe, self._failures = False, 0
                return
            self._believes_probe = self._believes_probe or not there

    # ---- what is told of it

    async def _watch(self) -> None:
        expire_at_s = -EXPIRE_EVERY_S
        while True:
            now_s = self._clock.monotonic()
            if now_s >= expire_at_s:
                expire_at_s = now_s + EXPIRE_EVERY_S
                await self._expire()
            self._report("store-remote", *self._remote_health(now_s))
            self._report("store-refused", *self._refused_health(now_s))
            self._report("store-outbox", *self._outbox_health(now_s))
            await self._clock.sleep(WATCH_EVERY_S)

    async def _expire(self) -> None:
        try:
            await self._outbox.expire()
        except StoreError as error:
            log.warning("outbox_cannot_be_used", reason=str(error))
        if self._dropped is None:
            # Since the file was made; what an earlier process gave up was told then.
            self._dropped = self._outbox.level.dropped

    def _remote_health(self, now_s: float) -> tuple[str, str]:
        trouble = self._trouble
        if trouble is None or (not trouble.needs_people and now_s - trouble.since_s < SHORT_TROUBLE_S):
            return "ok", ""
        return "degraded", f"{self._remote.name} takes nothing, {self.level.lines} lines wait: {trouble.reason}"

    def _refused_health(self, now_s: float) -> tuple[str, str]:
        if self._refused_at_s is None or now_s - self._refused_at_s > LOSS_SHOWN_S:
            return "ok", ""
        return "degraded", f"{self.counters.refused} lines refused, see the dead letters: {self._refused_reason}"

    def _outbox_health(self, now_s: float) -> tuple[str, str]:
        level, limits = self.level, self._outbox.limits
        if self._dropped is not None and level.dropped > self._dropped:
            self._dropped, self._dropped_at_s = level.dropped, now_s
        if self._dropped_at_s is not None and now_s - self._dropped_at_s < LOSS_SHOWN_S:
            return "degraded", f"full: {level.dropped} lines were given up so far; the embedded store has them"
        full = max(level.size / limits.max_bytes, self.age_s * 1000 / limits.max_age_ms)
        if full < NEARLY_FULL:
            return "ok", ""
        return "degraded", f"{min(full, 1.0):.0%} full: {level.lines} lines, the oldest {self.age_s / 3600:.1f} h old"
