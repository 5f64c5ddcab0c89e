"""Signed addresses that let whoever was told acknowledge an alert from the phone, without a login.

A link names one annunciation of one alert, one person or a group, and where it was sent, and is good for a day. It opens a page with the picture and a button; only
the button acknowledges, for messengers open addresses by themselves to show a preview. Once somebody has acknowledged, or
the alert was annunciated anew, it acknowledges nothing more, so each works once at most.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

LINK_PATH = "/n"
GOOD_FOR_MS = 86_400_000
GROUP = "群消息链接"
"""In whose name a link acknowledges that was sent to a group; where several people have to, each is asked for their name."""

_SIGNATURE_BYTES = 16
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Link:
    """What a token says. `seq` is the annunciation's transition, `who` the name under which it acknowledges.

    `sent_to`: the channel it was sent by, and the people that were meant where there were several.
    """

    alert_id: str
    seq: int
    who: str
    expires_ms: int
    sent_to: str = ""


class LinkSigner:
    """Makes and reads tokens with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def token(self, link: Link) -> str:
        """The link as text for an address."""
        parts = [link.alert_id, str(link.seq), str(link.expires_ms), " ".join(link.sent_to.split()), link.who]
        body = "\n".join(parts).encode()
        return _text(body) + "." + _text(self._sign(body))

    def read(self, token: str, now_ms: int) -> Link | None:
        """What a token says; None where it was not made here, was changed, or is over."""
        encoded, _, signature = token.partition(".")
        try:
            body = _bytes(encoded)
            genuine = hmac.compare_digest(self._sign(body), _bytes(signature))
        except (binascii.Error, ValueError):
            return None
        if not genuine:
            return None
        alert_id, seq, expires_ms, *sent_to, who = body.decode().split("\n", 4)
        # Links of before the last update, which are good for a day as well, do not say where they were sent.
        link = Link(alert_id, int(seq), who, int(expires_ms), *sent_to)
        return link if now_ms < link.expires_ms else None

    def _sign(self, body: bytes) -> bytes:
        return hmac.new(self._key, body, hashlib.sha256).digest()[:_SIGNATURE_BYTES]


def signer_in(folder: Path) -> LinkSigner:
    """The signer whose key lies in `folder`, made at its first use; links outlive a restart. Raises OSError."""
    path = folder / "link.key"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        # Of two processes that start together only one makes the file; nobody else can read it.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    else:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
    return LinkSigner(path.read_bytes())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
