"""Carries proofs out: sends what a device would, follows it to every channel, clears up, and says when a proof is due or failed.

A proof has no way into the service but the bus, and watches from where others watch. One runs at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from random import Random
from typing import NoReturn

import structlog
from msgspec.structs import replace

from alerts.ledger.database import LedgerError
from alerts.ledger.proofs import ProofBook
from alerts.proof.model import (
    Proof,
    ProofFigures,
    ProofKind,
    ProofOrder,
    RefusedProofError,
    Stage,
    proven,
    proven_stages,
    trouble_of,
)
from alerts.proof.schedule import Nightly
from alerts.proof.signals import Signal
from alerts.proof.track import Track
from alerts.proof.witness import Listener, ProofAlarms, Witness
from shedwatch.clock import Clock

_log = structlog.get_logger(__name__)

KEPT = 60
LOOK_EVERY_S = 10.0
AUTOMATIC = "自动自检 (automatic)"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is proved and when.

    Attributes:
        channels: all there are; `nightly_channels` those an automatic proof, and one that names none, goes to.
        delays_s: of each kind, the rule's delay before the alarm is raised, and after which it clears.
        max_age_ms: of the newest proof, where there are automatic ones.
        detectors: the detector processes, each of which has to see the smoke; none: one that sees it is enough.
    """

    kinds: tuple[ProofKind, ...]
    channels: tuple[str, ...]
    nightly_channels: tuple[str, ...]
    sirens: tuple[str, ...]
    delays_s: Mapping[ProofKind, tuple[float, float]]
    nightly: Nightly | None
    max_age_ms: int
    detectors: tuple[str, ...] = ()


@dataclass(slots=True)
class Ways:
    """What leads out of the alarm room.

    Attributes:
        outside: a client of its own for each proof.
        signal: what is sent for a kind; may take a while to be made.
        page: bytes of the live events as a page gets them; None where this process has no page.
        tell: which channels tell test alarms from now on.
        sound: the shed `site/shed` whose siren sounds for test alarms from now on, or None.
        report: how proofs stand: `ok` or `degraded`, with the reason.
    """

    outside: Callable[[], AbstractAsyncContextManager[Listener]]
    signal: Callable[[ProofKind], Awaitable[Signal]]
    tell: Callable[[Collection[str]], None]
    sound: Callable[[str | None], None]
    report: Callable[[str, str], None]
    page: Callable[[], AsyncIterator[bytes]] | None = None


@dataclass(slots=True)
class _Known:
    """Proofs that are known, newest first, and the one that runs."""

    items: list[Proof] = field(default_factory=list)
    track: Track | None = None


