"""A proof: a test alarm on its way through the service, with the time at which it passed each stage.

    published     the bus has taken the test device's message, or its first picture with smoke
    received      it has come back over our own subscription, as that of any device
    seen          smoke only: every detector process says that it sees smoke
    alarm         the rule has raised the alarm
    ledger        the alarm is in the ledger
    mqtt          its topic was heard on the bus
    page          it has come out of the live events that pages follow
    notice:NAME   the channel NAME has taken the notice
    cleared       the danger was taken back, and the alarm has ended by itself

Errors:
    ProofError(Exception)
    ├── RefusedProofError: it cannot be done as asked; the message says what would
    └── ProofUnavailableError: the process that proves does not answer
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec


class ProofError(Exception):
    """Root of what a proof is refused for."""


class RefusedProofError(ProofError):
    """It cannot be done as asked."""


class ProofUnavailableError(ProofError):
    """The process that proves does not answer."""


class ProofKind(StrEnum):
    """What is proved: a charger's reading that is too hot, or smoke before a camera."""

    HEAT = "heat"
    SMOKE = "smoke"


class Stage(msgspec.Struct, frozen=True):
    """One stage. `at_ts` is when it was passed (epoch milliseconds UTC), null where it was not; `error` says why not."""

    name: str
    at_ts: int | None = None
    error: str = ""
    detail: str = ""


class Proof(msgspec.Struct, frozen=True):
    """One proof. `done_ts` is null while it runs; `ok` once every stage was passed."""

    id: str
    kind: ProofKind
    who: str
    begun_ts: int
    done_ts: int | None = None
    ok: bool = False
    alert_id: str | None = None
    channels: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ()

    @property
    def failed(self) -> Stage | None:
        """The first stage that was not passed."""
        return next((stage for stage in self.stages if stage.error), None)


class ProofOrder(msgspec.Struct, frozen=True):
    """What somebody wants proved.

    Attributes:
        kinds: none for all that can be proved here.
        channels: names of channels that are to tell it; null for those of the nightly proof.
        siren: a shed `site/shed` whose siren is to sound meanwhile; null for none.
    """

    who: str
    kinds: tuple[ProofKind, ...] = ()
    channels: tuple[str, ...] | None = None
    siren: str | None = None


class ProvenStage(msgspec.Struct, frozen=True):
    """When a stage was last passed, and how long after the message that was."""

    kind: ProofKind
    stage: str
    at_ts: int
    after_ms: int


class ProofFigures(msgspec.Struct, frozen=True):
    """How it stands with proofs.

    Attributes:
        nightly: whether there is an automatic one, at `next_ts`.
        kinds: what can be proved here.
        channels: all channels; `nightly_channels` those an automatic proof uses.
        sirens: sheds `site/shed` with a siren.
        proven: by kind when a proof last passed every stage.
        stages: by kind and stage when that was last passed.
        running: whether one is under way.
        trouble: why `service_degraded` is reported; empty where all is well.
        items: the newest proofs, newest first.
    """

    nightly: bool
    next_ts: int | None
    kinds: tuple[ProofKind, ...]
    channels: tuple[str, ...]
    nightly_channels: tuple[str, ...]
    sirens: tuple[str, ...]
    proven: dict[ProofKind, int]
    stages: list[ProvenStage]
    running: bool
    trouble: str
    items: list[Proof]


class ProofDesk(Protocol):
    """What the API may ask and order."""

    async def prove(self, order: ProofOrder) -> None:
        """Begin; what comes of it stands in `figures`. Raises RefusedProofError, ProofUnavailableError."""

    async def figures(self) -> ProofFigures:
        """How it stands. Raises ProofUnavailableError."""


def proven_stages(proofs: Iterable[Proof]) -> list[ProvenStage]:
    """When each stage of each kind was last passed; `proofs` in any order."""
    newest: dict[tuple[ProofKind, str], ProvenStage] = {}
    for proof in proofs:
        for stage in proof.stages:
            known = newest.get((proof.kind, stage.name))
            if stage.at_ts is not None and (known is None or known.at_ts < stage.at_ts):
                after_ms = stage.at_ts - published_ms(proof)
                newest[proof.kind, stage.name] = ProvenStage(proof.kind, stage.name, stage.at_ts, after_ms)
    return sorted(newest.values(), key=lambda one: (one.kind, one.after_ms, one.stage))


def proven(proofs: Iterable[Proof]) -> dict[ProofKind, int]:
    """When each kind last passed every stage."""
    found: dict[ProofKind, int] = {}
    for proof in proofs:
        if proof.ok and proof.done_ts is not None:
            found[proof.kind] = max(found.get(proof.kind, 0), proof.done_ts)
    return found


def published_ms(proof: Proof) -> int:
    """When what is to be proved was published; its beginning where it was not."""
    times = [stage.at_ts for stage in proof.stages if stage.name == "published" and stage.at_ts is not None]
    return times[0] if times else proof.begun_ts


def trouble_of(
    proofs: Sequence[Proof], wanted: Iterable[ProofKind], max_age_ms: int | None, since_ms: int, now_ms: int
) -> str:
    """What is wrong with the newest finished proof of each wanted kind: it failed, or it is too old; empty where nothing.

    `max_age_ms` None: none is too old. A kind that was never proved is as old as this service, which started at `since_ms`.
    """
    said = []
    for kind in wanted:
        finished = [proof for proof in proofs if proof.kind is kind and proof.done_ts is not None]
        newest = max(finished, key=lambda proof: proof.begun_ts, default=None)
        if newest is not None and (failed := newest.failed) is not None:
            said.append(f"{kind}: {failed.name}: {failed.error}")
            continue
        at_ms = newest.done_ts if newest is not None else None
        age_ms = now_ms - (at_ms if at_ms is not None else since_ms)
        if max_age_ms is not None and age_ms > max_age_ms:
            said.append(f"{kind}: " + ("never proven" if at_ms is None else f"last proven {age_ms // 3_600_000} h ago"))
    return "; ".join(said)
