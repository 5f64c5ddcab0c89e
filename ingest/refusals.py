"""Refusals on their way to the dead letters: a device that sends nothing but nonsense is counted, not kept for ever.

Of each source and kind of refusal some are kept at once and then a few an hour; the next one kept says how many were not.
A source is a configured device; all that names no such device shares the allowance of its shed, or of nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingest.counters import IntakeCounters, RefusalKind
from ingest.model import ID_PATTERN, DeviceRef, Topology
from ingest.store.dead_letters import PAYLOAD_BYTES
from ingest.store.port import Refusal

# Enough to see what is wrong with a device; then one every half minute shows that it still is.
BURST = 20
EVERY_MS = 30_000
# The beginning of what cannot be taken again anyway: pictures, and messages larger than any that is right.
BEGINNING_BYTES = 4096
MAX_WAITING = 1000
MAX_WAITING_BYTES = 16 << 20


@dataclass(slots=True)
class _Allowance:
    """How many more may be kept as of `at_ms`, and how many were not since the last that was."""

    left: float
    at_ms: int
    unkept: int = 0

    def take(self, now_ms: int) -> bool:
        # A clock that was set back must not stop the refilling.
        passed_ms = max(0, now_ms - self.at_ms)
        self.left, self.at_ms = min(BURST, self.left + passed_ms / EVERY_MS), now_ms
        if self.left < 1:
            self.unkept += 1
            return False
        self.left -= 1
        return True


class Refusals:
    """Those that wait for the next commit. `add` refuses nothing: what is not kept is counted."""

    def __init__(self, topology: Topology, counters: IntakeCounters, prefix: str) -> None:
        self._topology = topology
        self._counters = counters
        self._prefix = prefix
        self._allowances: dict[tuple[str, RefusalKind], _Allowance] = {}
        self._waiting: list[Refusal] = []
        self._bytes = 0

    def add(
        self,
        received_ms: int,
        topic: str,
        payload: bytes,
        kind: RefusalKind,
        reason: str,
        size: int | None = None,
        source: str | None = None,
    ) -> None:
        """Refuse a message, or a part of it; `source` where its topic does not say whose it is."""
        self._counters.refused[kind] += 1
        source = source_of(topic, self._prefix) if source is None else source
        allowance = self._allowances.setdefault((self._payer(source), kind), _Allowance(BURST, received_ms))
        if not allowance.take(received_ms):
            self._counters.refusals_limited += 1
            return
        length = len(payload) if size is None else size
        whole = kind is not RefusalKind.PICTURE and length == len(payload) <= PAYLOAD_BYTES
        kept = payload if whole else payload[:BEGINNING_BYTES]
        if len(self._waiting) >= MAX_WAITING or self._bytes + len(kept) > MAX_WAITING_BYTES:
            self._counters.refusals_dropped += 1
            allowance.unkept += 1
            return
        unkept, allowance.unkept = allowance.unkept, 0
        self._bytes += len(kept)
        self._waiting.append(Refusal(received_ms, topic, reason, kept, length, str(kind), source, unkept))

    def pop(self) -> list[Refusal]:
        """All that wait; none do any more."""
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        return waiting

    def _payer(self, source: str) -> str:
        """Whose allowance: bounded in number by the configuration, whatever names are made up."""
        if not source:
            return ""
        ref = DeviceRef(*source.split("/"))
        if self._topology.find(ref) is not None:
            return source
        return f"{ref.site}/{ref.shed}" if self._topology.shed(ref.site, ref.shed) is not None else ""


def source_of(topic: str, prefix: str) -> str:
    """`site/shed/device` of a topic that names one, configured or not; else nothing."""
    levels = topic.removeprefix(f"{prefix}/").split("/")
    if len(levels) != 5 or not topic.startswith(f"{prefix}/"):
        return ""
    named = (levels[0], levels[1], levels[3])
    return "/".join(named) if all(ID_PATTERN.fullmatch(level) for level in named) else ""