class Prover:
    """Implements `alerts.proof.model.ProofDesk`. `run` must be running; the taps are called by whoever moves things on."""

    def __init__(
        self, alarms: ProofAlarms, book: ProofBook, ways: Ways, plan: Plan, clock: Clock, seed: int | None = None
    ) -> None:
        self._alarms = alarms
        self._book = book
        self._ways = ways
        self._plan = plan
        self._clock = clock
        self._random = Random(seed)
        self._since_ms = clock.now_ms()
        self._known = _Known()
        self._wanted: asyncio.Queue[ProofOrder] = asyncio.Queue()
        self._busy = False

    # The desk

    async def prove(self, order: ProofOrder) -> None:
        plan = self._plan
        if missing := [kind for kind in order.kinds if kind not in plan.kinds]:
            raise RefusedProofError(f"{missing[0]} cannot be proved here: vision is off, or no camera is configured")
        if unknown := [name for name in order.channels or () if name not in plan.channels]:
            raise RefusedProofError(f"there is no channel {unknown[0]!r}")
        if order.siren is not None and order.siren not in plan.sirens:
            raise RefusedProofError(f"{order.siren!r} is no shed with a siren")
        if self._busy:
            raise RefusedProofError("a proof is under way; it takes two minutes at most")
        self._busy = True
        self._wanted.put_nowait(order)

    async def figures(self) -> ProofFigures:
        plan, now_ms = self._plan, self._clock.now_ms()
        running = [self._known.track.proof] if self._known.track is not None else []
        items = [*running, *self._known.items]
        return ProofFigures(
            nightly=plan.nightly is not None,
            next_ts=plan.nightly.next_ms(now_ms) if plan.nightly is not None else None,
            kinds=plan.kinds,
            channels=plan.channels,
            nightly_channels=plan.nightly_channels,
            sirens=plan.sirens,
            proven=proven(items),
            stages=proven_stages(items),
            running=self._busy,
            trouble=self._trouble(now_ms),
            items=items,
        )

    @property
    def proving(self) -> bool:
        """Whether a proof is under way."""
        return self._busy

    @property
    def proofs(self) -> Sequence[Proof]:
        """The finished proofs that are known, newest first."""
        return self._known.items

    # What is seen on the way

    def heard(self, now_ms: int) -> None:
        """A message or a picture of a test device has come over the bus."""
        if (track := self._known.track) is not None and track.at("published") is not None:
            track.passed("received", now_ms)

    def saw(self, detector: str) -> None:
        """A detector process sees something before the test camera."""
        if (track := self._known.track) is not None:
            track.passed_by("seen", detector, self._plan.detectors)

    # The work

    async def run(self) -> NoReturn:
        """Prove what is asked for, and at night, until cancelled."""
        await self._take_up()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._ask_nightly(), name="proof-nightly")
            tasks.create_task(self._carry_out(), name="proof-orders")
        raise AssertionError("both run for ever")

    async def _carry_out(self) -> NoReturn:
        while True:
            order = await self._wanted.get()
            try:
                for kind in order.kinds or self._plan.kinds:
                    await self._prove(kind, order)
            finally:
                self._busy = False
                self._ways.tell(())
                self._ways.sound(None)

    async def _ask_nightly(self) -> NoReturn:
        due_ms = self._plan.nightly.next_ms(self._clock.now_ms()) if self._plan.nightly is not None else None
        while True:
            now_ms = self._clock.now_ms()
            if due_ms is not None and self._plan.nightly is not None and now_ms >= due_ms:
                due_ms = self._plan.nightly.next_ms(now_ms)
                with contextlib.suppress(RefusedProofError):
                    await self.prove(ProofOrder(AUTOMATIC))
            self._report()
            await self._clock.sleep(LOOK_EVERY_S)

    async def _take_up(self) -> None:
        """What an earlier life left: its proofs, one that it did not finish, and test alarms that nobody ends any more."""
        await self._alarms.end_tests()
        while True:
            try:
                found = await self._book.recent(KEPT)
                break
            except LedgerError:
                await self._clock.sleep(5.0)
        for proof in found:
            self._known.items.append(proof if proof.done_ts is not None else await self._interrupted(proof))

    async def _interrupted(self, proof: Proof) -> Proof:
        stages = (*proof.stages, Stage("interrupted", error="the service stopped while it ran"))
        ended = replace(proof, done_ts=self._clock.now_ms(), stages=stages)
        await self._save(ended)
        return ended

    async def _prove(self, kind: ProofKind, order: ProofOrder) -> None:
        now_ms = self._clock.now_ms()
        channels = self._plan.nightly_channels if order.channels is None else order.channels
        proof = Proof(f"{now_ms:011x}-{self._random.getrandbits(32):08x}", kind, order.who, now_ms, channels=channels)
        self._known.track = track = Track(proof, self._stages(kind, channels), self._clock)
        await self._save(track.proof)
        self._ways.tell(channels)
        self._ways.sound(order.siren)
        try:
            signal = await self._ways.signal(kind)
            raise_s, clear_s = self._plan.delays_s[kind]
            page = self._ways.page() if self._ways.page is not None else None
            async with self._ways.outside() as outside:
                await Witness(track, self._alarms, self._book, self._clock).follow(
                    signal, outside, page, raise_s, clear_s
                )
        except Exception as error:  # noqa: BLE001 - supervised: whatever went wrong, the proof has failed, and that is told
            _log.exception("proof failed", kind=str(kind))
            open_stage = next((stage.name for stage in track.proof.stages if stage.at_ts is None), "cleared")
            track.missed(open_stage, f"{type(error).__name__}: {error}")
        finally:
            await self._alarms.end_tests()
            done = track.done()
            self._known.track = None
            self._known.items = [done, *self._known.items][:KEPT]
        await self._save(done)
        self._report()
        _log.info("proof", kind=str(kind), ok=done.ok, who=order.who)

    def _stages(self, kind: ProofKind, channels: Sequence[str]) -> list[str]:
        seen = ["seen"] if kind is ProofKind.SMOKE else []
        page = ["page"] if self._ways.page is not None else []
        notices = [f"notice:{name}" for name in channels]
        return ["published", "received", *seen, "alarm", "ledger", "mqtt", *page, *notices, "cleared"]

    async def _save(self, proof: Proof) -> None:
        try:
            await self._book.save(proof)
        except LedgerError as error:
            _log.warning("proof not kept", proof=proof.id, reason=str(error))

    def _trouble(self, now_ms: int) -> str:
        plan = self._plan
        max_age_ms = plan.max_age_ms if plan.nightly is not None else None
        return trouble_of(self._known.items, plan.kinds, max_age_ms, self._since_ms, now_ms)

    def _report(self) -> None:
        trouble = self._trouble(self._clock.now_ms())
        self._ways.report("degraded" if trouble else "ok", trouble)
