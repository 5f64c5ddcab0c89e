"""Simulated days for rules: chargers of the simulators, as readings, with no service around them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from alerts.model import AlertKey, AlertKind, Condition
from alerts.rules.base import Surroundings
from alerts.rules.catalogue import all_rules
from alerts.rules.runner import RuleSet
from alerts.rules.settings import RuleBook
from ingest.inbox import Inbound
from ingest.model import Device, DeviceKind, DeviceRef, Name, Reading, Shed, Site, Topology
from ingest.timekeeping import DeviceClocks
from ingest.translate import Translator
from simulators.battery import PACKS
from simulators.charger import Charger, ChargerHabits
from simulators.cutoff import CutoffRules
from simulators.device import Surroundings as Air
from simulators.faults import Fault
from simulators.habits import HABITS
from simulators.residents import Stay

START_MS = 1_795_392_000_000
"""A midnight in UTC."""
DAY_S = 86_400.0
HOUR_S = 3_600.0

__all__ = ["DAY_S", "HOUR_S", "PACKS", "START_MS", "Days", "Stay", "fault"]


def shed_of(ports: int) -> Topology:
    """One shed with one charger."""
    ref = DeviceRef("s", "shed", "c1")
    charger = Device(ref, DeviceKind.CHARGER, Name("c1", "C1"), ports=ports)
    return Topology((Site("s", Name("s", "s"), (Shed("s", "shed", Name("棚", "shed"), (charger,)),)),))


def fault(kind: str, at_s: float, until_s: float | None = None, port: int | None = None, **figures: float) -> Fault:
    """A fault of the charger."""
    return Fault(kind, DeviceRef("s", "shed", "c1"), at_s, until_s, port, figures=figures)


class Days:
    """A charger and all rules; `live` lets time pass, `said` is what rules said, with the time.

    Args:
        every_s: how often it reports.
    """

    def __init__(
        self,
        ports: int = 10,
        seed: int = 1,
        every_s: float = 300.0,
        faults: Sequence[Fault] = (),
        fixed: Mapping[int, Sequence[Stay]] | None = None,
        rules: dict[str, Any] | None = None,
        max_session_s: float = 28_800.0,
    ) -> None:
        self.topology = shed_of(ports)
        self._book = RuleBook.parse({"rules": rules or {}})
        self.rules = self.fresh_rules()
        self._translator = Translator(self.topology, DeviceClocks())
        self._charger = Charger(
            DeviceRef("s", "shed", "c1"),
            ports,
            seed=seed,
            start_ms=START_MS,
            surroundings=Air(str(seed), start_hour=8.0),
            faults=faults,
            fixed=fixed,
            habits=ChargerHabits(HABITS["prompt"].with_period(every_s), CutoffRules(max_session_s=max_session_s)),
        )
        self.now_s = 0.0
        self.said: list[tuple[float, Condition]] = []

    def fresh_rules(self) -> RuleSet:
        """Rules that remember nothing."""
        return RuleSet(all_rules(Surroundings(self.topology, self._book)))

    def live(self, seconds: float) -> Days:
        """Time passes; rules are told of it every half minute."""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s = min(self.now_s + 30.0, end_s)
            now_ms = START_MS + round(self.now_s * 1000)
            for reading in self._readings(now_ms):
                self.said += [(self.now_s, it) for it in self.rules.reading(reading, now_ms)]
            self.said += [(self.now_s, it) for it in self.rules.tick(now_ms)]
        assert not self.rules.failures
        return self

    def restart(self) -> Days:
        """Another process with what the rules of this one remembered."""
        now_ms = START_MS + round(self.now_s * 1000)
        memories = dict(self.rules.remember(now_ms))
        self.rules = self.fresh_rules()
        self.rules.recall(memories, now_ms)
        return self

    @property
    def kinds(self) -> set[str]:
        """Kinds that were ever raised."""
        return {str(it.key.kind) for _, it in self.said if it.active}

    @property
    def active(self) -> dict[AlertKey, Condition]:
        """What is active now."""
        last = {it.key: it for _, it in self.said}
        return {key: it for key, it in last.items() if it.active}

    def first_s(self, kind: AlertKind) -> float:
        """When a kind was first raised."""
        return next(at_s for at_s, it in self.said if it.key.kind is kind and it.active)

    def _readings(self, now_ms: int) -> Iterator[Reading]:
        for sent in self._charger.advance(self.now_s):
            inbound = Inbound(sent.topic, sent.payload, len(sent.payload), None, False, False, lambda: None)
            yield from self._translator.translate(inbound, *self._translator.address(sent.topic), now_ms).readings
