"""Who may do what on the bus, as Mosquitto reads it: a device writes its own topics and reads its own commands, nothing else.

A gateway does so for the devices behind it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ingest.contract import CAMERA_CHANNELS, CHARGER_CHANNELS, DEFAULT_PREFIX, SENSOR_CHANNELS, topic_of
from ingest.model import Device, DeviceKind, DeviceRef, Topology

_WRITTEN: dict[DeviceKind, tuple[str, ...]] = {
    DeviceKind.CHARGER: CHARGER_CHANNELS,
    DeviceKind.SENSOR: SENSOR_CHANNELS,
    DeviceKind.CAMERA: CAMERA_CHANNELS,
}
_READ: dict[DeviceKind, tuple[str, ...]] = {DeviceKind.CHARGER: ("command",)}


Gateways = Mapping[str, Collection[DeviceRef]]
"""Which devices each gateway speaks for, by its id."""


def gateway_user(gateway: str) -> str:
    """The account of a gateway; no device is named so, for theirs have three parts."""
    return f"gateway/{gateway}"


def device_users(topology: Topology, gateways: Gateways | None = None) -> list[str]:
    """Names of all that speak on the bus: `site/shed/device` in the order of the configuration, then `gateway/id`.

    A device behind a gateway does not speak itself and has no account.
    """
    return [*(str(device.ref) for device in _speakers(topology, gateways or {})), *map(gateway_user, gateways or {})]


def acl_text(
    topology: Topology, service_user: str, prefix: str = DEFAULT_PREFIX, gateways: Gateways | None = None
) -> str:
    """The `acl_file` for these devices and the service. What is not named is forbidden, to users without a name too."""
    lines = [
        "# Written by `shedwatch broker-config`; changes are lost when it runs again.",
        f"user {service_user}",
        # The service speaks to every device, siren and process of its own.
        f"topic readwrite {prefix}/#",
    ]
    for device in _speakers(topology, gateways or {}):
        lines += ["", f"user {device.ref}", *_rights(device, prefix)]
    for gateway, members in (gateways or {}).items():
        lines += ["", f"user {gateway_user(gateway)}"]
        lines += [right for device in topology.devices() if device.ref in members for right in _rights(device, prefix)]
    return "\n".join(lines) + "\n"


def _speakers(topology: Topology, gateways: Gateways) -> list[Device]:
    """Devices that are clients of the broker themselves."""
    behind = {device for members in gateways.values() for device in members}
    return [device for device in topology.devices() if device.kind in _WRITTEN and device.ref not in behind]


def _rights(device: Device, prefix: str) -> Iterator[str]:
    for channel in _WRITTEN.get(device.kind, ()):
        yield f"topic write {topic_of(device.ref, device.kind, channel, prefix)}"
    for channel in _READ.get(device.kind, ()):
        yield f"topic read {topic_of(device.ref, device.kind, channel, prefix)}"
