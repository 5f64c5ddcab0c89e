"""What people do in a scenario: the `people` list of its file → acts, each at its time.

cut     an operator orders a port off, by the API
patrol  somebody looks at an extinguisher and the register is imported anew with what was found
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ingest.model import Device, DeviceKind, DeviceRef
from simulators.cuts import charger_of
from simulators.yaml_reader import Part

DOES = ("cut", "patrol")
FINDS = ("ok", "missing", "unusable")


@dataclass(frozen=True, slots=True)
class Act:
    """One act. `port` of a cut; `finds` of a patrol, what it found of the extinguisher."""

    does: str
    at_s: float
    device: DeviceRef
    port: int = 0
    finds: str = ""
    note: str = ""


def read_acts(root: Part, devices: Mapping[DeviceRef, Device], duration_s: float) -> tuple[Act, ...]:
    """The scenario's `people` list. Raises ScenarioError."""
    return tuple(_act(part, devices, duration_s) for part in root.parts("people"))


def _act(part: Part, devices: Mapping[DeviceRef, Device], duration_s: float) -> Act:
    does = part.text("does", of=DOES)
    part.only(("does", "at_s", "device", "note", "port" if does == "cut" else "finds"))
    at_s, note = part.number("at_s", low=0.0, high=duration_s), part.text("note", "")
    if does == "cut":
        charger = charger_of(part, devices)
        return Act(does, at_s, charger.ref, port=part.whole("port", low=1, high=charger.ports), note=note)
    text = part.text("device")
    found = next((it for it in devices.values() if str(it.ref) == text), None)
    if found is None or found.kind is not DeviceKind.EXTINGUISHER:
        raise part.fail("device", f"there is no extinguisher {text} under sites")
    return Act(does, at_s, found.ref, finds=part.text("finds", of=FINDS), note=note)
