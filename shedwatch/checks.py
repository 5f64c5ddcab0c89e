"""What only using a configuration would show: files that are missing, addresses that nothing understands.

`shedwatch check` and every start run these, so that a service that starts does not end over its configuration later.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.exc import ArgumentError

from alerts.ledger.database import Ledger
from alerts.rules.settings import RuleBook, RuleSettingsError
from ingest.cameras import SourceError, source_of
from ingest.model import DeviceRef
from ingest.mqtt_url import BrokerUrlError, parse_url
from ingest.store.remote_url import StoreUrlError, parse_remote_url
from shedwatch.channels import make_channel
from shedwatch.clock import SystemClock
from shedwatch.settings import Settings

KeyPath = tuple[str | int, ...]
Problem = tuple[KeyPath, str]


def usage_problems(settings: Settings) -> Iterator[Problem]:
    """What cannot be used here, each with the key it stands at."""
    yield from _files(settings)
    try:
        Ledger(settings.ledger_url())
    except (ValueError, ArgumentError) as error:
        yield ("alerts", "database"), str(error)
    for index, channel in enumerate(settings.notify.channels):
        try:
            make_channel(channel, settings.notify, SystemClock())
        except (OSError, ValueError) as error:
            yield ("notify", "channels", index), str(error)


def value_problems(settings: Settings) -> Iterator[Problem]:
    """What is wrong whatever machine it is for, each with the key it stands at."""
    try:
        parse_url(settings.mqtt.url)
    except BrokerUrlError as error:
        yield ("mqtt", "url"), str(error)
    yield from _store(settings)
    yield from _rules(settings)
    yield from _groups(settings)
    yield from _gateways(settings)
    yield from _cameras(settings)


def _groups(settings: Settings) -> Iterator[Problem]:
    topology, ids = settings.topology(), [group.id for group in settings.alerts.groups]
    for index, group in enumerate(settings.alerts.groups):
        try:
            group.group(topology)
        except ValueError as error:
            yield ("alerts", "groups", index, "members"), str(error)
        if ids.index(group.id) != index or group.id == "shed":
            yield ("alerts", "groups", index, "id"), f"{group.id!r} is taken; give each group an id of its own"


def _gateways(settings: Settings) -> Iterator[Problem]:
    topology, ids = settings.topology(), [gateway.id for gateway in settings.mqtt.gateways]
    speakers: dict[DeviceRef, str] = {}
    for index, gateway in enumerate(settings.mqtt.gateways):
        if ids.index(gateway.id) != index:
            yield ("mqtt", "gateways", index, "id"), f"{gateway.id!r} is taken; give each gateway an id of its own"
            continue
        try:
            devices = gateway.devices(topology)
        except ValueError as error:
            yield ("mqtt", "gateways", index, "members"), str(error)
            continue
        for device in sorted(devices):
            if speakers.setdefault(device, gateway.id) != gateway.id:
                yield (
                    ("mqtt", "gateways", index, "members"),
                    f"{device} is behind gateway {speakers[device]!r} already; one gateway speaks for a device",
                )


def _store(settings: Settings) -> Iterator[Problem]:
    store = settings.store
    try:
        remote = parse_remote_url(store.url)
    except StoreUrlError as error:
        yield ("store", "url"), str(error)
        return
    if remote is None and store.file is not None:
        yield ("store", "file"), "store.url names the embedded store's file already; give one of the two"
    if store.token is not None and store.token_file is not None:
        yield ("store", "token"), "give either token or token_file"


def _rules(settings: Settings) -> Iterator[Problem]:
    rules = {"rules": settings.alerts.rules, "overrides": settings.alerts.overrides}
    try:
        RuleBook.parse(rules, settings.topology())
    except RuleSettingsError as error:
        yield ("alerts", *error.path), error.message


def _files(settings: Settings) -> Iterator[Problem]:
    for key in ("password_file", "ca_file", "certificate_file", "key_file"):
        file: Path | None = getattr(settings.mqtt, key)
        if file is not None and not file.is_file():
            yield ("mqtt", key), f"there is no file {file}"
    token_file = settings.store.token_file
    if token_file is not None:
        try:
            token_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            yield ("store", "token_file"), f"{token_file} cannot be read: {getattr(error, 'strerror', None) or error}"


def _cameras(settings: Settings) -> Iterator[Problem]:
    for s, site in enumerate(settings.sites):
        for h, shed in enumerate(site.sheds):
            for c, camera in enumerate(shed.cameras):
                try:
                    source_of(DeviceRef(site.id, shed.id, camera.id), camera.source, SystemClock())
                except SourceError as error:
                    yield ("sites", s, "sheds", h, "cameras", c, "source"), str(error)
