"""`shedwatch broker-config`: the accounts and rights of everything that speaks on the bus, as files for Mosquitto.

Runs as often as one likes: who has a password keeps it, who is new gets one, who is gone loses it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from ingest.broker_acl import acl_text, device_users
from ingest.broker_passwords import file_text, parse, update
from shedwatch.settings import Settings

SERVICE_USER = "shedwatch"
EXTRA = "acl.extra"
ACL, PASSWORDS, SERVICE_PASSWORD = "acl", "passwords", "service.password"


class UnknownUserError(ValueError):
    """Somebody who is not configured cannot be given a new password."""


def write_broker_files(settings: Settings, folder: Path, renew: list[str], owner: str = "") -> dict[str, str]:
    """Write `acl`, `passwords` and `service.password` into `folder`; the passwords that are new, but for the service's.

    What stands in the folder's `acl.extra` is added; users named there get an account.

    `renew`: users who shall get a new password. `owner`: user (name or number) whom the files shall belong to; Mosquitto
    must be able to read them.

    Raises:
        UnknownUserError: nobody of this name is configured.
        OSError: it cannot be written there.
        LookupError: there is no such owner.
    """
    topology, gateways = settings.topology(), settings.gateways()
    service = urlsplit(settings.mqtt.url).username or SERVICE_USER
    extra = (folder / EXTRA).read_text(encoding="utf-8") if (folder / EXTRA).is_file() else ""
    others = [line.split(None, 1)[1].strip() for line in extra.splitlines() if line.startswith("user ")]
    users = list(dict.fromkeys([service, *device_users(topology, gateways), *others]))
    if unknown := set(renew) - set(users):
        raise UnknownUserError(f"nobody is named {min(unknown)!r}; a device is SITE/SHED/DEVICE, a gateway gateway/ID")
    folder.mkdir(parents=True, exist_ok=True)
    passwords = folder / PASSWORDS
    known = parse(passwords.read_text(encoding="utf-8")) if passwords.is_file() else {}
    if not (folder / SERVICE_PASSWORD).is_file():
        known.pop(service, None)
    content, fresh = update(known, users, renew)
    if service in fresh:
        _write(folder / SERVICE_PASSWORD, fresh.pop(service) + "\n", owner)
    _write(passwords, file_text(content), owner)
    rights = acl_text(topology, service, settings.mqtt.prefix, gateways) + (
        f"\n# From {EXTRA}\n{extra}" if extra else ""
    )
    _write(folder / ACL, rights, owner)
    return fresh


def _write(path: Path, text: str, owner: str) -> None:
    """Whole or not at all, and for its owner's eyes only."""
    half = path.with_name(f".{path.name}.part")
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    if owner:
        shutil.chown(half, int(owner) if owner.isdigit() else owner)
    half.replace(path)
