"""What a benchmark found: pairs of runs, ours and the reference's, and the pair in the middle.

Errors:
    BenchError(Exception): a benchmark could not be run to its end; the message says why.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from shedwatch.progress import Tell


class BenchError(Exception):
    """A benchmark could not be run to its end."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one side: its `value` in the report's unit, and further figures with their units in their names."""

    value: float
    figures: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, float]:
        """The value and the figures, rounded to what can be meant."""
        return {"value": _rounded(self.value), **{name: _rounded(value) for name, value in self.figures.items()}}


class Pair(NamedTuple):
    """Two runs of the same minute."""

    ours: Run
    reference: Run

    @property
    def ratio(self) -> float:
        """Ours ÷ reference."""
        return self.ours.value / self.reference.value


@dataclass(frozen=True, slots=True)
class Report:
    """The result of one benchmark.

    Attributes:
        name: the command's word for it.
        what: what was run, in one sentence; `against` what the reference did.
        unit: of the value of every run.
        better: which way is up.
        pairs: at least one.
        besides: figures of what was measured once, beside the pairs.
    """

    name: str
    what: str
    against: str
    unit: str
    better: str
    pairs: Sequence[Pair]
    besides: Mapping[str, float] = field(default_factory=dict)

    @property
    def median(self) -> Pair:
        """The pair with the median ratio (the lower of the two in the middle), so that ours ÷ reference is the ratio."""
        return sorted(self.pairs, key=lambda pair: pair.ratio)[(len(self.pairs) - 1) // 2]

    def as_dict(self, machine: Mapping[str, Any]) -> dict[str, Any]:
        """What `--json` writes."""
        median = self.median
        return {
            "name": self.name,
            "ratio": _rounded(median.ratio),
            "ours": _rounded(median.ours.value),
            "reference": _rounded(median.reference.value),
            "unit": self.unit,
            "better": self.better,
            "what": self.what,
            "against": self.against,
            "machine": dict(machine),
            "runs": [
                {"ratio": _rounded(pair.ratio), "ours": pair.ours.as_dict(), "reference": pair.reference.as_dict()}
                for pair in self.pairs
            ],
            "besides": {name: _rounded(value) for name, value in self.besides.items()},
        }

    def lines(self, machine: Mapping[str, Any]) -> list[str]:
        """The same for people."""
        median = self.median
        return [
            f"{self.name}: {self.what}",
            f"against: {self.against}",
            "machine: " + ", ".join(f"{name} {value}" for name, value in machine.items()),
            "",
            f"{'run':>6}{'ours':>14}{'reference':>14}{'ratio':>9}   {self.unit}",
            *(_line(str(number), pair) for number, pair in enumerate(self.pairs, 1)),
            _line("median", median) + f"   {self.better} is better",
            "",
            *(f"ours, {name}: {_rounded(value):g}" for name, value in median.ours.figures.items()),
            *(f"reference, {name}: {_rounded(value):g}" for name, value in median.reference.figures.items()),
            *(f"{name}: {_rounded(value):g}" for name, value in self.besides.items()),
        ]


def interleave(
    ours: Callable[[], Run], reference: Callable[[], Run], pairs: int, tell: Tell | None = None
) -> list[Pair]:
    """Run ours, reference, ours, reference … `pairs` times each.

    Raises:
        BenchError: a run measured nothing.
    """
    found = []
    for number in range(pairs):
        _tell(tell, 2 * number, 2 * pairs, "ours")
        first = ours()
        _tell(tell, 2 * number + 1, 2 * pairs, "reference")
        found.append(Pair(first, reference()))
        if min(found[-1].ours.value, found[-1].reference.value) <= 0:
            raise BenchError("a run measured nothing")
    return found


def machine() -> dict[str, Any]:
    """The machine as far as it explains a figure, with its load now (what else was running)."""
    facts: dict[str, Any] = {
        "cpu": _cpu_model() or platform.processor() or platform.machine(),
        "cores": os.cpu_count() or 0,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
    with suppress(OSError, ValueError):
        facts["memory_gib"] = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    with suppress(OSError):
        facts["load_1_min"] = round(os.getloadavg()[0], 2)
    return facts


def _cpu_model() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return ""


def _line(name: str, pair: Pair) -> str:
    return f"{name:>6}{pair.ours.value:>14.6g}{pair.reference.value:>14.6g}{pair.ratio:>9.3g}"


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")


def _tell(tell: Tell | None, done: int, total: int, what: str) -> None:
    if tell is not None:
        tell(done, total, what)
