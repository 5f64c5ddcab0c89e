"""Readings a second through all rules and the engine, against decoding the messages they came in.

Beside it, where Mosquitto is there to carry a thousand messages a second: the time from a charger's message to the screen
(`alarm_way`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from alerts.engine import AlarmEngine, alert_ids
from alerts.rules.base import Surroundings
from alerts.rules.catalogue import all_rules
from alerts.rules.runner import RuleSet
from alerts.rules.settings import RuleBook
from ingest.contract import decode_telemetry
from ingest.embedded_broker import find_mosquitto
from ingest.inbox import Inbound
from ingest.model import Reading
from ingest.timekeeping import DeviceClocks
from ingest.translate import Translator
from shedwatch.bench.alarm_way import WayScale, measure
from shedwatch.bench.fleet import Fleet
from shedwatch.bench.report import BenchError, Report, Run, interleave
from shedwatch.progress import Tell

START_MS = 1_795_400_000_000
REPORT_EVERY_MS = 60_000


# 10 000 ports.
DISTRICT = Fleet(sheds=100, chargers=10, ports=10)

_WAY = WayScale()


@dataclass(frozen=True, slots=True)
class AlertsScale:
    """How much is run."""

    fleet: Fleet = DISTRICT
    sweeps: int = 3
    pairs: int = 5
    way: WayScale | None = _WAY


@dataclass(slots=True)
class _District:
    """The rules with what they remember; its time goes on from run to run."""

    fleet: Fleet
    turn: int = 0
    rules: RuleSet = field(init=False)
    engine: AlarmEngine = field(init=False)
    translator: Translator = field(init=False)

    def __post_init__(self) -> None:
        topology = self.fleet.topology()
        self.rules = RuleSet(all_rules(Surroundings(topology, RuleBook.parse({}, topology))))
        self.engine = AlarmEngine(alert_ids(Random(1)), 1)
        self.translator = Translator(topology, DeviceClocks())

    def report(self) -> tuple[int, list[bytes], list[Reading]]:
        """The next report of all chargers: its time, as payloads, as readings."""
        self.turn += 1
        now_ms = START_MS + self.turn * REPORT_EVERY_MS
        messages = list(self.fleet.sweep(self.turn, now_ms))
        readings: list[Reading] = []
        for topic, payload in messages:
            inbound = Inbound(topic, payload, len(payload), None, False, False, _nothing)
            readings += self.translator.translate(inbound, *self.translator.address(topic), now_ms).readings
        return now_ms, [payload for _, payload in messages], readings

    def judge(self, readings: Sequence[Reading], now_ms: int) -> int:
        """As the alarm service does; how many alert changes came of it."""
        said = self.rules.readings(readings, now_ms)
        return sum(self.engine.apply(condition, now_ms) is not None for condition in said)

    def tick(self, now_ms: int) -> int:
        """Likewise."""
        return sum(self.engine.apply(condition, now_ms) is not None for condition in self.rules.tick(now_ms))


def run(tell: Tell | None = None, scale: AlertsScale = AlertsScale()) -> Report:
    """Sweep after sweep of reports, a minute apart. Rates are a second of processor time."""
    district = _District(scale.fleet)
    now_ms, payloads, readings = district.report()
    district.judge(readings, now_ms)  # the first report of a device makes its memories
    district.tick(now_ms)
    pairs = interleave(
        lambda: _judge(district, scale.sweeps),
        lambda: _decode(payloads, len(readings), scale.sweeps),
        scale.pairs,
        tell,
    )
    if district.rules.failures:
        raise BenchError(f"rules failed: {dict(district.rules.failures)}")
    ports = scale.fleet.sheds * scale.fleet.chargers * scale.fleet.ports
    return Report(
        "alerts",
        f"readings through all rules and the engine, {ports} ports of {len(payloads)} chargers that report once a minute",
        "decoding the same messages with the wire decoder only",
        "readings a processor second",
        "higher",
        pairs,
        besides=measure(scale.way) if scale.way is not None and find_mosquitto() else {},
    )


def _judge(district: _District, sweeps: int) -> Run:
    spent_s = ticks_s = 0.0
    judged = changes = 0
    for _ in range(sweeps):
        now_ms, _, readings = district.report()
        begun = time.process_time()
        changes += district.judge(readings, now_ms)
        spent_s += time.process_time() - begun
        judged += len(readings)
        begun = time.process_time()
        changes += district.tick(now_ms)
        ticks_s += time.process_time() - begun
    figures = {
        "us_per_reading": spent_s * 1e6 / judged,
        "tick_ms": ticks_s * 1000.0 / sweeps,
        "alert_changes": changes,
        "alerts_open": len(district.engine.open_alerts()),
    }
    return Run(judged / spent_s, figures)


def _decode(payloads: Sequence[bytes], readings: int, sweeps: int) -> Run:
    begun = time.process_time()
    for _ in range(sweeps):
        for payload in payloads:
            decode_telemetry(payload)
    spent_s = time.process_time() - begun
    return Run(readings * sweeps / spent_s, {"us_per_reading": spent_s * 1e6 / (readings * sweeps)})


def _nothing() -> None:
    """Nobody waits for an acknowledgement."""
