"""What a scenario expects of cuts of power, and the judgement of it: expectations and `GET /api/v1/cuts` → outcomes.

The states are those of docs/cutoff.md. One cut can meet several expectations: one that is escalated to the charger's
breaker and verified there has been both. An automatic cut that no expectation is about is a false one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from ingest.model import Device, DeviceKind, DeviceRef
from simulators.verdict import EARLY_S, Outcome, Unexpected
from simulators.yaml_reader import Part

STATES = ("verified", "escalated", "failed")
WHO = ("people", "policy")


@dataclass(frozen=True, slots=True)
class CutExpectation:
    """One cut that is due.

    Attributes:
        state: `verified`: no current, proved by the meter, and it stayed so; `escalated`: the charger's breaker was
            ordered to open because the port did not switch off; `failed`: neither helped, people were called.
        after_s: when it is ordered, or its hazard begins; `within_s`: the state is due that long after it.
        by: `people`, `policy`, or either (None).
    """

    state: str
    charger: DeviceRef
    port: int | None
    after_s: float
    within_s: float
    by: str | None = None

    @property
    def place(self) -> str:
        """What is expected, in words."""
        return f"cut {self.state} {self.charger}" + (f"#{self.port}" if self.port else "")


class CutLine(msgspec.Struct, frozen=True):
    """What the judge needs of a line of a cut's log."""

    ts: int
    state: str
    note: str = ""


class SeenCut(msgspec.Struct, frozen=True):
    """What the judge needs of a cut."""

    id: str
    site: str
    shed: str
    device: str
    state: str
    requested_ts: int
    port: int | None = None
    automatic: bool = False
    reason: str = ""
    log: list[CutLine] = []

    def __str__(self) -> str:
        port = f"#{self.port}" if self.port else ""
        return f"cut {self.site}/{self.shed}/{self.device}{port}"


class CutPage(msgspec.Struct):
    """`GET /cuts`, the newest first."""

    items: list[SeenCut]


def read_cut(part: Part, devices: Mapping[DeviceRef, Device], duration_s: float) -> CutExpectation:
    """An entry of `expect` that has the key `cut`. Raises ScenarioError."""
    part.only(("cut", "device", "port", "by", "after_s", "within_s"))
    after_s, within_s = part.number("after_s", low=0.0), part.number("within_s", low=0.0)
    if after_s + within_s > duration_s:
        raise part.fail("within_s", f"is due at {after_s + within_s:g} s, after the scenario's end at {duration_s:g} s")
    charger = charger_of(part, devices)
    return CutExpectation(
        state=part.text("cut", of=STATES),
        charger=charger.ref,
        port=part.whole("port", low=1, high=charger.ports) if part.has("port") else None,
        after_s=after_s,
        within_s=within_s,
        by=part.text("by", of=WHO) if part.has("by") else None,
    )


def charger_of(part: Part, devices: Mapping[DeviceRef, Device]) -> Device:
    """The charger that `device` names. Raises ScenarioError."""
    text = part.text("device")
    found = next((it for it in devices.values() if str(it.ref) == text), None)
    if found is None or found.kind is not DeviceKind.CHARGER:
        raise part.fail("device", f"there is no charger {text} under sites")
    return found


def decide_cuts(
    expectations: Sequence[CutExpectation], cuts: Sequence[SeenCut], start_ms: int
) -> tuple[list[Outcome], list[Unexpected]]:
    """The outcomes of these expectations, and the automatic cuts that none of them is about."""
    outcomes, left = [], {cut.id: cut for cut in cuts if cut.automatic}
    for expectation in expectations:
        found = [cut for cut in cuts if _fits(expectation, cut, start_ms)]
        for cut in found:
            left.pop(cut.id, None)
        earliest = min(found, key=lambda cut: cut.requested_ts, default=None)
        outcomes.append(_outcome(expectation, earliest, start_ms))
    return outcomes, list(_unexpected(left.values(), start_ms))


def _unexpected(cuts: Iterable[SeenCut], start_ms: int) -> Iterator[Unexpected]:
    for cut in cuts:
        yield Unexpected(str(cut), cut.id, "automatic", round((cut.requested_ts - start_ms) / 1000.0, 3), cut.reason)


def _fits(expectation: CutExpectation, cut: SeenCut, start_ms: int) -> bool:
    return (
        (cut.site, cut.shed, cut.device) == expectation.charger
        and cut.port == expectation.port
        and (expectation.by is None or cut.automatic == (expectation.by == "policy"))
        and (cut.requested_ts - start_ms) / 1000.0 >= expectation.after_s - EARLY_S
    )


def _outcome(expectation: CutExpectation, cut: SeenCut | None, start_ms: int) -> Outcome:
    reached = None if cut is None else next((it for it in cut.log if it.state == expectation.state), None)
    delay_s = None if reached is None else round((reached.ts - start_ms) / 1000.0 - expectation.after_s, 3)
    reason = _shortcoming(expectation, cut, delay_s)
    return Outcome(
        expected=expectation.place,
        after_s=expectation.after_s,
        within_s=expectation.within_s,
        ok=not reason,
        reason=reason,
        cut_id=None if cut is None else cut.id,
        delay_s=delay_s,
    )


def _shortcoming(expectation: CutExpectation, cut: SeenCut | None, delay_s: float | None) -> str:
    if cut is None:
        return "no such cut"
    if delay_s is None:
        return f"it is {cut.state}" + (f": {cut.log[-1].note}" if cut.log else "")
    if expectation.state == "verified" and cut.state != "verified":
        return f"it did not last: {cut.log[-1].note}"
    late_s = delay_s - expectation.within_s
    return f"{late_s:.1f} s late" if late_s > 0 else ""
