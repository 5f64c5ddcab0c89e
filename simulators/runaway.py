"""A pack that fails: one `thermal_runaway` → the smoke, the flames and the heads that close, each at its time.

The times are those of filmed failures (docs/twin.md). There is no electrical part: nobody has published a signature on the
mains side, so the port goes on as before, and an order to stop does not stop the fire.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ingest.model import Device, DeviceKind
from simulators.faults import Fault


@dataclass(frozen=True, slots=True)
class Timeline:
    """Seconds from the first wisp.

    Attributes:
        smoke_strength: how fast and dense the smoke comes: 1 is a full plume after some 80 s, 3 after some 27 s.
        smoke_head_s: the ceiling's smoke heads close; assumed, for an open shed.
        flame_s: the first flames, with the first blast.
        heat_head_s: the heat heads close; assumed.
    """

    smoke_strength: float
    smoke_head_s: float
    flame_s: float
    heat_head_s: float


# Slow: wisps at 3 min, plain smoke at 4, the blast at 6 of one filmed test. Fast: smoke and fireballs within a minute.
TIMELINES = {"slow": Timeline(1.0, 75.0, 180.0, 210.0), "fast": Timeline(3.0, 25.0, 45.0, 60.0)}


def unfold(fault: Fault, devices: Iterable[Device]) -> Iterator[Fault]:
    """What a fault of a scenario consists of: itself, or the parts of a runaway, with it as their `cause`."""
    if fault.kind != "thermal_runaway":
        yield fault
        return
    variant = fault.word("variant")
    line = TIMELINES[variant]
    part = replace(fault, cause=f"thermal_runaway {variant}", words={}, figures={})
    yield replace(part, kind="smoke", strength=line.smoke_strength * fault.strength)
    if _reached(fault, line.flame_s):
        yield replace(part, kind="flame", at_s=fault.at_s + line.flame_s)
    for device in devices:
        if device.kind is DeviceKind.SENSOR and device.ref[:2] == fault.device[:2]:
            closes_s = {"smoke": line.smoke_head_s, "heat": line.heat_head_s}.get(device.sensor_kind)
            if closes_s is not None and _reached(fault, closes_s):
                yield replace(
                    part, kind="sensor_alarm", device=device.ref, zone=None, strength=1.0, at_s=fault.at_s + closes_s
                )


def _reached(fault: Fault, after_s: float) -> bool:
    return fault.until_s is None or fault.until_s > fault.at_s + after_s
