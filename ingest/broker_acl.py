"""Who may do what on the bus, as Mosquitto reads it: a device writes its own topics and reads its own commands, nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from ingest.contract import CAMERA_CHANNELS, CHARGER_CHANNELS, DEFAULT_PREFIX, SENSOR_CHANNELS, topic_of
from ingest.model import Device, DeviceKind, Topology

_WRITTEN: dict[DeviceKind, tuple[str, ...]] = {
    DeviceKind.CHARGER: CHARGER_CHANNELS,
    DeviceKind.SENSOR: SENSOR_CHANNELS,
    DeviceKind.CAMERA: CAMERA_CHANNELS,
}
_READ: dict[DeviceKind, tuple[str, ...]] = {DeviceKind.CHARGER: ("command",)}


def device_users(topology: Topology) -> list[str]:
    """Names of all that speak on the bus: `site/shed/device`, in the order of the configuration."""
    return [str(device.ref) for device in topology.devices() if device.kind in _WRITTEN]


def acl_text(topology: Topology, service_user: str, prefix: str = DEFAULT_PREFIX) -> str:
    """The `acl_file` for these devices and the service. What is not named is forbidden, to users without a name too."""
    lines = [
        "# Written by `shedwatch broker-config`; changes are lost when it runs again.",
        f"user {service_user}",
        # The service speaks to every device, siren and process of its own.
        f"topic readwrite {prefix}/#",
    ]
    for device in topology.devices():
        lines += _device_lines(device, prefix)
    return "\n".join(lines) + "\n"


def _device_lines(device: Device, prefix: str) -> Iterator[str]:
    if device.kind not in _WRITTEN:
        return
    yield ""
    yield f"user {device.ref}"
    for channel in _WRITTEN[device.kind]:
        yield f"topic write {topic_of(device.ref, device.kind, channel, prefix)}"
    for channel in _READ.get(device.kind, ()):
        yield f"topic read {topic_of(device.ref, device.kind, channel, prefix)}"
