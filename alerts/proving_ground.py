"""The place of proofs: a charger and a camera that stand nowhere, by which the way from a device to people is proved.

They are in the topology that messages, rules and detectors are given, so that a proof goes the way of every device, and
in none that people look at or cut by. The id of their site is nobody else's; whatever is raised there is a test.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ingest.model import Device, DeviceKind, DeviceRef, Name, Shed, Site, Topology

SITE = "shedwatch-proof"
SHED = "proof"
CHARGER = DeviceRef(SITE, SHED, "charger")
CAMERA = DeviceRef(SITE, SHED, "camera")
PROVED = ("over_temperature", "smoke")
"""Rules that hold there. All others are off: these devices are silent and still but for a proof."""


def is_test(site: str) -> bool:
    """Whether what is said of this site is a proof."""
    return site == SITE


def with_proving_ground(topology: Topology, *, camera: bool) -> Topology:
    """The topology and the place of proofs behind it; with a camera where there are detectors to prove."""
    devices = [Device(CHARGER, DeviceKind.CHARGER, Name("测试桩", "test charger"), ports=1)]
    if camera:
        devices.append(Device(CAMERA, DeviceKind.CAMERA, Name("测试摄像头", "test camera")))
    shed = Shed(SITE, SHED, Name("【测试】自检点", "TEST point"), tuple(devices))
    return replace(topology, sites=(*topology.sites, Site(SITE, Name("自检", "Self-test"), (shed,))))


def overrides(kinds: list[str]) -> dict[str, Any]:
    """The override of the rule book, of all its `kinds`, that leaves only the proved rules on."""
    return {"match": SITE, "rules": {kind: {"enabled": kind in PROVED} for kind in kinds}}
