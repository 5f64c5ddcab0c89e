"""The truth of a scenario, for machines: its faults → a line of JSON each, with time, place, and the alerts that are right.

Whoever judges a system by a scenario reads here what was wrong when and where, and from what cause; what is not here is a
false alarm. Devices' own sessions, orders and readings are on the bus.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from simulators.faults import KINDS, Fault
from simulators.scenario import Scenario


class TruthLine(msgspec.Struct, omit_defaults=True, frozen=True):
    """One fault. `begins_ms`, `ends_ms`: epoch milliseconds; `begins_s`, `ends_s`: of the scenario; no end: it stays.

    `site`, `shed`, `device`, `port`, `zone` say where (none at the broker), `charger_port` which port a bay's bike hangs on,
    as `c1#3`; `devices` which of the shed's; `alerts` which kinds of alert are right from then on; `cause` names the
    fault that this one is a part of.
    """

    kind: str
    what: str
    begins_ms: int
    begins_s: float
    alerts: tuple[str, ...]
    ends_ms: int | None = None
    ends_s: float | None = None
    site: str = ""
    shed: str = ""
    device: str = ""
    port: int | None = None
    zone: str | None = None
    charger_port: str | None = None
    devices: tuple[str, ...] = ()
    figures: dict[str, float] = {}
    words: dict[str, str] = {}
    cause: str = ""


def truth_lines(scenario: Scenario, start_ms: int) -> list[TruthLine]:
    """The faults of a scenario whose time 0 is at `start_ms`, in order of time."""
    bays = _bay_ports(scenario)
    return [_line(fault, start_ms, bays) for fault in sorted(scenario.faults, key=lambda it: it.at_s)]


def write_truth(scenario: Scenario, start_ms: int, file: Path) -> None:
    """Write them, a line of JSON each."""
    lines = (msgspec.json.encode(line).decode() for line in truth_lines(scenario, start_ms))
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _line(fault: Fault, start_ms: int, bays: dict[tuple[str, str, str, str], str]) -> TruthLine:
    kind = KINDS[fault.kind]
    return TruthLine(
        kind=fault.kind,
        what=kind.what,
        begins_ms=start_ms + round(fault.at_s * 1000.0),
        begins_s=fault.at_s,
        alerts=fault.truth,
        ends_ms=None if fault.until_s is None else start_ms + round(fault.until_s * 1000.0),
        ends_s=fault.until_s,
        site=fault.device.site,
        shed=fault.device.shed,
        device=fault.device.device,
        port=fault.port,
        zone=fault.zone,
        charger_port=bays.get((*fault.device, fault.zone or "")),
        devices=fault.group,
        figures={name: fault.figure(name) for name in kind.figures},
        words={name: fault.word(name) for name in kind.words},
        cause=fault.cause,
    )


def _bay_ports(scenario: Scenario) -> dict[tuple[str, str, str, str], str]:
    found: dict[tuple[str, str, str, str], str] = {}
    for site in scenario.sites:
        for shed in site["sheds"]:
            for camera in shed.get("cameras") or []:
                zones: list[dict[str, Any]] = camera.get("zones") or []
                for zone in zones:
                    if "port" in zone:
                        found[site["id"], shed["id"], camera["id"], zone["id"]] = zone["port"]
    return found
